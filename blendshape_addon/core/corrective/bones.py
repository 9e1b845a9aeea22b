"""Rotations of a mesh's vertices, by bones that were estimated from how it moved.

Which vertices move together is learned, see training/corrective; here each group's rigid motion is fitted to a frame,
so that files without an armature are enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from .parameters import ANCHOR, MIN_ANCHORS


class Motion(NamedTuple):
    """How K bones stand in F frames: a point of the mesh at `p` at rest is at ``turn @ p + place``. turn: (F, K, 3, 3);
    place: (F, K, 3) metres."""

    turn: np.ndarray
    place: np.ndarray

    def some(self, frames: slice | list[int]) -> Motion:
        """That of some frames."""
        return Motion(self.turn[frames], self.place[frames])


@dataclass(frozen=True)
class Bones:
    """rest: (V, 3) metres. index: (V, B) int, the bones that each vertex follows, the strongest first. weight: (V, B),
    rows add up to 1. near: (K, N) int, the bones nearest to each of K."""

    rest: np.ndarray
    index: np.ndarray
    weight: np.ndarray
    near: np.ndarray

    @property
    def count(self) -> int:
        """K."""
        return len(self.near)

    @cached_property
    def _anchors(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Vertices that move with their bone alone, by bone; where each bone's begin; and how many it has."""
        first = self.index[:, 0]
        rank = np.lexsort((-self.weight[:, 0], first))  # by bone, the strongest first
        counts = np.bincount(first, minlength=self.count)
        place = np.arange(len(rank)) - np.repeat(np.cumsum(counts) - counts, counts)
        kept = rank[(self.weight[rank, 0] >= ANCHOR) | (place < MIN_ANCHORS)]
        counts = np.bincount(first[kept], minlength=self.count)
        return kept, np.cumsum(counts) - counts, counts

    def fit(self, frames: np.ndarray) -> Motion:
        """The rigid motion of each bone in (F, V, 3) frames, in least squares (Kabsch 1976, "A solution for the best
        rotation to relate two sets of vectors")."""
        index, starts, counts = self._anchors
        size = counts[:, None]
        rest = self.rest[index]
        rest_middle = np.add.reduceat(rest, starts) / size
        rest = rest - np.repeat(rest_middle, counts, 0)
        turn = np.empty((len(frames), self.count, 3, 3))
        place = np.empty((len(frames), self.count, 3))
        for frame, (turned, placed) in zip(frames, zip(turn, place, strict=True), strict=True):
            moved = frame[index].astype(np.float64)
            middle = np.add.reduceat(moved, starts) / size
            moved -= np.repeat(middle, counts, 0)
            left, _, right = np.linalg.svd(np.add.reduceat(moved[:, :, None] * rest[:, None], starts))
            left[..., 2] *= np.linalg.det(left @ right)[:, None]  # a rotation, not a reflection
            turned[:] = left @ right
            placed[:] = middle - np.einsum("kab,kb->ka", turned, rest_middle)
        return Motion(turn, place)

    def vertex_turns(self, turn: np.ndarray) -> np.ndarray:
        """(V, 3, 3) rotations of the vertices from (K, 3, 3) of the bones: their quaternions blended by weight, on the
        side of the strongest (the rotation of Kavan et al. 2007, "Skinning with dual quaternions")."""
        own = quaternions(turn)[self.index]
        own *= np.where(np.einsum("vbq,vq->vb", own, own[:, 0]) < 0, -self.weight, self.weight)[..., None]
        blended = own.sum(1)
        return matrices(blended / np.linalg.norm(blended, axis=1, keepdims=True))

    def poses(self, turn: np.ndarray) -> np.ndarray:
        """(F, K, 3N) rotation vectors, radians, of each bone's nearest bones against it, of (F, K, 3, 3) rotations."""
        against = np.swapaxes(turn, -1, -2)[:, :, None] @ turn[:, self.near]
        return rotation_vectors(against).reshape(*turn.shape[:2], -1)

    def strays(self, frame: np.ndarray, motion: Motion) -> np.ndarray:
        """(V, 3) metres: where a (V, 3) frame's vertices are in the frame of their strongest bone, less rest. motion:
        of this frame alone."""
        first = self.index[:, 0]
        back = frame - motion.place[0][first]
        return np.einsum("vba,vb->va", motion.turn[0][first], back) - self.rest


def quaternions(turn: np.ndarray) -> np.ndarray:
    """(..., 4) unit quaternions, w first, of (..., 3, 3) rotations (Shepperd 1978, by the greatest of four)."""
    m = turn.reshape(-1, 3, 3)
    diagonal = np.einsum("naa->na", m)
    parts = np.column_stack([diagonal.sum(1), diagonal])
    greatest = parts.argmax(1)
    out = np.empty((len(m), 4))
    for case in range(4):
        rows = greatest == case
        r = m[rows]
        if case == 0:
            found = [1 + parts[rows, 0], r[:, 2, 1] - r[:, 1, 2], r[:, 0, 2] - r[:, 2, 0], r[:, 1, 0] - r[:, 0, 1]]
        else:
            a = case - 1
            b, c = (a + 1) % 3, (a + 2) % 3
            found = [r[:, c, b] - r[:, b, c], *[np.empty(len(r))] * 3]
            found[1 + a] = 1 + 2 * r[:, a, a] - parts[rows, 0]
            found[1 + b], found[1 + c] = r[:, a, b] + r[:, b, a], r[:, a, c] + r[:, c, a]
        out[rows] = np.stack(found, 1)
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    return out.reshape(*turn.shape[:-2], 4)


def matrices(quaternion: np.ndarray) -> np.ndarray:
    """(N, 3, 3) rotations of (N, 4) unit quaternions, w first."""
    w, x, y, z = quaternion.T
    out = np.empty((len(quaternion), 3, 3))
    out[:, 0, 0], out[:, 1, 1], out[:, 2, 2] = 1 - 2 * (y * y + z * z), 1 - 2 * (x * x + z * z), 1 - 2 * (x * x + y * y)
    out[:, 0, 1], out[:, 1, 0] = 2 * (x * y - w * z), 2 * (x * y + w * z)
    out[:, 0, 2], out[:, 2, 0] = 2 * (x * z + w * y), 2 * (x * z - w * y)
    out[:, 1, 2], out[:, 2, 1] = 2 * (y * z - w * x), 2 * (y * z + w * x)
    return out


def rotation_vectors(turn: np.ndarray) -> np.ndarray:
    """(..., 3) axes times angles, radians, of (..., 3, 3) rotations."""
    quaternion = quaternions(turn)
    quaternion = np.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    length = np.linalg.norm(quaternion[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(length, quaternion[..., :1])
    return quaternion[..., 1:] * (angle / np.maximum(length, 1e-12))
