"""Harmonic functions over a mesh: Laplace's equation with cotangent weights."""

from __future__ import annotations

import numpy as np

from .multigrid import Graph
from .parameters import HARMONIC


def cotangent_weights(vertices: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unique edges (E, 2) and their cotangent weights (E,), kept positive (Pinkall and Polthier 1993, "Computing
    Discrete Minimal Surfaces and Their Conjugates", eq. 5).

    vertices: (V, 3). triangles: (T, 3); they may be degenerate.
    """
    most = HARMONIC.max_cotangent
    # Each corner i weighs the edge j, k opposite by half the cotangent of its angle: a.b / |a x b|.
    edge, weight = [], []
    for corner in range(3):
        i, j, k = (triangles[:, (corner + n) % 3] for n in range(3))
        a, b = vertices[j] - vertices[i], vertices[k] - vertices[i]
        cosine = (a * b).sum(1)
        sine = np.linalg.norm(np.cross(a, b), axis=1)
        edge.append(np.stack([j, k], 1))
        weight.append(cosine / np.maximum(sine, 1e-12) / 2)
    edge, weight = np.concatenate(edge).astype(np.int64), np.concatenate(weight)
    # An edge gets the sum over the triangles on either side of it.
    edge.sort(axis=1)
    keep = edge[:, 0] != edge[:, 1]
    edge, weight = edge[keep], weight[keep]
    code = edge[:, 0] * len(vertices) + edge[:, 1]
    unique, index, inverse = np.unique(code, return_index=True, return_inverse=True)
    total = np.bincount(inverse.reshape(-1), np.clip(weight, -most, most), len(unique))
    return edge[index], np.clip(total, HARMONIC.min_weight, most)


def solve(count: int, edges: np.ndarray, weights: np.ndarray, fixed: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """(count, F) harmonic fields in [-1, 1]: 1 at `plus` and -1 at `minus` of each pair of index arrays in `fixed`.

    edges: (E, 2) and weights: (E,), see `cotangent_weights`. Conjugate gradients (Hestenes and Stiefel 1952), all
    fields at once, preconditioned by a cycle over coarser graphs, so that the number of steps does not grow with the
    mesh. Pieces without a fixed vertex read 0.
    """
    # What is fixed is put in place, and stays: residuals and directions are 0 there (`free`).
    x, held = np.zeros((len(fixed), count)), np.zeros((len(fixed), count))
    for f, (plus, minus) in enumerate(fixed):
        held[f, plus] = held[f, minus] = 1
        x[f, plus], x[f, minus] = 1, -1
    graph, free = Graph(count, edges, weights, held), 1 - held
    residual = -graph.times(x) * free
    scaled = graph.over(residual) * free
    direction, rho = scaled.copy(), _dot(residual, scaled)
    goal = rho * HARMONIC.tolerance**2
    for _ in range(HARMONIC.max_iterations):
        if (rho <= goal + 1e-30).all():
            break
        # A step along the direction, as far as the energy falls …
        image = graph.times(direction) * free
        step = rho / np.maximum(_dot(direction, image), 1e-30)
        x += step * direction
        residual -= step * image
        # … and the next direction, conjugate to all before.
        scaled = graph.over(residual) * free
        new = _dot(residual, scaled)
        direction = scaled + new / np.maximum(rho, 1e-30) * direction
        rho = new
    return np.clip(x, -1, 1).T


def _dot(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(F, 1) inner products of the rows of (F, N) and (F, N)."""
    return np.einsum("fn,fn->f", one, other)[:, None]
