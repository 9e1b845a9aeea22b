"""Pupils that widen and narrow: the middle of an iris is drawn out or in, over the surface of its eye."""

from __future__ import annotations

import numpy as np

from ..expressions import Pupil
from .parameters import PUPILS


def motion(rest: np.ndarray, centre: np.ndarray, pupil: Pupil) -> np.ndarray:
    """(M, 3) face-space motion of the (M, 3) vertices of an eye that looks forward, +z, and turns about `centre`, (3,).

    Vertices keep their distance from the centre, so that a ball stays a ball; the rim of the iris rests.
    """
    arm = rest - centre
    radius = float(np.quantile(np.linalg.norm(arm, axis=1), PUPILS.radius_quantile))
    flat = np.hypot(arm[:, 0], arm[:, 1])
    share = np.clip(flat / max(PUPILS.iris * radius, 1e-6), 0, 1)  # 0 in the middle of the pupil, 1 at the iris's rim
    scale = 1 + (PUPILS.scales[pupil] - 1) * (1 - share**2) ** 2
    front = (arm[:, 2] > 0) & (share < 1)
    moved = np.zeros_like(rest)
    moved[front, :2] = arm[front, :2] * (scale[front, None] - 1)
    reach = (arm[front] ** 2).sum(1)
    forward = np.sqrt(np.maximum(reach - (flat[front] * scale[front]) ** 2, 0))
    moved[front, 2] = forward - arm[front, 2]
    return moved
