"""Are the shapes that stand on an avatar fit? Measured, found on the mesh, and repaired."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...core.face.anatomy import FaceAnatomy
from ...core.quality import checks, report
from ...core.quality.checks import GREEN, ShapeReport
from ...core.quality.measures import Measures
from ...core.shapes import Shape
from ...core.vocabulary import mirrored


def reports(anatomy: FaceAnatomy, shapes: Sequence[Shape]) -> list[ShapeReport]:
    """One report for each of `shapes`, which stand on the avatar of `anatomy`."""
    offsets, outside = report.dense(anatomy.features, shapes)
    return report.examine(anatomy, [shape.name for shape in shapes], offsets, 1.0, outside)


def repairable(shape: ShapeReport) -> list[str]:
    """The checks of `shape` that are not green and that core.quality.repair can help."""
    return [check for check, grade in shape.grades.items() if grade != GREEN and checks.repairable(check)]


def where(anatomy: FaceAnatomy, shapes: Sequence[Shape], name: str, check: str) -> np.ndarray:
    """Vertices (n,) of the avatar that a `check` of the shape `name`, one of `shapes`, is about; may be none."""
    offsets, outside = report.dense(anatomy.features, shapes)
    names = [shape.name for shape in shapes]
    number = names.index(name)
    partner = offsets[names.index(mirrored(name))] if mirrored(name) in names else None
    return report.where(Measures(anatomy), check, name, offsets[number], partner, outside[number])
