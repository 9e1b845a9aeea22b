"""A shape repaired where the checks found faults; the rest of it stays as it is."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from ..face.anatomy import FaceAnatomy
from ..shapes import Shape
from . import checks, repair_steps
from .measures import Measures
from .report import dense


def repair(
    anatomy: FaceAnatomy,
    name: str,
    offset: np.ndarray,
    found: Collection[str],
    measures: Measures | None = None,
) -> np.ndarray:
    """(N, 3) face-space `offset` of the shape `name` with what the checks named in `found` are about repaired, as far
    as possible; those that no step repairs are left out.

    measures: this face's, if there are any yet. What moves outside the face is not among the feature vertices, see
    `repair_shape`.
    """
    measures = measures or Measures(anatomy)
    steps = {step for check in found if (step := checks.named(check).repair)}
    if any(step.splits_seams for step in steps):
        steps.add(repair_steps.JOIN_SEAMS)
    out = offset.copy()
    for step in sorted(steps, key=lambda step: step.place):
        out = step.apply(measures, name, out)
    return out


def repair_shape(anatomy: FaceAnatomy, shape: Shape, found: Collection[str]) -> Shape:
    """`shape`, as it stands on the avatar, with what the checks named in `found` are about repaired."""
    avatar, features = anatomy.avatar, anatomy.features
    (offset,), (outside,) = dense(features, [shape])
    new = repair(anatomy, shape.name, offset, found)
    deltas = np.zeros(avatar.vertices.shape, np.float32)
    deltas[shape.indices] = shape.deltas
    if any(checks.named(check).repair is repair_steps.STOP_OUTSIDE for check in found):
        deltas[outside] = 0
    changed = (new != offset).any(1)
    deltas[features.index[changed]] = features.space.vectors_to_avatar(new[changed].astype(float))
    moved = np.flatnonzero(deltas.any(1))
    return Shape(shape.name, moved, deltas[moved])
