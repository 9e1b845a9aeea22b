"""Which of the pieces about the eyes are eyeballs, irises and highlights, and which are lashes, lines and brows."""

from __future__ import annotations

import numpy as np

from .face_space import eye_centres, point
from .parameters import EYE_PIECES
from .part_names import Part, named
from .pieces import Pieces


def classify(pieces: Pieces, candidates: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(M,) of Part for (M,) pieces that may lie about the eyes: EYE, ATTACHED or OTHER.

    An eyeball, or a flat iris, is seen through the opening of the lids: it covers the middle of it and lies no farther
    forward than their edges. A lash or a line leaves the middle free; hair and glasses lie before the edges.
    """
    part = np.full(len(candidates), int(Part.OTHER), np.int8)
    eyes = _Openings.of(landmarks)
    for m, p in enumerate(candidates):
        name = named(pieces.names[p])
        if name == Part.ATTACHED and pieces.extent[p, 1] < EYE_PIECES.attached_height:
            part[m] = Part.ATTACHED
        elif eyes.near(pieces, p) and name != Part.OTHER:
            part[m] = Part.EYE if name != Part.ATTACHED and eyes.seen_through(pieces, p, name) else Part.ATTACHED
        elif _is_brow(pieces, p, landmarks) and name != Part.OTHER:
            part[m] = Part.ATTACHED
    _join_twins(pieces, candidates, part)
    _join_highlights(pieces, candidates, part)
    return part


class _Openings:
    """The openings of the lids. eyes: (2, 3) their middles, the left one first. width: mean. height: (2,). edge: (2,)
    depth of the lids' edges."""

    def __init__(self, eyes: np.ndarray, width: float, height: np.ndarray, edge: np.ndarray) -> None:
        self.eyes, self.width, self.height, self.edge = eyes, width, height, edge

    @staticmethod
    def of(landmarks: np.ndarray) -> _Openings:
        """From (L, 3) landmarks."""
        upper, lower = (np.stack([point(landmarks, f"lid_{v}_mid_{s}") for s in "lr"]) for v in ("upper", "lower"))
        width = float(np.linalg.norm(point(landmarks, "eye_inner_l") - point(landmarks, "eye_outer_l")))
        return _Openings(eye_centres(landmarks), width, abs(upper - lower)[:, 1], (upper + lower)[:, 2] / 2)

    def near(self, pieces: Pieces, p: int) -> bool:
        """Whether a piece lies about one eye, or is one piece about both, and is no larger than an eye."""
        centre, extent = pieces.centre[p], pieces.extent[p]
        one = np.abs(centre[None, :2] - self.eyes[:, :2]).max(1).min() < EYE_PIECES.distance * self.width
        both = (
            abs(centre[0]) < EYE_PIECES.both_middle
            and extent[0] > EYE_PIECES.both_width
            and abs(centre[1] - self.eyes[0, 1]) < EYE_PIECES.both_height
        )
        sunk = pieces.high[p, 2] < self.edge.min() - EYE_PIECES.sunk
        high = EYE_PIECES.height * max(self.width, self.height.max())
        return bool((one or both) and not sunk and extent[1] < high and extent[2] < EYE_PIECES.depth)

    def seen_through(self, pieces: Pieces, p: int, name: Part | None) -> bool:
        """Whether a piece is what the lids open on."""
        side = int(np.abs(pieces.centre[p, 0] - self.eyes[:, 0]).argmin())
        eye, height = self.eyes[side], self.height[side]
        low, high = pieces.low[p], pieces.high[p]
        if (
            high[1] - low[1] < EYE_PIECES.covers * height
            or not (low[:2] < eye[:2]).all()
            or not (eye[:2] < high[:2]).all()
        ):
            return False
        if name == Part.EYE:
            return True
        reach = np.array([self.width, height]) * EYE_PIECES.middle
        points = eye[:2] + np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1]), -1).reshape(-1, 2) * reach
        worn = pieces.mean[p, 2] > self.edge[side] + EYE_PIECES.before
        return bool(not worn and pieces.covers(p, points).mean() >= EYE_PIECES.middle_covered)


def _is_brow(pieces: Pieces, p: int, landmarks: np.ndarray) -> bool:
    centre, extent = pieces.centre[p], pieces.extent[p]
    brows = np.stack([point(landmarks, f"brow_mid_{s}") for s in "lr"])
    near = np.abs(centre - brows).max(1).min() < EYE_PIECES.brow_distance
    both = (
        abs(centre[0]) < EYE_PIECES.both_brows_middle
        and abs(centre[1] - brows[0, 1]) < EYE_PIECES.both_brows_height
        and abs(centre[2] - brows[0, 2]) < EYE_PIECES.both_brows_depth
    )
    return bool((near or both) and extent[1] < EYE_PIECES.brow_height and extent[2] < EYE_PIECES.brow_depth)


def _join_twins(pieces: Pieces, candidates: np.ndarray, part: np.ndarray) -> None:
    """An eye whose mirror image is an eyeball is one too: one side alone may lie on the edge of a limit."""
    mirror = np.array([-1.0, 1, 1])
    for eye in np.flatnonzero(part == Part.EYE):
        at, size = pieces.centre[candidates[eye]] * mirror, pieces.extent[candidates[eye]]
        same = (np.abs(pieces.centre[candidates] - at) < EYE_PIECES.twin).all(1)
        same &= (np.abs(pieces.extent[candidates] - size) < EYE_PIECES.twin).all(1)
        same &= pieces.size[candidates] == pieces.size[candidates[eye]]
        part[same & (part == Part.ATTACHED)] = Part.EYE


def _join_highlights(pieces: Pieces, candidates: np.ndarray, part: np.ndarray) -> None:
    """Pupils, highlights and tear glands lie before an eye and are small; a lash is as wide as the lids."""
    low, high, mean = (values[candidates] for values in (pieces.low, pieces.high, pieces.mean))
    middle = pieces.centre[candidates][:, :2]
    names = np.array([named(pieces.names[p]) == Part.ATTACHED for p in candidates], bool)
    for eye in np.flatnonzero(part == Part.EYE):
        margin = EYE_PIECES.highlight_margin
        within = (low[:, :2] > low[eye, :2] - margin).all(1) & (high[:, :2] < high[eye, :2] + margin).all(1)
        within &= (high - low)[:, 0] < EYE_PIECES.highlight_width * (high - low)[eye, 0]
        within &= np.abs(mean[:, 2] - high[eye, 2]) < EYE_PIECES.highlight_depth
        within &= (part == Part.ATTACHED) & ~names
        part[within] = np.where(pieces.covers(candidates[eye], middle[within]), Part.EYE, Part.ATTACHED)
