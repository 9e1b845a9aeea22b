"""Nearest points: of a point set, with or without a bound."""

from __future__ import annotations

import numpy as np


def nearest_to(marks: np.ndarray, points: np.ndarray, handicap: np.ndarray | float = 0.0) -> np.ndarray:
    """(L,) int64: for each of (L, 3) marks the index of the nearest of (N, 3) points, (N,) `handicap` added to the
    square of its distance."""
    x, y, z = np.ascontiguousarray(points.T)
    squares = ((x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2 + handicap for a, b, c in marks)
    return np.array([square.argmin() for square in squares])


GROUP, FEW = 64, 1 << 20  # points that are looked for together, once there are more than so many pairs


def nearest(points: np.ndarray, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(Q, count) indices of the nearest of (P, 3) points to (Q, 3) queries, nearest first, and their distances."""
    count = min(count, len(points))
    index = np.empty((len(queries), count), np.int64)
    distance = np.empty((len(queries), count))
    together = GROUP if len(points) * len(queries) > FEW else max(len(points), len(queries))
    groups = _grouped(points, together)
    middles, radii = map(np.array, zip(*(_ball(points[group]) for group in groups), strict=True))
    sizes = np.array([len(group) for group in groups])
    for some in _grouped(queries, together):
        block = queries[some]
        middle, radius = _ball(block)
        away = np.linalg.norm(middles - middle, axis=1)
        # Groups of as many points lie within `reach` of the middle, and so within reach + radius of any of the block.
        far = np.argsort(away + radii)
        reach = (away + radii)[far[np.searchsorted(np.cumsum(sizes[far]), count)]]
        close = np.flatnonzero(away - radii <= (reach + 2 * radius) * (1 + 1e-9))
        near = np.sort(np.concatenate([groups[group] for group in close]))
        candidates = points[near]
        squared = (block**2).sum(1)[:, None] - 2 * block @ candidates.T + (candidates**2).sum(1)
        best = squared.argmin(1)[:, None] if count == 1 else np.argpartition(squared, count - 1, axis=1)[:, :count]
        found = np.take_along_axis(squared, best, 1)
        order = np.argsort(found, axis=1)
        index[some] = near[np.take_along_axis(best, order, 1)]
        distance[some] = np.sqrt(np.maximum(np.take_along_axis(found, order, 1), 0))
    return index, distance


def _grouped(points: np.ndarray, most: int) -> list[np.ndarray]:
    """Indices of (N, 3) points in groups of up to `most` that lie together: halved across the longest side."""
    large, small = [np.arange(len(points))] if len(points) else [], []
    while large:
        group = large.pop()
        if len(group) <= most:
            small.append(group)
        else:
            axis = np.ptp(points[group], axis=0).argmax()
            large += np.array_split(group[np.argsort(points[group, axis], kind="stable")], 2)
    return small


def _ball(points: np.ndarray) -> tuple[np.ndarray, float]:
    """The middle (3,) and the radius of a ball around (N, 3) points."""
    middle = (points.min(0) + points.max(0)) / 2
    return middle, float(np.linalg.norm(points - middle, axis=1).max())
