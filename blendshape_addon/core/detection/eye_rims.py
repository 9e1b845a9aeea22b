"""The edges of the lids by the relief of the skin: the closed crest around an eye, behind which the skin drops to the
eyeball, to the white of a socket or into a hole.

It is there on any face whose eyes are modelled, whoever drew it: where a network has not seen such eyes, their lids'
landmarks come from it. The crest is sought along rays from the eye's middle, as the closed path of greatest convexity
(the minimum-cost path of "intelligent scissors", Mortensen and Barrett 1995, in polar coordinates).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..face.face_space import point
from ..geometry.raster import rasterise
from ..vocabulary import LANDMARK_INDEX
from .parameters import EYE_RIMS, LID_POINTS


@dataclass(frozen=True)
class EyeRim:
    """The edges of one eye's lids in face space.

    marks: {landmark: (3,)} of its corners and lids. width: between the corners, along x.
    """

    marks: dict[str, np.ndarray]
    width: float

    def off(self, landmarks: np.ndarray) -> float:
        """How far (L, 3) landmarks lie beside their places on it in the median, as seen from the front."""
        apart = [np.linalg.norm((place - point(landmarks, name))[:2]) for name, place in self.marks.items()]
        return float(np.median(apart))

    def place(self, landmarks: np.ndarray) -> None:
        """Put (L, 3) landmarks, which are changed, in their places on it."""
        for name, place in self.marks.items():
            landmarks[LANDMARK_INDEX[name]] = place


def find_rim(
    vertices: np.ndarray, skin: np.ndarray, seen: np.ndarray, middle: np.ndarray, half: float, side: str
) -> EyeRim | None:
    """The edges of the lids of the eye on `side`; None where the skin has no crest around it.

    vertices: (V, 3) and middle: (3,) in face space. skin: (T, 3) triangles. seen: (S, S) bool, what is seen of the eye
    in the picture with this middle and half width, which may be nothing.
    """
    size = len(seen)
    depth = rasterise((vertices - middle) / half, skin, size).depth * half + middle[2]
    depth[~np.isfinite(depth)] = middle[2] - EYE_RIMS.hole * half  # a hole is a deep place
    rows, columns = np.nonzero(seen)
    start = np.array([columns.mean(), rows.mean()]) if len(rows) else np.full(2, (size - 1) / 2)
    angles = np.arange(EYE_RIMS.rays) / EYE_RIMS.rays * 2 * np.pi
    radii = np.linspace(0, size / 2, EYE_RIMS.steps)
    x = start[0] + np.cos(angles)[:, None] * radii
    y = start[1] - np.sin(angles)[:, None] * radii
    inside = (np.maximum(x, y) < size - 1) & (np.minimum(x, y) > 0)
    column, row = (np.clip(np.round(way).astype(int), 0, size - 1) for way in (x, y))
    crest = _crest(depth[row, column], EYE_RIMS.sharp * half)
    crest[~inside] = -1
    # What is seen of the eye lies within the edges.
    within = np.maximum.accumulate((seen[row, column] & inside)[:, ::-1], axis=1)[:, ::-1]
    farther = EYE_RIMS.far * np.linspace(0, 1, EYE_RIMS.steps)
    path = _closed_path(crest - farther - EYE_RIMS.over_eye * np.roll(within, -1, axis=1))
    ray = np.arange(EYE_RIMS.rays)
    if crest[ray, path].mean() < EYE_RIMS.min_score:
        return None
    picked = np.stack([x[ray, path], y[ray, path]], 1)
    ring = np.column_stack([
        middle[0] + ((picked[:, 0] + 0.5) / size * 2 - 1) * half,
        middle[1] + (1 - (picked[:, 1] + 0.5) / size * 2) * half,
        depth[row[ray, path], column[ray, path]],
    ])  # fmt: skip
    return _marks(ring, side)


def _crest(depth: np.ndarray, sharp: float) -> np.ndarray:
    """(A, R) -hollow to 1: how far each sample of (A, R) depths along rays stands out before its two neighbours, as a
    share of `sharp`. Before what lies farther out it counts in part, or the outline of a head would be an edge."""
    near, out = EYE_RIMS.neighbour, np.full(depth.shape, -EYE_RIMS.hollow)
    middle = depth[:, near:-near]
    within, beyond = middle - depth[:, : -2 * near], middle - depth[:, 2 * near :]
    out[:, near:-near] = (within + np.minimum(beyond, EYE_RIMS.outward * sharp)) / sharp
    return np.clip(out, -EYE_RIMS.hollow, 1)


def _closed_path(score: np.ndarray) -> np.ndarray:
    """(A,) the step on each ray of the closed path of greatest score over (A, R), by dynamic programming over two
    turns, in whose middle ends meet."""
    rays, steps = score.shape
    ways = np.arange(-EYE_RIMS.jump, EYE_RIMS.jump + 1)
    source = np.arange(steps) + ways[:, None]
    cost = np.where((source >= 0) & (source < steps), EYE_RIMS.bend * ways[:, None] ** 2, np.inf)
    source = np.clip(source, 0, steps - 1)
    total, came = score[0], []
    for turn in range(1, 2 * rays):
        before = total[source] - cost
        best = before.argmax(0)
        came.append(source[best, np.arange(steps)])
        total = before[best, np.arange(steps)] + score[turn % rays]
    path = [int(total.argmax())]
    for row in reversed(came):
        path.append(int(row[path[-1]]))
    half = rays // 2
    return np.roll(path[::-1][half : half + rays], half)


def _marks(ring: np.ndarray, side: str) -> EyeRim:
    """Corners and lids along a closed (A, 3) ring."""
    outward = ring[:, 0] * (1 if side == "l" else -1)
    width = float(np.ptp(outward))
    ends = []
    for end, away in (("inner", outward - outward.min()), ("outer", outward.max() - outward)):
        # Round corners have no tip: the middle of what reaches as far.
        tip = ring[away <= EYE_RIMS.tip * width].mean(0)
        ends.append((end, np.array([ring[away.argmin(), 0], tip[1], tip[2]])))
    (_, inner), (_, outer) = ends
    marks = {f"eye_{end}_{side}": place for end, place in ends}
    share = np.clip((ring[:, 0] - inner[0]) / (outer[0] - inner[0]), 0, 1)
    upper = ring[:, 1] > inner[1] + share * (outer[1] - inner[1])
    for lid, own in (("upper", upper), ("lower", ~upper)):
        order = np.flatnonzero(own)[np.argsort(share[own])]
        curve = np.concatenate([inner[None], ring[order], outer[None]])
        at = np.concatenate([[0], share[order], [1]])
        for name, part in LID_POINTS:
            marks[f"lid_{lid}_{name}_{side}"] = np.stack([np.interp(part, at, curve[:, axis]) for axis in range(3)])
    return EyeRim(marks, width)
