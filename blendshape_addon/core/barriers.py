"""Teeth stay behind the lips, eyeballs behind the lids: skin that a shape would carry through is held before them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .face_space import eye_centres, mouth_corners, point
from .features import Features
from .mesh import Avatar
from .parts import Part
from .raster import Picture, rasterise, to_pixels

PIXELS = 48
TEETH_GAP, EYE_GAP = 0.006, 0.012  # eye distances kept to the skin: lids are coarse and the eyeball is round
FARTHEST = 0.1  # eye distances that skin is held back by
SPREAD = 0.035  # eye distances over which that fades
BLOCK = 128  # of pushed vertices at a time: bounds the memory
ROLLED = "mouthRoll"  # lips rolled in go where the teeth are, in every artist's version


class Barrier:
    """Pieces of a face seen from the front through a square window, and the skin that has to stay before them."""

    def __init__(
        self, features: Features, triangles: np.ndarray, skin: np.ndarray, centre: np.ndarray, half: float, gap: float
    ) -> None:
        """triangles: (T, 3) of the pieces and skin: (M,) indices, feature vertices; centre (3,), half: the window."""
        self.rest, self.skin, self.centre, self.half, self.gap = features.positions, skin, centre, half, gap
        self.vertices, local = np.unique(triangles, return_inverse=True)
        self.triangles = local.reshape(-1, 3)
        self.still = self._picture(self.rest[self.vertices])
        # What lies closer already, as the edge of a lid does, may stay so.
        self.already = self._needed(self.still, self.rest[skin])
        depth = self.depth(self.still, self.rest[skin])
        self._before = np.isfinite(depth) & (depth < self.rest[skin, 2])

    def keep(self, chosen: np.ndarray) -> None:
        """Hold only the `chosen` (M,) of the skin."""
        self.skin, self.already, self._before = self.skin[chosen], self.already[chosen], self._before[chosen]

    def _picture(self, positions: np.ndarray) -> Picture:
        return rasterise((positions - self.centre) / self.half, self.triangles, PIXELS)

    def depth(self, picture: Picture, positions: np.ndarray) -> np.ndarray:
        """(M,) z of what lies at (M, 3) positions; -inf beside the window and where nothing is."""
        column, row = np.round(to_pixels((positions - self.centre) / self.half, PIXELS)).astype(int).T
        inside = (np.minimum(row, column) >= 0) & (np.maximum(row, column) < PIXELS)
        row, column = np.clip(row, 0, PIXELS - 1), np.clip(column, 0, PIXELS - 1)
        return np.where(inside, picture.depth[row, column] * self.half + self.centre[2], -np.inf)

    def _needed(self, picture: Picture, positions: np.ndarray) -> np.ndarray:
        """(M,) how far (M, 3) positions would have to come forward; 0 for what lies far behind, such as the throat."""
        behind = self.depth(picture, positions) - positions[:, 2] + self.gap
        return np.where(behind < 2 * FARTHEST, np.clip(behind, 0, FARTHEST), 0)

    def _push(self, offset: np.ndarray, moved: np.ndarray) -> np.ndarray:
        """(M,) how far the skin at (M, 3) `moved` has to come forward for (N, 3) `offset`."""
        pieces = offset[self.vertices]
        picture = self._picture(self.rest[self.vertices] + pieces) if pieces.any() else self.still
        return np.maximum(self._needed(picture, moved) - self.already, 0)

    def depth_behind(self, offset: np.ndarray) -> np.ndarray:
        """(M,) how far skin that lies before the pieces in the neutral lies behind them in (N, 3) `offset`."""
        moved = offset[self.skin]
        if not moved.any():
            return np.zeros(len(self.skin))
        return np.maximum(self._push(offset, self.rest[self.skin] + moved) - self.gap, 0) * self._before

    def hold(self, offset: np.ndarray) -> None:
        """Push the skin back before the pieces in (N, 3) `offset`, fading around, in place."""
        if not offset[self.skin].any():
            return
        moved = self.rest[self.skin] + offset[self.skin]
        push = self._push(offset, moved)
        pushed = np.flatnonzero(push)
        if len(pushed):
            reach = 4 * SPREAD
            low, high = moved[pushed].min(0) - reach, moved[pushed].max(0) + reach
            near = np.flatnonzero(((moved > low) & (moved < high)).all(1))
            most = np.zeros(len(near))
            for some in np.array_split(pushed, 1 + len(pushed) // BLOCK):
                apart = ((moved[near] ** 2).sum(1)[:, None] + (moved[some] ** 2).sum(1)) - 2 * moved[near] @ moved[
                    some
                ].T
                most = np.maximum(most, (push[some] * np.exp(-apart / (2 * SPREAD**2))).max(1))
            offset[self.skin[near], 2] += most.astype(np.float32)


def hold(avatar: Avatar, features: Features, offsets: np.ndarray, names: Sequence[str]) -> None:
    """Hold the lips before the teeth and the lids before the eyeballs in (E, N, 3) face-space offsets, in place."""
    rows, balls = teeth(avatar, features), eyes(avatar, features)
    for offset, name in zip(offsets, names, strict=True):
        if rows and not name.startswith(ROLLED):
            rows.hold(offset)
        for ball in balls:
            ball.hold(offset)


def teeth(avatar: Avatar, features: Features) -> Barrier | None:
    """What keeps the lips before the teeth; None where there are no teeth."""
    triangles = features.triangles(avatar, Part.TEETH_UPPER, Part.TEETH_LOWER)
    if len(triangles) == 0:
        return None
    corners = mouth_corners(features.landmarks)
    skin = np.flatnonzero(features.part == Part.SKIN)
    half = 0.65 * float(np.linalg.norm(corners[0] - corners[1]))
    skin = skin[np.abs(features.positions[skin] - corners.mean(0))[:, :2].max(1) < 1.5 * half]
    # The walls of the mouth lie behind the teeth and stay there.
    barrier = Barrier(features, triangles, skin, corners.mean(0), half, TEETH_GAP)
    barrier.keep(barrier.already == 0)
    return barrier


def eyes(avatar: Avatar, features: Features) -> list[Barrier]:
    """What keeps the lids before each of the eyeballs that there are."""
    triangles = features.triangles(avatar, Part.EYE)
    out = []
    for s, centre in zip("lr", eye_centres(features.landmarks), strict=True):
        corners = (point(features.landmarks, f"eye_{end}_{s}") for end in ("inner", "outer"))
        width = float(np.linalg.norm(np.subtract(*corners)))
        own = triangles[(np.abs(features.positions[triangles].mean(1) - centre)[:, :2] < width).all(1)]
        # The outside of the lids: their lining lies against the eyeball.
        skin = (features.part == Part.SKIN) & (features.normals[:, 2] > 0.2)
        skin &= (np.abs(features.positions - centre) < 1.2 * width).all(1)
        if len(own) and skin.any():
            out.append(Barrier(features, own, np.flatnonzero(skin), centre, width, EYE_GAP))
    return out
