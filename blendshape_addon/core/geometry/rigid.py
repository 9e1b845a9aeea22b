"""Rigid motions fitted to points."""

from __future__ import annotations

import numpy as np


def rigid(rest: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rigid motion nearest to (M, 3) offsets of (M, 3) `rest` positions, in least squares (Kabsch 1976, "A solution
    for the best rotation to relate two sets of vectors"): rotation (3, 3) and the centre's new place (3,), such that
    ``(rest - rest.mean(0)) @ rotation + place`` are the moved points."""
    moved = rest + offset
    left, _, right = np.linalg.svd((rest - rest.mean(0)).T @ (moved - moved.mean(0)))
    # A rotation, not a reflection.
    left[:, 2] *= np.sign(np.linalg.det(left) * np.linalg.det(right))
    return left @ right, moved.mean(0)
