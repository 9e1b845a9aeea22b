"""Where the iris of an eye is: the front of an eyeball, or a disc of its own before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..avatar.avatar import Avatar
from .face_space import point
from .features import Features
from .parameters import IRISES
from .parts import Part


@dataclass(frozen=True)
class Iris:
    """An eye's iris, and what lies over it.

    pieces: for each piece that the iris or its highlight is on, its (n,) feature vertices within the iris. centre: (2,)
    across and up, of the pupil. radius: of the iris, in eye distances.
    """

    pieces: tuple[np.ndarray, ...]
    centre: np.ndarray
    radius: float

    def away(self, positions: np.ndarray) -> np.ndarray:
        """(n,) iris radii from the pupil's middle, of (n, 3) positions."""
        return np.linalg.norm(positions[:, :2] - self.centre, axis=1) / self.radius


def find(avatar: Avatar, features: Features, side: str) -> Iris | None:
    """The iris of the eye of a side, `l` or `r`; None where the eye has no piece of its own, or too few vertices about
    its pupil."""
    x = features.positions[:, 0]
    eye = np.flatnonzero((features.part == Part.EYE) & ((x > 0) if side == "l" else (x <= 0)))
    if len(eye) == 0:
        return None
    number = avatar.components[features.index[eye]]
    pieces = [eye[number == one] for one in np.unique(number)]
    # The largest piece is the eyeball, or where eyes are flat the iris.
    largest = features.positions[max(pieces, key=len)]
    low, high = largest.min(0), largest.max(0)
    width, height, depth = high - low
    centre = (low + high)[:2] / 2
    opening = np.linalg.norm(
        np.subtract(*(point(features.landmarks, f"eye_{end}_{side}") for end in ("inner", "outer")))
    )
    disc = width < IRISES.disc_width * opening and depth < IRISES.disc_depth * height
    radius = float(height) / 2 * (1.0 if disc else IRISES.of_ball)
    chosen = []
    for piece in pieces:
        places = features.positions[piece]
        middle = (places.min(0) + places.max(0)) / 2
        if np.linalg.norm(middle[:2] - centre) < IRISES.beside * radius:
            near = np.linalg.norm(places[:, :2] - centre, axis=1) < radius
            chosen.append(piece[near & (places[:, 2] > middle[2] if not disc else near)])
    iris = Iris(tuple(piece for piece in chosen if len(piece)), centre, radius)
    inner = sum(int((iris.away(features.positions[piece]) < IRISES.inner).sum()) for piece in iris.pieces)
    return iris if inner >= IRISES.min_inner else None
