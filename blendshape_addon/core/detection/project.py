"""Points near a surface brought onto it."""

from __future__ import annotations

import numpy as np

from ..avatar.avatar import Avatar
from ..face.face_space import FaceSpace
from ..geometry.mesh import all3, any3
from ..geometry.triangles import closest_on_triangles
from .parameters import PROJECTING


def near(avatar: Avatar, space: FaceSpace, points: np.ndarray) -> float:
    """The share of (L, 3) avatar-space `points` that have a surface within reach."""
    corners = space.to_face(avatar.vertices)[avatar.triangles]
    return float(np.mean(_nearest(space.to_face(points), corners)[1] >= 0))


def project_to_skin(avatar: Avatar, space: FaceSpace, points: np.ndarray) -> np.ndarray:
    """(L, 3) avatar-space `points` on the nearest surface of the pieces that most of them lie on: the skin.

    A point with no such surface within reach stays where it is.
    """
    # Distances in a space whose depth is shortened, for the depth of landmarks is known worse.
    weights = np.array([1, 1, PROJECTING.depth_weight])
    vertices, wanted = space.to_face(avatar.vertices) * weights, space.to_face(points) * weights
    low, high = wanted.min(0) - PROJECTING.reach, wanted.max(0) + PROJECTING.reach
    past, before = (any3(beyond[avatar.triangles]) for beyond in (vertices > low, vertices < high))
    near = np.flatnonzero(all3(past & before))
    corners, piece = vertices[avatar.triangles[near]], avatar.components[avatar.triangles[near, 0]]
    found, where = _nearest(wanted, corners)
    votes = np.bincount(piece[where[where >= 0]], minlength=1)
    skin = np.isin(piece, np.flatnonzero(votes >= min(PROJECTING.skin_votes, votes.max())))
    other = np.flatnonzero(where >= 0)
    other = other[~skin[where[other]]]
    found[other] = _nearest(wanted[other], corners[skin])[0]
    found /= weights
    return space.origin + space.vectors_to_avatar(found)


def _nearest(points: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nearest points (L, 3) on triangles (T, 3, 3) and their triangles (L,); the points themselves and -1 where none is
    within PROJECTING.reach."""
    reach = PROJECTING.reach
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
        candidates = candidates[box <= ((corners[candidates, 0] - p) ** 2).sum(1).min() + PROJECTING.rounding]
        on = closest_on_triangles(p, corners[candidates])
        distance = ((on - p) ** 2).sum(1)
        best = int(distance.argmin())
        if distance[best] < reach**2:
            out[n], where[n] = on[best], candidates[best]
    return out, where
