"""Which of the pieces inside a mouth are the rows of teeth, the tongue and the mouth's wall.

Face space leans forward, by 3 to 26 degrees on the rigs, so the height of what lies behind the lips says little: at the
back of the mouth lower teeth lie as high as the lips. Pieces are therefore compared with each other at the same place,
and with the lips only where they touch them, at the front.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..geometry.raster import rasterise
from .face_space import mouth_corners, point
from .parameters import MOUTH_PIECES
from .part_names import Part, named, named_row
from .pieces import Pieces


@dataclass(frozen=True)
class Lips:
    """Where the lips meet. seam: (3,) middle of the line between them. half: half the mouth's width."""

    seam: np.ndarray
    half: float

    @staticmethod
    def of(landmarks: np.ndarray) -> Lips:
        """From (L, 3) landmarks."""
        corners = mouth_corners(landmarks)
        seam = point(landmarks, "lip_upper_inner_mid", "lip_lower_inner_mid")
        return Lips(seam, 0.5 * float(np.linalg.norm(corners[0] - corners[1])))


def classify(pieces: Pieces, inside: np.ndarray, lips: Lips) -> np.ndarray:
    """(M,) of Part for `inside`, the (M,) pieces that lie in the mouth: wall, tongue, then rows of teeth."""
    part = np.full(len(inside), int(Part.MOUTH), np.int8)
    if len(inside) == 0:
        return part
    names = [pieces.names[p] for p in inside]
    part[[named(name) == Part.TONGUE for name in names]] = Part.TONGUE
    unknown = part != Part.TONGUE
    unknown &= ~_walls(pieces, inside, lips)
    tongue = _tongue(pieces, inside[unknown], lips) if not (part == Part.TONGUE).any() else None
    if tongue is not None:
        part[inside == tongue] = Part.TONGUE
        unknown &= inside != tongue
    part[unknown] = rows(pieces, inside[unknown], lips)
    return part


def rows(pieces: Pieces, teeth: np.ndarray, lips: Lips) -> np.ndarray:
    """(M,) TEETH_UPPER or TEETH_LOWER for (M,) pieces that are teeth: by name, else by where they bite."""
    if len(teeth) == 0:
        return np.empty(0, np.int8)
    if len(teeth) >= MOUTH_PIECES.min_single_teeth:
        upper = _above_bite(pieces.mean[teeth], pieces.size[teeth])
    else:
        upper = _above_split(pieces, teeth, lips)
    part = np.where(upper, Part.TEETH_UPPER, Part.TEETH_LOWER).astype(np.int8)
    by_name = [named_row(pieces.names[p]) for p in teeth]
    return np.array([p if s is None else s for p, s in zip(part, by_name, strict=True)], np.int8)


@dataclass(frozen=True)
class _Columns:
    """How high pieces reach over a grid of the floor. top, bottom: (M, S, S), NaN where a piece is not."""

    top: np.ndarray
    bottom: np.ndarray

    @staticmethod
    def of(pieces: Pieces, some: np.ndarray) -> _Columns:
        """Of (M,) pieces: each drawn as seen from above and from below, at the same scale."""
        low, high = pieces.low[some].min(0), pieces.high[some].max(0)
        scale = max(float((high - low).max()) / 2, 1e-9)
        place = (pieces.vertices - (low + high) / 2) / scale
        size = MOUTH_PIECES.pixels
        heights = np.full((2, len(some), size, size), np.nan)
        for m, piece in enumerate(some):
            for k, sign in enumerate((1.0, -1.0)):
                picture = rasterise(place[:, [0, 2, 1]] * [1, 1, sign], pieces.triangles_of(piece), size)
                heights[k, m][picture.mask] = sign * picture.depth[picture.mask]
        return _Columns(*(heights * scale + (low + high)[1] / 2))


def _walls(pieces: Pieces, inside: np.ndarray, lips: Lips) -> np.ndarray:
    """(M,) bool: gums and interiors that reach both above and below what else is in the mouth, or about as high and as
    low as single teeth of both rows do; a piece that is alone, if it reaches far above and below the lips."""
    low, high = pieces.low[inside, 1], pieces.high[inside, 1]
    out = np.zeros(len(inside), bool)
    if len(inside) == 1:
        out = (high - lips.seam[1] > lips.half) & (lips.seam[1] - low > MOUTH_PIECES.gum_drop * lips.half)
    elif len(inside) > MOUTH_PIECES.min_single_teeth:
        for m in range(len(inside)):
            floor, roof = np.delete(low, m).min(), np.delete(high, m).max()
            out[m] = min(roof, high[m]) - max(floor, low[m]) > MOUTH_PIECES.gum_height * (roof - floor)
    else:
        columns = _Columns.of(pieces, inside)
        shown = np.isfinite(columns.top)
        area = shown.sum((1, 2))
        slack = MOUTH_PIECES.wall_slack * lips.half
        for m in range(len(inside)):
            others = np.flatnonzero((np.arange(len(inside)) != m) & (area > 0))
            around = columns.top[m] >= columns.top[others] - slack
            around &= columns.bottom[m] <= columns.bottom[others] + slack
            held = (around & shown[others]).sum((1, 2)) > MOUTH_PIECES.held_area * area[others]
            out[m] = len(others) > 0 and held.mean() > MOUTH_PIECES.held_pieces
    return out & np.array([named_row(pieces.names[p]) is None for p in inside])


