"""Is a shape fit for an avatar? Measures and verdicts, one row a shape, in millimetres of an adult's face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..face import slits
from ..face.anatomy import FaceAnatomy
from ..face.face_space import EYE_DISTANCE_MM, point
from ..face.features import Features
from ..face.parts import Part
from ..messages import Message
from ..vocabulary import mirrored
from .checks import MAX_PEAK_MM, NEARLY, WORST, ShapeReport, grade, grade_distinct
from .measures import MOVES_MM, Measures

if TYPE_CHECKING:
    from ..shapes import Shape


def examine(
    anatomy: FaceAnatomy,
    names: Sequence[str],
    offsets: np.ndarray,
    intensity: float | Sequence[float],
    outside: Sequence[np.ndarray] | None = None,
    measures: Measures | None = None,
) -> list[ShapeReport]:
    """One Row a shape of (E, N, 3) face-space offsets that were made for `names` at `intensity`.

    intensity: of all, or of each; 0 where a shape is no share of the full one. outside: the vertices that are not among
    the features and that each shape moves. measures: this face's, if there are any yet.
    """
    measures, features = measures or Measures(anatomy), anatomy.features
    has_tongue = bool((features.part == Part.TONGUE).any())
    by_name = dict(zip(names, offsets, strict=True))
    behind = zip(
        measures.teeth(list(by_name), list(by_name.values())), measures.eyes(list(by_name.values())), strict=True
    )
    full = np.broadcast_to(intensity, len(names)) >= 0.99
    rows = []
    for number, (name, offset) in enumerate(by_name.items()):
        moving = measures.moving(offset)
        row = _measure(measures, name, offset, moving, by_name.get(mirrored(name)))
        row.teeth_mm, row.eyes_mm = (_worst(amounts) for _, amounts in next(behind))
        row.outside = len(outside[number]) if outside is not None else 0
        counts = int((moving & ~measures.lids).sum()), int((moving & measures.lids).sum())
        still = name == "vrc.v_sil" or (name == "tongueOut" and not has_tongue)
        grade(row, counts, bool(full[number]), features.sealed, still, measures.mouth_mm)
        rows.append(row)
    grade_distinct(rows, offsets)
    return rows


def dense(features: Features, shapes: Sequence[Shape]) -> tuple[np.ndarray, list[np.ndarray]]:
    """(E, N, 3) face-space offsets of the feature vertices in `shapes`, and which other vertices each moves.

    Motion that nobody sees, as of a hidden mark, does not count for the latter.
    """
    offsets = np.zeros((len(shapes), len(features.index), 3), np.float32)
    outside = []
    for offset, shape in zip(offsets, shapes, strict=True):
        deltas = shape.deltas @ features.space.rotation.T / features.space.scale
        place = np.minimum(np.searchsorted(features.index, shape.indices), len(features.index) - 1)
        ours = features.index[place] == shape.indices
        offset[place[ours]] = deltas[ours]
        seen = np.linalg.norm(deltas, axis=1) * EYE_DISTANCE_MM > MOVES_MM
        outside.append(shape.indices[seen & ~ours])
    return offsets, outside


def where(
    measures: Measures, check: str, name: str, offset: np.ndarray, partner: np.ndarray | None = None
) -> np.ndarray:
    """Indices (n,) into Avatar.vertices of what a `check` of the shape `name`, (N, 3) `offset`, is about; may be none.

    partner: offsets of the shape for the other side, itself for a shape of both sides.
    """
    size = np.linalg.norm(offset, axis=1) * EYE_DISTANCE_MM
    moving = measures.moving(offset)
    found: np.ndarray = np.empty(0, np.int64)
    if check in ("flips", "lids"):
        found = measures.triangles[measures.flips(offset, moving) & (measures.lids == (check == "lids"))]
    elif check == "stretch":
        found = measures.triangles[measures.stretched(offset, moving)]
    elif check == "size":
        found = np.flatnonzero(size > NEARLY * MAX_PEAK_MM)
    elif check == "stray":
        found = np.flatnonzero(measures.at_rest(name) & (size > MOVES_MM))
    elif check in ("lips close", "mouth opens") and measures.mouth:
        found = np.concatenate([measures.mouth.upper, measures.mouth.lower])
    elif check == "eyes close":
        found = np.concatenate([found, *(rim for slit in measures.blinking(name) for rim in (slit.upper, slit.lower))])
    elif check == "distinct":
        found = np.flatnonzero(size > 0)
    elif check in ("teeth", "eyes", "seams", "symmetry"):
        vertices, amount = {
            "teeth": lambda: next(measures.teeth([name], [offset])),
            "eyes": lambda: next(measures.eyes([offset])),
            "seams": lambda: measures.seams(offset),
            "symmetry": lambda: measures.asymmetry(offset, partner),
        }[check]()
        found = vertices[amount > 0.5 * amount.max(initial=0)]
    return np.unique(measures.features.index[found])


def _measure(
    measures: Measures, name: str, offset: np.ndarray, moving: np.ndarray, partner: np.ndarray | None
) -> ShapeReport:
    positions = measures.rest + offset
    size = np.linalg.norm(offset, axis=1) * EYE_DISTANCE_MM
    flips = measures.flips(offset, moving)
    row = ShapeReport(
        name,
        float(size.max(initial=0)),
        lip_gap(measures.features, positions, measures.mouth),
        int((size > 0).sum()),
        int((flips & ~measures.lids).sum()),
        int((flips & measures.lids).sum()),
        int(measures.stretched(offset, moving).sum()),
        seam_mm=float(measures.seams(offset)[1].max(initial=0)),
        eyes_open=measures.eyes_open(name, offset),
        stray_mm=float(size[at_rest].mean()) if (at_rest := measures.at_rest(name)).any() else 0.0,
    )
    if partner is not None:
        row.asymmetry_mm = _worst(measures.asymmetry(offset, partner)[1])
    if measures.mouth and name == "vrc.v_pp":
        row.lip_gap_mm = unclosed(measures.mouth, measures.rest, positions)
    return row


def _worst(amounts: np.ndarray) -> float:
    return float(np.partition(amounts, -WORST)[-WORST]) if len(amounts) >= WORST else 0.0


def report(rows: Sequence[ShapeReport], features: Features, confidence: float, notes: Sequence[Message]) -> dict:
    """The JSON-ready report of a run."""
    return {
        "ok": all(row.ok for row in rows),
        "refused": [row.name for row in rows if not row.ok],
        "face": {"confidence": round(float(confidence), 4), "eye_distance": float(features.space.scale)},
        "shapes": [
            vars(row) | {"ok": row.ok, "grade": row.grade, "checks": row.checks, "notes": row.notes} for row in rows
        ],
        "notes": list(notes),
    }


def lip_gap(features: Features, positions: np.ndarray, mouth: slits.Slit | None) -> float:
    """Millimetres from the lower to the upper lip's rim at the middle of the mouth, 0 when they meet or cross.

    Where the lips cannot be told apart (a sealed mouth) it is the distance between the landmarks' nearest vertices.
    """
    if mouth:
        middle = np.abs(slits.COLUMNS - 0.5) < 0.1
        gap = mouth.gap(positions)[middle].mean()
    else:
        marks = [point(features.landmarks, f"lip_{side}_inner_mid") for side in ("upper", "lower")]
        upper, lower = (((features.positions - mark) ** 2).sum(1).argmin() for mark in marks)
        gap = positions[upper, 1] - positions[lower, 1]
    return float(max(0.0, gap) * EYE_DISTANCE_MM)


def unclosed(mouth: slits.Slit, rest: np.ndarray, positions: np.ndarray) -> float:
    """Millimetres that the lips of (N, 3) `positions` are from meeting where it is worst, apart or through each other
    (what overlaps in the (N, 3) neutral may stay so); the corners, where rims say little, left out."""
    excess = mouth.gap(positions) - np.minimum(mouth.gap(rest), 0)
    return float(np.abs(excess[3:-3]).max() * EYE_DISTANCE_MM)
