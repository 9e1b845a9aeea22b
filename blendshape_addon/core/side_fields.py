"""Which side of a slit a vertex is on: the upper or the lower lip, the upper or the lower lid.

Laplace's equation over the surface with +1 above the slit and -1 below it. The slit cuts the surface, so the solution
jumps across it however near the two sides lie, and is 0 at the corners.
"""

from __future__ import annotations

import numpy as np

from .aggregates import coarser, corrected
from .face_space import point
from .mesh import Avatar, nearest_to, vertex_normals

CREASE = 0.14  # how far from the lid's edge its field is held, in eye distances
TOLERANCE = 2e-3
MAX_ITERATIONS = 600
LARGE = 20_000  # points from which coarser graphs help to solve …
LARGE_TOLERANCE = 5e-4  # … and in which the same residual hides a wider error


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

    Conjugate gradients, all fields at once, preconditioned by the diagonal; on large graphs by those of coarser graphs
    too (Bramble, Pasciak and Xu 1990, "Parallel multilevel preconditioners"), or steps would grow with its width.
    Pieces that no anchor touches read 0.
    """
    rows = np.concatenate([edges[:, 0], edges[:, 1]])
    order = np.argsort(rows, kind="stable")
    rows = rows[order]
    columns = np.concatenate([edges[:, 1], edges[:, 0]])[order]
    values = np.concatenate([weights, weights])[order]
    present, starts = np.unique(rows, return_index=True)
    # A whisper of mass pulls pieces without anchors to 0 and keeps the system regular.
    diagonal = np.bincount(rows, values, count)[:, None] * (1 + 1e-6) + 1e-9
    x = np.zeros((count, len(fixed)))
    free = np.ones((count, len(fixed)))
    for f, (plus, minus) in enumerate(fixed):
        free[plus, f] = free[minus, f] = 0
        x[plus, f], x[minus, f] = 1, -1

    def apply(v: np.ndarray) -> np.ndarray:
        out = diagonal * v
        for f, field in enumerate(np.ascontiguousarray(v.T)):
            out[present, f] -= np.add.reduceat(values * field.take(columns), starts)
        return out

    levels = coarser(count, edges, weights) if count > LARGE else []

    def precondition(residual: np.ndarray) -> np.ndarray:
        return corrected(residual, 1 / diagonal, levels) * free if levels else residual / diagonal

    residual = -apply(x) * free
    scaled = precondition(residual)
    direction, rho = scaled.copy(), (residual * scaled).sum(0)
    goal = rho * (LARGE_TOLERANCE if levels else TOLERANCE) ** 2
    for _ in range(MAX_ITERATIONS):
        if (rho <= goal + 1e-30).all():
            break
        image = apply(direction) * free
        step = rho / np.maximum((direction * image).sum(0), 1e-30)
        x += step * direction
        residual -= step * image
        scaled = precondition(residual)
        new = (residual * scaled).sum(0)
        direction = scaled + new / np.maximum(rho, 1e-30) * direction
        rho = new
    return np.clip(x, -1, 1)


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
