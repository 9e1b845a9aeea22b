"""Between a space and a picture of it in pixels, whichever way it is projected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .parameters import PICKING


@dataclass(frozen=True)
class Screen:
    """matrix: (4, 4), takes column vectors to clip space as OpenGL has it. width, height: pixels, from below left."""

    matrix: np.ndarray
    width: int
    height: int

    def project(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) points to (N, 3): x and y in pixels and the depth, from -1 to 1; NaN behind the eye."""
        clip = np.column_stack([points, np.ones(len(points))]) @ self.matrix.T
        w = np.where(clip[:, 3:] > 0, clip[:, 3:], np.nan)
        return (clip[:, :3] / w + [1, 1, 0]) * [self.width / 2, self.height / 2, 1]

    def ray(self, x: float, y: float) -> tuple[np.ndarray, np.ndarray]:
        """Where the line of sight through a pixel starts, and its direction of length 1."""
        flat = [2 * x / self.width - 1, 2 * y / self.height - 1]
        ends = np.linalg.solve(self.matrix, np.array([[*flat, -1, 1], [*flat, 0, 1]]).T).T
        start, further = ends[:, :3] / ends[:, 3:]
        return start, (further - start) / np.linalg.norm(further - start)

    def pick(self, points: np.ndarray, x: float, y: float, reach: float) -> int | None:
        """Which of (N, 3) points is meant by a click; None if all are more than `reach` pixels away."""
        seen = self.project(points)
        away = np.hypot(seen[:, 0] - x, seen[:, 1] - y)
        close = np.flatnonzero(away <= reach)
        return int(min(close, key=lambda i: (away[i] // PICKING.step, seen[i, 2]))) if len(close) else None
