"""Motion smoothed over the edges of a mesh where it folds the surface over itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .mesh import Facing, any3, both_ways
from .parameters import FLIP_SMOOTHING


class FlipDetector:
    """The triangles that turn over in an offset; of a later offset only those that have moved since are examined."""

    def __init__(self, facing: Facing, rest: np.ndarray) -> None:
        """facing: the triangles to examine. rest: (N, 3) positions of the neutral."""
        self._facing, self._rest = facing, rest
        self._over = np.zeros(len(facing.triangles), bool)

    def __call__(self, offset: np.ndarray, changed: np.ndarray) -> np.ndarray:
        """(n, 3) triangles that turn over in an (N, 3) offset. changed: (N,) bools, what differs from the last call's
        offset; all of them in the first call."""
        triangles = self._facing.triangles
        some = any3(changed[triangles])
        self._over[some] = self._facing.only(some).flipped(self._rest + offset)
        return triangles[self._over]


def relax_flips(
    offset: np.ndarray,
    edges: np.ndarray,
    flips_in: Callable[[np.ndarray, np.ndarray], np.ndarray],
    fixed: np.ndarray,
) -> np.ndarray:
    """(N, 3) `offset` with the motion around triangles that turn over drawn to the mean of its neighbours', round by
    round; of all rounds the one with the fewest such triangles.

    edges: (K, 2). flips_in: the triangles (n, 3) that are bad in an offset, of which (N,) bools say what has changed
    since the last call; see FlipDetector. fixed: (m,) vertices that stay.
    """
    best, fewest = offset, None
    relaxed = offset.copy()
    chosen = np.ones(len(offset), bool)
    for number in range(FLIP_SMOOTHING.max_rounds):
        bad = flips_in(relaxed, chosen)
        if fewest is None or len(bad) < fewest:
            best, fewest = relaxed.copy(), len(bad)
        if len(bad) == 0:
            break
        near = _touching(edges, bad, len(offset))
        if number >= FLIP_SMOOTHING.wider_from:  # stubborn: smooth a wider ring
            near = _touching(edges, near, len(offset))
        chosen = np.zeros(len(offset), bool)
        chosen[near] = True
        chosen[fixed] = False
        mean = neighbour_means(*both_ways(near), relaxed)
        relaxed[chosen] = (1 - FLIP_SMOOTHING.share) * relaxed[chosen] + FLIP_SMOOTHING.share * mean[chosen]
    return best


def neighbour_means(ends: np.ndarray, others: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(N,) or (N, C) means of `values`, shaped alike, over the neighbours of each vertex; 0 where it has none.

    ends, others: (K,) vertices; others[k] is a neighbour of ends[k].
    """
    count = np.maximum(np.bincount(ends, minlength=len(values)), 1)
    columns = values.reshape(len(values), -1).T
    means = [np.bincount(ends, column[others], len(values)) / count for column in columns]
    return np.stack(means, 1).reshape(values.shape)


def _touching(edges: np.ndarray, some: np.ndarray, count: int) -> np.ndarray:
    """Those of (K, 2) `edges` that end in one of `some`, vertices of `count`."""
    marked = np.zeros(count, bool)
    marked[some] = True
    return edges[marked[edges[:, 0]] | marked[edges[:, 1]]]
