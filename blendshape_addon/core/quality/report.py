"""Is a shape fit for an avatar? Every shape measured and graded, one report per shape; and where its faults are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..expressions import TABLE
from ..face.anatomy import FaceAnatomy
from ..face.face_space import EYE_DISTANCE_MM
from ..face.features import Features
from ..messages import Message
from ..shapes import Shape
from ..vocabulary import mirrored
from . import checks
from .checks import ShapeReport
from .measures import Measures, ShapeMeasures
from .parameters import LIMITS, MEASURING


def examine(
    anatomy: FaceAnatomy,
    names: Sequence[str],
    offsets: np.ndarray,
    intensity: float | Sequence[float],
    outside: Sequence[np.ndarray] | None = None,
    measures: Measures | None = None,
) -> list[ShapeReport]:
    """One ShapeReport per shape of (E, N, 3) face-space offsets that were made for `names` at `intensity`.

    intensity: of all, or of each; 0 where a shape is no share of the full one. outside: the vertices that are not among
    the features and that each shape moves. measures: this face's, if there are any yet.
    """
    return [
        checks.grade(shape) for shape in _measured(measures or Measures(anatomy), names, offsets, intensity, outside)
    ]


def _measured(
    measures: Measures,
    names: Sequence[str],
    offsets: np.ndarray,
    intensity: float | Sequence[float],
    outside: Sequence[np.ndarray] | None,
) -> Iterator[ShapeMeasures]:
    """The shapes one after the other, so that what was measured of one is freed before the next."""
    full = np.broadcast_to(intensity, len(names)) >= MEASURING.full
    teeth, eyes = measures.teeth(names, list(offsets)), measures.eyes(list(offsets))
    visemes = [number for number, name in enumerate(names) if TABLE[name].group == "visemes"]
    nearest = _nearest(measures, names, offsets, [number for number in visemes if full[number]])
    for number, (name, offset) in enumerate(zip(names, offsets, strict=True)):
        other = mirrored(name)
        partner = offset if other == name else offsets[names.index(other)] if other in names else None
        shape = ShapeMeasures(
            measures,
            name,
            offset,
            partner=partner,
            full=bool(full[number]),
        )
        shape.teeth, shape.eyes = next(teeth), next(eyes)
        if outside is not None:
            shape.outside = outside[number]
        if number in visemes:
            shape.twins = [names[i] for i in visemes if i != number and np.array_equal(offset, offsets[i])]
        shape.nearest = nearest.get(number)
        yield shape


def _nearest(
    measures: Measures, names: Sequence[str], offsets: np.ndarray, visemes: Sequence[int]
) -> dict[int, tuple[str, float]]:
    """Of each of several `visemes`, by number, but for silence: the other one that looks most alike, and how far it is,
    in mouth widths."""
    spoken = [number for number in visemes if not TABLE[names[number]].silent]
    if len(spoken) < 2:
        return {}
    apart = measures.front.differences([offsets[number] for number in spoken])
    np.fill_diagonal(apart, np.inf)
    return {
        number: (names[spoken[other]], float(apart[row, other]))
        for row, (number, other) in enumerate(zip(spoken, apart.argmin(1), strict=True))
    }


def dense(features: Features, shapes: Sequence[Shape]) -> tuple[np.ndarray, list[np.ndarray]]:
    """(E, N, 3) face-space offsets of the feature vertices in `shapes`, and which other vertices each moves.

    Motion that nobody sees, as of a hidden mark, does not count for the latter.
    """
    offsets = np.zeros((len(shapes), len(features.index), 3), np.float32)
    outside = []
    for offset, shape in zip(offsets, shapes, strict=True):
        deltas = shape.deltas @ features.space.rotation.T / features.space.scale
        place = np.minimum(np.searchsorted(features.index, shape.indices), len(features.index) - 1)
        ours = features.index[place] == shape.indices
        offset[place[ours]] = deltas[ours]
        visible = np.linalg.norm(deltas, axis=1) * EYE_DISTANCE_MM > LIMITS.moves_mm
        outside.append(shape.indices[visible & ~ours])
    return offsets, outside


def where(
    measures: Measures,
    check: str,
    name: str,
    offset: np.ndarray,
    partner: np.ndarray | None = None,
    outside: np.ndarray | None = None,
) -> np.ndarray:
    """Indices (n,) into Avatar.vertices of what a `check` of the shape `name`, (N, 3) `offset`, is about; may be none.

    partner: offset of the shape for the other side, itself for a shape of both sides. outside: see `dense`.
    """
    shape = ShapeMeasures(measures, name, offset, partner)
    if outside is not None:
        shape.outside = outside
    return checks.named(check).where(shape)


def of_run(
    shapes: Sequence[ShapeReport], features: Features, confidence: float, notes: Sequence[Message]
) -> dict[str, Any]:
    """The JSON-ready report of a run."""
    return {
        "ok": all(shape.ok for shape in shapes),
        "refused": [shape.name for shape in shapes if not shape.ok],
        "face": {"confidence": round(float(confidence), 4), "eye_distance": float(features.space.scale)},
        "shapes": [shape.for_json() for shape in shapes],
        "notes": list(notes),
    }
