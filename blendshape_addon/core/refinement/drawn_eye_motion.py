"""How eyes that are drawn on the face move: they are pressed to a line, and their brows tilt."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..expressions import TABLE
from ..face.anatomy import FaceAnatomy
from ..face.drawn_eyes import DrawnEye
from ..face.parts import Part
from ..vocabulary import CONDITIONS
from .cleanup import apply_deadzone
from .parameters import DRAWN_EYES


def _closing(side: str) -> np.ndarray:
    """(CONDITIONS,) of the eye's height, that each expression closes the eye of this side by as a unit of its lids."""
    rows = (TABLE[name] for name in CONDITIONS)
    return np.array([DRAWN_EYES.closes[row.lids] if row.lids and row.side == side else 0.0 for row in rows])


_CLOSING = {side: _closing(side) for side in "lr"}


def requested_closing(eyes: Sequence[DrawnEye], offsets: np.ndarray) -> list[np.ndarray]:
    """What the network asks of each eye's pieces and brow: (E, M + B, 3) of (E, N, 3) offsets."""
    return [offsets[:, np.concatenate([eye.pieces, eye.brow])] for eye in eyes]


def move(anatomy: FaceAnatomy, offsets: np.ndarray, wanted: Sequence[np.ndarray], weights: np.ndarray) -> None:
    """Close each drawn eye and slide its brow in (E, N, 3) offsets, in place; the skin behind the eye rests.

    The units of the lids close an eye as DRAWN_EYES says. In what is more than these it closes as far as the network
    makes its pieces lower, where that is more.

    wanted: of each eye, see `requested_closing`. weights: (E, CONDITIONS), what the network was given.
    """
    features, eyes = anatomy.features, anatomy.drawn_eyes
    skin = features.part == Part.SKIN
    more_than_lids = (weights[:, (_CLOSING["l"] == 0) & (_CLOSING["r"] == 0)] != 0).any(1)
    for eye, every in zip(eyes, wanted, strict=True):
        own = np.concatenate([eye.pieces, eye.brow])
        places, count = features.positions[own], len(eye.pieces)
        surface = _surface(places)
        low, high = places[:count, :2].min(0), places[:count, :2].max(0)
        line = low[1] + DRAWN_EYES.line * (high - low)[1]
        # The skin rests within the eye's box, and takes part in motion again a little way outside.
        beyond = np.maximum(np.abs(features.positions[:, :2] - (low + high) / 2) - (high - low) / 2, 0)
        fade = np.clip(np.linalg.norm(beyond, axis=1) / DRAWN_EYES.fade, 0, 1)
        share = np.where(skin, fade, 1).astype(np.float32)
        # How much lower the pieces become in the network's motion: minus the slope of its y over their y.
        y = places[:count, 1]
        arm = (y - y.mean()) / max(((y - y.mean()) ** 2).sum(), 1e-9)
        by_units, by_network = weights @ _CLOSING[eye.side], -every[:, :count, 1] @ arm
        shut = np.where(more_than_lids & (np.abs(by_network) > np.abs(by_units)), by_network, by_units)
        shut = np.clip(shut, -DRAWN_EYES.max_widening, 1)
        for offset, motion, closed, slides in zip(offsets, every, shut, more_than_lids, strict=True):
            offset *= share[:, None]
            slid = np.zeros_like(places)
            slid[:count, 1] = closed * (1 - DRAWN_EYES.thickness) * (line - y)
            if slides:
                slid[count:, :2] = _tilted(places[count:, 0], motion[count:])
            slid[:, 2] = surface(places + slid) - surface(places)
            offset[own] = slid
    if eyes:
        apply_deadzone(offsets)


def _tilted(x: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """(B, 2) motion of a brow in x and y that moves and tilts it as (B, 3) `motion` does, and bends it nowhere."""
    if len(x) == 0:
        return motion[:, :2]
    arm = x - x.mean()
    tilt = motion[:, 1] @ arm / max(arm @ arm, 1e-9)
    return np.column_stack([np.full(len(x), motion[:, 0].mean()), motion[:, 1].mean() + tilt * arm])


def _surface(places: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """z of the paraboloid that (M, 3) places lie nearest to, at others: what slides stays before the skin."""
    centre, size = places.mean(0), np.ptp(places[:, :2], axis=0).max() + 1e-9

    def terms(points: np.ndarray) -> np.ndarray:
        x, y = ((points - centre)[:, :2] / size).T
        return np.stack([np.ones(len(x)), x, y, x * x, x * y, y * y], 1)

    solution = np.linalg.lstsq(terms(places), places[:, 2], rcond=1e-6)[0]
    return lambda points: terms(points) @ solution
