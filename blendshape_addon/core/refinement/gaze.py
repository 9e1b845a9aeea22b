"""Where eyes look is geometry: an eyeball turns about its centre, whatever its style.

Angles are the means of what the training rigs' artists turn their eyes by.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..face.face_space import point
from ..face.features import Features
from ..face.parts import Part

ANGLES = {"eyeLookIn": 17.5, "eyeLookOut": 19.5, "eyeLookUp": 8.5, "eyeLookDown": 10.5}  # degrees
ROUND = 0.5  # depth over height from which a piece is a ball; a flat iris slides on one that is not there
RADIUS = (0.3, 1.2)  # of a fitted ball, in widths of the eye's opening


def turn_eyes(features: Features, offsets: np.ndarray, names: Sequence[str]) -> None:
    """Turn the eyeballs in (E, N, 3) face-space offsets of `names`; they rest in all others."""
    eye = features.part == Part.EYE
    offsets[:, eye] = 0
    for s, chosen in (("Left", eye & (features.positions[:, 0] > 0)), ("Right", eye & (features.positions[:, 0] <= 0))):
        if not chosen.any():
            continue
        rest = features.positions[chosen]
        centre = _centre(rest, features.landmarks, s[0].lower())
        for number, name in enumerate(names):
            if name.endswith(s) and name[: -len(s)] in ANGLES:
                offsets[number, chosen] = (rest - centre) @ (_turn(name, s).T - np.eye(3))


def _turn(name: str, side: str) -> np.ndarray:
    """(3, 3) rotation of an eye that looks forward, +z."""
    kind = name[: -len(side)]
    angle = np.radians(ANGLES[kind])
    cosine, sine = np.cos(angle), np.sin(angle)
    if kind in ("eyeLookUp", "eyeLookDown"):
        sine = sine if kind == "eyeLookUp" else -sine
        return np.array([[1, 0, 0], [0, cosine, sine], [0, -sine, cosine]])
    sine = sine if (kind == "eyeLookOut") == (side == "Left") else -sine
    return np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])


def _centre(rest: np.ndarray, landmarks: np.ndarray, s: str) -> np.ndarray:
    """(3,) what an eye of (M, 3) vertices turns about: the least-squares sphere's centre, or for a flat iris a point
    half an eye's width behind it."""
    width = float(np.linalg.norm(point(landmarks, f"eye_inner_{s}") - point(landmarks, f"eye_outer_{s}")))
    extent = np.ptp(rest, axis=0)
    if len(rest) >= 12 and extent[2] > ROUND * extent[1]:
        # |p|^2 = 2 c.p + (r^2 - |c|^2) is linear in c and the bracket.
        solution = np.linalg.lstsq(np.c_[2 * rest, np.ones(len(rest))], (rest**2).sum(1), rcond=None)[0]
        centre = solution[:3]
        radius = np.sqrt(max(solution[3] + centre @ centre, 0))
        if RADIUS[0] * width < radius < RADIUS[1] * width and (np.abs(centre - rest.mean(0)) < width).all():
            return centre
    middle = (rest.min(0) + rest.max(0)) / 2
    middle[2] = rest[:, 2].max() - 0.5 * width
    return middle
