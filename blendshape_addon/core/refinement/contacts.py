"""Where geometry knows the amplitude: lips that must meet do meet, lids close, and neither passes through the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..expressions import TABLE
from ..face.anatomy import FaceAnatomy
from ..face.features import Features
from ..face.parameters import SLITS
from ..face.parts import Part
from ..face.slits import COLUMNS, Slit, has_rims
from ..geometry.mesh import Facing, any3, edges_of
from ..geometry.smoothing import FlipDetector, relax_flips
from .parameters import LID_CONTACT, LIP_CONTACT, NEW_FLIPS, RIM_SHIFT


def resolve_contacts(anatomy: FaceAnatomy, offsets: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Close what must close and part what would pass through, in (E, N, 3) face-space offsets; in place.

    A correction that would crumple the skin (a lid too coarse or too folded to read) is not made.
    """
    features, triangles = anatomy.features, anatomy.skin
    rest = features.positions
    for number, expression in enumerate(TABLE[name] for name in names):
        for field, side in enumerate("lr", 1):
            eye, closes = anatomy.eyes.get(side), side in expression.closes_lids
            if eye and (closes or expression.limits_lids):
                fitted = _fit_lids(features, offsets[number].copy(), eye, field, closes)
                closed = limit_new_flips(rest, triangles, offsets[number], fitted, NEW_FLIPS.share)
                if closes and eye.left_open(rest, rest + closed) > LID_CONTACT.max_open:
                    fitted = smooth_folds(rest, triangles, offsets[number], fitted, eye)
                    closed = limit_new_flips(rest, triangles, closed, fitted, NEW_FLIPS.share_lids)
                offsets[number] = closed
        # Face tracking layers units (mouthClose only makes sense over jawOpen): only whole expressions are kept apart.
        if anatomy.mouth and not expression.layered:
            fitted = _fit_lips(features, offsets[number].copy(), anatomy.mouth, expression.closes_lips)
            if expression.bites_lip:
                fitted = tuck_lower_lip(features, fitted, anatomy.mouth)
            share = NEW_FLIPS.share_lips if expression.closes_lips else NEW_FLIPS.share
            offsets[number] = limit_new_flips(rest, triangles, offsets[number], fitted, share)
    return offsets


def smooth_folds(
    rest: np.ndarray, triangles: np.ndarray, raw: np.ndarray, fitted: np.ndarray, slit: Slit
) -> np.ndarray:
    """(N, 3) `fitted` with less of the folds that closing makes beyond the edges of the lids, which stay where they
    meet. raw: (N, 3) before it was fitted. triangles: (T, 3) of the skin."""
    touched = triangles[any3(any3(fitted != raw)[triangles])]
    u = slit.u(rest)
    beside = [np.abs(rest[:, 1] - np.interp(u, COLUMNS, slit.rim(rest, side))) for side in (slit.upper, slit.lower)]
    within = np.abs(u - 0.5) < 0.5 + LID_CONTACT.beyond_corner
    edges = np.flatnonzero((np.minimum(*beside) < LID_CONTACT.rim) & within)
    return relax_flips(fitted, edges_of(touched), FlipDetector(Facing.of(rest, touched), rest), edges)


def limit_new_flips(
    rest: np.ndarray, triangles: np.ndarray, raw: np.ndarray, fitted: np.ndarray, share: float
) -> np.ndarray:
    """(N, 3) `fitted`, or half the way to it from `raw`, or `raw`: the first that does not turn over far more of the
    (T, 3) triangles than `raw` does. share: of the triangles that `fitted` moves, that may be turned over."""
    touched = triangles[any3(any3(fitted != raw)[triangles])]
    if len(touched) == 0:
        return fitted
    facing = Facing.of(rest, touched)
    before = facing.flipped(rest + raw).sum()
    allowed = max(NEW_FLIPS.few + share * len(touched), NEW_FLIPS.ratio * before)
    for offset in (fitted, (raw + fitted) / 2):
        if facing.flipped(rest + offset).sum() <= allowed:
            return offset
    return raw


