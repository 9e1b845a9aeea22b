"""The last steps on every shape: seams stay together, and offsets that nobody can see become exact zeros."""

from __future__ import annotations

import numpy as np

from ..face.anatomy import FaceAnatomy
from ..face.face_space import EYE_DISTANCE_MM

DEADZONE = 0.05 / EYE_DISTANCE_MM  # motion below 0.05 mm is nobody's intention …


CLEAR = 0.30 / EYE_DISTANCE_MM  # … and from 0.3 mm it is kept whole


def apply_deadzone(offsets: np.ndarray) -> np.ndarray:
    """Fade offsets below CLEAR and set those below HAZE to exact zeros: every moved vertex costs the player's GPU."""
    size = np.linalg.norm(offsets, axis=-1, keepdims=True)
    offsets *= np.clip((size - DEADZONE) / (CLEAR - DEADZONE), 0, 1)
    return offsets


def join_seams(anatomy: FaceAnatomy, offsets: np.ndarray) -> None:
    """Let vertices that share a place move as one in (E, N, 3) offsets, in place, so that no seam opens."""
    place, count = anatomy.places
    shared = np.flatnonzero(count[place] > 1)
    if len(shared) == 0:
        return
    for shape in offsets:
        for axis in range(3):
            mean = np.bincount(place[shared], shape[shared, axis], len(count)) / count
            shape[shared, axis] = mean[place[shared]]
