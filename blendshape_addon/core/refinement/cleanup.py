"""The last steps on every shape: seams stay together, and offsets that nobody can see become exact zeros."""

from __future__ import annotations

import numpy as np

from ..face.anatomy import FaceAnatomy
from ..geometry.mesh import lengths
from .parameters import CLEANUP


def apply_deadzone(offsets: np.ndarray) -> np.ndarray:
    """Fade (..., 3) face-space offsets that are short and set the shortest to exact zeros, in place; returns them.

    Every moved vertex of a shape key costs the player's GPU.
    """
    size = lengths(offsets)[..., None]
    offsets *= np.clip((size - CLEANUP.deadzone) / (CLEANUP.whole - CLEANUP.deadzone), 0, 1)
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
