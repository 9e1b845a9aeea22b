"""Linear blend skinning, as Unity and Blender's Armature modifier do it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Skin:
    """What moves a mesh. weights: (V, B) float32 of its vertices in its bones, each row of sum 1 or, where no bone
    holds a vertex, 0."""

    weights: np.ndarray

    def blended(self, matrices: np.ndarray) -> np.ndarray:
        """(V, 3, 4) float32 of one frame: what takes each vertex from its place at rest to the posed one.

        matrices: (B, 4, 4) from rest to pose of each bone. A vertex that no bone holds stays where it is.
        """
        flat = matrices[:, :3].reshape(len(matrices), 12).astype(np.float32)
        blended = (self.weights @ flat).reshape(-1, 3, 4)
        loose = self.weights.sum(1) == 0
        blended[loose] = np.eye(3, 4)
        return blended


def apply(blended: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(V, 3) `points` at rest where the (V, 3, 4) matrices of Skin.blended take them."""
    return np.einsum("vij,vj->vi", blended[:, :, :3], points) + blended[:, :, 3]


def inverses(linear: np.ndarray, limit: float) -> np.ndarray:
    """Inverses (V, 3, 3) of the matrices (V, 3, 3) of blended skinning.

    Where rotations cancel each other out, as at a forearm that is twisted by a half turn, the inverse would make a
    small correction a huge one: a matrix whose singular values differ more than `limit` times is inverted as
    (MᵀM + λI)⁻¹Mᵀ, with which what has no inverse is left uncorrected.
    """
    squared = np.einsum("vij,vij->v", linear, linear)
    damping = np.zeros(len(linear), linear.dtype)
    smallest = np.abs(np.linalg.det(linear)) / np.maximum(
        squared / 3, 1e-12
    )  # singular value, of a matrix that has two
    poor = smallest * limit < np.sqrt(squared / 3)
    damping[poor] = squared[poor] / 3 / limit**2
    transposed = np.swapaxes(linear, 1, 2)
    damped = transposed @ linear + damping[:, None, None] * np.eye(3, dtype=linear.dtype)
    damped += 1e-9 * np.eye(3, dtype=linear.dtype)
    return np.linalg.inv(damped) @ transposed
