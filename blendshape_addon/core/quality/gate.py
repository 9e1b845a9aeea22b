"""Only shapes that pass the check are handed out: what fails is repaired, or made weaker, or left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import FaceNotFound
from ..expressions import TABLE
from ..face.anatomy import FaceAnatomy
from ..messages import Message
from . import checks, report
from .checks import GREEN, ShapeReport
from .measures import Measures
from .parameters import LIMITS, REPAIRS
from .repair import repair


def repair_or_reject(
    anatomy: FaceAnatomy,
    names: Sequence[str],
    offsets: np.ndarray,
    intensity: float | Sequence[float],
    opens: Mapping[str, float] | None = None,
) -> list[ShapeReport]:
    """report.examine of (E, N, 3) face-space offsets, after what failed was repaired in place where it passes then.

    intensity: see report.examine. opens: see Measures. A report says what was done; one that is not ok is of a shape to
    leave out. Raises FaceNotFound when none that moves is left.
    """
    measures = Measures(anatomy, opens)
    shapes = report.examine(anatomy, names, offsets, intensity, measures=measures)
    done: dict[str, Message] = {}
    intensities = np.broadcast_to(intensity, len(names))
    for shape, offset, own in zip(shapes, offsets, intensities, strict=True):
        red = {check for check, passed in shape.checks.items() if not passed}
        if not red or not all(map(checks.repairable, red)):
            continue
        repaired = repair(anatomy, shape.name, offset, red, measures)
        for strength in (1.0, *REPAIRS.weaker):
            tried = repaired * np.float32(strength)
            (after,) = report.examine(anatomy, [shape.name], tried[None], own, measures=measures)
            if after.ok:
                offset[:] = tried
                done[shape.name] = _done(strength)
                break
    if done:
        shapes = report.examine(anatomy, names, offsets, intensity, measures=measures)
    _keep_first_duplicate(shapes, offsets, intensities)
    for shape in shapes:
        if shape.name in done:
            shape.remarks.append(done[shape.name])
        if not shape.ok and _is_viseme(shape):
            shape.remarks.append(Message("VRChat's lip sync needs all 15 visemes"))
    _require_some(shapes)
    return shapes


def _is_viseme(shape: ShapeReport) -> bool:
    return TABLE[shape.name].group == "visemes"


def _done(strength: float) -> Message:
    if strength == 1:
        return Message("was clamped and smoothed to pass the check")
    return Message("was made at {percent:.0f} % of its strength to pass the check", percent=100 * strength)


def _keep_first_duplicate(shapes: Sequence[ShapeReport], offsets: np.ndarray, intensities: np.ndarray) -> None:
    """Of visemes that are alike and otherwise fit, keep the first, and those that rest because their intensity is 0."""
    fit: list[int] = []
    for number, shape in enumerate(shapes):
        others = (passed for check, passed in shape.checks.items() if check != "distinct")
        if not _is_viseme(shape) or not all(others):
            continue
        meant = intensities[number] < REPAIRS.silent and not offsets[number].any()
        if meant or not any(np.array_equal(offsets[number], offsets[other]) for other in fit):
            shape.grades["distinct"] = GREEN
            shape.sentences.pop("distinct", None)
            fit.append(number)


def _require_some(shapes: Sequence[ShapeReport]) -> None:
    """Raise FaceNotFound unless nothing failed or something that passed moves."""
    failed = [shape for shape in shapes if not shape.ok]
    if failed and not any(shape.ok and shape.values["peak_mm"] > LIMITS.moves_mm for shape in shapes):
        raise FaceNotFound(
            "No shape is fit for use on this mesh: {name} {reason}. Repair the mesh between brows and chin, or show "
            "where the face is with rough shape keys named blink_left, blink_right and mouth_open, and try again.",
            name=failed[0].name,
            reason=failed[0].notes[0],
        )
