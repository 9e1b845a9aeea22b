"""Units of a face as visemes and blinks, for avatars that have no others."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from ..vocabulary import BLINKS
from .parameters import MOUTH_SHAPES

SPOKEN = tuple(f"vrc.v_{sound}" for sound in MOUTH_SHAPES.sounds)
_NEAREST = 1e-9  # by which a mixture of more sounds has to be nearer to count


def from_units(units: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """(F,) values, 0 to 1, of visemes that open the mouth and of BLINKS, from (F,) values of units.

    The visemes' jaw, rounding and width are nearest to those of the units; together they are 1 at most.
    """
    jaw = units["jawOpen"]
    rounded = np.maximum(units["mouthPucker"], units["mouthFunnel"])
    # A smile is no sound: only as much of it counts as the mouth is open.
    wide = np.minimum((units["mouthSmileLeft"] + units["mouthSmileRight"]) / 2, jaw)
    seen = np.stack([jaw, rounded, wide], axis=1)
    weights = _nearest(seen, np.array(list(MOUTH_SHAPES.sounds.values())))
    weights /= np.maximum(weights.sum(1, keepdims=True), 1)
    found = dict(zip(SPOKEN, weights.T, strict=True))
    left, right = units["eyeBlinkLeft"], units["eyeBlinkRight"]
    return found | dict(zip(BLINKS, (np.minimum(left, right), left, right), strict=True))


def _nearest(seen: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """(F, S) weights, none below 0, of (S, C) `shapes` whose sums are nearest to (F, C) `seen`.

    Of every choice of up to C shapes the least squares, and of those that fit alike the one with fewest shapes.
    """
    count = shapes.shape[1]
    best = np.zeros((len(seen), len(shapes)))
    error = (seen**2).sum(1)
    for size in range(1, count + 1):
        for chosen in map(list, combinations(range(len(shapes)), size)):
            weights = seen @ np.linalg.pinv(shapes[chosen])
            away = ((weights @ shapes[chosen] - seen) ** 2).sum(1)
            nearer = (weights >= 0).all(1) & (away < error - _NEAREST)
            best[nearer] = 0
            best[np.ix_(nearer, chosen)] = weights[nearer]
            error[nearer] = away[nearer]
    return best
