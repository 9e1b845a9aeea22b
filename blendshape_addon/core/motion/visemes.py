"""Units of a face as visemes and blinks, for avatars that have no others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..vocabulary import BLINKS, VISEMES
from .parameters import MOUTH_SHAPES

SPOKEN = tuple(f"vrc.v_{sound}" for sound in MOUTH_SHAPES.sounds)
_STEPS = 200  # of the descent; after them nothing moves by a thousandth


def from_units(units: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """(F,) values, 0 to 1, of VISEMES that open the mouth and of BLINKS, from (F,) values of units.

    Weights of visemes, none below 0 and together 1 at most, whose jaw, rounding and width are nearest to those of the
    units: least squares by projected descent.
    """
    assert set(SPOKEN) <= set(VISEMES)
    jaw = units["jawOpen"]
    rounded = np.maximum(units["mouthPucker"], units["mouthFunnel"])
    # A smile is no sound: only as much of it counts as the mouth is open.
    wide = np.minimum((units["mouthSmileLeft"] + units["mouthSmileRight"]) / 2, jaw)
    seen = np.stack([jaw, rounded, wide], axis=1)
    shapes = np.array([MOUTH_SHAPES.sounds[sound] for sound in MOUTH_SHAPES.sounds])  # (sounds, 3)
    step = 1 / np.linalg.norm(shapes @ shapes.T, 2)
    weights = np.zeros((len(seen), len(shapes)))
    for _ in range(_STEPS):
        weights = (weights - step * (weights @ shapes - seen) @ shapes.T).clip(min=0)
        weights /= np.maximum(weights.sum(1, keepdims=True), 1)
    found = dict(zip(SPOKEN, weights.T, strict=True))
    left, right = units["eyeBlinkLeft"], units["eyeBlinkRight"]
    return found | dict(zip(BLINKS, (np.minimum(left, right), left, right), strict=True))
