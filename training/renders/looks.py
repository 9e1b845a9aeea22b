"""What a person looks like: colours of skin, hair, lips and irises, and where they lie, by pixel in face space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.vocabulary import LANDMARK_INDEX

from .parameters import PAINT, PALETTE, SHELLS, Range
from .people import Person

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Look:
    """Colours, 0 to 1 as a screen shows them, and sizes as in `parameters.Paint`.

    brow_share, line_share, lip_share: how much brows, lines of the lids and lips show. freckles: how uneven the
    skin's colour is. seed: of that.
    """

    skin: Colour = PALETTE.skin[2]
    hair: Colour = PALETTE.hair[1]
    iris: Colour = PALETTE.iris[1]
    cloth: Colour = (0.30, 0.33, 0.42)
    brow: float = 0.065
    lash_upper: float = 0.03
    lash_lower: float = 0.012
    iris_angle: float = 29.0
    pupil_angle: float = 12.0
    hairline: float = 1.35
    collar: float = 0.8
    brow_share: float = 0.9
    line_share: float = 0.9
    lip_share: float = 0.7
    freckles: float = 0.02
    seed: int = 0


def random(rng: np.random.Generator) -> Look:
    """Somebody's look."""

    def within(limits: Range) -> float:
        return float(rng.uniform(*limits))

    hair = _between(PALETTE.hair, rng)
    return Look(
        skin=_between(PALETTE.skin, rng), hair=hair, iris=_between(PALETTE.iris, rng),
        cloth=tuple(rng.uniform(0.05, 0.9, 3).tolist()), brow=within(PAINT.brow), lash_upper=within(PAINT.lash_upper),
        lash_lower=within(PAINT.lash_lower), iris_angle=within(PAINT.iris), pupil_angle=within(PAINT.pupil),
        hairline=within(PAINT.hairline), collar=within(PAINT.collar), brow_share=within((0.6, 1.0)),
        line_share=within((0.3, 1.0)), lip_share=within((0.3, 0.95)), freckles=within((0.0, 0.04)),
        seed=int(rng.integers(2**31)),
    )  # fmt: skip


def paint(person: Person, look: Look, rest: np.ndarray, corner: np.ndarray) -> np.ndarray:
    """(N, 3) colours of N pixels.

    rest: (N, 3) what they see, where it is while the person is still. corner: (N,) a vertex of its triangle.
    """
    face, part = person.face, person.part[corner]
    marks = {name: face.marks[row] for name, row in LANDMARK_INDEX.items()}
    colours = np.tile(np.array(look.skin), (len(rest), 1))
    skin = part == Part.SKIN
    own = rest[skin]
    colours[skin] = _skin(own, marks, look, drawn_brows=bool(person.named(SHELLS.brow).any()))
    for kind, colour in (
        (Part.TEETH_UPPER, PALETTE.teeth), (Part.TEETH_LOWER, PALETTE.teeth), (Part.TONGUE, PALETTE.tongue),
        (Part.MOUTH, PALETTE.inside), (Part.ATTACHED, PALETTE.line), (Part.OTHER, look.hair),
    ):  # fmt: skip
        colours[part == kind] = colour
    for pattern, colour in (
        (SHELLS.hair, look.hair), (SHELLS.brow, look.hair), (SHELLS.white, PALETTE.white)
    ):  # fmt: skip
        named = person.named(pattern)
        if named.any():
            colours[named[corner] & (part != Part.EYE)] = colour
    for eye in person.eyes:
        of_eye = np.zeros(len(face.vertices), bool)
        of_eye[eye.chosen] = True
        on_eye = np.flatnonzero(of_eye[corner])
        colours[on_eye] = _eye(rest[on_eye] - eye.centre, eye.iris_radius, look)
    return colours


def _eye(local: np.ndarray, iris_radius: float, look: Look) -> np.ndarray:
    """(N, 3) colours of places about the centre of an eye at rest."""
    across = np.linalg.norm(local[:, :2], axis=1)
    if iris_radius:
        colours = np.tile(np.array(look.iris), (len(local), 1))
        _lay(colours, slice(None), _ramp(across / iris_radius, 0.5, 0.4), PALETTE.pupil)
        return colours
    angle = np.degrees(np.arctan2(across, local[:, 2]))
    colours = np.tile(np.array(PALETTE.white), (len(local), 1))
    _lay(colours, slice(None), _ramp(angle, look.iris_angle + 2, look.iris_angle), tuple(0.5 * c for c in look.iris))
    _lay(colours, slice(None), _ramp(angle, look.iris_angle - 1, look.iris_angle - 6), look.iris)
    _lay(colours, slice(None), _ramp(angle, look.pupil_angle + 1.5, look.pupil_angle - 1), PALETTE.pupil)
    return colours


