"""What a style says of the offsets themselves: how far lips part, and how far visemes reach."""

from __future__ import annotations

import numpy as np

from ..face.features import Features
from ..face.slits import COLUMNS, Slit

MAX_WIDER = 2.0  # the motion of an opening mouth by no more than this, nor shrunk by more


def open_mouth(features: Features, offset: np.ndarray, mouth: Slit, share: float) -> None:
    """Scale an (N, 3) face-space offset so that the lips part by `share` of the mouth's width at the middle; in place.

    A shape that hardly parts the lips by itself stays as it is.
    """
    middle = np.abs(COLUMNS - 0.5) < 0.1
    rest, moved = (mouth.gap(features.positions + o)[middle].mean() for o in (0, offset))
    wanted = share * np.linalg.norm(mouth.corners[1] - mouth.corners[0])
    if moved - rest > 0.1 * wanted:
        offset *= np.float32(np.clip((wanted - rest) / (moved - rest), 1 / MAX_WIDER, MAX_WIDER))
