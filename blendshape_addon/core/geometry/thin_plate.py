"""Thin-plate splines: smooth maps of space through matched points."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .parameters import THIN_PLATE


class ThinPlate:
    """Smoothing thin-plate spline in 3D, kernel r (Wahba, Spline Models for Observational Data, 1990, ch. 2.4)."""

    def __init__(self, source: np.ndarray, target: np.ndarray, smoothing: float = THIN_PLATE.smoothing) -> None:
        """source, target: (L, 3) matched points. smoothing: how far the map may pass by them, as a length."""
        count = len(source)
        # f(x) = sum_l w_l |x - s_l| + a + A x, with sum_l w_l = 0 and sum_l w_l s_l = 0: a linear system of L + 4 rows.
        kernel = np.linalg.norm(source[:, None] - source[None], axis=-1)
        # -r is conditionally positive definite of order 1, so the smoothing enters with a minus sign.
        system = np.zeros((count + 4, count + 4))
        system[:count, :count] = kernel - smoothing * count * np.eye(count)
        system[:count, count] = system[count, :count] = 1
        system[:count, count + 1 :] = source
        system[count + 1 :, :count] = source.T
        right = np.concatenate([target, np.zeros((4, 3))])
        try:
            solution = np.linalg.solve(system, right)
        except np.linalg.LinAlgError:  # all points in one plane, which says nothing of what lies before it
            solution = np.linalg.lstsq(system, right, rcond=None)[0]
        self.source, self.weights, self.affine = source, solution[:count], solution[count:]

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        """(N, 3) positions, mapped to (N, 3)."""
        out = np.empty((len(positions), 3))
        for some in _blocks(len(positions)):
            block = positions[some]
            distance = np.sqrt(_squared_distances(block, self.source))
            out[some] = distance @ self.weights + self.affine[0] + block @ self.affine[1:]
        return out

    def jacobian(self, positions: np.ndarray) -> np.ndarray:
        """(N, 3, 3): row i, column j is d out_i / d in_j at each position."""
        out = np.empty((len(positions), 3, 3))
        for some in _blocks(len(positions)):
            block = positions[some]
            inverse = 1 / np.sqrt(_squared_distances(block, self.source) + 1e-8)
            # d f / d x = sum_l w_l (x - s_l) / |x - s_l| + A. The sum is split into that of w x / r, where x comes out,
            # and that of w s / r, so that no (N, L, 3) array is needed.
            moment = (self.source[:, None, :] * self.weights[:, :, None]).reshape(len(self.source), 9)
            first = (inverse @ self.weights)[:, :, None] * block[:, None, :]
            out[some] = first - (inverse @ moment).reshape(-1, 3, 3) + self.affine[1:].T
        return out


def _blocks(count: int) -> Iterator[slice]:
    """Slices of THIN_PLATE.block of `count` positions."""
    for start in range(0, count, THIN_PLATE.block):
        yield slice(start, start + THIN_PLATE.block)


def _squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N, L) of (N, 3) and (L, 3) points, by |a|² - 2 a.b + |b|²."""
    squared = (a**2).sum(1)[:, None] - 2 * a @ b.T + (b**2).sum(1)
    return np.maximum(squared, 0)
