"""One batch of training data, as tensors."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """B faces. inputs (B, V, INPUTS), to_face (B, V, 3, 3), targets (B, V, E, 3) face space, energy and known (B, E),
    artist (B,), chosen (E,) conditions; places (B, R, 3): face-space positions of the last R of the V vertices, which
    are whole one-rings as `surface_rings.rings_of` gives them."""

    inputs: Tensor
    to_face: Tensor
    targets: Tensor
    energy: Tensor
    known: Tensor
    artist: Tensor
    places: Tensor
    chosen: Tensor
