"""Only shapes that pass the check are handed out: what fails is mended, or made weaker, or left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import FaceNotFound
from ..face.anatomy import FaceAnatomy
from ..messages import Message
from ..vocabulary import VISEMES
from . import repair, report
from .checks import GREEN, ShapeReport
from .measures import MOVES_MM, Measures

WEAKER = (0.75, 0.5)  # of the strength: a shape that is torn at half of it is none


def repair_or_reject(
    anatomy: FaceAnatomy, names: Sequence[str], offsets: np.ndarray, intensity: float | Sequence[float]
) -> list[ShapeReport]:
    """quality.examine of (E, N, 3) face-space offsets, after what failed was mended in place where it passes then.

    intensity: see quality.examine. A row says what was done; one that is not ok is of a shape to leave out. Raises
    FaceNotFound when none that moves is left.
    """
    measures = Measures(anatomy)
    rows = report.examine(anatomy, names, offsets, intensity, measures=measures)
    done: dict[str, Message] = {}
    intensities = np.broadcast_to(intensity, len(names))
    for row, offset, own in zip(rows, offsets, intensities, strict=True):
        red = {check for check, passed in row.checks.items() if not passed}
        if not red or not red <= repair.REPAIRABLE:
            continue
        mended = repair.repair(anatomy, row.name, offset, red, measures)
        for share in (1.0, *WEAKER):
            tried = mended * np.float32(share)
            (after,) = report.examine(anatomy, [row.name], tried[None], own, measures=measures)
            if after.ok:
                offset[:] = tried
                done[row.name] = _done(share)
                break
    if done:
        rows = report.examine(anatomy, names, offsets, intensity, measures=measures)
    _keep_first_duplicate(rows, offsets, intensities)
    for row in rows:
        if row.name in done:
            row.remarks.append(done[row.name])
        if not row.ok and row.name in VISEMES:
            row.remarks.append(Message("VRChat's lip sync needs all 15 visemes"))
    _require_some(rows)
    return rows


def _done(share: float) -> Message:
    if share == 1:
        return Message("was clamped and smoothed to pass the check")
    return Message("was made at {percent:.0f} % of its strength to pass the check", percent=100 * share)


def _keep_first_duplicate(rows: Sequence[ShapeReport], offsets: np.ndarray, intensities: np.ndarray) -> None:
    """Of visemes that are alike and otherwise fit, keep the first, and those that are still because that was asked."""
    fit: list[int] = []
    for number, row in enumerate(rows):
        if row.name not in VISEMES or any(not passed for check, passed in row.checks.items() if check != "distinct"):
            continue
        asked = intensities[number] < 0.01 and not offsets[number].any()
        if asked or not any(np.array_equal(offsets[number], offsets[other]) for other in fit):
            row.grades["distinct"] = GREEN
            row.sentences.pop("distinct", None)
            fit.append(number)


def _require_some(rows: Sequence[ShapeReport]) -> None:
    """Raise FaceNotFound unless nothing failed or something that passed moves."""
    failed = [row for row in rows if not row.ok]
    if failed and not any(row.ok and row.peak_mm > MOVES_MM for row in rows):
        raise FaceNotFound(
            "No shape is fit for use on this mesh: {name} {reason}. Repair the mesh between brows and chin, or show "
            "where the face is with rough shape keys named blink_left, blink_right and mouth_open, and try again.",
            name=failed[0].name,
            reason=failed[0].notes[0],
        )
