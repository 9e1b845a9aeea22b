"""Points and rays against triangles."""

from __future__ import annotations

import numpy as np


def closest_on_triangles(p: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(T, 3) the point of each (T, 3, 3) triangle that is closest to (3,) p; triangles may be degenerate."""
    a, ab, ac = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    ap = p - a
    d11, d12, d22 = (ab * ab).sum(1), (ab * ac).sum(1), (ac * ac).sum(1)
    d1, d2 = (ap * ab).sum(1), (ap * ac).sum(1)
    area = d11 * d22 - d12**2
    safe = np.where(area > 1e-30, area, 1)
    # Barycentric weights v, w of the foot of the perpendicular, by Cramer's rule: it is the closest point where it lies
    # in the triangle …
    v, w = (d22 * d1 - d12 * d2) / safe, (d11 * d2 - d12 * d1) / safe
    inside = (area > 1e-30) & (v >= 0) & (w >= 0) & (v + w <= 1)
    best = a + v[:, None] * ab + w[:, None] * ac
    distance = np.where(inside, ((best - p) ** 2).sum(1), np.inf)
    # … elsewhere the closest point of the three edges is.
    for i, j in ((0, 1), (1, 2), (2, 0)):
        start, edge = corners[:, i], corners[:, j] - corners[:, i]
        along = np.clip(((p - start) * edge).sum(1) / np.maximum((edge**2).sum(1), 1e-30), 0, 1)
        on = start + along[:, None] * edge
        far = ((on - p) ** 2).sum(1)
        closer = (far < distance) & ~inside
        best[closer], distance[closer] = on[closer], far[closer]
    return best


def hits(origin: np.ndarray, direction: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(n,) distances along the ray from (3,) origin at which it goes through triangles (T, 3, 3), from either side.

    Möller & Trumbore 1997, "Fast, Minimum Storage Ray/Triangle Intersection". direction: (3,) of length 1.
    """
    a, ab, ac = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normal = np.cross(direction, ac)
    volume = (ab * normal).sum(1)
    inverse = 1 / np.where(volume == 0, np.inf, volume)
    off = origin - a
    across = np.cross(off, ab)
    u, v = (off * normal).sum(1) * inverse, (across @ direction) * inverse
    along = (ac * across).sum(1) * inverse
    return along[(volume != 0) & (u >= 0) & (v >= 0) & (u + v <= 1) & (along > 0)]
