"""Is a shape fit for an avatar? Measures and verdicts, one row a shape, in millimetres of an adult's face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from . import contacts
from .face_space import EYE_DISTANCE_MM, mouth_corners, point
from .features import Features, on_lids
from .mesh import Avatar, flipped
from .parts import Part

MAX_PEAK_MM = 45.0
# Shares of the moving skin triangles that may turn over. Artists' own shapes reach 0.4 %, 3.0 % at the lips of
# mouthClose, which rolls them over the open jaw, and 3.5 % of a closing lid; a coarse head has a row of triangles more.
MAX_FLIPPED = 0.01
MAX_ROLLED = 0.03
MAX_LIDS_FOLDED = 0.065
FEW = 6
MAX_STRETCH = 6.0
MAX_STRETCHED = 0.02
CLOSED_MM = 0.3
OPEN_SHARE = 0.08  # of the width of the mouth


@dataclass
class Row:
    """Measures of one shape. lip_gap_mm: see lip_gap, for PP see unclosed. flipped (lids apart), flipped_lids and
    stretched: triangles."""

    name: str
    peak_mm: float
    lip_gap_mm: float
    moved_vertices: int
    flipped: int
    flipped_lids: int
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
    triangles = _seen(features, features.triangles(avatar, Part.SKIN))
    triangles = triangles[~features.drawn[triangles].any(1)]  # a drawn mouth opens from a line and closes to one
    rest = features.positions
    rest_edges = _edges(rest, triangles)
    lids = on_lids(features, triangles)
    mouth = contacts.find_slit(features, 0)
    width_mm = EYE_DISTANCE_MM * float(np.linalg.norm(np.subtract(*mouth_corners(features.landmarks))))
    has_tongue = bool((features.part == Part.TONGUE).any())
    rows = []
    for name, offset in zip(names, offsets, strict=True):
        size = np.linalg.norm(offset, axis=1)
        moving = (size[triangles] > 0).any(1)
        turned = flipped(rest, rest + offset, triangles[moving])
        edges = _edges(rest + offset, triangles[moving])
        ratio = (edges / np.maximum(rest_edges[moving], 1e-6)).max(1)
        long = edges.max(1) > 1.0 / EYE_DISTANCE_MM  # a stretched sliver that nobody sees is no fault
        stretched = int((long & (ratio > MAX_STRETCH)).sum())
        row = Row(
            name,
            float(size.max(initial=0) * EYE_DISTANCE_MM),
            lip_gap(features, rest + offset, mouth),
            int((size > 0).sum()),
            int(turned[~lids[moving]].sum()),
            int(turned[lids[moving]].sum()),
            stretched,
        )
        if mouth and name == "vrc.v_pp":
            row.lip_gap_mm = unclosed(mouth, rest, rest + offset)
        still = name == "vrc.v_sil" or (name == "tongueOut" and not has_tongue)
        _judge(
            row, (int((moving & ~lids).sum()), int((moving & lids).sum())), intensity, features.sealed, still, width_mm
        )
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


def unclosed(mouth: contacts.Slit, rest: np.ndarray, positions: np.ndarray) -> float:
    """Millimetres that the lips of (N, 3) `positions` are from meeting where it is worst, apart or through each other
    (what overlaps in the (N, 3) neutral may stay so); the corners, where rims say little, left out."""
    excess = mouth.gap(positions) - np.minimum(mouth.gap(rest), 0)
    return float(np.abs(excess[3:-3]).max() * EYE_DISTANCE_MM)


def _seen(features: Features, triangles: np.ndarray) -> np.ndarray:
    """The triangles outside the mouth: what folds behind the lips of a closed mouth shows nowhere."""
    corners = mouth_corners(features.landmarks)
    x, y, z = (features.positions - corners.mean(0)).T
    inside = (np.abs(x) < np.abs(corners[:, 0] - corners[:, 0].mean()).max()) & (np.abs(y) < 0.45) & (z < -0.02)
    return triangles[~inside[triangles].any(1)]


def _edges(positions: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(T, 3) edge lengths."""
    a, b, c = (positions[triangles[:, k]] for k in range(3))
    return np.stack([np.linalg.norm(d, axis=1) for d in (b - a, c - b, a - c)], 1)


def _judge(row: Row, moving: tuple[int, int], intensity: float, sealed: bool, still: bool, width_mm: float) -> None:
    """moving: triangles that move beside the lids and on them; sealed: the lips are one surface; still: a shape that
    need not move; width_mm: of the mouth."""
    full = intensity >= 0.99
    folding = MAX_ROLLED if row.name == "mouthClose" else MAX_FLIPPED
    row.checks["size"] = row.peak_mm <= MAX_PEAK_MM
    row.checks["flips"] = row.flipped <= max(FEW, folding * moving[0])
    row.checks["lids"] = row.flipped_lids <= max(FEW, MAX_LIDS_FOLDED * moving[1])
    row.checks["stretch"] = row.stretched <= max(2, MAX_STRETCHED * sum(moving))
    if full and not still:
        row.checks["moves"] = row.peak_mm >= 0.3
    if row.name == "vrc.v_pp" and full and not sealed:
        row.checks["lips close"] = row.lip_gap_mm <= CLOSED_MM
    if row.name == "vrc.v_aa" and full and not sealed:
        row.checks["mouth opens"] = row.lip_gap_mm >= OPEN_SHARE * width_mm
    sentences = {
        "size": f"moves {row.peak_mm:.0f} mm, more than a face can",
        "flips": f"{row.flipped} triangles turn inside out",
        "lids": f"{row.flipped_lids} triangles of the lids turn inside out",
        "stretch": f"{row.stretched} triangles stretch more than {MAX_STRETCH:.0f} times",
        "moves": "hardly moves",
        "lips close": f"the lips are {row.lip_gap_mm:.1f} mm from meeting",
        "mouth opens": f"the mouth opens only {row.lip_gap_mm:.1f} mm",
    }
    row.notes += [sentences[check] for check, passed in row.checks.items() if not passed]
    if still and row.name == "tongueOut" and row.peak_mm < 0.3:
        row.notes.append("has no tongue of its own to put out, so the key is empty")
    if sealed and row.name == "vrc.v_aa":
        row.notes.append("the lips are one surface, so the mouth cannot open: the shapes move the surface only")


def _judge_distinct(rows: list[Row], offsets: np.ndarray) -> None:
    """VRChat stops lip sync when two viseme slots hold the same shape."""
    visemes = [i for i, row in enumerate(rows) if row.name.startswith("vrc.v_")]
    for i in visemes:
        twins = [rows[j].name for j in visemes if j != i and np.array_equal(offsets[i], offsets[j])]
        rows[i].checks["distinct"] = not twins
        if twins:
            rows[i].notes.append(f"is the same shape as {', '.join(twins)}")
