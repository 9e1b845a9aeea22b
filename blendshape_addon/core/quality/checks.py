"""The checks of a shape, one object each, and the report that they fill: grades, and a sentence where not green.

A new check is one more Check in CHECKS, and a measure in measures.py where it reads a new one: the report, the gate,
the repair and the panel go through the list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from ..face.parts import Part
from ..messages import Message
from . import repair_steps
from .measures import Amounts, ShapeMeasures, worst
from .parameters import LIMITS, MEASURING
from .repair_steps import RepairStep

GREEN, AMBER, RED = "green", "amber", "red"


@dataclass
class ShapeReport:
    """What was measured of one shape, and what that means.

    values: field of the report to figure. peak_mm: the largest motion; lip_gap_mm: see measures.lip_gap, for a shape
    whose lips meet see measures.unclosed; the others are the checks'. grades: green, amber or red for each check that
    applies; sentences: for each that is not green. remarks: what else there is to say.
    """

    name: str
    values: dict[str, float] = field(default_factory=dict)
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

    def for_json(self) -> dict[str, object]:
        """The row of a report: the values and all the above beside each other."""
        return {
            "name": self.name, **self.values, "grades": self.grades, "sentences": self.sentences,
            "remarks": self.remarks, "ok": self.ok, "grade": self.grade, "checks": self.checks, "notes": self.notes,
        }  # fmt: skip


def _always(shape: ShapeMeasures) -> bool:
    return True


@dataclass(frozen=True)
class Check:
    """One check.

    value: the figure that must not be over `limit`, or under it if at_least. sentence(shape, value): what there is to
    say where it is not green. where: indices (n,) into Avatar.vertices, what it is about; may be none. field: what the
    report calls the value; empty where the value has another check's field, or none. applies: whether the shape is
    graded; the value is reported anyway. advisory: it may be meant, so it is amber where it is over the limit, and not
    graded elsewhere. repair: the step that may repair it; None where a shape can only be made again.
    """

    name: str
    value: Callable[[ShapeMeasures], float]
    limit: Callable[[ShapeMeasures], float]
    sentence: Callable[[ShapeMeasures, float], Message]
    where: Callable[[ShapeMeasures], np.ndarray]
    field: str = ""
    applies: Callable[[ShapeMeasures], bool] = _always
    at_least: bool = False
    advisory: bool = False
    repair: RepairStep | None = None

    def grade(self, shape: ShapeMeasures, report: ShapeReport) -> None:
        """Enter the value and, where it applies, the grade and the sentence in the `report` of `shape`."""
        value = self.value(shape)
        if self.field:
            report.values[self.field] = value
        if not self.applies(shape):
            return
        grade = grade_of(value, self.limit(shape), self.at_least)
        if self.advisory:
            if grade != RED:
                return
            grade = AMBER
        report.grades[self.name] = grade
        if grade != GREEN:
            report.sentences[self.name] = self.sentence(shape, value)


def grade_of(value: float, limit: float, at_least: bool = False) -> str:
    """The grade of a `value` that must not be over `limit`, or under it if `at_least`; amber near to it."""
    if at_least:
        return RED if value < limit else AMBER if value * LIMITS.nearly < limit else GREEN
    return RED if value > limit else AMBER if value > LIMITS.nearly * limit else GREEN


def _on_face(find: Callable[[ShapeMeasures], np.ndarray]) -> Callable[[ShapeMeasures], np.ndarray]:
    """A `where` of what `find` finds: feature vertices, as an array of any shape."""
    return lambda shape: np.unique(shape.face.features.index[find(shape)])


def _peaks(amounts: Amounts) -> np.ndarray:
    """Those of some vertices whose figures are near the largest, see MEASURING.near_peak."""
    vertices, figures = amounts
    return vertices[figures > MEASURING.near_peak * figures.max(initial=0)]


def _lips(shape: ShapeMeasures) -> np.ndarray:
    mouth = shape.face.mouth
    return np.concatenate([mouth.upper, mouth.lower]) if mouth else np.empty(0, np.int64)


def _upper_teeth(shape: ShapeMeasures) -> np.ndarray:
    return np.flatnonzero(shape.face.features.part == Part.TEETH_UPPER)


def _lids(shape: ShapeMeasures) -> np.ndarray:
    rims = [rim for slit in shape.closing_lids for rim in (slit.upper, slit.lower)]
    return np.concatenate([np.empty(0, np.int64), *rims])


def _moving(shape: ShapeMeasures) -> np.ndarray:
    return np.flatnonzero(shape.size_mm > 0)


# In the order of the report.
CHECKS: tuple[Check, ...] = (
    Check(
        name="size",
        field="peak_mm",
        value=lambda shape: shape.peak_mm,
        limit=lambda shape: LIMITS.peak_mm,
        sentence=lambda shape, mm: Message(
            "moves {mm:.0f} mm; a face can hardly move more than {limit:.0f}",
            mm=mm,
            limit=LIMITS.nearly * LIMITS.peak_mm,
        ),
        where=_on_face(lambda shape: np.flatnonzero(shape.size_mm > LIMITS.nearly * LIMITS.peak_mm)),
        repair=repair_steps.CLAMP,
    ),
    Check(
        name="flips",
        field="flipped",
        value=lambda shape: int((shape.flips & ~shape.face.lids).sum()),
        limit=lambda shape: max(
            LIMITS.flipped_count,
            (LIMITS.flipped_over_open_jaw if shape.expression.over_open_jaw else LIMITS.flipped)
            * int((shape.moving & ~shape.face.lids).sum()),
        ),
        sentence=lambda shape, count: Message("{count} triangles turn inside out", count=count),
        where=_on_face(lambda shape: shape.face.triangles[shape.flips & ~shape.face.lids]),
        repair=repair_steps.UNFOLD,
    ),
    Check(
        name="lids",
        field="flipped_lids",
        value=lambda shape: int((shape.flips & shape.face.lids).sum()),
        limit=lambda shape: max(
            LIMITS.flipped_count, LIMITS.flipped_lids * int((shape.moving & shape.face.lids).sum())
        ),
        sentence=lambda shape, count: Message("{count} triangles of the lids turn inside out", count=count),
        where=_on_face(lambda shape: shape.face.triangles[shape.flips & shape.face.lids]),
        repair=repair_steps.UNFOLD,
    ),
    Check(
        name="stretch",
        field="stretched",
        value=lambda shape: int(shape.stretched.sum()),
        limit=lambda shape: max(LIMITS.stretched_count, LIMITS.stretched * int(shape.moving.sum())),
        sentence=lambda shape, count: Message(
            "{count} triangles stretch more than {times:.0f} times", count=count, times=MEASURING.stretch
        ),
        where=_on_face(lambda shape: shape.face.triangles[shape.stretched]),
        repair=repair_steps.UNFOLD,
    ),
    Check(
        name="teeth",
        field="teeth_mm",
        value=lambda shape: worst(shape.teeth),
        limit=lambda shape: LIMITS.behind_mm,
        sentence=lambda shape, mm: Message("the lips sink {mm:.1f} mm behind the teeth", mm=mm),
        where=_on_face(lambda shape: _peaks(shape.teeth)),
        repair=repair_steps.PUSH_OUT,
    ),
    Check(
        name="eyes",
        field="eyes_mm",
        value=lambda shape: worst(shape.eyes),
        limit=lambda shape: LIMITS.behind_mm,
        sentence=lambda shape, mm: Message("the lids sink {mm:.1f} mm into the eyes", mm=mm),
        where=_on_face(lambda shape: _peaks(shape.eyes)),
        repair=repair_steps.PUSH_OUT,
    ),
    Check(
        name="seams",
        field="seam_mm",
        value=lambda shape: float(shape.seams[1].max(initial=0)),
        limit=lambda shape: LIMITS.seam_mm,
        sentence=lambda shape, mm: Message("seams open by {mm:.1f} mm", mm=mm),
        where=_on_face(lambda shape: _peaks(shape.seams)),
        repair=repair_steps.JOIN_SEAMS,
    ),
    Check(
        name="stray",
        field="stray_mm",
        value=lambda shape: shape.stray_mm,
        limit=lambda shape: LIMITS.stray_mm,
        sentence=lambda shape, mm: Message("moves what should rest, by {mm:.1f} mm on average", mm=mm),
        where=_on_face(lambda shape: np.flatnonzero(shape.at_rest & (shape.size_mm > LIMITS.moves_mm))),
        repair=repair_steps.STOP_STRAY_MOTION,
    ),
    Check(
        name="outside",
        field="outside",
        value=lambda shape: len(shape.outside),
        limit=lambda shape: LIMITS.outside,
        sentence=lambda shape, count: Message("moves {count} vertices that are not of the face", count=count),
        where=lambda shape: shape.outside,
        repair=repair_steps.STOP_OUTSIDE,
    ),
    Check(
        name="symmetry",
        field="asymmetry_mm",
        value=lambda shape: worst(shape.asymmetry),
        limit=lambda shape: max(LIMITS.asymmetry_mm, LIMITS.asymmetry * shape.peak_mm),
        sentence=lambda shape, mm: Message("left and right differ by {mm:.1f} mm", mm=mm),
        where=_on_face(lambda shape: _peaks(shape.asymmetry)),
        advisory=True,
    ),
    Check(  # advisory: some lids are too coarse to close without tearing
        name="eyes close",
        field="eyes_open",
        value=lambda shape: shape.eyes_open[0],
        limit=lambda shape: shape.eyes_open[1],
        sentence=lambda shape, share: Message("{percent:.0f} % of the eye stays open", percent=100 * share),
        where=_on_face(_lids),
        applies=lambda shape: shape.full,
        advisory=True,
    ),
    Check(  # advisory: an artist's lash may grow in a blink
        name="lashes",
        field="lash_stretch",
        value=lambda shape: shape.lash_stretch,
        limit=lambda shape: LIMITS.lashes,
        sentence=lambda shape, times: Message(
            "lashes or brows crumple: their edges become {times:.1f} times longer or shorter", times=times
        ),
        where=_on_face(lambda shape: shape.lashes[0][shape.lashes[1] > LIMITS.lashes]),
        advisory=True,
    ),
    Check(
        name="moves",
        value=lambda shape: shape.peak_mm,
        limit=lambda shape: LIMITS.moves_mm,
        sentence=lambda shape, mm: Message("hardly moves"),
        where=lambda shape: np.empty(0, np.int64),
        applies=lambda shape: shape.full and not shape.may_rest,
        at_least=True,
    ),
    Check(
        name="lips close",
        value=lambda shape: shape.lip_gap_mm,
        limit=lambda shape: shape.face.lips_may_leave_mm,
        sentence=lambda shape, mm: Message("the lips are {mm:.1f} mm from meeting", mm=mm),
        where=_on_face(_lips),
        applies=lambda shape: shape.parts_lips and shape.expression.closes_lips,
        repair=repair_steps.CLOSE_LIPS,
    ),
    Check(
        name="mouth opens",
        value=lambda shape: shape.lip_gap_mm,
        limit=lambda shape: LIMITS.mouth_open * shape.face.mouth_mm,
        sentence=lambda shape, mm: Message("the mouth opens only {mm:.1f} mm", mm=mm),
        where=_on_face(_lips),
        applies=lambda shape: shape.parts_lips and shape.expression.opens_mouth,
        at_least=True,
    ),
    Check(  # advisory: some meshes cannot open as far
        name="opens as its style",
        value=lambda shape: LIMITS.opening if shape.opening is None else shape.opening,
        limit=lambda shape: LIMITS.opening,
        sentence=lambda shape, share: Message(
            "the mouth opens {percent:.0f} % as far as in its style", percent=100 * share
        ),
        where=_on_face(_lips),
        applies=lambda shape: shape.parts_lips and shape.opening is not None,
        at_least=True,
        advisory=True,
    ),
    Check(  # advisory: an artist may show teeth so
        name="teeth fill",
        field="teeth_fill",
        value=lambda shape: shape.open_mouth.teeth,
        limit=lambda shape: LIMITS.teeth_fill,
        sentence=lambda shape, share: Message(
            "upper teeth fill {percent:.0f} % of the open mouth; if these are other parts, say so in Parts of the "
            "Avatar",
            percent=100 * share,
        ),
        where=_on_face(_upper_teeth),
        advisory=True,
    ),
    Check(  # advisory: the mesh may have no inner mouth
        name="mouth hole",
        field="hole",
        value=lambda shape: shape.open_mouth.hole,
        limit=lambda shape: LIMITS.hole,
        sentence=lambda shape, share: Message(
            "{percent:.0f} % of the open mouth is a hole in the mesh, or shows a surface from behind that VRChat does "
            "not draw",
            percent=100 * share,
        ),
        where=_on_face(_lips),
        advisory=True,
    ),
    Check(  # advisory: tongues may tell apart what lips do not
        name="looks apart",
        value=lambda shape: shape.nearest[1] if shape.nearest else LIMITS.alike,
        limit=lambda shape: LIMITS.alike,
        sentence=lambda shape, apart: Message(
            "looks like {name} from the front", name=shape.nearest[0] if shape.nearest else ""
        ),
        where=_on_face(_moving),
        applies=lambda shape: shape.nearest is not None,
        at_least=True,
        advisory=True,
    ),
    Check(  # VRChat stops lip sync when two viseme slots hold the same shape
        name="distinct",
        value=lambda shape: len(shape.twins),
        limit=lambda shape: 0,
        sentence=lambda shape, count: Message("is the same shape as {names}", names=", ".join(shape.twins)),
        where=_on_face(_moving),
        applies=lambda shape: shape.expression.group == "visemes",
    ),
)


def grade(shape: ShapeMeasures) -> ShapeReport:
    """The report of one shape by all CHECKS."""
    report = ShapeReport(
        shape.name,
        {"peak_mm": shape.peak_mm, "lip_gap_mm": shape.lip_gap_mm, "moved_vertices": shape.moved_vertices},
        remarks=list(_remarks(shape)),
    )
    for check in CHECKS:
        check.grade(shape, report)
    return report


def named(name: str) -> Check:
    """The check of that name. Raises KeyError where there is none."""
    for check in CHECKS:
        if check.name == name:
            return check
    raise KeyError(name)


def repairable(name: str) -> bool:
    """Whether a step may repair what the check of that name found."""
    return named(name).repair is not None


def _remarks(shape: ShapeMeasures) -> Iterator[Message]:
    """What a shape cannot do on this face."""
    if shape.lacks_tongue and shape.peak_mm < LIMITS.moves_mm:
        yield Message("has no tongue of its own to put out, so the key is empty")
    if shape.face.features.sealed and shape.expression.opens_mouth:
        yield Message("the lips are one surface, so the mouth cannot open: the shapes move the surface only")
