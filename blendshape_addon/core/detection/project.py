"""Points near a surface brought onto it."""

from __future__ import annotations

import numpy as np

from ..avatar.avatar import Avatar
from ..face.face_space import FaceSpace
from ..geometry.mesh import all3, any3
from ..geometry.nearest import nearest_on_triangles
from .parameters import PROJECTING


def near(avatar: Avatar, space: FaceSpace, points: np.ndarray) -> float:
    """The share of (L, 3) avatar-space `points` that have a surface within reach."""
    corners = space.to_face(avatar.vertices)[avatar.triangles]
    return float(np.mean(nearest_on_triangles(space.to_face(points), corners, PROJECTING.reach)[1] >= 0))


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
    found, where = nearest_on_triangles(wanted, corners, PROJECTING.reach)
    votes = np.bincount(piece[where[where >= 0]], minlength=1)
    skin = np.isin(piece, np.flatnonzero(votes >= min(PROJECTING.skin_votes, votes.max())))
    other = np.flatnonzero(where >= 0)
    other = other[~skin[where[other]]]
    found[other] = nearest_on_triangles(wanted[other], corners[skin], PROJECTING.reach)[0]
    found /= weights
    return space.origin + space.vectors_to_avatar(found)
