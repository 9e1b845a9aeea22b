"""What lies inside the mouth: the teeth keep to skull and jaw, or follow the lips, as a style has it.

A skull and a jaw are rigid: upper teeth rest, lower teeth are one piece. Anime artists shape the whole mouth: the jaw
turns less, the tongue's root stays, upper teeth rise with the lip that would bare their gums, and where the corners of
the mouth move apart or together, all that is inside becomes wider or narrower with them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..expressions import TABLE
from ..face.anatomy import FaceAnatomy
from ..face.face_space import point
from ..face.parts import Part
from ..face.slits import COLUMNS, Slit
from ..geometry.nearest import nearest_to
from ..geometry.rigid import rigid
from . import tongue
from .parameters import RIGID_TEETH, SOFT_MOUTH


def move(anatomy: FaceAnatomy, offsets: np.ndarray, names: Sequence[str], soft: float) -> None:
    """Move teeth and tongue in (E, N, 3) face-space offsets of `names`, in place.

    soft: 0 to 1, how far they follow the lips in whole expressions, where they lie behind them; rows of teeth that are
    shells before the line between the lips follow wholly, unless it is 0. Units that face tracking layers over each
    other keep to skull and jaw.
    """
    features = anatomy.features
    soft += (1 - soft) * _shells(anatomy) if soft else 0.0
    offsets[:, features.part == Part.TEETH_UPPER] = 0
    softness = [0.0 if TABLE[name].layered else soft for name in names]
    _stiffen_lower_teeth(anatomy, offsets, softness)
    tongue.move(features, offsets, names, softness)
    if anatomy.mouth and soft:
        for offset, share in zip(offsets, softness, strict=True):
            if share:
                _follow_lips(anatomy, anatomy.mouth, offset, share)


def _shells(anatomy: FaceAnatomy) -> float:
    """0 for upper teeth that lie behind the lips, as a skull's do, to 1 for a shell that reaches before the line
    between them: it would stick out if it did not move with the lips."""
    features, mouth = anatomy.features, anatomy.mouth
    upper = features.positions[features.part == Part.TEETH_UPPER]
    if mouth is None or len(upper) == 0:
        return 0.0
    lips = np.mean([point(features.landmarks, f"lip_{side}_inner_mid")[2] for side in ("upper", "lower")])
    before = (upper[:, 2].max() - lips) / (mouth.ends[1] - mouth.ends[0])
    behind, shell = SOFT_MOUTH.shell
    return float(np.clip((before - behind) / (shell - behind), 0, 1))


def _stiffen_lower_teeth(anatomy: FaceAnatomy, offsets: np.ndarray, softness: Sequence[float]) -> None:
    """Let the lower teeth move as one piece, which turns less where it is soft."""
    lower = anatomy.features.part == Part.TEETH_LOWER
    if lower.sum() < RIGID_TEETH.min_vertices:
        return
    rest = anatomy.features.positions[lower]
    arm = rest - rest.mean(0)
    for offset, share in zip(offsets, softness, strict=True):
        turned, place = rigid(rest, offset[lower])
        if share:  # the rotation that is nearest to this share of its motion
            turned, _ = rigid(rest, arm @ (turned - np.eye(3)) * (1 - share * (1 - SOFT_MOUTH.jaw_turn)))
        offset[lower] = arm @ turned + place - rest


def _follow_lips(anatomy: FaceAnatomy, mouth: Slit, offset: np.ndarray, share: float) -> None:
    """Widen what is inside with the corners, and raise the upper teeth with the lip, in an (N, 3) offset, in place."""
    features = anatomy.features
    rest = features.positions
    half = (mouth.ends[1] - mouth.ends[0]) / 2
    skin = np.flatnonzero(features.part == Part.SKIN)
    right, left = skin[nearest_to(mouth.corners, rest[skin])]
    wider = (offset[left, 0] - offset[right, 0]) / (2 * half)
    wider *= share * (SOFT_MOUTH.wider if wider > 0 else SOFT_MOUTH.narrower)
    inside = np.isin(features.part, (Part.TEETH_UPPER, Part.TEETH_LOWER, Part.TONGUE, Part.MOUTH))
    offset[inside, 0] += wider * (rest[inside, 0] - mouth.ends.mean())
    middle = np.abs(COLUMNS - 0.5) < SOFT_MOUTH.middle
    rise = (mouth.rim(rest + offset, mouth.upper) - mouth.rim(rest, mouth.upper))[middle].mean()
    offset[features.part == Part.TEETH_UPPER, 1] += share * max(0.0, rise - SOFT_MOUTH.bared * half)
