"""The last steps on every shape: seams stay together, and offsets that nobody can see become exact zeros."""

from __future__ import annotations

import numpy as np

from ..avatar.avatar import Avatar
from ..face.face_space import EYE_DISTANCE_MM
from ..face.features import Features

DEADZONE = 0.05 / EYE_DISTANCE_MM  # motion below 0.05 mm is nobody's intention …


CLEAR = 0.30 / EYE_DISTANCE_MM  # … and from 0.3 mm it is kept whole


def apply_deadzone(offsets: np.ndarray) -> np.ndarray:
    """Fade offsets below CLEAR and set those below HAZE to exact zeros: every moved vertex costs the player's GPU."""
    size = np.linalg.norm(offsets, axis=-1, keepdims=True)
    offsets *= np.clip((size - DEADZONE) / (CLEAR - DEADZONE), 0, 1)
    return offsets


def join_seams(avatar: Avatar, features: Features, offsets: np.ndarray) -> None:
    """Vertices that share a place move as one, so no seam opens."""
    _, point, size = np.unique(avatar.weld[features.index], return_inverse=True, return_counts=True)
    point = point.reshape(-1)
    shared = np.flatnonzero(size[point] > 1)
    if len(shared) == 0:
        return
    for shape in offsets:
        for axis in range(3):
            mean = np.bincount(point[shared], shape[shared, axis], len(size)) / size
            shape[shared, axis] = mean[point[shared]]