def _skin(points: np.ndarray, marks: dict[str, np.ndarray], look: Look, drawn_brows: bool) -> np.ndarray:
    """(N, 3) colours of the skin at `points`; drawn_brows: brows are pieces of their own."""
    colours = np.tile(np.array(look.skin), (len(points), 1))
    colours *= 1 + look.freckles * _waves(points, look.seed)[:, None]
    front = np.flatnonzero(points[:, 2] > marks["nose_base"][2] - 1.0)
    for side in "lr":
        near = _within(points, front, [marks[f"cheek_{side}"]], 0.8)
        share = 0.25 * np.exp(-((np.linalg.norm(points[near] - marks[f"cheek_{side}"], axis=1) / 0.35) ** 2))
        _lay(colours, near, share, PALETTE.blush)
    _lips(colours, points, front, marks, look)
    for side in "lr":
        if not drawn_brows:
            brow = [marks[f"brow_{place}_{side}"] for place in ("inner", "mid", "outer")]
            _stroke(colours, points, front, brow, look.brow, look.brow_share, look.hair, taper=0.6)
        for edge, width in (("upper", look.lash_upper), ("lower", look.lash_lower)):
            names = ("eye_inner", f"lid_{edge}_in", f"lid_{edge}_mid", f"lid_{edge}_out", "eye_outer")
            lid = [marks[f"{name}_{side}"] for name in names]
            _stroke(colours, points, front, lid, width, look.line_share, PALETTE.line)
    top = points[:, 1] - look.hairline - PAINT.hairline_slope * points[:, 2].clip(-2, 0.5)
    _lay(colours, slice(None), _ramp(top, 0.0, 0.12), look.hair)
    collar = marks["chin_under"][1] - look.collar + 0.5 * points[:, 2].clip(-2, 0)
    _lay(colours, slice(None), _ramp(points[:, 1] - collar, 0.0, -0.03), look.cloth)
    return colours


def _lips(colours: np.ndarray, points: np.ndarray, front: np.ndarray, marks: dict[str, np.ndarray], look: Look) -> None:
    """Lay the red of the lips, and the dark of a mouth whose inside is of the skin's surface."""
    outline = [marks[name] for name in (
        "mouth_corner_l", "lip_upper_outer_l", "lip_upper_outer_mid", "lip_upper_outer_r", "mouth_corner_r",
        "lip_lower_outer_r", "lip_lower_outer_mid", "lip_lower_outer_l", "mouth_corner_l",
    )]  # fmt: skip
    near = _within(points, front, outline, 0.05)
    own = points[near]
    inside = np.zeros(len(own), bool)
    for start, end in pairwise(outline):  # crossings of a ray to the left, as seen from the front
        crosses = (start[1] > own[:, 1]) != (end[1] > own[:, 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            at = (end[0] - start[0]) * (own[:, 1] - start[1]) / (end[1] - start[1]) + start[0]
        inside ^= crosses & (own[:, 0] < at)
    depth = min(marks["mouth_corner_l"][2], marks["mouth_corner_r"][2]) - own[:, 2]
    red = np.where(inside, 1.0, _ramp(_to_line(own, outline)[0], 0.04, 0.0)) * (depth < PAINT.inside)
    _lay(colours, near, look.lip_share * red, np.add(look.skin, PALETTE.lip) / 2)
    _lay(colours, near, inside * _ramp(depth, PAINT.inside * 0.6, PAINT.inside), PALETTE.inside)


def _stroke(
    colours: np.ndarray, points: np.ndarray, front: np.ndarray, corners: Sequence[np.ndarray], width: float,
    share: float, colour: Sequence[float], taper: float = 0.0,
) -> None:  # fmt: skip
    """Lay a line through corners, of half a `width` that shrinks by `taper` towards its end."""
    near = _within(points, front, corners, width * (1 + PAINT.soft))
    distance, along = _to_line(points[near], corners)
    shown = _ramp(distance / (width * (1 - taper * along)), 1 + PAINT.soft, 1 - PAINT.soft)
    _lay(colours, near, share * shown, colour)


def _within(points: np.ndarray, some: np.ndarray, corners: Sequence[np.ndarray], reach: float) -> np.ndarray:
    """Those among `some` of (N, 3) points that lie about corners, as seen from the front."""
    low, high = np.min(corners, axis=0) - reach, np.max(corners, axis=0) + reach
    for axis in (1, 0):
        value = points[some, axis]
        some = some[(value > low[axis]) & (value < high[axis])]
    return some


def _to_line(points: np.ndarray, corners: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(N,) distances to a line through corners, and (N,) how far along it, 0 to 1, the nearest place is."""
    found, along = np.full(len(points), np.inf), np.zeros(len(points))
    for number, (start, end) in enumerate(pairwise(corners)):
        way = end - start
        share = ((points - start) @ way / max(way @ way, 1e-12)).clip(0, 1)
        distance = np.linalg.norm(points - start - share[:, None] * way, axis=1)
        nearer = distance < found
        found[nearer], along[nearer] = distance[nearer], (number + share[nearer]) / (len(corners) - 1)
    return found, along


def _waves(points: np.ndarray, seed: int) -> np.ndarray:
    """(N,) a smooth random field, about -1 to 1, with features of a tenth to a half of an eye distance."""
    rng = np.random.default_rng(seed)
    ways, phases = rng.normal(0, 9, (3, 3)), rng.uniform(0, 2 * np.pi, 3)
    return np.sin((points @ ways.T + phases).astype(np.float32)).sum(1) / 2


def _between(colours: Sequence[Colour], rng: np.random.Generator) -> Colour:
    place = rng.uniform(0, len(colours) - 1)
    low = int(place)
    pair = np.array(colours[low]), np.array(colours[min(low + 1, len(colours) - 1)])
    mixed = (pair[0] + (place - low) * (pair[1] - pair[0])) * rng.normal(1, 0.03, 3)
    return tuple(mixed.clip(0, 1).tolist())


def _ramp(value: np.ndarray, begin: float, end: float) -> np.ndarray:
    """0 up to `begin`, 1 from `end` on; `end` may lie below `begin`."""
    return ((value - begin) / (end - begin)).clip(0, 1)


def _lay(colours: np.ndarray, rows: np.ndarray | slice, share: np.ndarray, colour: Sequence[float]) -> None:
    """Lay `colour` over some rows of (N, 3) colours; share: of each, 0 to 1."""
    colours[rows] += share[:, None] * (np.array(colour) - colours[rows])
