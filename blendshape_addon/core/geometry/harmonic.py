"""Harmonic functions over a mesh: Laplace's equation with cotangent weights."""

from __future__ import annotations

import numpy as np

from .multigrid import Graph

TOLERANCE = 3e-4  # of the residual, in the norm of the preconditioner: a value on a face is then 0.001 off at most


MAX_ITERATIONS = 100


def cotangent_weights(vertices: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unique edges (E, 2) and their cotangent weights (E,), kept positive (Pinkall and Polthier 1993, eq. 5)."""
    edge, weight = [], []
    for corner in range(3):
        i, j, k = (triangles[:, (corner + n) % 3] for n in range(3))
        a, b = vertices[j] - vertices[i], vertices[k] - vertices[i]
        cosine = (a * b).sum(1)
        sine = np.linalg.norm(np.cross(a, b), axis=1)
        edge.append(np.stack([j, k], 1))
        weight.append(cosine / np.maximum(sine, 1e-12) / 2)
    edge, weight = np.concatenate(edge).astype(np.int64), np.concatenate(weight)
    edge.sort(axis=1)
    keep = edge[:, 0] != edge[:, 1]
    edge, weight = edge[keep], weight[keep]
    code = edge[:, 0] * len(vertices) + edge[:, 1]
    unique, index, inverse = np.unique(code, return_index=True, return_inverse=True)
    total = np.bincount(inverse.reshape(-1), np.clip(weight, -10, 10), len(unique))
    return edge[index], np.clip(total, 0.05, 10)


def solve(count: int, edges: np.ndarray, weights: np.ndarray, fixed: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """(count, F) harmonic fields in [-1, 1], one for each (plus, minus) pair of vertex index arrays in `fixed`.

    Conjugate gradients, all fields at once, preconditioned by a cycle over coarser graphs, so that the number of steps
    does not grow with the mesh. Pieces that no anchor touches read 0.
    """
    x, held = np.zeros((len(fixed), count)), np.zeros((len(fixed), count))
    for f, (plus, minus) in enumerate(fixed):
        held[f, plus] = held[f, minus] = 1
        x[f, plus], x[f, minus] = 1, -1
    graph, free = Graph(count, edges, weights, held), 1 - held
    residual = -graph.times(x) * free
    scaled = graph.over(residual) * free
    direction, rho = scaled.copy(), _dot(residual, scaled)
    goal = rho * TOLERANCE**2
    for _ in range(MAX_ITERATIONS):
        if (rho <= goal + 1e-30).all():
            break
        image = graph.times(direction) * free
        step = rho / np.maximum(_dot(direction, image), 1e-30)
        x += step * direction
        residual -= step * image
        scaled = graph.over(residual) * free
        new = _dot(residual, scaled)
        direction = scaled + new / np.maximum(rho, 1e-30) * direction
        rho = new
    return np.clip(x, -1, 1).T


def _dot(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(F, 1) of (F, N) and (F, N)."""
    return np.einsum("fn,fn->f", one, other)[:, None]
