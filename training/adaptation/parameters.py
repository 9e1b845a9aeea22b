"""Numbers of learning an artist's style."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FewShot:
    """Of `few_shot`, tuned on the rigs of training/data/labels, by shapes that were not given."""

    # What a departure from the base's amplitude costs beside the sum of rel: over the whole face, per basis function.
    amplitude_ridge: float = 1.0
    slope_ridge: float = 30.0
    mix_ridge: float = 1e-3  # of the basis's mean square: holds given shapes to the base's where the face says nothing
    rounds: int = 8  # of reweighting, from squared errors towards plain ones
    steps: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)  # tried on the way to the amplitude that fits best
    vertices: int = 3000  # random ones of each face, at most
    min_rel: float = 0.1  # of a shape in reweighting: below it a shape weighs no more, so that none decides alone
    faint: float = 1e-3  # rel below which no result is better than another
    fewest: int = 3  # shapes to learn from, sides not counted


@dataclass(frozen=True)
class Likeness:
    """Of `onnx_patch`: root mean square distances of two faces' landmarks, in eye distances."""

    same: float = 0.02  # a face that is found twice differs by less
    other: float = 0.04  # no two of different rigs are nearer, of 12 rigs and 80 people bent from two of them


@dataclass(frozen=True)
class RelationsParameters:
    """Of `relations`."""

    vertices: int = 4000  # random ones of each face, at most
    fewest: int = 10  # visemes that an artist drew


FEW_SHOT = FewShot()
RELATIONS = RelationsParameters()
LIKENESS = Likeness()
