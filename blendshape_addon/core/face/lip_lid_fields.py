"""Which side of a slit a vertex is on: the upper or the lower lip, the upper or the lower lid.

Laplace's equation over the surface with +1 above the slit and -1 below it. The slit cuts the surface, so the solution
jumps across it however near the two sides lie, and is 0 at the corners.
"""

from __future__ import annotations

import numpy as np

from ..avatar.avatar import Avatar
from ..geometry.harmonic import cotangent_weights, solve
from ..geometry.mesh import all3, vertex_normals
from ..geometry.nearest import nearest_to
from .face_space import point
from .parameters import FIELDS


def constraints(landmarks: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The fields (lips, left lids, right lids) as points in face space, (n, 3) where each is +1 and where it is -1."""
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
    up = np.array([0.0, FIELDS.crease, 0.0])
    for s in "lr":
        above = np.stack([point(landmarks, f"lid_upper_{k}_{s}") for k in ("in", "mid", "out")]) + up
        below = np.stack([point(landmarks, f"lid_lower_{k}_{s}") for k in ("in", "mid", "out")]) - up
        fields.append((above, below))
    return fields


def solve_on_skin(
    avatar: Avatar, vertices: np.ndarray, skin: np.ndarray, fixed: list[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """(V, F) fields, solved on the welded surface of the (V,) bool `skin`; 0 elsewhere.

    vertices: (V, 3) in face space. fixed: for each field the points (n, 3) above
    and below, see `constraints`.
    """
    points, local = np.unique(avatar.weld[skin], return_inverse=True)
    renumber = np.full(avatar.weld.max() + 1, -1)
    renumber[points] = np.arange(len(points))
    triangles = renumber[avatar.weld[avatar.triangles]]
    triangles = triangles[all3(triangles >= 0)]
    out = np.zeros((len(vertices), len(fixed)))
    if len(triangles) == 0:
        return out
    where = np.empty((len(points), 3))
    where[local.reshape(-1)] = vertices[skin]
    outward = vertex_normals(where, triangles)
    # A constraint takes the nearest point of the outer surface, not one inside the mouth or behind the lid.
    backwards = FIELDS.inner_handicap * (outward[:, 2] < 0)
    vertices_at = [tuple(np.unique(nearest_to(marks, where, backwards)) for marks in pair) for pair in fixed]
    edges, weights = cotangent_weights(where, triangles)
    fields = solve(len(points), edges, weights, vertices_at)
    out[skin] = fields[local.reshape(-1)]
    return out
