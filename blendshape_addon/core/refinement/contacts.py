"""Where geometry knows the amplitude: lips that must meet do meet, lids close, and neither passes through the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..expressions import TABLE
from ..face.anatomy import FaceAnatomy
from ..face.features import Features
from ..face.parts import Part
from ..face.slits import COLUMNS, TOUCH, Slit, has_rims
from ..geometry.mesh import Facing, edges_of, flipped
from ..geometry.smoothing import FlipDetector, relax_flips

NEARLY = 0.02  # eye distances between lips that nearly meet
FRONT_TEETH = 0.12  # eye distances behind the foremost tooth that still count as its front
REACH = 0.11  # eye distances: how far from the rim a correction fades
MORE_FOLDS = 1.35  # times as many triangles as before that a contact may turn over
LEAST_OVER, MOST_OVER = 0.008, 0.03  # eye distances that the upper lid lies over the lower one when shut
LOOKS, CLOSE = 6, 0.001  # at the lips, at most, until they are so near to what is meant, in eye distances
EDGE = 0.05  # eye distances: the edge of a lid is within that of its rim
MOST_OPEN = 0.1  # of an eye's opening, that a blink may leave before folds are preferred to it
MAX_SCALE = 2.5  # a lid's motion is stretched by no more than this to close


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
                closed = limit_new_flips(rest, triangles, offsets[number], fitted)
                if closes and eye.left_open(rest, rest + closed) > MOST_OPEN:
                    fitted = smooth_folds(rest, triangles, offsets[number], fitted, eye)
                    closed = limit_new_flips(rest, triangles, closed, fitted, folds=0.04)
                offsets[number] = closed
        # Face tracking layers units (mouthClose only makes sense over jawOpen), so only whole expressions are kept
        # apart.
        if anatomy.mouth and not expression.layered:
            fitted = _fit_lips(features, offsets[number].copy(), anatomy.mouth, expression.closes_lips)
            if expression.bites_lip:
                fitted = tuck_lower_lip(features, fitted, anatomy.mouth)
            folds = 0.03 if expression.closes_lips else 0.01
            offsets[number] = limit_new_flips(rest, triangles, offsets[number], fitted, folds)
    return offsets


def smooth_folds(
    rest: np.ndarray, triangles: np.ndarray, raw: np.ndarray, fitted: np.ndarray, slit: Slit
) -> np.ndarray:
    """`fitted` with less of the folds that closing makes beyond the edges of the lids, which stay where they meet."""
    touched = triangles[(fitted != raw).any(1)[triangles].any(1)]
    u = slit.u(rest)
    beside = [np.abs(rest[:, 1] - np.interp(u, COLUMNS, slit.rim(rest, side))) for side in (slit.upper, slit.lower)]
    edges = np.flatnonzero((np.minimum(*beside) < EDGE) & (np.abs(u - 0.5) < 0.6))
    return relax_flips(fitted, edges_of(touched), FlipDetector(Facing.of(rest, touched), rest), edges)


def limit_new_flips(
    rest: np.ndarray, triangles: np.ndarray, raw: np.ndarray, fitted: np.ndarray, folds: float = 0.01
) -> np.ndarray:
    """`fitted`, or half the way to it, unless it turns far more triangles over than `raw` does: more than a share of
    `folds` of what it moves."""
    changed = (fitted != raw).any(1)
    touched = triangles[changed[triangles].any(1)]
    if len(touched) == 0:
        return fitted
    allowed = max(2 + folds * len(touched), MORE_FOLDS * flipped(rest, rest + raw, touched).sum())
    for offset in (fitted, (raw + fitted) / 2):
        if flipped(rest, rest + offset, touched).sum() <= allowed:
            return offset
    return raw


def _fit_lids(features: Features, offset: np.ndarray, slit: Slit, field: int, must_meet: bool) -> np.ndarray:
    """Scale the lids' own motion, column by column, so that the upper rim comes to lie a little over the lower one
    (must_meet), or only not further over it than that."""
    open_gap = np.maximum(slit.gap(features.positions), 0)
    left = slit.gap(features.positions + offset)
    share = open_gap / max(float(open_gap.max()), 1e-6)  # lids lie side by side in the corners
    target = np.clip(left, -MOST_OVER * share, -LEAST_OVER * share if must_meet else np.inf)
    closing = np.maximum(open_gap - left, 0)
    # Where a lid hardly moves or has no way to go, as at the corners, it is left as it is.
    doubt = (0.2 * max(float(open_gap.max()), 1e-6)) ** 2
    scale = np.clip(((open_gap - target) * closing + doubt) / (closing**2 + doubt), 1 / MAX_SCALE, MAX_SCALE)
    scale = np.convolve(np.pad(scale, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    u = slit.u(features.positions)
    centre = slit.corners.mean(0)
    width = slit.ends[1] - slit.ends[0]
    distance = np.linalg.norm((features.positions - centre)[:, :2] / [0.75 * width, 0.6 * width], axis=1)
    near = np.clip(2 - distance, 0, 1) * (features.part != Part.EYE)
    offset *= (1 + (np.interp(u, COLUMNS, scale) - 1) * near)[:, None].astype(np.float32)
    # What scaling left open, or pushed too far, is shared out near the rims.
    return _shift(features, offset, slit, field, slit.gap(features.positions + offset) - target, share=0.85)


def _fit_lips(features: Features, offset: np.ndarray, slit: Slit, must_meet: bool) -> np.ndarray:
    """Bring the rims together (must_meet), or only back out of each other."""
    rest = np.minimum(slit.gap(features.positions), 0)
    for _ in range(LOOKS):  # the shift bends the rims a little, so look again
        excess = slit.gap(features.positions + offset) - rest
        if np.abs(excess if must_meet else np.minimum(excess, 0)).max() < CLOSE:
            break
        _shift(features, offset, slit, 0, excess if must_meet else np.minimum(excess, 0), share=0.5)
    return offset


def tuck_lower_lip(features: Features, offset: np.ndarray, slit: Slit) -> np.ndarray:
    """Bring the lower lip to the edge of the upper front teeth; nearly to the upper lip where no teeth are known."""
    moved = features.positions + offset
    upper, lower = slit.rim(moved, slit.upper), slit.rim(moved, slit.lower)
    target = upper - NEARLY
    teeth = features.positions[features.part == Part.TEETH_UPPER]
    if len(teeth):
        front = teeth[teeth[:, 2] > teeth[:, 2].max() - FRONT_TEETH]
        target = np.minimum(front[:, 1].min() + TOUCH, target)
    middle = np.clip(2 - 4 * np.abs(COLUMNS - 0.5), 0, 1)  # the corners stay as they are
    return _shift(features, offset, slit, 0, (target - lower) * middle, share=0)


def _shift(features: Features, offset: np.ndarray, slit: Slit, field: int, gap: np.ndarray, share: float) -> np.ndarray:
    """Move the upper side down by `share` of the gap (COLUMNS,), the lower up by the rest, fading with distance."""
    if np.abs(gap).max() < 1e-5:
        return offset
    moved = features.positions + offset
    u = slit.u(moved)
    amount = np.interp(u, [0, *COLUMNS, 1], [0, *gap, 0]) * has_rims(features, field)
    for rim, sign, part in ((slit.upper, 1, share), (slit.lower, -1, 1 - share)):
        edge = np.interp(u, COLUMNS, slit.rim(moved, rim))
        depth = moved[rim, 2].mean()
        near = np.exp(-(((moved[:, 1] - edge) / REACH) ** 2) - (np.maximum(depth - 0.1 - moved[:, 2], 0) / REACH) ** 2)
        own = features.side[:, field] * sign > 0
        offset[:, 1] -= (sign * part * amount * near * own).astype(np.float32)
    return offset
