"""What lies behind the skin of a face and must stay there: the teeth behind the lips, the eyeballs behind the lids."""

from __future__ import annotations

import numpy as np

from ..geometry.depth_collider import DepthCollider
from .face_space import eye_centres, mouth_corners, point
from .features import Features
from .parameters import COLLIDERS
from .parts import Part


def teeth(features: Features, triangles: np.ndarray) -> DepthCollider | None:
    """What keeps the lips before the teeth, (T, 3) feature triangles; None where there are no teeth."""
    if len(triangles) == 0:
        return None
    corners = mouth_corners(features.landmarks)
    skin = np.flatnonzero(features.part == Part.SKIN)
    half = COLLIDERS.teeth_window * float(np.linalg.norm(corners[0] - corners[1]))
    apart = features.positions[skin] - corners.mean(0)
    skin = skin[(np.abs(apart)[:, :2].max(1) < COLLIDERS.teeth_skin * half) & (apart[:, 2] > -COLLIDERS.lip_depth)]
    # The walls of the mouth lie behind the teeth and stay there.
    gap = COLLIDERS.teeth_gap
    return DepthCollider(features.positions, triangles, skin, corners.mean(0), half, gap, only_clear=True)


def eyes(features: Features, triangles: np.ndarray) -> list[DepthCollider]:
    """What keeps the lids before each of the eyeballs that there are; (T, 3) feature triangles of both."""
    out = []
    for s, centre in zip("lr", eye_centres(features.landmarks), strict=True):
        corners = (point(features.landmarks, f"eye_{end}_{s}") for end in ("inner", "outer"))
        width = float(np.linalg.norm(np.subtract(*corners)))
        own = triangles[(np.abs(features.positions[triangles].mean(1) - centre)[:, :2] < width).all(1)]
        # The outside of the lids: their lining lies against the eyeball.
        skin = (features.part == Part.SKIN) & (features.normals[:, 2] > COLLIDERS.outward)
        skin &= (np.abs(features.positions - centre) < COLLIDERS.eye_skin * width).all(1)
        if len(own) and skin.any():
            gap = COLLIDERS.eye_gap
            out.append(DepthCollider(features.positions, own, np.flatnonzero(skin), centre, width, gap))
    return out
