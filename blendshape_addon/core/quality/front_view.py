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


@dataclass(frozen=True)
class OpenMouth:
    """What is seen between the lips. area: of the opening, in squares of the mouth's width. teeth: the share of it that
    shows upper teeth. hole: the share that shows nothing, or a surface from behind, which a viewer that draws one side
    of it does not show."""

    area: float
    teeth: float
    hole: float


SHUT = OpenMouth(0.0, 0.0, 0.0)


class FrontView:
    """One face from the front, prepared once for all of its shapes. Offsets are (N, 3) in face space."""

    def __init__(self, anatomy: FaceAnatomy) -> None:
        self.anatomy, self.rest = anatomy, anatomy.features.positions
        left, right = mouth_corners(anatomy.features.landmarks)
        self._mouth_width = float(np.linalg.norm(left - right))
        self._mouth_middle = (left + right) / 2

    def open_mouth(self, offset: np.ndarray) -> OpenMouth:
        """What a shape shows between the lips; SHUT where they are not wide open, or too coarse to be found."""
        slit = self.anatomy.mouth
        if slit is None:
            return SHUT
        window, moved = self._mouth_window, self.rest + offset
        between = window.between(slit, moved)
        area = float(between.mean() * (2 * FRONT.mouth_half) ** 2)
        if area < FRONT.wide_open:
            return SHUT
        triangle = window.draw(moved).triangle[between]
        corners = window.triangles[triangle]
        part = self.anatomy.features.part[corners[:, 0]]
        a, b, c = (moved[corners[:, n], :2] for n in range(3))
        away = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0] <= 0
        nothing = triangle < 0
        return OpenMouth(area, float((~nothing & (part == Part.TEETH_UPPER)).mean()), float((nothing | away).mean()))

    def shows_eye(self, side: str) -> bool:
        """Whether the neutral shows enough of the eyeball of one side, `l` or `r`, for `eye_left_open`."""
        return self._eye_windows[side][1] >= FRONT.eye_pixels

    def eye_left_open(self, side: str, offset: np.ndarray) -> float:
        """The share of the eyeball's visible surface of one side, of which the neutral shows some, that a shape leaves
        visible."""
        window, before = self._eye_windows[side]
        return self._eye_pixels(window, self.rest + offset) / before

    def differences(self, offsets: Sequence[np.ndarray]) -> np.ndarray:
        """(K, K) how far K shapes are apart as seen from the front: the root mean square, over the skin around the
        mouth, of the distance in the picture between their motions, in widths of the mouth."""
        products = self.products(np.stack([offset[self.compared[0]] for offset in offsets]))
        size = np.diag(products)
        return np.sqrt(np.maximum(size[:, None] + size - 2 * products, 0))

    def products(self, motions: np.ndarray) -> np.ndarray:
        """(K, K) inner products of (K, M, 3) motions of the vertices that are `compared`, of which `differences` are
        distances."""
        weight = self.compared[1][:, None] / self._mouth_width
        flat = (motions[:, :, :2] * weight).reshape(len(motions), -1).astype(float)
        return flat @ flat.T

    @cached_property
    def compared(self) -> tuple[np.ndarray, np.ndarray]:
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
        return self._window(centre, FRONT.mouth_half * self._mouth_width, FRONT.mouth_size)

    @cached_property
    def _eye_windows(self) -> dict[str, tuple[_Window, int]]:
        out = {}
        for side in "lr":
            names = [f"{name}_{side}" for name in ("eye_inner", "eye_outer", "lid_upper_mid", "lid_lower_mid")]
            ring = np.stack([point(self.anatomy.features.landmarks, name)[:2] for name in names])
            low, high = ring.min(0), ring.max(0)
            half = float(FRONT.eye_half * (high - low).max())
            window = self._window((low + high) / 2, half, FRONT.eye_size)
            out[side] = window, self._eye_pixels(window, self.rest)
        return out

    @cached_property
    def _triangles(self) -> np.ndarray:
        """(T, 3) triangles of all parts."""
        return self.anatomy.features.triangles(self.anatomy.avatar, *Part)

    def _window(self, centre: np.ndarray, half: float, size: int) -> _Window:
        """The window onto all triangles of the face that lie near it at rest."""
        near = (np.abs(self.rest[:, :2] - centre) < FRONT.margin * half).all(1)
        return _Window(centre, half, size, self._triangles[any3(near[self._triangles])])

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
