"""Teeth stay behind the lips, eyeballs behind the lids: skin that a shape would carry through is held before them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..expressions import TABLE
from ..face.anatomy import FaceAnatomy


def push_out(anatomy: FaceAnatomy, offsets: np.ndarray, names: Sequence[str]) -> None:
    """Hold the lips before the teeth and the lids before the eyeballs in (E, N, 3) face-space offsets, in place.

    Lips rolled in go where the teeth are, in every artist's version, so these are not held.
    """
    if anatomy.teeth_collider:
        anatomy.teeth_collider.push_out(
            [offset for offset, name in zip(offsets, names, strict=True) if not TABLE[name].rolls_lips]
        )
    for eye in anatomy.eye_colliders:
        eye.push_out(list(offsets))
