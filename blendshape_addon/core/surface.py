"""Points near a surface brought onto it."""

from __future__ import annotations

import numpy as np

from .face_space import FaceSpace
from .mesh import Avatar, all3, any3

REACH = 0.2  # eye distances that a landmark may lie beside its surface
DEPTH_TRUST = 0.35  # depth counts this much of what the picture plane counts: networks guess it worse
_ROUNDING = 1e-12  # of squared distances
SKIN_VOTES = 12  # landmarks on a piece that make it skin; an eye has eight around it


def near(avatar: Avatar, space: FaceSpace, points: np.ndarray) -> float:
    """The share of (L, 3) avatar-space `points` that have a surface within reach."""
    corners = space.to_face(avatar.vertices)[avatar.triangles]
    return float(np.mean(_nearest(space.to_face(points), corners)[1] >= 0))


def lift(avatar: Avatar, space: FaceSpace, points: np.ndarray) -> np.ndarray:
    """(L, 3) avatar-space `points` on the nearest surface of the pieces that most of them lie on: the skin.

    A point with no such surface within reach stays where it is.
    """
    vertices = space.to_face(avatar.vertices) * [1, 1, DEPTH_TRUST]
    wanted = space.to_face(points) * [1, 1, DEPTH_TRUST]
    low, high = wanted.min(0) - REACH, wanted.max(0) + REACH
    past, before = (any3(beyond[avatar.triangles]) for beyond in (vertices > low, vertices < high))
    near = np.flatnonzero(all3(past & before))
    corners, piece = vertices[avatar.triangles[near]], avatar.components[avatar.triangles[near, 0]]
    found, where = _nearest(wanted, corners)
    votes = np.bincount(piece[where[where >= 0]], minlength=1)
    skin = np.isin(piece, np.flatnonzero(votes >= min(SKIN_VOTES, votes.max())))
    other = np.flatnonzero(where >= 0)
    other = other[~skin[where[other]]]
    found[other] = _nearest(wanted[other], corners[skin])[0]
    found /= [1, 1, DEPTH_TRUST]
    return space.origin + space.vectors_to_avatar(found)


def _nearest(points: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nearest points (L, 3) on triangles (T, 3, 3) and their triangles (L,); the points themselves and -1 where none is
    within REACH."""
    low, high = (pick(pick(*corners[:, :2].swapaxes(0, 1)), corners[:, 2]) for pick in (np.minimum, np.maximum))
    (x0, y0, z0), (x1, y1, z1) = (low - REACH).T.copy(), (high + REACH).T.copy()
    out, where = points.copy(), np.full(len(points), -1)
    for n, p in enumerate(points):
        x, y, z = p
        candidates = np.flatnonzero((x0 < x) & (x1 > x) & (y0 < y) & (y1 > y) & (z0 < z) & (z1 > z))
        if len(candidates) == 0:
            continue
        # A triangle whose box lies farther than some triangle's corner is not the nearest.
        box = ((np.clip(p, low[candidates], high[candidates]) - p) ** 2).sum(1)
        candidates = candidates[box <= ((corners[candidates, 0] - p) ** 2).sum(1).min() + _ROUNDING]
        on = closest_on_triangles(p, corners[candidates])
        distance = ((on - p) ** 2).sum(1)
        best = int(distance.argmin())
        if distance[best] < REACH**2:
            out[n], where[n] = on[best], candidates[best]
    return out, where


def closest_on_triangles(p: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(T, 3) the point of each (T, 3, 3) triangle that is closest to (3,) p; triangles may be degenerate."""
    a, ab, ac = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    ap = p - a
    d11, d12, d22 = (ab * ab).sum(1), (ab * ac).sum(1), (ac * ac).sum(1)
    d1, d2 = (ap * ab).sum(1), (ap * ac).sum(1)
    area = d11 * d22 - d12**2
    safe = np.where(area > 1e-30, area, 1)
    v, w = (d22 * d1 - d12 * d2) / safe, (d11 * d2 - d12 * d1) / safe
    inside = (area > 1e-30) & (v >= 0) & (w >= 0) & (v + w <= 1)
    best = a + v[:, None] * ab + w[:, None] * ac
    distance = np.where(inside, ((best - p) ** 2).sum(1), np.inf)
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
