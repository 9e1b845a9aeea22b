"""Landmarks that someone has put in their places stand for the search, if they make a face."""

from __future__ import annotations

import numpy as np

from ..avatar.avatar import Avatar
from ..errors import FaceNotFound
from ..face.face_space import FaceSpace
from ..messages import Message
from .detect import Face, plausibility
from .parameters import MANUAL_LANDMARKS, SCORES
from .project import near

_REPAIR = Message("Move them to their places with Edit Landmarks, or remove them and let the face be found.")


def face(avatar: Avatar) -> Face | None:
    """The face that avatar.manual_landmarks make, judged as found ones are; None where no landmarks were placed.

    Raises FaceNotFound when they make no face or lie off the mesh.
    """
    if avatar.manual_landmarks is None:
        return None
    points, confidence = avatar.manual_landmarks[:, :3], avatar.manual_landmarks[:, 3]
    with np.errstate(divide="ignore", invalid="ignore"):  # eyes in one point are as implausible as any other jumble
        space = FaceSpace.of(points)
        score = plausibility(space.to_face(points), np.zeros(len(points)))
    if not score >= SCORES.found:
        raise FaceNotFound(
            "The landmarks that you placed make no face: brows belong above eyes, eyes above nose and "
            "mouth, and what is named left on the avatar's own left. {repair}",
            repair=_REPAIR,
            guess=avatar.manual_landmarks,
        )
    if near(avatar, space, points) < MANUAL_LANDMARKS.on_mesh:
        raise FaceNotFound(
            "The landmarks that you placed lie off the mesh, which has changed since. {repair}",
            repair=_REPAIR,
            guess=avatar.manual_landmarks,
        )
    return Face(points, confidence, score, space.rotation, space.scale)
