"""Teeth stay behind the lips, eyeballs behind the lids: skin that a shape would carry through is held before them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from ..avatar.avatar import Avatar
from ..face.face_space import eye_centres, mouth_corners, point
from ..face.features import Features
from ..face.parts import Part
from ..geometry.mesh import all3, any3
from ..geometry.raster import depths, nearest_pixels

PIXELS = 48
TEETH_GAP, EYE_GAP = 0.006, 0.012  # eye distances kept to the skin: lids are coarse and the eyeball is round
FARTHEST = 0.1  # eye distances that skin is held back by
SPREAD = 0.035  # eye distances over which that fades
BLOCK = 128  # of pushed vertices at a time: bounds the memory
ROLLED = "mouthRoll"  # lips rolled in go where the teeth are, in every artist's version


class DepthCollider:
    """Pieces of a face seen from the front through a square window, and the skin that has to stay before them."""

    def __init__(
        self, features: Features, triangles: np.ndarray, skin: np.ndarray, centre: np.ndarray, half: float, gap: float
    ) -> None:
        """triangles: (T, 3) of the pieces and skin: (M,) indices, feature vertices; centre (3,), half: the window."""
        self.rest, self.skin, self.centre, self.half, self.gap = features.positions, skin, centre, half, gap
        self.vertices, local = np.unique(triangles, return_inverse=True)
        self.triangles = local.reshape(-1, 3)
        (self.still,) = self._draw([np.zeros_like(self.rest)], self.triangles)
        # What lies closer already, as the edge of a lid does, may stay so.
        self.already = self._needed(self.still, self.rest[skin])
        depth = self.depth(self.still, self.rest[skin])
        self._before = np.isfinite(depth) & (depth < self.rest[skin, 2])

    def keep(self, chosen: np.ndarray) -> None:
        """Hold only the `chosen` (M,) of the skin."""
        self.skin, self.already, self._before = self.skin[chosen], self.already[chosen], self._before[chosen]

    def _draw(self, offsets: Iterable[np.ndarray], triangles: np.ndarray) -> Iterator[np.ndarray]:
        """The (S, S) depths of `triangles` of the pieces, moved by each of (N, 3) `offsets`."""
        places = ((self.rest[self.vertices] + o[self.vertices] - self.centre) / self.half for o in offsets)
        return depths(places, triangles, PIXELS)

    def _pictures(self, offsets: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
        """The depths of the pieces in each of E (N, 3) `offsets`; what moves in none of them is drawn once."""
        moved = np.zeros((len(offsets), len(self.vertices)), bool)
        for here, offset in zip(moved, offsets, strict=True):
            here[:] = any3(offset[self.vertices] != 0)
        moving = any3(moved.any(0)[self.triangles])
        (rest,) = self._draw([np.zeros_like(self.rest)], self.triangles[~moving])
        posed = (offset for offset, some in zip(offsets, moved, strict=True) if some.any())
        drawn = self._draw(posed, self.triangles[moving])
        for some in moved:
            yield np.maximum(rest, next(drawn)) if some.any() else self.still

    def depth(self, picture: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """(M,) z of what a `picture` has at (M, 3) positions; -inf beside the window and where nothing is."""
        column, row = nearest_pixels((positions - self.centre) / self.half, PIXELS)
        inside = (np.minimum(row, column) >= 0) & (np.maximum(row, column) < PIXELS)
        row, column = np.clip(row, 0, PIXELS - 1), np.clip(column, 0, PIXELS - 1)
        return np.where(inside, picture[row, column] * self.half + self.centre[2], -np.inf)

    def _needed(self, picture: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """(M,) how far (M, 3) positions would have to come forward; 0 for what lies far behind, such as the throat."""
        behind = self.depth(picture, positions) - positions[:, 2] + self.gap
        return np.where(behind < 2 * FARTHEST, np.clip(behind, 0, FARTHEST), 0)

    def depths_behind(self, offsets: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
        """For each of E (N, 3) `offsets`: (M,) how far skin that lies before the pieces in the neutral lies behind
        them."""
        for offset, picture in zip(offsets, self._pictures(offsets), strict=True):
            moved = offset[self.skin]
            if moved.any():
                push = self._needed(picture, self.rest[self.skin] + moved) - self.already
                yield np.maximum(push - self.gap, 0) * self._before
            else:
                yield np.zeros(len(self.skin))

    def hold(self, offsets: Sequence[np.ndarray]) -> None:
        """Push the skin back before the pieces in each of E (N, 3) `offsets`, fading around, in place."""
        for offset, picture in zip(offsets, self._pictures(offsets), strict=True):
            if offset[self.skin].any():
                moved = self.rest[self.skin] + offset[self.skin]
                near, most = self._spread(moved, self._needed(picture, moved) - self.already)
                offset[self.skin[near], 2] += most.astype(np.float32)

    def _spread(self, moved: np.ndarray, push: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which (n,) of the skin at (M, 3) `moved` come forward, and by how much (n,): a `push` (M,) above 0 fades
        around as a Gaussian, and of several the greatest counts."""
        pushed = np.flatnonzero(push > 0)
        if len(pushed) == 0:
            return pushed, np.empty(0)
        reach = 4 * SPREAD
        low, high = moved[pushed].min(0) - reach, moved[pushed].max(0) + reach
        near = np.flatnonzero(all3(moved > low) & all3(moved < high))
        # The logarithm of push * exp(-|near - pushed|^2 / (2 SPREAD^2)), but for what depends on `near` alone, is a
        # product of matrices.
        to, at = (np.column_stack([(moved[n] - self.centre) / SPREAD, np.ones(len(n))]) for n in (near, pushed))
        at[:, 3] = np.log(push[pushed]) - (at[:, :3] ** 2).sum(1) / 2
        best = np.full(len(near), -np.inf)
        for some in np.array_split(at, 1 + len(pushed) // BLOCK):
            np.maximum(best, (to @ some.T).max(1), out=best)
        return near, np.exp(best - (to[:, :3] ** 2).sum(1) / 2)


def push_out(avatar: Avatar, features: Features, offsets: np.ndarray, names: Sequence[str]) -> None:
    """Hold the lips before the teeth and the lids before the eyeballs in (E, N, 3) face-space offsets, in place."""
    if rows := teeth(avatar, features):
        rows.hold([offset for offset, name in zip(offsets, names, strict=True) if not name.startswith(ROLLED)])
    for ball in eyes(avatar, features):
        ball.hold(offsets)


def teeth(avatar: Avatar, features: Features) -> DepthCollider | None:
    """What keeps the lips before the teeth; None where there are no teeth."""
    triangles = features.triangles(avatar, Part.TEETH_UPPER, Part.TEETH_LOWER)
    if len(triangles) == 0:
        return None
    corners = mouth_corners(features.landmarks)
    skin = np.flatnonzero(features.part == Part.SKIN)
    half = 0.65 * float(np.linalg.norm(corners[0] - corners[1]))
    skin = skin[np.abs(features.positions[skin] - corners.mean(0))[:, :2].max(1) < 1.5 * half]
    # The walls of the mouth lie behind the teeth and stay there.
    barrier = DepthCollider(features, triangles, skin, corners.mean(0), half, TEETH_GAP)
    barrier.keep(barrier.already == 0)
    return barrier


def eyes(avatar: Avatar, features: Features) -> list[DepthCollider]:
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
            out.append(DepthCollider(features, own, np.flatnonzero(skin), centre, width, EYE_GAP))
    return out
