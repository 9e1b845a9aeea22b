"""Where geometry knows the amplitude: lips that must meet do meet, lids close, and neither passes through the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..expressions import TABLE
from ..face.anatomy import FaceAnatomy
from ..face.features import Features
from ..face.parameters import SLITS
from ..face.parts import Part
from ..face.slits import COLUMNS, Slit
from ..geometry.mesh import Facing, any3, edges_of
from ..geometry.smoothing import FlipDetector, relax_flips
from .lid_contact import close_lids, limit_lids
from .parameters import LID_CONTACT, LIP_CONTACT, NEW_FLIPS
from .rim_shift import shift_rims


def resolve_contacts(
    anatomy: FaceAnatomy, offsets: np.ndarray, names: Sequence[str], lids_meet: float | None = None
) -> np.ndarray:
    """Close what must close and part what would pass through, in (E, N, 3) face-space offsets; in place.

    lids_meet: see lid_contact.close_lids.

    A correction that would crumple the skin (a lid too coarse or too folded to read) is not made.
    """
    features, triangles = anatomy.features, anatomy.skin
    rest = features.positions
    for number, expression in enumerate(TABLE[name] for name in names):
        for field, side in enumerate("lr", 1):
            eye, closes = anatomy.eyes.get(side), side in expression.closes_lids
            if eye and (closes or expression.limits_lids):
                fitted = offsets[number].copy()
                if closes:
                    close_lids(features, fitted, eye, field, lids_meet)
                    closed = limit_new_flips(rest, triangles, offsets[number], fitted, NEW_FLIPS.share_lids)
                    if eye.left_open(rest, rest + closed) > LID_CONTACT.max_open:
                        fitted = smooth_folds(rest, triangles, offsets[number], fitted, eye)
                        closed = limit_new_flips(rest, triangles, closed, fitted, NEW_FLIPS.share_shut)
                else:
                    limit_lids(features, fitted, eye, field)
                    closed = limit_new_flips(rest, triangles, offsets[number], fitted, NEW_FLIPS.share)
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


def _fit_lips(features: Features, offset: np.ndarray, slit: Slit, must_meet: bool) -> np.ndarray:
    """Bring the rims together (must_meet), or only back out of each other; in place."""
    opening = slit.gap(features.positions)
    rest = np.minimum(opening, 0)
    # A mouth that is open at rest, as many muzzles are, is shut by its lower lip.
    at_rest = np.clip(opening / np.maximum(slit.gap(features.positions + offset), SLITS.touch), 0, 1)
    at_rest *= np.clip(opening / LIP_CONTACT.ajar - 1, 0, 1)
    share = LIP_CONTACT.upper_share + at_rest * (LIP_CONTACT.upper_share_at_rest - LIP_CONTACT.upper_share)
    for _ in range(LIP_CONTACT.max_steps):
        excess = slit.gap(features.positions + offset) - rest
        if np.abs(excess if must_meet else np.minimum(excess, 0)).max() < LIP_CONTACT.close:
            break
        gap = excess if must_meet else np.minimum(excess, 0)
        shift_rims(features, offset, slit, 0, share * gap, (1 - share) * gap)
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
    return shift_rims(features, offset, slit, 0, np.zeros_like(lower), (target - lower) * middle)
