"""The connected pieces of an avatar as boxes, and where a piece covers points in front of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..avatar.avatar import Avatar


@dataclass(frozen=True)
class Pieces:
    """The P connected pieces of an avatar, in face space.

    vertices: (V, 3). triangles: (T, 3). of: (V,) piece of each vertex. low, high, mean: (P, 3) of each piece's
    vertices. size: (P,) vertices of each. names: of the object that each piece's first vertex is in.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    of: np.ndarray
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    size: np.ndarray
    names: tuple[str, ...]

    @staticmethod
    def read(avatar: Avatar, vertices: np.ndarray) -> Pieces:
        """From an avatar and its (V, 3) vertices in face space."""
        of = avatar.components
        count = of.max() + 1
        low, high = np.full((count, 3), np.inf), np.full((count, 3), -np.inf)
        np.minimum.at(low, of, vertices)
        np.maximum.at(high, of, vertices)
        size = np.bincount(of, minlength=count)
        mean = np.stack([np.bincount(of, vertices[:, k], count) for k in range(3)], 1) / size[:, None]
        first = np.unique(of, return_index=True)[1]
        names = tuple(avatar.object_names[number] for number in avatar.object_id[first])
        return Pieces(vertices, avatar.triangles, of, low, high, mean, size, names)

    @property
    def extent(self) -> np.ndarray:
        """(P, 3) size of each piece's box."""
        return self.high - self.low

    @property
    def centre(self) -> np.ndarray:
        """(P, 3) middle of each piece's box."""
        return (self.high + self.low) / 2

    def triangles_of(self, piece: int) -> np.ndarray:
        """(T, 3) triangles of one piece."""
        return self.triangles[self.of[self.triangles[:, 0]] == piece]

    def covers(self, piece: int, points: np.ndarray) -> np.ndarray:
        """(n,) bool: which of (n, 2) points in x and y lie within a triangle of a piece, seen from the front."""
        corners = self.vertices[self.triangles_of(piece)][:, :, :2]
        inside = np.zeros((len(points), 2), bool)
        for k, sign in enumerate((1, -1)):
            all_sides = np.ones((len(points), len(corners)), bool)
            for a, b in ((0, 1), (1, 2), (2, 0)):
                edge = corners[:, b] - corners[:, a]
                off = points[:, None] - corners[None, :, a]
                all_sides &= sign * (edge[:, 0] * off[:, :, 1] - edge[:, 1] * off[:, :, 0]) >= 0
            inside[:, k] = all_sides.any(1)
        return inside.any(1)
