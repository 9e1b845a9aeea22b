"""Is a shape fit for an avatar? Measures and verdicts, one row a shape, in millimetres of an adult's face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from . import contacts
from .face_space import EYE_DISTANCE_MM, point
from .features import Features
from .mesh import Avatar, flipped
from .parts import Part

MAX_PEAK_MM = 45.0
# Shares of the moving skin triangles that turn over in artists' own shapes at most: a lid folds as it closes.
MAX_FLIPPED = 0.005
MAX_FOLDED = 0.045
MAX_STRETCH = 6.0
MAX_STRETCHED = 0.02
CLOSED_MM = 1.0
OPEN_MM = 4.0


@dataclass
class Row:
    """Measures of one shape. lip_gap_mm: see lip_gap; flipped, stretched: numbers of triangles."""

    name: str
    peak_mm: float
    lip_gap_mm: float
    moved_vertices: int
    flipped: int
    stretched: int
    checks: dict[str, bool] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return all(self.checks.values())


def examine(
    avatar: Avatar, features: Features, names: Sequence[str], offsets: np.ndarray, intensity: float
) -> list[Row]:
    """One Row a shape of (E, N, 3) face-space offsets that were made for `names` at `intensity`."""
    triangles = _seen(features, features.skin_triangles(avatar))
    rest = features.positions
    rest_edges = _edges(rest, triangles)
    mouth = contacts.find_slit(features, 0)
    rows = []
    for name, offset in zip(names, offsets, strict=True):
        size = np.linalg.norm(offset, axis=1)
        moving = (size[triangles] > 0).any(1)
        turned = int(flipped(rest, rest + offset, triangles[moving]).sum())
        edges = _edges(rest + offset, triangles[moving])
        ratio = (edges / np.maximum(rest_edges[moving], 1e-6)).max(1)
        long = edges.max(1) > 1.0 / EYE_DISTANCE_MM  # a stretched sliver that nobody sees is no fault
        stretched = int((long & (ratio > MAX_STRETCH)).sum())
        row = Row(
            name,
            float(size.max(initial=0) * EYE_DISTANCE_MM),
            lip_gap(features, rest + offset, mouth),
            int((size > 0).sum()),
            turned,
            stretched,
        )
        _judge(row, max(int(moving.sum()), 1), intensity)
        if name == "tongueOut" and row.peak_mm < 0.3 and not (features.part == Part.TONGUE).any():
            row.checks["moves"] = True
            row.notes = ["has no tongue of its own to put out, so the key is empty"]
        rows.append(row)
    _judge_distinct(rows, offsets)
    return rows


def report(rows: Sequence[Row], features: Features, confidence: float, notes: Sequence[str]) -> dict:
    """The JSON-ready report of a run."""
    return {
        "ok": all(row.ok for row in rows),
        "face": {"confidence": round(float(confidence), 4), "eye_distance": float(features.space.scale)},
        "shapes": [asdict(row) | {"ok": row.ok} for row in rows],
        "notes": list(notes),
    }


def lip_gap(features: Features, positions: np.ndarray, mouth: contacts.Slit | None) -> float:
    """Millimetres from the lower to the upper lip's rim at the middle of the mouth, 0 when they meet or cross.

    Where the lips cannot be told apart (a sealed mouth) it is the distance between the landmarks' nearest vertices.
    """
    if mouth:
        middle = np.abs(contacts.COLUMNS - 0.5) < 0.1
        gap = mouth.gap(positions)[middle].mean()
    else:
        marks = [point(features.landmarks, f"lip_{side}_inner_mid") for side in ("upper", "lower")]
        upper, lower = (((features.positions - mark) ** 2).sum(1).argmin() for mark in marks)
        gap = positions[upper, 1] - positions[lower, 1]
    return float(max(0.0, gap) * EYE_DISTANCE_MM)


def _seen(features: Features, triangles: np.ndarray) -> np.ndarray:
    """The triangles outside the mouth: what folds behind the lips of a closed mouth shows nowhere."""
    corners = np.stack([point(features.landmarks, f"mouth_corner_{s}") for s in "lr"])
    x, y, z = (features.positions - corners.mean(0)).T
    inside = (np.abs(x) < np.abs(corners[:, 0] - corners[:, 0].mean()).max()) & (np.abs(y) < 0.45) & (z < -0.02)
    return triangles[~inside[triangles].any(1)]


def _edges(positions: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(T, 3) edge lengths."""
    a, b, c = (positions[triangles[:, k]] for k in range(3))
    return np.stack([np.linalg.norm(d, axis=1) for d in (b - a, c - b, a - c)], 1)


def _judge(row: Row, moving: int, intensity: float) -> None:
    full = intensity >= 0.99
    row.checks["size"] = row.peak_mm <= MAX_PEAK_MM
    folds = not row.name.startswith("vrc.v_")
    row.checks["flips"] = row.flipped <= max(4, (MAX_FOLDED if folds else MAX_FLIPPED) * moving)
    row.checks["stretch"] = row.stretched <= max(2, MAX_STRETCHED * moving)
    if row.name != "vrc.v_sil" and full:
        row.checks["moves"] = row.peak_mm >= 0.3
    if row.name == "vrc.v_pp":
        row.checks["lips close"] = row.lip_gap_mm <= CLOSED_MM
    if row.name == "vrc.v_aa" and full:
        row.checks["mouth opens"] = row.lip_gap_mm >= OPEN_MM
    sentences = {
        "size": f"moves {row.peak_mm:.0f} mm, more than a face can",
        "flips": f"{row.flipped} triangles turn inside out",
        "stretch": f"{row.stretched} triangles stretch more than {MAX_STRETCH:.0f} times",
        "moves": "hardly moves",
        "lips close": f"the lips stay {row.lip_gap_mm:.1f} mm apart",
        "mouth opens": f"the mouth opens only {row.lip_gap_mm:.1f} mm",
    }
    row.notes += [sentences[check] for check, passed in row.checks.items() if not passed]


def _judge_distinct(rows: list[Row], offsets: np.ndarray) -> None:
    """VRChat stops lip sync when two viseme slots hold the same shape."""
    visemes = [i for i, row in enumerate(rows) if row.name.startswith("vrc.v_")]
    for i in visemes:
        twins = [rows[j].name for j in visemes if j != i and np.array_equal(offsets[i], offsets[j])]
        rows[i].checks["distinct"] = not twins
        if twins:
            rows[i].notes.append(f"is the same shape as {', '.join(twins)}")
