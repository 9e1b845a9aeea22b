"""Is a shape fit for an avatar? Measures and verdicts, one row a shape, in millimetres of an adult's face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from .face_space import EYE_DISTANCE_MM, point
from .features import Features
from .mesh import Avatar, flipped
from .parts import Part

MAX_PEAK_MM = 45.0
MAX_FLIPPED = 0.005  # share of the moving skin triangles
MAX_STRETCH = 6.0
MAX_STRETCHED = 0.02
CLOSED_MM = 1.0
OPEN_MM = 4.0


@dataclass
class Row:
    """Measures of one shape. lip_gap_mm: vertical distance between the inner lips at the middle of the mouth."""

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
    triangles = features.skin_triangles(avatar)
    rest = features.positions
    rest_edges = _edges(rest, triangles)
    upper, lower = lip_columns(features)
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
            lip_gap(rest + offset, upper, lower),
            int((size > 0).sum()),
            turned,
            stretched,
        )
        _judge(row, max(int(moving.sum()), 1), intensity)
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


def lip_columns(features: Features) -> tuple[np.ndarray, np.ndarray]:
    """Indices (K,) of skin vertices on the inner rims of the upper and the lower lip, at the middle of the mouth."""
    skin = np.flatnonzero(features.part == Part.SKIN)
    sides = []
    for name, sign in (("lip_upper_inner_mid", 1), ("lip_lower_inner_mid", -1)):
        mark = point(features.landmarks, name)
        own = skin[features.side[skin, 0] * sign > 0.1]
        if len(own) == 0:
            own = skin
        squared = ((features.positions[own] - mark) ** 2).sum(1)
        sides.append(own[np.argsort(squared)[:2]])
    return sides[0], sides[1]


def lip_gap(positions: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> float:
    """Millimetres from the lower to the upper rim, 0 when they meet or cross."""
    return float(max(0.0, positions[upper, 1].mean() - positions[lower, 1].mean()) * EYE_DISTANCE_MM)


def _edges(positions: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(T, 3) edge lengths."""
    a, b, c = (positions[triangles[:, k]] for k in range(3))
    return np.stack([np.linalg.norm(d, axis=1) for d in (b - a, c - b, a - c)], 1)


def _judge(row: Row, moving: int, intensity: float) -> None:
    full = intensity >= 0.99
    row.checks["size"] = row.peak_mm <= MAX_PEAK_MM
    row.checks["flips"] = row.flipped <= max(2, MAX_FLIPPED * moving)
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
