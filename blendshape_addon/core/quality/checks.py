"""What the measures of a shape mean: a grade a check, and a sentence where it is not green."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..messages import Message
from .measures import MAX_STRETCH, MOVES_MM

GREEN, AMBER, RED = "green", "amber", "red"
NEARLY = 0.75  # of a limit, from which on a shape should be looked at
MAX_PEAK_MM = 45.0
# Shares of the moving skin triangles that may turn over. Artists' own shapes reach 0.4 %, 3.0 % at the lips of
# mouthClose, which rolls them over the open jaw, and 3.5 % of a closing lid; a coarse head has a row of triangles more.
MAX_FLIPPED = 0.01
MAX_ROLLED = 0.03
MAX_LIDS_FOLDED = 0.065
FEW = 6
MAX_STRETCHED = 0.02
CLOSED_MM = 0.3
OPEN_SHARE = 0.08  # of the width of the mouth
WORST = 3  # the third deepest vertex says how deep skin lies behind teeth or an eye: one or two nobody sees
MAX_BEHIND_MM = 3.0
MAX_SEAM_MM = 0.5
MAX_STRAY_MM = 0.6
MAX_OUTSIDE = 100  # vertices
UNEVEN = 0.5  # of the shape's own motion, from which on its halves are told to differ, if that is
UNEVEN_MM = 1.0
MOST_OPEN = 0.25  # of an eye's opening: a blink that leaves more should be looked at


@dataclass
class ShapeReport:
    """Measures of one shape. lip_gap_mm: see lip_gap, for PP see unclosed. flipped (lids apart), flipped_lids and
    stretched: triangles. teeth_mm, eyes_mm: how deep skin lies behind them. seam_mm: the widest split. asymmetry_mm:
    between the halves where they differ most. eyes_open: the share of an eye's opening that a blink leaves. stray_mm:
    mean motion where nothing should move; outside: vertices that move beyond the face.

    grades: green, amber or red for each check that applies; sentences: for each that is not green. notes: what else
    there is to say.
    """

    name: str
    peak_mm: float
    lip_gap_mm: float
    moved_vertices: int
    flipped: int
    flipped_lids: int
    stretched: int
    teeth_mm: float = 0.0
    eyes_mm: float = 0.0
    seam_mm: float = 0.0
    asymmetry_mm: float = 0.0
    eyes_open: float = 0.0
    stray_mm: float = 0.0
    outside: int = 0
    grades: dict[str, str] = field(default_factory=dict)
    sentences: dict[str, Message] = field(default_factory=dict)
    remarks: list[Message] = field(default_factory=list)

    @property
    def grade(self) -> str:
        """The worst of the grades."""
        return max(self.grades.values(), key=(GREEN, AMBER, RED).index, default=GREEN)

    @property
    def ok(self) -> bool:
        return self.grade != RED

    @property
    def checks(self) -> dict[str, bool]:
        """Whether each check was passed."""
        return {check: grade != RED for check, grade in self.grades.items()}

    @property
    def notes(self) -> list[Message]:
        """Sentences on what failed, and the remarks."""
        return [self.sentences[check] for check, passed in self.checks.items() if not passed] + self.remarks

    def judge(self, check: str, value: float, limit: float, sentence: Message, at_least: bool = False) -> None:
        """Grade `value`, which must not be over `limit` (or under it, if `at_least`)."""
        if at_least:
            bad, near = value < limit, value * NEARLY < limit
        else:
            bad, near = value > limit, value > NEARLY * limit
        self.grades[check] = RED if bad else AMBER if near else GREEN
        if near:
            self.sentences[check] = sentence


def grade(row: ShapeReport, moving: tuple[int, int], full: bool, sealed: bool, still: bool, mouth_mm: float) -> None:
    """Grade `row`. moving: triangles that move beside the lids and on them; full: made at full intensity; sealed: the
    lips are one surface; still: a shape that need not move; mouth_mm: width of the mouth."""
    others, lids = moving
    folding = MAX_ROLLED if row.name == "mouthClose" else MAX_FLIPPED
    row.judge(
        "size",
        row.peak_mm,
        MAX_PEAK_MM,
        Message("moves {mm:.0f} mm; a face can hardly move more than {limit:.0f}", mm=row.peak_mm, limit=MAX_PEAK_MM),
    )
    row.judge(
        "flips",
        row.flipped,
        max(FEW, folding * others),
        Message("{count} triangles turn inside out", count=row.flipped),
    )
    row.judge(
        "lids", row.flipped_lids, max(FEW, MAX_LIDS_FOLDED * lids),
        Message("{count} triangles of the lids turn inside out", count=row.flipped_lids),
    )  # fmt: skip
    row.judge(
        "stretch", row.stretched, max(2, MAX_STRETCHED * (lids + others)),
        Message("{count} triangles stretch more than {times:.0f} times", count=row.stretched, times=MAX_STRETCH),
    )  # fmt: skip
    row.judge(
        "teeth", row.teeth_mm, MAX_BEHIND_MM, Message("the lips sink {mm:.1f} mm behind the teeth", mm=row.teeth_mm)
    )
    row.judge("eyes", row.eyes_mm, MAX_BEHIND_MM, Message("the lids sink {mm:.1f} mm into the eyes", mm=row.eyes_mm))
    row.judge("seams", row.seam_mm, MAX_SEAM_MM, Message("seams open by {mm:.1f} mm", mm=row.seam_mm))
    row.judge(
        "stray",
        row.stray_mm,
        MAX_STRAY_MM,
        Message("moves what should rest, by {mm:.1f} mm on average", mm=row.stray_mm),
    )
    row.judge(
        "outside",
        row.outside,
        MAX_OUTSIDE,
        Message("moves {count} vertices that are not of the face", count=row.outside),
    )
    uneven = max(UNEVEN_MM, UNEVEN * row.peak_mm)
    if row.asymmetry_mm > uneven:  # may be meant
        row.grades["symmetry"] = AMBER
        row.sentences["symmetry"] = Message("left and right differ by {mm:.1f} mm", mm=row.asymmetry_mm)
    if full and row.eyes_open > MOST_OPEN:  # lids too coarse to close without tearing
        row.grades["eyes close"] = AMBER
        row.sentences["eyes close"] = Message("{percent:.0f} % of the eye stays open", percent=100 * row.eyes_open)
    if full and not still:
        row.judge("moves", row.peak_mm, MOVES_MM, Message("hardly moves"), at_least=True)
    if full and not sealed and row.name == "vrc.v_pp":
        row.judge(
            "lips close",
            row.lip_gap_mm,
            CLOSED_MM,
            Message("the lips are {mm:.1f} mm from meeting", mm=row.lip_gap_mm),
        )
    if full and not sealed and row.name == "vrc.v_aa":
        wanted = OPEN_SHARE * mouth_mm
        row.judge(
            "mouth opens",
            row.lip_gap_mm,
            wanted,
            Message("the mouth opens only {mm:.1f} mm", mm=row.lip_gap_mm),
            at_least=True,
        )
    if still and row.name == "tongueOut" and row.peak_mm < MOVES_MM:
        row.remarks.append(Message("has no tongue of its own to put out, so the key is empty"))
    if sealed and row.name == "vrc.v_aa":
        row.remarks.append(
            Message("the lips are one surface, so the mouth cannot open: the shapes move the surface only")
        )


def grade_distinct(rows: list[ShapeReport], offsets: np.ndarray) -> None:
    """VRChat stops lip sync when two viseme slots hold the same shape."""
    visemes = [i for i, row in enumerate(rows) if row.name.startswith("vrc.v_")]
    for i in visemes:
        twins = [rows[j].name for j in visemes if j != i and np.array_equal(offsets[i], offsets[j])]
        rows[i].grades["distinct"] = RED if twins else GREEN
        if twins:
            rows[i].sentences["distinct"] = Message("is the same shape as {names}", names=", ".join(twins))
