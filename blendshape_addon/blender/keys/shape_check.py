"""Are the shapes that stand on an avatar fit? Measured, found on the mesh, and mended."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...core.avatar.avatar import Avatar
from ...core.face.anatomy import FaceAnatomy
from ...core.face.features import Features
from ...core.quality import repair, report
from ...core.quality.checks import GREEN, ShapeReport
from ...core.quality.measures import Measures
from ...core.shapes import Shape
from ...core.vocabulary import mirrored


def rows(avatar: Avatar, features: Features, shapes: Sequence[Shape]) -> list[ShapeReport]:
    """One row for each of `shapes`, which stand on `avatar`."""
    offsets, outside = report.dense(features, shapes)
    return report.examine(FaceAnatomy(avatar, features), [shape.name for shape in shapes], offsets, 1.0, outside)


def mendable(row: ShapeReport) -> list[str]:
    """The checks of a row that are not green and that `mended` can help."""
    return [check for check, grade in row.grades.items() if grade != GREEN and check in repair.REPAIRABLE]


def where(avatar: Avatar, features: Features, shapes: Sequence[Shape], name: str, check: str) -> np.ndarray:
    """Vertices (n,) of `avatar` that a `check` of the shape `name`, one of `shapes`, is about; may be none."""
    offsets, outside = report.dense(features, shapes)
    names = [shape.name for shape in shapes]
    number = names.index(name)
    if check == "outside":
        return outside[number]
    partner = offsets[names.index(mirrored(name))] if mirrored(name) in names else None
    return report.where(Measures(FaceAnatomy(avatar, features)), check, name, offsets[number], partner)


def mended(avatar: Avatar, features: Features, shape: Shape, checks: Sequence[str]) -> Shape:
    """`shape` with the faults that `checks` (see mendable) found mended as far as possible."""
    (offset,), (outside,) = report.dense(features, [shape])
    new = repair.repair(FaceAnatomy(avatar, features), shape.name, offset, checks)
    deltas = np.zeros(avatar.vertices.shape, np.float32)
    deltas[shape.indices] = shape.deltas
    if "outside" in checks:
        deltas[outside] = 0
    changed = (new != offset).any(1)
    deltas[features.index[changed]] = features.space.vectors_to_avatar(new[changed].astype(float))
    moved = np.flatnonzero(deltas.any(1))
    return Shape(shape.name, moved, deltas[moved])
