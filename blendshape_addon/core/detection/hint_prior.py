"""What an avatar's hints say about where its face is, and whether a face agrees with them."""

from __future__ import annotations

import numpy as np

from ..avatar.hints import Hints
from ..face.face_space import FaceSpace, canonical_landmarks, eye_centres, point
from .parameters import HINTING


def guesses(hints: Hints) -> list[np.ndarray]:
    """(L, 3) avatar-space landmarks of the canonical face, one array per place where `hints` may mean a face.

    There are two where the hints leave open which eye is the left one, none where they say too little.
    """
    if hints.eyes is None:
        return []
    middle = hints.eyes.mean(0)
    above = hints.up if hints.mouth is None else middle - hints.mouth
    if above is None:
        return []
    found = []
    for eyes in (hints.eyes,) if hints.sided else (hints.eyes, hints.eyes[::-1]):
        across = eyes[0] - eyes[1]
        scale = float(np.linalg.norm(across))
        across = across / max(scale, 1e-30)
        up = above - across * (across @ above)
        height = float(np.linalg.norm(up))
        if scale == 0 or height == 0:
            continue
        low, high = HINTING.eyes_to_mouth
        if hints.mouth is not None and not low < height / scale < high:
            continue
        rotation = np.stack([across, up / height, np.cross(across, up / height)])
        found.append(middle + FaceSpace(middle, rotation, scale).vectors_to_avatar(canonical_landmarks()))
    return found


def agree(hints: Hints, points: np.ndarray) -> bool:
    """Whether (L, 3) avatar-space landmarks have both eyes, and the mouth or the sides, where `hints` say they are."""
    if hints.eyes is None or (hints.mouth is None and hints.left is None):
        return False
    space = FaceSpace.of(points)
    if hints.forward is not None and hints.forward @ space.rotation[2] < HINTING.facing:
        return False
    found, hinted = space.to_face(eye_centres(points)), space.to_face(hints.eyes)
    hinted = hinted[np.argsort(-hinted[:, 0])]
    off = [np.abs(found - hinted)[:, :2].max()]
    if hints.mouth is not None:
        mouth = space.to_face(point(points, "mouth_corner_l", "mouth_corner_r")[None])
        off.append(np.abs(mouth - space.to_face(hints.mouth[None]))[:, :2].max())
    return bool(max(off) < HINTING.near)
