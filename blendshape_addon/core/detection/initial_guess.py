"""Where a face would be on an avatar on which none can be made out: a start for someone who places it."""

from __future__ import annotations

import numpy as np

from ..avatar.avatar import Avatar
from ..face.face_space import FaceSpace, canonical_landmarks
from .project import project_to_skin

BODY = 3.0  # height over depth from which there is a body below the head
HEADS = 7.0  # heights of the head that a body is high
EYES = 0.3  # eye distance in heights of the head
FLATTEST = 1e-3  # of the avatar's size that a head is taken to be high at least
NOSE = 0.35  # half width of the strip at the middle that the nose is looked for in, in eye distances


def guess(avatar: Avatar) -> np.ndarray:
    """(L, 3) landmarks: where bones, keys and names say, else at the front of the top, as wide as a head has them.

    With no skeleton that tells more, up is z and forward is -y, as Blender has them.
    """
    told = avatar.hints.guesses()
    points = told[0] if told else _at_the_top(avatar)
    return project_to_skin(avatar, FaceSpace.of(points), points)


def _at_the_top(avatar: Avatar) -> np.ndarray:
    hints = avatar.hints
    rotation = np.array([(1.0, 0, 0), (0, 0, 1), (0, -1, 0)])
    if hints.forward is not None:
        rotation = np.stack([hints.left, hints.up, hints.forward])
    seen = avatar.vertices[avatar.used] @ rotation.T
    low, high = seen.min(0), seen.max(0)
    joint = None if hints.head is None else rotation @ hints.head
    if joint is not None and low[1] < joint[1] < high[1]:
        head = high[1] - joint[1]
    else:
        tall = high[1] - low[1]
        head = tall / HEADS if tall > BODY * (high[2] - low[2]) else tall
    upper = seen[seen[:, 1] >= high[1] - head]
    middle = np.median(upper[:, 0]) if joint is None else joint[0]
    scale = EYES * (max(head, FLATTEST * avatar.size) or 1.0)
    strip = upper[np.abs(upper[:, 0] - middle) < NOSE * scale]
    canonical = canonical_landmarks()
    front = (strip if len(strip) else upper)[:, 2].max()
    origin = np.array([middle, high[1] - head / 2, front - scale * canonical[:, 2].max()])
    return FaceSpace(origin @ rotation, rotation, scale).vectors_to_avatar(canonical) + origin @ rotation
