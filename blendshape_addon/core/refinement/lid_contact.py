"""How lids close: where they meet, and what share of the way each of them goes."""

from __future__ import annotations

import numpy as np

from ..face.features import Features
from ..face.parts import Part
from ..face.slits import COLUMNS, Slit
from .parameters import LID_CONTACT
from .rim_shift import shift_rims


def close_lids(features: Features, offset: np.ndarray, slit: Slit, field: int, meet: float | None) -> np.ndarray:
    """Scale the lids' own motion, column by column, so that the upper rim comes to lie a little over the lower one, in
    an (N, 3) offset; in place.

    meet: share of the opening, above the lower lid at rest, where they meet; None: where their motion has them meet.
    """
    rest = features.positions
    opening = np.maximum(slit.gap(rest), 0)
    largest = max(float(opening.max()), 1e-6)
    # Lids lie side by side in the corners, elsewhere over each other as their motion has them, within limits.
    least = max(LID_CONTACT.min_overlap, LID_CONTACT.overlap * largest)
    share = opening / largest
    overlap = np.clip(-slit.gap(rest + offset), least * share, LID_CONTACT.max_overlap * share)
    rims = {side: (slit.rim(rest, rim), rim) for side, rim in ((1, slit.upper), (-1, slit.lower))}
    ways = {side: side * (start - slit.rim(rest + offset, rim)) for side, (start, rim) in rims.items()}
    if meet is None:
        together = np.maximum(ways[1] + ways[-1], 0)
        part = ways[-1] * together / (together**2 + (LID_CONTACT.still * largest) ** 2)
        meets = np.clip(_smooth(part), 0, LID_CONTACT.max_meet)
    else:
        meets = np.full(len(COLUMNS), meet)
    wanted = {1: (1 - meets) * opening + overlap, -1: meets * opening}
    _scale(features, offset, slit, field, {side: _factor(wanted[side], ways[side], largest) for side in (1, -1)})
    down = wanted[1] - (rims[1][0] - slit.rim(rest + offset, slit.upper))
    up = wanted[-1] - (slit.rim(rest + offset, slit.lower) - rims[-1][0])
    return shift_rims(features, offset, slit, field, down, up)


def limit_lids(features: Features, offset: np.ndarray, slit: Slit, field: int) -> np.ndarray:
    """Scale the lids' own motion, column by column, so that the upper rim comes to lie no farther over the lower one
    than where they meet, in an (N, 3) offset; in place."""
    rest = features.positions
    opening = np.maximum(slit.gap(rest), 0)
    left = slit.gap(rest + offset)
    largest = max(float(opening.max()), 1e-6)
    target = np.maximum(left, -LID_CONTACT.max_overlap * opening / largest)
    factor = _factor(opening - target, np.maximum(opening - left, 0), largest)
    _scale(features, offset, slit, field, {1: factor, -1: factor})
    gap, share = slit.gap(rest + offset) - target, LID_CONTACT.upper_share
    return shift_rims(features, offset, slit, field, share * gap, (1 - share) * gap)


def _factor(wanted: np.ndarray, way: np.ndarray, largest: float) -> np.ndarray:
    """(COLUMNS,) the factor of a rim's motion, which is what it is to move over what it moves.

    A rim that hardly moves or has no way to go, as at the corners, says nothing of that: `doubt`, added to numerator
    and denominator, draws its factor to 1.
    """
    doubt = (LID_CONTACT.still * largest) ** 2
    return _smooth(np.clip((wanted * way + doubt) / (way**2 + doubt), 1 / LID_CONTACT.max_scale, LID_CONTACT.max_scale))


def _smooth(columns: np.ndarray) -> np.ndarray:
    count = LID_CONTACT.smoothed_columns
    return np.convolve(np.pad(columns, count // 2, mode="edge"), np.ones(count) / count, mode="valid")


def _scale(features: Features, offset: np.ndarray, slit: Slit, field: int, factors: dict[int, np.ndarray]) -> None:
    """Scale the lids and the skin around them, up to an ellipse where that has faded; the eyeball is not. In place.

    factors: of the upper side (1) and the lower one (-1), (COLUMNS,).
    """
    rest = features.positions
    u = slit.u(rest)
    width = slit.ends[1] - slit.ends[0]
    reach = [LID_CONTACT.reach_x * width, LID_CONTACT.reach_y * slit.size(rest)]
    distance = np.linalg.norm((rest - slit.corners.mean(0))[:, :2] / reach, axis=1)
    near = np.clip(2 - distance, 0, 1) * (features.part != Part.EYE)
    # At the corners, where the sides run into each other, the factor is the mean of both.
    upper = np.clip(0.5 + features.side[:, field] / (2 * LID_CONTACT.sides), 0, 1)
    factor = upper * np.interp(u, COLUMNS, factors[1]) + (1 - upper) * np.interp(u, COLUMNS, factors[-1])
    offset *= (1 + (factor - 1) * near)[:, None].astype(np.float32)
