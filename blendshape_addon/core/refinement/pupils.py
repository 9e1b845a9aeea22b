"""Pupils that widen and narrow: the middle of an iris is drawn out or in, over the surface of its eye."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..expressions import TABLE, Pupil
from ..face import irises
from ..face.anatomy import FaceAnatomy
from ..face.irises import Iris
from .parameters import PUPILS


def move(anatomy: FaceAnatomy, offsets: np.ndarray, names: Sequence[str]) -> None:
    """Move the pupils in (E, N, 3) face-space offsets of `names`, whose eyeballs rest; in place."""
    for offset, expression in zip(offsets, (TABLE[name] for name in names), strict=True):
        if expression.pupil and (iris := irises.find(anatomy.avatar, anatomy.features, expression.side)):
            for piece in iris.pieces:
                offset[piece] = motion(anatomy.features.positions[piece], iris, expression.pupil)


def motion(rest: np.ndarray, iris: Iris, pupil: Pupil) -> np.ndarray:
    """(n, 3) face-space motion of (n, 3) vertices of one piece within an iris, whose rim rests.

    Vertices slide over the round paraboloid, which may lean, that the piece lies nearest to, least squares.
    """
    arm = rest[:, :2] - iris.centre
    scale = 1 + (PUPILS.scales[pupil] - 1) * np.maximum(1 - iris.away(rest) ** 2, 0) ** 2
    before, after = (
        np.column_stack([places, (places**2).sum(1), np.ones(len(rest))]) for places in (arm, arm * scale[:, None])
    )
    surface = np.linalg.lstsq(before, rest[:, 2], rcond=None)[0]
    return np.column_stack([arm * (scale - 1)[:, None], (after - before) @ surface])
