"""The mouth and the eyes of one face as they are seen from the front: what shows through open lips, how much of an eye
a blink leaves, and how far two visemes look apart.

Pictures are orthographic along the face's forward axis. Lengths are in widths of the mouth where a name says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..face.anatomy import FaceAnatomy
from ..face.face_space import mouth_corners, point
from ..face.parts import Part
from ..face.slits import COLUMNS, Slit
from ..geometry.mesh import any3
from ..geometry.raster import Picture, rasterise
from .parameters import FRONT

_CONTENTS = (Part.TEETH_UPPER, Part.TEETH_LOWER, Part.TONGUE)


@dataclass(frozen=True)
class OpenMouth:
    """What is seen between the lips. pixels: how many of the picture lie between them. filled: the share of these that
    the part shows which fills most of it: upper teeth, lower teeth or tongue. hole: the share that shows nothing, or
    a surface from behind, which a viewer that draws one side of it does not show."""

    pixels: int
    filled: float
    hole: float


class FrontView:
    """One face from the front, prepared once for all of its shapes. Offsets are (N, 3) in face space."""

    def __init__(self, anatomy: FaceAnatomy) -> None:
        self.anatomy, self.rest = anatomy, anatomy.features.positions
        left, right = mouth_corners(anatomy.features.landmarks)
        self._mouth_width = float(np.linalg.norm(left - right))
        self._mouth_middle = (left + right) / 2

    def open_mouth(self, offset: np.ndarray) -> OpenMouth:
        """What a shape shows between the lips; all 0 where they are shut, or too coarse to be found."""
        slit = self.anatomy.mouth
        if slit is None:
            return OpenMouth(0, 0.0, 0.0)
        window, moved = self._mouth_window, self.rest + offset
        picture = window.draw(moved)
        between = window.between(slit, moved)
        count = int(between.sum())
        if count < FRONT.mouth_pixels:
            return OpenMouth(count, 0.0, 0.0)
        triangle = picture.triangle[between]
        corners = window.triangles[triangle]
        part = self.anatomy.features.part[corners[:, 0]]
        a, b, c = (moved[corners[:, n], :2] for n in range(3))
        away = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0] <= 0
        nothing = triangle < 0
        filled = max(float((~nothing & (part == content)).mean()) for content in _CONTENTS)
        return OpenMouth(count, filled, float((nothing | away).mean()))

    def eye_left_open(self, side: str, offset: np.ndarray) -> float:
        """The share of the eyeball's visible surface of one side, `l` or `r`, that a shape leaves visible; 0 where the
        neutral shows none."""
        window, before = self._eye_windows[side]
        return self._eye_pixels(window, self.rest + offset) / before if before >= FRONT.eye_pixels else 0.0

    def differences(self, offsets: Sequence[np.ndarray]) -> np.ndarray:
        """(K, K) how far K shapes are apart as seen from the front: the root mean square, over the skin around the
        mouth, of the distance in the picture between their motions, in widths of the mouth."""
        vertices, weight = self._lips
        flat = np.stack([(offset[vertices, :2] * weight[:, None]).reshape(-1) for offset in offsets]).astype(float)
        apart = flat[:, None] - flat[None]
        return np.linalg.norm(apart, axis=2) / self._mouth_width

    @cached_property
    def _lips(self) -> tuple[np.ndarray, np.ndarray]:
        """Feature vertices (M,) of the skin about the mouth that faces the front, and the square root of each one's
        share of it."""
        triangles = self.anatomy.skin_and_drawn_mouth
        a, b, c = (self.rest[triangles[:, n], :2] for n in range(3))
        area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
        area = np.bincount(triangles.reshape(-1), np.repeat(np.maximum(area, 0), 3), len(self.rest))
        x, y, z = (self.rest - self._mouth_middle).T / self._mouth_width
        near = (np.abs(x) < FRONT.reach) & (np.abs(y) < FRONT.reach) & (z > -FRONT.behind)
        vertices = np.flatnonzero(near & (area > 0))
        return vertices, np.sqrt(area[vertices] / area[vertices].sum())

    @cached_property
    def _mouth_window(self) -> _Window:
        centre = self._mouth_middle[:2] - [0, FRONT.mouth_drop * self._mouth_width]
        return _Window.of(self.anatomy, centre, FRONT.mouth_half * self._mouth_width, FRONT.mouth_size)

    @cached_property
    def _eye_windows(self) -> dict[str, tuple[_Window, int]]:
        out = {}
        for side in "lr":
            names = [f"{name}_{side}" for name in ("eye_inner", "eye_outer", "lid_upper_mid", "lid_lower_mid")]
            ring = np.stack([point(self.anatomy.features.landmarks, name)[:2] for name in names])
            low, high = ring.min(0), ring.max(0)
            half = float(FRONT.eye_half * (high - low).max())
            window = _Window.of(self.anatomy, (low + high) / 2, half, FRONT.eye_size)
            out[side] = window, self._eye_pixels(window, self.rest)
        return out

    def _eye_pixels(self, window: _Window, positions: np.ndarray) -> int:
        triangle = window.draw(positions).triangle
        seen = triangle[triangle >= 0]
        return int((self.anatomy.features.part[window.triangles[seen, 0]] == Part.EYE).sum())


@dataclass(frozen=True)
class _Window:
    """A square of the face's front: centre (2,) and half its width in face space, what is drawn in it and in how many
    pixels across."""

    centre: np.ndarray
    half: float
    size: int
    triangles: np.ndarray

    @staticmethod
    def of(anatomy: FaceAnatomy, centre: np.ndarray, half: float, size: int) -> _Window:
        """The window onto all triangles of the face that lie near it at rest."""
        features = anatomy.features
        near = (np.abs(features.positions[:, :2] - centre) < FRONT.margin * half).all(1)
        triangles = features.triangles(anatomy.avatar, *Part)
        return _Window(centre, half, size, triangles[any3(near[triangles])])

    def draw(self, positions: np.ndarray) -> Picture:
        """What is seen of (N, 3) positions."""
        view = np.empty_like(positions)
        view[:, :2] = (positions[:, :2] - self.centre) / self.half
        view[:, 2] = positions[:, 2]
        return rasterise(view, self.triangles, self.size)

    def between(self, slit: Slit, positions: np.ndarray) -> np.ndarray:
        """(size, size) bool: the pixels between the rims of a slit."""
        steps = (np.arange(self.size) + 0.5) / self.size * 2 - 1
        x, y = self.centre[0] + steps * self.half, self.centre[1] - steps * self.half
        places = slit.ends[0] + COLUMNS * (slit.ends[1] - slit.ends[0])
        upper, lower = (np.interp(x, places, slit.rim(positions, rim)) for rim in (slit.upper, slit.lower))
        inside = (x > places[0]) & (x < places[-1])
        return inside & (y[:, None] < upper) & (y[:, None] > lower)
