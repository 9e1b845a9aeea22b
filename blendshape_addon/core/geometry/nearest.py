"""Nearest points: of a point set, with or without a bound, and on triangles."""

from __future__ import annotations

import numpy as np

from .parameters import NEAREST
from .triangles import closest_on_triangles


def nearest_to(marks: np.ndarray, points: np.ndarray, handicap: np.ndarray | float = 0.0) -> np.ndarray:
    """(L,) int64: for each of (L, 3) marks the index of the nearest of (N, 3) points, (N,) `handicap` added to the
    square of its distance."""
    x, y, z = np.ascontiguousarray(points.T)
    squares = ((x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2 + handicap for a, b, c in marks)
    return np.array([square.argmin() for square in squares])


def nearest(points: np.ndarray, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(Q, count) indices of the nearest of (P, 3) points to (Q, 3) queries, nearest first, and their distances.

    Points and queries are sorted into groups that lie together, so that a group of queries is compared with near groups
    of points alone.
    """
    count = min(count, len(points))
    index = np.empty((len(queries), count), np.int64)
    distance = np.empty((len(queries), count))
    together = NEAREST.group if len(points) * len(queries) > NEAREST.few else max(len(points), len(queries))
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


def nearest_within(points: np.ndarray, queries: np.ndarray, radius: float) -> np.ndarray:
    """(Q,) int64 the index of the one of (P, 3) points that lies nearest to each of (Q, 3) queries, -1 where none is
    closer than `radius`.

    By cells of that size: it must be small against the distances between points, and is then a third of the time of
    `nearest` on a dense mesh.
    """
    low = np.minimum(points.min(0), queries.min(0)) - 2 * radius
    count = np.floor((np.maximum(points.max(0), queries.max(0)) - low) / radius).astype(np.int64) + 3
    stride = np.array([count[1] * count[2], count[2], 1])
    # Points sorted by the number of their cell, so that those of a cell are one stretch.
    cells = np.floor((points - low) / radius).astype(np.int64) @ stride
    order = np.argsort(cells, kind="stable")
    sorted_cells = cells[order]
    home = np.floor((queries - low) / radius).astype(np.int64) @ stride
    best, distances = np.full(len(queries), -1), np.full(len(queries), radius)
    # What is closer than the size of a cell lies in a query's own cell or in one of the 26 around it.
    steps = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), -1).reshape(-1, 3) @ stride
    for step in steps:
        at = np.searchsorted(sorted_cells, home + step)
        while True:  # the first points of all these cells, then the second ones, until no cell has more
            inside = np.flatnonzero((at < len(order)) & (sorted_cells[np.minimum(at, len(order) - 1)] == home + step))
            if len(inside) == 0:
                break
            candidate = order[at[inside]]
            distance = np.linalg.norm(points[candidate] - queries[inside], axis=1)
            closer = distance < distances[inside]
            best[inside[closer]], distances[inside[closer]] = candidate[closer], distance[closer]
            at = np.where(np.isin(np.arange(len(at)), inside), at + 1, len(order))
    return best


def nearest_on_triangles(points: np.ndarray, corners: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """The (L, 3) points on triangles that lie nearest to (L, 3) `points`, and the triangles (L,) that they lie on; the
    points themselves and -1 where none is within `reach`. corners: (T, 3, 3)."""
    low, high = (pick(pick(*corners[:, :2].swapaxes(0, 1)), corners[:, 2]) for pick in (np.minimum, np.maximum))
    (x0, y0, z0), (x1, y1, z1) = (low - reach).T.copy(), (high + reach).T.copy()
    out, where = points.copy(), np.full(len(points), -1)
    for n, p in enumerate(points):
        x, y, z = p
        candidates = np.flatnonzero((x0 < x) & (x1 > x) & (y0 < y) & (y1 > y) & (z0 < z) & (z1 > z))
        if len(candidates) == 0:
            continue
        # A triangle whose box lies farther than some triangle's corner is not the nearest.
        box = ((np.clip(p, low[candidates], high[candidates]) - p) ** 2).sum(1)
        nearest_corner = ((corners[candidates, 0] - p) ** 2).sum(1).min()
        candidates = candidates[box <= nearest_corner + NEAREST.rounding]
        on = closest_on_triangles(p, corners[candidates])
        distance = ((on - p) ** 2).sum(1)
        best = int(distance.argmin())
        if distance[best] < reach**2:
            out[n], where[n] = on[best], candidates[best]
    return out, where


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
