"""Motion that folds the skin over itself, made calmer around the folds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .mesh import Facing, any3

ROUNDS = 16


class FlipDetector:
    """The triangles that turn over in an offset; asked again, only those that have moved since are looked at."""

    def __init__(self, facing: Facing, rest: np.ndarray) -> None:
        self._facing, self._rest = facing, rest
        self._over = np.zeros(len(facing.triangles), bool)

    def __call__(self, offset: np.ndarray, changed: np.ndarray) -> np.ndarray:
        triangles = self._facing.triangles
        some = np.flatnonzero(any3(changed[triangles]))
        self._over[some] = self._facing.flipped(self._rest + offset, some)
        return triangles[self._over]


def relax_flips(
    offset: np.ndarray,
    edges: np.ndarray,
    bad_in: Callable[[np.ndarray, np.ndarray], np.ndarray],
    fixed: np.ndarray,
) -> np.ndarray:
    """(N, 3) `offset` with the motion around what is bad replaced by the mean of its neighbours', while that helps.

    edges: (K, 2). bad_in: the triangles (n, 3) that are bad in an offset, of which (N,) bools say what has changed
    since it was last asked. fixed: vertices that stay.
    """
    best, fewest = offset, None
    calmed = offset.copy()
    chosen = np.ones(len(offset), bool)
    for number in range(ROUNDS):
        bad = bad_in(calmed, chosen)
        if fewest is None or len(bad) < fewest:
            best, fewest = calmed.copy(), len(bad)
        if len(bad) == 0:
            break
        near = _touching(edges, bad, len(offset))
        if number >= ROUNDS // 2:  # stubborn: calm a wider ring
            near = _touching(edges, near, len(offset))
        ends, others = np.concatenate([near, near[:, ::-1]]).T
        count = np.bincount(ends, minlength=len(offset))
        chosen = count > 0
        chosen[fixed] = False
        for axis in range(3):
            mean = np.bincount(ends, calmed[others, axis], len(offset)) / np.maximum(count, 1)
            calmed[chosen, axis] = 0.5 * (calmed[chosen, axis] + mean[chosen])
    return best


def _touching(edges: np.ndarray, some: np.ndarray, count: int) -> np.ndarray:
    """Those of (K, 2) `edges` that end in one of `some`, vertices of `count`."""
    marked = np.zeros(count, bool)
    marked[some] = True
    return edges[marked[edges[:, 0]] | marked[edges[:, 1]]]