def _tongue(pieces: Pieces, some: np.ndarray, lips: Lips) -> int | None:
    """The piece of (M,) `some` that is a tongue without a name: narrower than the rows around it, as long as they are
    at least in part, in the middle, and it begins behind them. One that is alone must be longer than wide."""
    best, narrowest = None, np.inf
    for piece in some:
        extent, others = pieces.extent[piece], some[some != piece]
        middle = abs(pieces.centre[piece, 0] - lips.seam[0]) < MOUTH_PIECES.tongue_middle * lips.half
        if not middle or named_row(pieces.names[piece]) is not None:
            continue
        if len(others) == 0:
            fits = extent[2] > MOUTH_PIECES.tongue_length * extent[0] and extent[2] > lips.half
            share = 0.0
        else:
            around = pieces.high[others].max(0) - pieces.low[others].min(0)
            share = extent[0] / max(around[0], 1e-9)
            widest = MOUTH_PIECES.tongue_width if len(others) > 1 else MOUTH_PIECES.tongue_width_of_two
            fits = (
                MOUTH_PIECES.tongue_min_width < share < widest
                and extent[2] > MOUTH_PIECES.tongue_min_length * around[2]
                and pieces.high[piece, 2] < pieces.high[others, 2].max() - MOUTH_PIECES.tongue_behind * lips.half
            )
        if fits and share < narrowest:
            best, narrowest = int(piece), share
    return best


def _above_bite(mean: np.ndarray, size: np.ndarray) -> np.ndarray:
    """(M,) bool, where every tooth is a piece of its own: those above the plane on which the two rows bite, which rises
    towards the back, so that no one height parts them. mean: (M, 3) and size: (M,) of the pieces."""
    system = np.stack([np.ones(len(mean)), mean[:, 2]], 1) * np.sqrt(size)[:, None]
    height, slope = np.linalg.lstsq(system, mean[:, 1] * np.sqrt(size), rcond=None)[0]
    return mean[:, 1] > height + slope * mean[:, 2]


def _above_split(pieces: Pieces, teeth: np.ndarray, lips: Lips) -> np.ndarray:
    """(M,) bool: the pieces above the bite.

    They are put in order, each above those that it lies over. Of the places between two of them, and those above and
    below all, the bite is the one whose height at the front is nearest to the seam of the lips.
    """
    columns = _Columns.of(pieces, teeth)
    middle = (columns.top + columns.bottom) / 2
    level = np.array([_level(pieces.mean[p], lips) for p in teeth])
    over = np.zeros((len(teeth), len(teeth)))
    for a in range(len(teeth)):
        for b in range(a):
            apart = middle[a] - middle[b]
            shared = np.isfinite(apart)
            least = MOUTH_PIECES.shared_area * min(np.isfinite(middle[k]).sum() for k in (a, b))
            rise = np.median(apart[shared]) if shared.sum() > least else level[a] - level[b]
            over[a, b], over[b, a] = rise > 0, rise <= 0
    order = np.lexsort((level, over.sum(1)))[::-1]  # the highest first
    edges = np.array([_front(pieces, p, lips) for p in teeth[order]])  # (M, 2) lowest and highest at the front
    best, least = 0, np.inf
    for split in range(len(order) + 1):
        above, below = edges[:split, 0], edges[split:, 1]
        ends = ([above.min()] if len(above) else []) + ([below.max()] if len(below) else [])
        off = abs(float(np.mean(ends))) / lips.half
        off += MOUTH_PIECES.one_row if len(ends) == 1 else 0.0
        if off < least:
            best, least = split, off
    upper = np.zeros(len(teeth), bool)
    upper[order[:best]] = True
    return upper


def _level(place: np.ndarray, lips: Lips) -> np.ndarray:
    """(...) heights of (..., 3) points over the plane of the bite, which rises behind the lips by its median slope."""
    behind = np.maximum(lips.seam[2] - place[..., 2], 0)
    return place[..., 1] - lips.seam[1] - MOUTH_PIECES.bite_slope * behind


def _front(pieces: Pieces, piece: int, lips: Lips) -> tuple[float, float]:
    """Lowest and highest level of a piece behind the middle of the lips."""
    own = pieces.vertices[pieces.of == piece]
    beside = np.abs(own[:, 0] - lips.seam[0])
    own = own[beside <= max(MOUTH_PIECES.front_width * lips.half, beside.min())]
    own = own[own[:, 2] >= own[:, 2].max() - MOUTH_PIECES.front_depth * lips.half]
    level = _level(own, lips)
    return float(level.min()), float(level.max())
