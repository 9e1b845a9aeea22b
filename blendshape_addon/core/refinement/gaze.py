"""Where eyes look is geometry: an eyeball turns about its centre, whatever its style."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..expressions import TABLE, Gaze
from ..face.face_space import point
from ..face.features import Features
from ..face.parts import Part
from .parameters import EYE_TURN


def turn_eyes(features: Features, offsets: np.ndarray, names: Sequence[str]) -> None:
    """Turn the eyeballs in (E, N, 3) face-space offsets of `names`; they rest in all others."""
    eye, x = features.part == Part.EYE, features.positions[:, 0]
    offsets[:, eye] = 0
    for side, chosen in (("l", eye & (x > 0)), ("r", eye & (x <= 0))):
        if not chosen.any():
            continue
        rest = features.positions[chosen]
        centre = rotation_centre(rest, features.landmarks, side)
        for offset, expression in zip(offsets, (TABLE[name] for name in names), strict=True):
            if expression.gaze and expression.side == side:
                offset[chosen] = (rest - centre) @ (_rotation(expression.gaze, side).T - np.eye(3))


def _rotation(gaze: Gaze, side: str) -> np.ndarray:
    """(3, 3) rotation of an eye that looks forward, +z: about x to look up or down, else about y."""
    angle = np.radians(EYE_TURN.angles[gaze])
    cosine, sine = np.cos(angle), np.sin(angle)
    if gaze in (Gaze.UP, Gaze.DOWN):
        sine = sine if gaze is Gaze.UP else -sine
        return np.array([[1, 0, 0], [0, cosine, sine], [0, -sine, cosine]])
    sine = sine if (gaze is Gaze.OUT) == (side == "l") else -sine
    return np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])


def rotation_centre(rest: np.ndarray, landmarks: np.ndarray, side: str) -> np.ndarray:
    """(3,) what an eye of (M, 3) vertices turns about: the least-squares sphere's centre, or for a flat iris a point
    half an eye's width behind it."""
    width = float(np.linalg.norm(point(landmarks, f"eye_inner_{side}") - point(landmarks, f"eye_outer_{side}")))
    extent = np.ptp(rest, axis=0)
    if len(rest) >= EYE_TURN.min_vertices and extent[2] > EYE_TURN.min_roundness * extent[1]:
        # |p|^2 = 2 c.p + (r^2 - |c|^2) is linear in c and the bracket.
        solution = np.linalg.lstsq(np.c_[2 * rest, np.ones(len(rest))], (rest**2).sum(1), rcond=None)[0]
        centre = solution[:3]
        radius = np.sqrt(max(solution[3] + centre @ centre, 0))
        least, most = (share * width for share in EYE_TURN.radius)
        if least < radius < most and (np.abs(centre - rest.mean(0)) < width).all():
            return centre
    middle = (rest.min(0) + rest.max(0)) / 2
    middle[2] = rest[:, 2].max() - EYE_TURN.flat_radius * width
    return middle
