"""Landmarks moved by hand over an avatar's surface, with what lies opposite, and back again."""

from __future__ import annotations

import numpy as np

from ..avatar.avatar import Avatar
from ..face.face_space import MIRROR_X, FaceSpace
from ..geometry.nearest import nearest_on_triangles
from ..geometry.triangles import hits
from ..vocabulary import LANDMARK_MIRROR
from .parameters import MANUAL_LANDMARKS, PROJECTING
from .project import project_to_skin


class LandmarkEditor:
    """Moves the landmarks of one avatar.

    landmarks: (L, 4) as Avatar.manual_landmarks has them, after every move.

    Rays start at (3,) `origin`, have a `direction` of length 1, (3,), and are in avatar space, as all is.
    """

    def __init__(self, avatar: Avatar, landmarks: np.ndarray) -> None:
        self.landmarks = landmarks
        self._avatar = avatar
        self._before: list[np.ndarray] = []
        self._corners = np.empty((0, 3, 3))
        self._space = FaceSpace.of(landmarks[:, :3])

    def grab(self) -> None:
        """Begin a move; `drag`, `move_all` and `resize` start from here, `undo` comes back here."""
        self._before.append(self.landmarks)
        points = self.landmarks[:, :3]
        self._space = FaceSpace.of(points)
        around = MANUAL_LANDMARKS.around * self._space.scale
        low, high = points.min(0) - around, points.max(0) + around
        corners = self._avatar.vertices[self._avatar.triangles]
        self._corners = corners[((corners.min(1) < high) & (corners.max(1) > low)).all(1)]

    def drop(self) -> None:
        """End a move; one that moved nothing is none."""
        if self.landmarks is self._before[-1]:
            self._before.pop()

    def undo(self) -> None:
        """Back to before the last move."""
        if self._before:
            self.landmarks = self._before.pop()

    def drag(self, index: int, origin: np.ndarray, direction: np.ndarray, alone: bool = False) -> None:
        """Put a landmark on the surface under the ray, and unless `alone` the one opposite as much the other way.

        Of several surfaces, as of hair before a brow, that at the landmark's own depth counts. Where there is none the
        landmark keeps its depth.
        """
        before = self._before[-1]
        self.landmarks = before.copy()
        at = before[index, :3]
        depth = float((at - origin) @ direction)
        found = hits(origin, direction, self._corners)
        along = found[np.abs(found - depth).argmin()] if len(found) else depth
        target = origin + along * direction
        self.landmarks[index] = [*target, MANUAL_LANDMARKS.confidence]
        twin = LANDMARK_MIRROR[index]
        if twin != index and not alone:
            push = self._space.to_face(target) - self._space.to_face(at)
            opposite = before[twin, :3] + self._space.vectors_to_avatar(push * MIRROR_X)
            self.landmarks[twin] = [*self._on_surface(opposite), MANUAL_LANDMARKS.confidence]

    def move_all(self, index: int, origin: np.ndarray, direction: np.ndarray) -> None:
        """Move all landmarks alike, so that this one comes under the ray at the depth where it was."""
        before = self._before[-1]
        at = before[index, :3]
        push = origin + ((at - origin) @ direction) * direction - at
        self._all(before[:, :3] + push)

    def resize(self, factor: float) -> None:
        """Spread all landmarks about their middle."""
        points = self._before[-1][:, :3]
        self._all(points.mean(0) + factor * (points - points.mean(0)))

    def snap_to_surface(self) -> None:
        """Bring all landmarks that have a surface near onto it."""
        points = self.landmarks[:, :3]
        self._all(project_to_skin(self._avatar, FaceSpace.of(points), points))

    def _all(self, points: np.ndarray) -> None:
        self.landmarks = np.column_stack([points, self.landmarks[:, 3]])

    def _on_surface(self, p: np.ndarray) -> np.ndarray:
        """The nearest point of the surface to (3,) p, or p itself where that is out of reach."""
        reach = PROJECTING.reach * self._space.scale
        return nearest_on_triangles(p[None], self._corners, reach)[0][0]
