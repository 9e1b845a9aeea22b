"""What a face does as ARKit units: scores of a network, measures of its landmarks and what the network of mouths says,
all less the neutral face's.

A score says little of small motions, and measures alone take other motions for their own: a unit is a weighted sum of
its score and of what moves with it. Of the mouth's units the network of mouths says the most.
"""

from __future__ import annotations

import numpy as np

from ..inference.face_format import SCORES
from ..inference.mouth_format import MOUTH_UNITS
from .parameters import UNITS

# Landmarks of MediaPipe's mesh. Distances between two; heights, over the middle between the eyes, of several.
_DISTANCES = {
    "lips": (13, 14), "chin": (4, 152), "upper_lip": (2, 13), "mouth_width": (61, 291),
    "lidsLeft": (386, 374), "lidsRight": (159, 145),
}  # fmt: skip
_HEIGHTS = {
    "brow_inner": (55, 107, 285, 336), "brow_outerLeft": (276, 293, 300), "brow_outerRight": (46, 63, 70),
}  # fmt: skip
MEASURES = (*_DISTANCES, *_HEIGHTS)
_SIDES = ("Left", "Right")


def measures(landmarks: np.ndarray) -> np.ndarray:
    """(F, M) values in the order of MEASURES, in the unit of the landmarks. landmarks: (F, 478, 3), normalised as
    `Descriptors.landmarks`."""
    points = landmarks.astype(float)
    rows = [np.linalg.norm(points[:, a] - points[:, b], axis=1) for a, b in _DISTANCES.values()]
    rows += [points[:, list(chosen), 1].mean(1) for chosen in _HEIGHTS.values()]
    return np.stack(rows, axis=1)


def weights(unit: str) -> dict[str, float]:
    """Weights of a unit's parts: "score", and names of MEASURES."""
    side = _side(unit)
    shared = UNITS.weights.get(unit.removesuffix(side), {"score": 1.0})
    return {part if part in ("score", *MEASURES) else part + side: weight for part, weight in shared.items()}


def mouth_share(unit: str) -> float:
    """How much of a unit is what the network of mouths says, 0 to 1; the rest is the sum of `weights`."""
    return UNITS.mouth.get(unit.removesuffix(_side(unit)), 0.0)


def _side(unit: str) -> str:
    return next((side for side in _SIDES if unit.endswith(side)), "")


def value(unit: str, scores: np.ndarray, measured: np.ndarray, mouths: np.ndarray) -> np.ndarray:
    """(F,) how much a unit is in effect, 1 wholly, not limited yet. scores: (F, 52) in the order of SCORES; measured:
    (F, M) as `measures`; mouths: (F, U) in the order of MOUTH_UNITS, or (F, 0) where no network of mouths read them;
    all less the neutral face's."""
    total = np.zeros(len(scores))
    for part, weight in weights(unit).items():
        column = scores[:, SCORES.index(unit)] if part == "score" else measured[:, MEASURES.index(part)]
        total += weight * column
    return with_mouth(unit, total, mouths)


def with_mouth(unit: str, total: np.ndarray, mouths: np.ndarray) -> np.ndarray:
    """(F,) a unit's sum of `weights` together with what the network of mouths says, see `value`."""
    share = mouth_share(unit)
    if not share or not mouths.shape[1]:
        return total
    return (1 - share) * total + share * mouths[:, MOUTH_UNITS.index(unit)]


def without_blinks(squint: np.ndarray, blink: np.ndarray) -> np.ndarray:
    """(F,) eyeSquint, 0 to 1, of an eye that is closed by (F,) `blink`: lids that shut are no squint, though they look
    like one."""
    return squint * (1 - blink)
