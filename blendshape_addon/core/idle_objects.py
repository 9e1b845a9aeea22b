"""Objects beside the face that shapes hardly move, such as a collar: they get no shape keys."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from .avatar.avatar import Avatar
from .face.face_space import EYE_DISTANCE_MM
from .shapes import Shape

LEAST_MM = 1.0  # of an adult's face (eyes 63 mm apart): what moves less beside the face is not seen to stay still


def without_idle_objects(
    avatar: Avatar,
    shapes: Sequence[Shape],
    main: int,
    eye_distance: float,
    intensity: float,
    keep: Collection[int] = (),
) -> list[Shape]:
    """`shapes` without what they do to objects that none of them moves by LEAST_MM at full intensity.

    Object number `main`, the face, and those in `keep` stay, and so does an object that a shape moves at a seam: where
    its vertices lie on those of another object that moves. eye_distance: in the avatar's unit; intensity: that the
    shapes were made with, 0 to 1.
    """
    least = LEAST_MM * min(intensity, 1.0) * eye_distance / EYE_DISTANCE_MM
    farthest = np.zeros(len(avatar.vertices), np.float32)
    for shape in shapes:
        np.maximum.at(farthest, shape.indices, np.linalg.norm(shape.deltas, axis=1))
    most = np.zeros(len(avatar.object_names), np.float32)
    np.maximum.at(most, avatar.object_id, farthest)
    idle = (most > 0) & (most < least)
    idle[[main, *keep]] = False
    if not idle.any():
        return list(shapes)
    moving = farthest > 0
    lively = moving & ~idle[avatar.object_id]
    at_seam = moving & np.isin(avatar.weld, np.unique(avatar.weld[lively]))
    idle[avatar.object_id[at_seam]] = False
    stays = ~idle[avatar.object_id]
    return [
        Shape(shape.name, shape.indices[stays[shape.indices]], shape.deltas[stays[shape.indices]]) for shape in shapes
    ]
