"""Are the shapes that stand on an avatar fit? Measured, found on the mesh, and mended."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core import mend, quality
from ..core.features import Features
from ..core.measures import Measures
from ..core.mesh import Avatar
from ..core.pipeline import Shape
from ..core.verdicts import GREEN, Row
from ..core.vocabulary import mirrored


def rows(avatar: Avatar, features: Features, shapes: Sequence[Shape]) -> list[Row]:
    """One row for each of `shapes`, which stand on `avatar`."""
    offsets, outside = quality.dense(features, shapes)
    return quality.examine(avatar, features, [shape.name for shape in shapes], offsets, 1.0, outside)


def mendable(row: Row) -> list[str]:
    """The checks of a row that are not green and that `mended` can help."""
    return [check for check, grade in row.grades.items() if grade != GREEN and check in mend.MENDABLE]


def where(avatar: Avatar, features: Features, shapes: Sequence[Shape], name: str, check: str) -> np.ndarray:
    """Vertices (n,) of `avatar` that a `check` of the shape `name`, one of `shapes`, is about; may be none."""
    offsets, outside = quality.dense(features, shapes)
    names = [shape.name for shape in shapes]
    number = names.index(name)
    if check == "outside":
        return outside[number]
    partner = offsets[names.index(mirrored(name))] if mirrored(name) in names else None
    return quality.where(Measures(avatar, features), check, name, offsets[number], partner)


def mended(avatar: Avatar, features: Features, shape: Shape, checks: Sequence[str]) -> Shape:
    """`shape` with the faults that `checks` (see mendable) found mended as far as possible."""
    (offset,), (outside,) = quality.dense(features, [shape])
    new = mend.mend(avatar, features, shape.name, offset, checks)
    deltas = np.zeros(avatar.vertices.shape, np.float32)
    deltas[shape.indices] = shape.deltas
    if "outside" in checks:
        deltas[outside] = 0
    changed = (new != offset).any(1)
    deltas[features.index[changed]] = features.space.vectors_to_avatar(new[changed].astype(float))
    moved = np.flatnonzero(deltas.any(1))
    return Shape(shape.name, moved, deltas[moved])
