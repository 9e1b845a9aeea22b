"""Where a face would be on an avatar on which none can be made out: a start for someone who places its landmarks."""

from __future__ import annotations

import numpy as np

from ..avatar.avatar import Avatar
from ..face.face_space import FaceSpace, canonical_landmarks
from .hint_prior import guesses
from .parameters import GUESSING
from .project import project_to_skin


def guess(avatar: Avatar) -> np.ndarray:
    """(L, 3) landmarks: where bones, keys and names say, else at the front of the top, as wide as a head has them.

    With no skeleton that says more, up is z and forward is -y, as Blender has them.
    """
    hinted = guesses(avatar.hints)
    points = hinted[0] if hinted else _at_the_top(avatar)
    return project_to_skin(avatar, FaceSpace.of(points), points)


def _at_the_top(avatar: Avatar) -> np.ndarray:
    """(L, 3) landmarks of the canonical face at the front of the upper end of `avatar`."""
    hints = avatar.hints
    rotation = np.array([(1.0, 0, 0), (0, 0, 1), (0, -1, 0)])
    if hints.left is not None and hints.up is not None and hints.forward is not None:
        rotation = np.stack([hints.left, hints.up, hints.forward])
    upright = avatar.vertices[avatar.used] @ rotation.T
    low, high = upright.min(0), upright.max(0)
    joint = None if hints.head is None else rotation @ hints.head
    if joint is not None and low[1] < joint[1] < high[1]:
        head = high[1] - joint[1]
    else:
        tall = high[1] - low[1]
        has_body = tall > GUESSING.body_ratio * (high[2] - low[2])
        head = tall / GUESSING.heads_per_body if has_body else tall
    upper = upright[upright[:, 1] >= high[1] - head]
    middle = np.median(upper[:, 0]) if joint is None else joint[0]
    scale = GUESSING.eye_distance * (max(head, GUESSING.min_head * avatar.size) or 1.0)
    strip = upper[np.abs(upper[:, 0] - middle) < GUESSING.nose_strip * scale]
    canonical = canonical_landmarks()
    front = (strip if len(strip) else upper)[:, 2].max()
    origin = np.array([middle, high[1] - head / 2, front - scale * canonical[:, 2].max()])
    return FaceSpace(origin @ rotation, rotation, scale).vectors_to_avatar(canonical) + origin @ rotation
