"""Are the shapes that stand on an avatar fit? Measured, found on the mesh, and repaired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...core.face.anatomy import FaceAnatomy
from ...core.quality import checks, report
from ...core.quality.checks import GREEN, ShapeReport
from ...core.quality.measures import Measures
from ...core.shapes import Shape
from ...core.vocabulary import mirrored
from ..io.mesh_io import Object
from ..stored import tuning
from .key_blocks import made_by_us


def reports(anatomy: FaceAnatomy, shapes: Sequence[Shape], strengths: Mapping[str, float]) -> list[ShapeReport]:
    """One report for each of `shapes`, which stand on the avatar of `anatomy`. strengths: see strengths_of."""
    offsets, outside = report.dense(anatomy.features, shapes)
    names = [shape.name for shape in shapes]
    return report.examine(anatomy, names, offsets, [strengths.get(name, 1.0) for name in names], outside)


def strengths_of(face: Object, intensities: Mapping[str, float]) -> dict[str, float]:
    """How strong the creator wanted the shapes on `face` that this tool made and nobody has edited since: what is weak
    on purpose is at no fault. intensities: at which of them shapes were made, of which that is known."""
    ours = made_by_us(face)
    return {
        name: intensities.get(name, 1.0) * tuning.strength_in(settings, name)
        for name, settings in tuning.made_with(face).items()
        if name in ours
    }


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
