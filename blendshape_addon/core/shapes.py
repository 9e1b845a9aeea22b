"""A shape key as arrays: what the core makes, and what is read back from a mesh to be checked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Shape:
    """One shape key: which vertices move and by how much, in the avatar's own space.

    indices: (n,) int64 into Avatar.vertices, ascending, only vertices that move. deltas: (n, 3) float32.
    """

    name: str
    indices: np.ndarray
    deltas: np.ndarray
