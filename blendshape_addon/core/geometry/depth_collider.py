"""Skin held before the pieces that lie behind it, by pictures of their depth seen from the front."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from .mesh import all3, any3
from .parameters import DEPTH_COLLIDER
from .raster import depths, nearest_pixels


class DepthCollider:
    """Pieces of a mesh seen along -z through a square window, and the skin that has to stay before them.

    What is computed of the neutral is computed once, and nothing changes afterwards.
    skin: (M,) indices of vertices. rest_depth: (S, S) z of the pieces in the neutral, in units of the window.
    rest_penetration: (M,) how far each of the skin lies behind where it has to be in the neutral, where it may stay.
    """

    def __init__(
        self,
        rest: np.ndarray,
        triangles: np.ndarray,
        skin: np.ndarray,
        centre: np.ndarray,
        half: float,
        gap: float,
        only_clear: bool = False,
    ) -> None:
        """rest: (N, 3) the neutral's positions. triangles: (T, 3) of the pieces. centre (3,), half: the window.
        gap: kept between pieces and skin. only_clear: leave skin alone that is nearer than that in the neutral."""
        self.rest, self.centre, self.half, self.gap = rest, centre, half, gap
        self.vertices, local = np.unique(triangles, return_inverse=True)
        self.triangles = local.reshape(-1, 3)
        (self.rest_depth,) = self._draw([np.zeros_like(rest)], self.triangles)
        self.rest_penetration = self._penetration(self.rest_depth, rest[skin])
        if only_clear:
            clear = self.rest_penetration == 0
            skin, self.rest_penetration = skin[clear], self.rest_penetration[clear]
        self.skin = skin
        self._rest_of_skin = rest[skin]
        self._rest_pixel = tuple(np.clip(self._pixels(self._rest_of_skin), 0, DEPTH_COLLIDER.pixels - 1))
        depth = self._depth(self.rest_depth, self._rest_of_skin)
        self._before = np.isfinite(depth) & (depth < self._rest_of_skin[:, 2])

    def penetrations(self, offsets: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
        """For each of E (N, 3) `offsets`: (M,) how far skin that lies before the pieces in the neutral lies behind
        them."""
        for offset, picture in zip(offsets, self._pictures(offsets), strict=True):
            behind = np.zeros(len(self.skin))
            some, _, push = self._pushes(offset, picture)
            behind[some] = np.maximum(push - self.gap, 0) * self._before[some]
            yield behind

    def push_out(self, offsets: Sequence[np.ndarray]) -> None:
        """Push the skin back before the pieces in each of E (N, 3) `offsets`, fading around, in place."""
        for offset, picture in zip(offsets, self._pictures(offsets), strict=True):
            some, moved, push = self._pushes(offset, picture)
            if (push > 0).any():
                everywhere = self._rest_of_skin.copy()
                everywhere[some] = moved
                near, most = self._spread(everywhere, some[push > 0], push[push > 0])
                offset[self.skin[near], 2] += most.astype(np.float32)

    def _pushes(self, offset: np.ndarray, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which (n,) of the skin may have come to lie behind the pieces of `picture` in an (N, 3) `offset`, where they
        are (n, 3), and how much deeper (n,) than in the neutral; none where no skin moves."""
        motion = offset[self.skin]
        moves = any3(motion != 0)
        # Skin that rests lies as deep as in the neutral, but where the pieces before or behind it have moved.
        if moves.any():
            moves |= (picture != self.rest_depth)[self._rest_pixel]
        some = np.flatnonzero(moves)
        moved = self._rest_of_skin[some] + motion[some]
        return some, moved, self._penetration(picture, moved) - self.rest_penetration[some]

    def _draw(self, offsets: Iterable[np.ndarray], triangles: np.ndarray) -> Iterator[np.ndarray]:
        """The (S, S) depths of `triangles` of the pieces, moved by each of (N, 3) `offsets`."""
        places = ((self.rest[self.vertices] + o[self.vertices] - self.centre) / self.half for o in offsets)
        return depths(places, triangles, DEPTH_COLLIDER.pixels)

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
            yield np.maximum(rest, next(drawn)) if some.any() else self.rest_depth

    def _pixels(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(M,) row and (M,) column of the pixels that (M, 3) positions are in, which may lie beside the picture."""
        column, row = nearest_pixels((positions - self.centre) / self.half, DEPTH_COLLIDER.pixels)
        return row, column

    def _depth(self, picture: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """(M,) z of what a `picture` has at (M, 3) positions; -inf beside the window and where nothing is."""
        last = DEPTH_COLLIDER.pixels - 1
        row, column = self._pixels(positions)
        inside = (np.minimum(row, column) >= 0) & (np.maximum(row, column) <= last)
        row, column = np.clip(row, 0, last), np.clip(column, 0, last)
        return np.where(inside, picture[row, column] * self.half + self.centre[2], -np.inf)

    def _penetration(self, picture: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """(M,) how far (M, 3) positions would have to come forward; 0 for what lies far behind, such as the throat."""
        behind = self._depth(picture, positions) - positions[:, 2] + self.gap
        farthest = DEPTH_COLLIDER.farthest
        return np.where(behind < DEPTH_COLLIDER.throat * farthest, np.clip(behind, 0, farthest), 0)

    def _spread(self, moved: np.ndarray, pushed: np.ndarray, push: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which (n,) of the skin at (M, 3) `moved` come forward, and by how much (n,): a `push` (P,) of those that are
        `pushed` (P,) fades around as a Gaussian, and of several the greatest counts."""
        spread = DEPTH_COLLIDER.spread
        reach = DEPTH_COLLIDER.cutoff * spread
        low, high = moved[pushed].min(0) - reach, moved[pushed].max(0) + reach
        near = np.flatnonzero(all3(moved > low) & all3(moved < high))
        # log(push * exp(-|near - pushed|^2 / (2 spread^2))) = near.pushed + (log push - |pushed|^2 / 2) - |near|^2 / 2,
        # lengths in units of spread. The first two terms are one product of matrices: (near, 1) times
        # (pushed, log push - |pushed|^2 / 2); the last is the same for every pushed vertex, so it waits for the end.
        to, at = (np.column_stack([(moved[n] - self.centre) / spread, np.ones(len(n))]) for n in (near, pushed))
        at[:, 3] = np.log(push) - (at[:, :3] ** 2).sum(1) / 2
        best = np.full(len(near), -np.inf)
        for start in range(0, len(at), DEPTH_COLLIDER.block):
            np.maximum(best, (to @ at[start : start + DEPTH_COLLIDER.block].T).max(1), out=best)
        return near, np.exp(best - (to[:, :3] ** 2).sum(1) / 2)
