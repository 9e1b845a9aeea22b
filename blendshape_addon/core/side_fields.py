"""Which side of a slit a vertex is on: the upper or the lower lip, the upper or the lower lid.

Laplace's equation over the surface with +1 above the slit and -1 below it. The slit cuts the surface, so the solution
jumps across it however near the two sides lie, and is 0 at the corners.
"""

from __future__ import annotations

import numpy as np

from .face_space import point
from .mesh import Avatar, nearest_to, vertex_normals
from .multigrid import Graph

CREASE = 0.14  # how far from the lid's edge its field is held, in eye distances
TOLERANCE = 3e-4  # of the residual, in the norm of the preconditioner: a value on a face is then 0.001 off at most
MAX_ITERATIONS = 100


def anchors(landmarks: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Points in face space that hold the fields (lips, left lids, right lids): (above, below) of each, (n, 3)."""
    lips_above = np.stack([
        point(landmarks, "nose_base"), point(landmarks, "lip_upper_outer_mid"),
        point(landmarks, "lip_upper_outer_l"), point(landmarks, "lip_upper_outer_r"),
        point(landmarks, "nose_base", "lip_upper_outer_mid"),
    ])  # fmt: skip
    lips_below = np.stack([
        point(landmarks, "chin_tip"), point(landmarks, "lip_lower_outer_mid"),
        point(landmarks, "lip_lower_outer_l"), point(landmarks, "lip_lower_outer_r"),
        point(landmarks, "chin_tip", "lip_lower_outer_mid"),
    ])  # fmt: skip
    fields = [(lips_above, lips_below)]
    up = np.array([0.0, CREASE, 0.0])
    for s in "lr":
        above = np.stack([point(landmarks, f"lid_upper_{k}_{s}") for k in ("in", "mid", "out")]) + up
        below = np.stack([point(landmarks, f"lid_lower_{k}_{s}") for k in ("in", "mid", "out")]) - up
        fields.append((above, below))
    return fields


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


def over_skin(
    avatar: Avatar, vertices: np.ndarray, skin: np.ndarray, held: list[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """(V, F) fields, solved on the welded surface of the (V,) bool `skin`; 0 elsewhere.

    vertices: (V, 3) in face space. held: for each field the points (n, 3) above and below, see `anchors`.
    """
    points, local = np.unique(avatar.weld[skin], return_inverse=True)
    renumber = np.full(avatar.weld.max() + 1, -1)
    renumber[points] = np.arange(len(points))
    triangles = renumber[avatar.weld[avatar.triangles]]
    triangles = triangles[(triangles >= 0).all(1)]
    out = np.zeros((len(vertices), len(held)))
    if len(triangles) == 0:
        return out
    where = np.empty((len(points), 3))
    where[local.reshape(-1)] = vertices[skin]
    outward = vertex_normals(where, triangles)
    # An anchor takes the nearest point of the outer surface, not one inside the mouth or behind the lid.
    backwards = 0.02 * (outward[:, 2] < 0)
    fixed = [tuple(np.unique(nearest_to(marks, where, backwards)) for marks in pair) for pair in held]
    edges, weights = cotangent_weights(where, triangles)
    fields = solve(len(points), edges, weights, fixed)
    out[skin] = fields[local.reshape(-1)]
    return out
