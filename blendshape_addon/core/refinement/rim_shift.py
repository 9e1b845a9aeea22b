"""Moving the rims of a mouth or an eye up and down, and the skin beside them less."""

from __future__ import annotations

import numpy as np

from ..face.features import Features
from ..face.slits import COLUMNS, Slit, has_rims
from .parameters import RIM_SHIFT


def shift_rims(
    features: Features, offset: np.ndarray, slit: Slit, field: int, down: np.ndarray, up: np.ndarray
) -> np.ndarray:
    """Move the upper side of a slit down and its lower side up in an (N, 3) offset, fading with distance; in place.

    field: of the slit, a column of Features.side. down, up: (COLUMNS,) how far, in face space.
    """
    if max(np.abs(down).max(), np.abs(up).max()) < RIM_SHIFT.negligible:
        return offset
    moved = features.positions + offset
    u = slit.u(moved)
    rims = has_rims(features, field)
    for rim, sign, amount in ((slit.upper, 1, down), (slit.lower, -1, up)):
        # It fades as a Gaussian of the height from the rim, and of the depth behind it; the other side stays.
        edge = np.interp(u, COLUMNS, slit.rim(moved, rim))
        height = (moved[:, 1] - edge) / RIM_SHIFT.reach
        depth = np.maximum(moved[rim, 2].mean() - RIM_SHIFT.depth - moved[:, 2], 0) / RIM_SHIFT.reach
        near = np.exp(-(height**2) - depth**2)
        own = features.side[:, field] * sign > 0
        # Per vertex: the amount of its column, 0 at the corners and beyond.
        of_column = np.interp(u, [0, *COLUMNS, 1], [0, *amount, 0]) * rims
        offset[:, 1] -= (sign * of_column * near * own).astype(np.float32)
    return offset
