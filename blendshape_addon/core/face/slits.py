"""The openings in the skin of a face: the rims of the mouth and of the eyes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..vocabulary import LANDMARK_INDEX
from .features import Features
from .parameters import SLITS
from .parts import Part

# Where gaps are measured, as `Slit.u` has it.
COLUMNS = np.linspace(SLITS.margin, 1 - SLITS.margin, SLITS.columns)


@dataclass(frozen=True)
class Slit:
    """The rims of a mouth or an eye. u runs from 0 at one corner to 1 at the other, along x.

    upper, lower: (n,) and (m,) feature vertices on each rim. corners: (2, 3), ends: (2,) their x, ascending.
    """

    upper: np.ndarray
    lower: np.ndarray
    ends: np.ndarray
    corners: np.ndarray

    def u(self, positions: np.ndarray) -> np.ndarray:
        """(...) place along the slit of (..., 3) positions."""
        return (positions[..., 0] - self.ends[0]) / (self.ends[1] - self.ends[0])

    def rim(self, positions: np.ndarray, side: np.ndarray) -> np.ndarray:
        """(COLUMNS,) y of a rim of (N, 3) positions."""
        u = self.u(positions[side])
        order = np.argsort(u)
        return np.interp(COLUMNS, u[order], positions[side, 1][order])

    def gap(self, positions: np.ndarray) -> np.ndarray:
        """(COLUMNS,) upper minus lower rim; negative where they pass each other."""
        return self.rim(positions, self.upper) - self.rim(positions, self.lower)

    def size(self, positions: np.ndarray) -> float:
        """The greater of the opening's width and its height in (N, 3) positions."""
        return float(max(np.ptp(self.ends), self.gap(positions).max()))

    def left_open(self, rest: np.ndarray, positions: np.ndarray) -> float:
        """The share of the opening that (N, 3) `rest` has which is left in `positions`, the corners left out; 0 for
        what is shut in `rest`."""
        ends = SLITS.corner_columns
        before, after = (np.maximum(self.gap(places)[ends:-ends], 0).mean() for places in (rest, positions))
        return float(after / before) if before > SLITS.touch else 0.0


def find_slit(features: Features, field: int) -> Slit | None:
    """The mouth (field 0), the left (1) or the right eye (2); None when it is sealed or too coarse to be found.

    field: a column of Features.side.
    """
    marks = features.landmarks
    if field == 0 and features.sealed:
        return None
    if field == 0:
        left, right = "mouth_corner_l", "mouth_corner_r"
        above = ["lip_upper_inner_l", "lip_upper_inner_mid", "lip_upper_inner_r"]
        below = [name.replace("upper", "lower") for name in above]
    else:
        s = "lr"[field - 1]
        left, right = f"eye_outer_{s}", f"eye_inner_{s}"
        above = [f"lid_upper_{k}_{s}" for k in ("out", "mid", "in")]
        below = [name.replace("upper", "lower") for name in above]
    corners = np.stack([marks[LANDMARK_INDEX[n]] for n in (left, right)])
    order = np.argsort(corners[:, 0])
    corners = corners[order]
    ends = corners[:, 0]
    if ends[1] - ends[0] < SLITS.min_width:
        return None
    sides = []
    for names, sign in ((above, 1), (below, -1)):
        known = np.stack([*(marks[LANDMARK_INDEX[n]] for n in names), *corners])
        known = known[np.argsort(known[:, 0])]
        rim = _rim(features, field, sign, known, ends)
        if len(rim) < SLITS.min_vertices:
            return None
        sides.append(rim)
    return Slit(sides[0], sides[1], ends, corners)


def _rim(features: Features, field: int, sign: int, known: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Vertices of one rim: the lowest of the upper side (or highest of the lower) in each column near the landmarks."""
    x, y, z = features.positions.T
    own = has_rims(features, field) & (features.side[:, field] * sign > SLITS.min_side) & (x > ends[0]) & (x < ends[1])
    # Near the line through the landmarks: neither teeth behind nor lashes before.
    tall = np.ptp(known[:, 1])
    height, depth = max(SLITS.height, SLITS.height_share * tall), max(SLITS.depth, SLITS.depth_share * tall)
    own &= np.abs(y - np.interp(x, known[:, 0], known[:, 1])) < height
    own &= np.abs(z - np.interp(x, known[:, 0], known[:, 2])) < depth
    members = np.flatnonzero(own)
    if len(members) < SLITS.min_vertices:
        return members
    # Sorted by column, and in it by height: the first of each column is the rim.
    bins = int(np.clip(SLITS.bins_per_vertex * np.sqrt(len(members)), *SLITS.bins))
    column = ((x[members] - ends[0]) / (ends[1] - ends[0]) * bins).astype(int)
    order = np.lexsort((y[members] * sign, column))
    first = np.unique(column[order], return_index=True)[1]
    return members[order[first]]


def has_rims(features: Features, field: int) -> np.ndarray:
    """(N,) bool: what has rims that meet; of a mouth drawn on the face only the drawing."""
    return features.drawn if field == 0 and features.drawn.any() else features.part == Part.SKIN
