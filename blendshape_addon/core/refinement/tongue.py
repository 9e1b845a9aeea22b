"""A tongue of its own: it rides on the jaw, and its tip goes where a sound needs it.

How far it has to come is known from the teeth and lips before it, not from the few rigs that have one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..face.face_space import point
from ..face.features import Features
from ..face.parts import Part
from ..geometry.rigid import rigid

SHOWN = 0.25  # eye distances that it comes out of the lips for tongueOut
# Where the tip goes for a sound: up from the upper teeth's edge, forward from their front, and how far at most; in eye
# distances. Artists move it little where it is not seen.
TIPS = {
    "vrc.v_th": (-0.02, 0.0, 0.25), "vrc.v_dd": (0.05, -0.10, 0.08),
    "vrc.v_nn": (0.05, -0.10, 0.08), "vrc.v_rr": (0.09, -0.25, 0.08),
}  # fmt: skip


def move(features: Features, offsets: np.ndarray, names: Sequence[str]) -> None:
    """Pose the tongue in (E, N, 3) face-space offsets of `names`, whose lower teeth are rigid."""
    tongue = features.part == Part.TONGUE
    lower = features.part == Part.TEETH_LOWER
    if not tongue.any():
        return
    rest = features.positions[tongue]
    z = rest[:, 2]
    along = np.clip((z - z.min()) / max(np.ptp(z), 1e-6), 0, 1)[:, None]
    along = along * along * (3 - 2 * along)
    tip = rest[z >= np.quantile(z, 0.95)].mean(0)
    lips = point(features.landmarks, "lip_upper_outer_mid", "lip_lower_outer_mid")
    edge = _edge_of_upper_teeth(features)
    for offset, name in zip(offsets, names, strict=True):
        if lower.sum() >= 4:
            turned, moved = rigid(features.positions[lower], offset[lower])
            offset[tongue] = (rest - features.positions[lower].mean(0)) @ turned + moved - rest
        if name == "tongueOut":
            out = np.array([0.0, -0.3, 1.0]) * max(lips[2] + SHOWN - z.max(), 0.0)
            offset[tongue] = along * out
        elif name in TIPS:
            carried = tip + offset[tongue][z >= np.quantile(z, 0.95)].mean(0)
            up, forward, farthest = TIPS[name]
            way = edge + [0, up, forward] - carried
            way[0] = 0
            way *= min(1.0, farthest / max(float(np.linalg.norm(way)), 1e-9))
            offset[tongue] += along**2 * way


def _edge_of_upper_teeth(features: Features) -> np.ndarray:
    """(3,) the middle of the upper front teeth's lower edge; about where it must be when there are none."""
    teeth = features.positions[features.part == Part.TEETH_UPPER]
    seam = point(features.landmarks, "lip_upper_inner_mid", "lip_lower_inner_mid")
    if len(teeth) == 0:
        return seam - [0, 0, 0.1]
    front = teeth[teeth[:, 2] > teeth[:, 2].max() - 0.1]
    return np.array([0.0, front[:, 1].min(), front[:, 2].max()])