def _fit_lids(features: Features, offset: np.ndarray, slit: Slit, field: int, must_meet: bool) -> np.ndarray:
    """Scale the lids' own motion, column by column, so that the upper rim comes to lie a little over the lower one
    (must_meet), or only not further over it than that; in place."""
    rest = features.positions
    # Per column along the eye: how far it is open in the neutral, how far the offset leaves it open, how far it shall.
    open_gap = np.maximum(slit.gap(rest), 0)
    left = slit.gap(rest + offset)
    largest = max(float(open_gap.max()), 1e-6)
    share = open_gap / largest  # lids lie side by side in the corners
    nearest = -LID_CONTACT.min_overlap * share if must_meet else np.inf
    target = np.clip(left, -LID_CONTACT.max_overlap * share, nearest)
    # The factor is what the motion should close over what it closes. A lid that hardly moves or has no way to go, as at
    # the corners, says nothing of that: `doubt`, added to numerator and denominator, draws its factor to 1.
    closing = np.maximum(open_gap - left, 0)
    doubt = (LID_CONTACT.still * largest) ** 2
    most = LID_CONTACT.max_scale
    scale = np.clip(((open_gap - target) * closing + doubt) / (closing**2 + doubt), 1 / most, most)
    count = LID_CONTACT.smoothed_columns
    scale = np.convolve(np.pad(scale, count // 2, mode="edge"), np.ones(count) / count, mode="valid")
    # Scaled are the lids and the skin around them, up to an ellipse where that has faded; the eyeball is not.
    u = slit.u(rest)
    centre = slit.corners.mean(0)
    width = slit.ends[1] - slit.ends[0]
    reach = [LID_CONTACT.reach_x * width, LID_CONTACT.reach_y * width]
    distance = np.linalg.norm((rest - centre)[:, :2] / reach, axis=1)
    near = np.clip(2 - distance, 0, 1) * (features.part != Part.EYE)
    offset *= (1 + (np.interp(u, COLUMNS, scale) - 1) * near)[:, None].astype(np.float32)
    # What scaling left open, or pushed too far, is divided between the rims.
    return _shift(features, offset, slit, field, slit.gap(rest + offset) - target, LID_CONTACT.upper_share)


def _fit_lips(features: Features, offset: np.ndarray, slit: Slit, must_meet: bool) -> np.ndarray:
    """Bring the rims together (must_meet), or only back out of each other; in place."""
    rest = np.minimum(slit.gap(features.positions), 0)
    for _ in range(LIP_CONTACT.max_steps):
        excess = slit.gap(features.positions + offset) - rest
        if np.abs(excess if must_meet else np.minimum(excess, 0)).max() < LIP_CONTACT.close:
            break
        gap = excess if must_meet else np.minimum(excess, 0)
        _shift(features, offset, slit, 0, gap, LIP_CONTACT.upper_share)
    return offset


def tuck_lower_lip(features: Features, offset: np.ndarray, slit: Slit) -> np.ndarray:
    """Bring the lower lip to the edge of the upper front teeth in an (N, 3) offset, in place; nearly to the upper lip
    where no teeth are known."""
    moved = features.positions + offset
    upper, lower = slit.rim(moved, slit.upper), slit.rim(moved, slit.lower)
    target = upper - LIP_CONTACT.bite_gap
    teeth = features.positions[features.part == Part.TEETH_UPPER]
    if len(teeth):
        front = teeth[teeth[:, 2] > teeth[:, 2].max() - LIP_CONTACT.front_depth]
        target = np.minimum(front[:, 1].min() + SLITS.touch, target)
    # The whole way in the middle half of the mouth, none at the corners.
    middle = np.clip(2 - 4 * np.abs(COLUMNS - 0.5), 0, 1)
    return _shift(features, offset, slit, 0, (target - lower) * middle, share=0)


def _shift(features: Features, offset: np.ndarray, slit: Slit, field: int, gap: np.ndarray, share: float) -> np.ndarray:
    """Move the upper side down by `share` of the gap (COLUMNS,), the lower up by the rest, fading with distance; in
    place."""
    if np.abs(gap).max() < RIM_SHIFT.negligible:
        return offset
    moved = features.positions + offset
    u = slit.u(moved)
    # Per vertex: the gap of its column, 0 at the corners and beyond.
    amount = np.interp(u, [0, *COLUMNS, 1], [0, *gap, 0]) * has_rims(features, field)
    for rim, sign, part in ((slit.upper, 1, share), (slit.lower, -1, 1 - share)):
        # It fades as a Gaussian of the height from the rim, and of the depth behind it; the other side stays.
        edge = np.interp(u, COLUMNS, slit.rim(moved, rim))
        height = (moved[:, 1] - edge) / RIM_SHIFT.reach
        depth = np.maximum(moved[rim, 2].mean() - RIM_SHIFT.depth - moved[:, 2], 0) / RIM_SHIFT.reach
        near = np.exp(-(height**2) - depth**2)
        own = features.side[:, field] * sign > 0
        offset[:, 1] -= (sign * part * amount * near * own).astype(np.float32)
    return offset
