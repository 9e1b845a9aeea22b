"""Brow landmarks set right by geometry, where the brows are pieces of their own: planes or strips before the skin.

Brows that are painted, or modelled into the skin, are left where the network has them.
"""

from __future__ import annotations

import numpy as np

from ..avatar.avatar import Avatar
from ..face.face_space import point
from ..face.part_names import Part
from ..geometry.mesh import all3
from ..geometry.nearest import nearest_on_triangles
from ..vocabulary import LANDMARK_INDEX
from .parameters import BROWS


def snap_brows(avatar: Avatar, vertices: np.ndarray, part: np.ndarray, marks: np.ndarray) -> None:
    """Move the six brow landmarks in (L, 3) `marks`, which are changed, along the pieces that are the brows, if there
    is one on either side.

    vertices: (V, 3), part: (V,) of Part. All in face space.
    """
    brows = {side: _brow(avatar, vertices, part, marks, sign) for side, sign in (("l", 1), ("r", -1))}
    skin = avatar.triangles[all3((part == Part.SKIN)[avatar.triangles])]
    if len(skin) == 0:
        return
    shortened = np.array([1, 1, BROWS.depth_weight])  # the skin is sought straight behind the piece
    for side, brow in brows.items():
        if brow is None or brows["r" if side == "l" else "l"] is None:
            continue
        across = np.abs(brow[:, 0])
        inner, width = across.min(), np.ptp(across)
        points = np.empty((len(BROWS.points), 3))
        for k, (_, share) in enumerate(BROWS.points):
            here = brow[np.abs(across - (inner + share * width)) <= BROWS.column * width]
            if len(here) == 0:  # a strip with few columns
                here = brow
            points[k] = (here.min(0) + here.max(0)) / 2
            points[k, 0] = np.sign(brow[:, 0].mean()) * (inner + share * width)
        on_skin, hit = nearest_on_triangles(points * shortened, (vertices * shortened)[skin], BROWS.reach)
        for (name, _), place, found in zip(BROWS.points, on_skin / shortened, hit >= 0, strict=True):
            if found:
                marks[LANDMARK_INDEX[f"{name}_{side}"]] = place


def _brow(avatar: Avatar, vertices: np.ndarray, part: np.ndarray, marks: np.ndarray, sign: int) -> np.ndarray | None:
    """(n, 3) vertices of the piece, or half of the piece, that is the brow on the side where x has the `sign`."""
    side = "l" if sign > 0 else "r"
    wanted, lid = (point(marks, f"{name}_{side}") for name in ("brow_mid", "lid_upper_mid"))
    mine = np.flatnonzero((part == Part.ATTACHED) & (vertices[:, 0] * sign > 0))
    best, nearest = None, BROWS.distance
    for piece in np.unique(avatar.components[mine]):
        own = vertices[mine[avatar.components[mine] == piece]]
        middle, extent = (own.min(0) + own.max(0)) / 2, np.ptp(own, axis=0)
        apart = float(np.linalg.norm((middle - wanted)[:2]))
        level = extent[0] > BROWS.min_width and extent[0] > BROWS.min_shape * extent[1]
        if level and middle[1] > lid[1] + BROWS.above_lid and apart < nearest:
            best, nearest = own, apart
    return best
