"""A tongue that is a piece of its own moves with the jaw, and its tip goes where a sound needs it.

How far it has to come is known from the teeth and lips before it, not from the few rigs that have one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..expressions import TABLE, Tongue
from ..face.face_space import point
from ..face.features import Features
from ..face.parts import Part
from ..geometry.rigid import rigid
from . import tongue_poses
from .parameters import RIGID_TEETH, SOFT_MOUTH, TONGUE_POSE


def move(features: Features, offsets: np.ndarray, names: Sequence[str], softness: Sequence[float]) -> None:
    """Pose the tongue in (E, N, 3) face-space offsets of `names`, whose lower teeth are rigid; in place.

    softness: of each, 0 to 1, how far it bends where the jaw moves it, so that its root stays; see SOFT_MOUTH.
    """
    tongue = features.part == Part.TONGUE
    lower = features.part == Part.TEETH_LOWER
    if not tongue.any():
        return
    rest = features.positions[tongue]
    z = rest[:, 2]
    # How far a vertex takes part in what the tip does: 0 at the root, 1 at the tip, smooth at both (3t² - 2t³).
    along = np.clip((z - z.min()) / max(np.ptp(z), 1e-6), 0, 1)[:, None]
    along = along * along * (3 - 2 * along)
    at_tip = z >= np.quantile(z, TONGUE_POSE.tip_quantile)
    tip = rest[at_tip].mean(0)
    lips = point(features.landmarks, "lip_upper_outer_mid", "lip_lower_outer_mid")
    edge = _edge_of_upper_teeth(features)
    bent = SOFT_MOUTH.tongue_root + (SOFT_MOUTH.tongue_tip - SOFT_MOUTH.tongue_root) * along
    for offset, expression, soft in zip(offsets, (TABLE[name] for name in names), softness, strict=True):
        place = expression.tongue
        if lower.sum() >= RIGID_TEETH.min_vertices:
            turned, moved = rigid(features.positions[lower], offset[lower])
            carried_along = (rest - features.positions[lower].mean(0)) @ turned + moved - rest
            offset[tongue] = carried_along * (1 - soft + soft * bent)
        if place is Tongue.OUT:
            direction = np.array([0.0, -TONGUE_POSE.droop, 1.0])
            offset[tongue] = along * (direction * max(lips[2] + TONGUE_POSE.shown - z.max(), 0.0))
        elif place in TONGUE_POSE.tips:
            # From where the jaw has taken the tip to the place of the sound, in the middle plane.
            carried = tip + offset[tongue][at_tip].mean(0)
            up, forward, farthest = TONGUE_POSE.tips[place]
            way = edge + [0, up, forward] - carried
            way[0] = 0
            way *= min(1.0, farthest / max(float(np.linalg.norm(way)), 1e-9))
            offset[tongue] += along**2 * way
        elif place:
            offset[tongue] = tongue_poses.motion(rest, place, expression.side)


def _edge_of_upper_teeth(features: Features) -> np.ndarray:
    """(3,) the middle of the upper front teeth's lower edge; about where it must be when there are none."""
    teeth = features.positions[features.part == Part.TEETH_UPPER]
    seam = point(features.landmarks, "lip_upper_inner_mid", "lip_lower_inner_mid")
    if len(teeth) == 0:
        return seam - [0, 0, TONGUE_POSE.teeth_depth]
    front = teeth[teeth[:, 2] > teeth[:, 2].max() - TONGUE_POSE.front_depth]
    return np.array([0.0, front[:, 1].min(), front[:, 2].max()])
