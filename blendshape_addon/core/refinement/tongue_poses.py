"""How a tongue bends and what form it takes where face tracking sees it, as the motion of its own piece.

Face tracking plays these poses over tongueOut, so they are made of the tongue at rest: the root stays, and what they do
grows to the tip.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..expressions import Tongue
from .parameters import TONGUE_BENDS

_SAMPLES = 65  # along the tongue, over which a bend is added up
Angles = Callable[[np.ndarray], np.ndarray]  # (...) radians from (...) places along the tongue, 0 root to 1 tip


def motion(rest: np.ndarray, pose: Tongue, side: str) -> np.ndarray:
    """(M, 3) face-space motion of a tongue's (M, 3) vertices in a `pose` that is not of speech.

    side: `l` or `r` for poses to a side, see expressions.Expression.
    """
    low, length = rest[:, 2].min(), max(float(np.ptp(rest[:, 2])), 1e-6)
    along = np.clip((rest[:, 2] - low) / length, 0, 1)
    towards = -1.0 if side == "r" else 1.0
    # The middle line of the tongue, straight from root to tip, and what lies around it.
    slope = np.polyfit(along, rest[:, 1], 1)[0] if len(rest) > 1 else 0.0
    middle = rest.mean(0)
    around = rest - np.column_stack(
        [np.full(len(rest), middle[0]), middle[1] + slope * (along - along.mean()), rest[:, 2]]
    )
    moved = np.zeros_like(rest)
    if pose in TONGUE_BENDS.angles:
        turn, arch = np.radians(TONGUE_BENDS.angles[pose])

        def angles(t: np.ndarray) -> np.ndarray:
            return turn * t**2 + arch * np.sin(np.pi * t)

        axis = 0 if pose is Tongue.SIDE else 1
        bent = _bend(along, around[:, axis], complex(length, slope if axis == 1 else 0.0), angles)
        moved[:, 2], moved[:, axis] = bent.real, bent.imag * (towards if pose is Tongue.SIDE else 1.0)
    elif pose is Tongue.TWIST:
        # The tip turns about the tongue's length, its upper side to the tongue's own side.
        across = around[:, 0] + 1j * around[:, 1]
        turned = across * (np.exp(-1j * towards * np.radians(TONGUE_BENDS.twist) * along**2) - 1)
        moved[:, 0], moved[:, 1] = turned.real, turned.imag
    else:
        grown = (along**2 * (3 - 2 * along))[:, None]
        moved[:, :2] = grown * _reformed(around, pose)
    return moved


def _bend(along: np.ndarray, around: np.ndarray, direction: complex, angles: Angles) -> np.ndarray:
    """(M,) motion forward (real) and to the side (imaginary) of a rod whose cross sections turn by `angles`.

    around: (M,) how far vertices lie beside its middle line. direction: of that line, as long as the rod. The middle
    line is moved by the sum of the turns of its pieces before, what is around it turns along.
    """
    places = np.linspace(0, 1, _SAMPLES)
    pieces = direction * (np.exp(1j * angles((places[1:] + places[:-1]) / 2)) - 1) / (_SAMPLES - 1)
    line = np.concatenate([[0], np.cumsum(pieces)])
    carried = np.interp(along, places, line.real) + 1j * np.interp(along, places, line.imag)
    return carried + 1j * around * (np.exp(1j * angles(along)) - 1)


def _reformed(around: np.ndarray, pose: Tongue) -> np.ndarray:
    """(M, 2) motion across and up of cross sections that take another form."""
    if pose is Tongue.ROLL:
        half = max(float(np.abs(around[:, 0]).max()), 1e-6)
        edge = around[:, 0] / half
        return half * np.column_stack([-TONGUE_BENDS.roll_in * edge**3, TONGUE_BENDS.roll_up * edge**2])
    return around[:, :2] * (np.array(TONGUE_BENDS.scales[pose]) - 1)
