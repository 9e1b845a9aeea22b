"""Teeth stay behind the lips: skin that a shape would carry through them is held before them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .face_space import point
from .features import Features
from .mesh import Avatar
from .parts import Part
from .raster import Picture, rasterise

PIXELS = 48
GAP = 0.006  # eye distances kept between teeth and skin
FARTHEST = 0.1  # eye distances that skin is held back by
SPREAD = 0.035  # eye distances over which that fades
_ROLLED = "mouthRoll"  # lips rolled in go where the teeth are, in every artist's version


def keep_behind_lips(avatar: Avatar, features: Features, offsets: np.ndarray, names: Sequence[str]) -> None:
    """Push skin that lies before the teeth at rest back before them, in (E, N, 3) face-space offsets; in place."""
    triangles = features.triangles(avatar, Part.TEETH_UPPER, Part.TEETH_LOWER)
    if len(triangles) == 0:
        return
    corners = np.stack([point(features.landmarks, f"mouth_corner_{s}") for s in "lr"])
    centre, half = corners.mean(0), 0.65 * float(np.linalg.norm(corners[0] - corners[1]))
    rest = (features.positions - centre) / half
    picture = rasterise(rest, triangles, PIXELS)
    skin = np.flatnonzero(features.part == Part.SKIN)
    lips = skin[rest[skin, 2] > _depth(picture, rest[skin]) + GAP / half]
    used = np.unique(triangles)
    for offset, name in zip(offsets, names, strict=True):
        if name.startswith(_ROLLED) or not offset[lips].any():
            continue
        moved = rest + offset / half
        before = _depth(rasterise(moved, triangles, PIXELS) if offset[used].any() else picture, moved[lips])
        push = np.clip((before - moved[lips, 2]) * half + GAP, 0, FARTHEST) * (before > -np.inf)
        if not push.any():
            continue
        where = features.positions + offset
        pushed = lips[push > 0]
        apart = ((where[lips][:, None] - where[pushed][None]) ** 2).sum(2)
        offset[lips, 2] += (push[push > 0] * np.exp(-apart / (2 * SPREAD**2))).max(1).astype(np.float32)


def _depth(picture: Picture, points: np.ndarray) -> np.ndarray:
    """(M,) depth of the picture at (M, 3) points in view space; -inf beside it and where nothing is."""
    column = np.round((points[:, 0] + 1) * PIXELS / 2 - 0.5).astype(int)
    row = np.round((1 - points[:, 1]) * PIXELS / 2 - 0.5).astype(int)
    inside = (np.minimum(row, column) >= 0) & (np.maximum(row, column) < PIXELS)
    return np.where(inside, picture.depth[np.clip(row, 0, PIXELS - 1), np.clip(column, 0, PIXELS - 1)], -np.inf)
