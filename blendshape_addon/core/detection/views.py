"""What the landmark network sees: square crops of an orthographic picture: depth, normals, where there is something,
and borders of pieces, for eyes and mouths of anime and toon faces may be nothing but cards on a smooth skin.

Training and inference both take their crops from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..avatar.avatar import Avatar
from ..geometry.raster import rasterise
from ..inference.picture import PICTURE


class DrawnMesh(NamedTuple):
    """What `draw` draws: (V, 3) vertices, (T, 3) triangles, (V, 3) normals, (T,) numbers of the triangles' pieces."""

    vertices: np.ndarray
    triangles: np.ndarray
    normals: np.ndarray
    piece: np.ndarray


@dataclass(frozen=True)
class View:
    """A picture of the mesh along one direction.

    rotation: (3, 3) rows right, up, towards the viewer in avatar space. centre: (3,), half: its half width (avatar
    units). channels: (5, S, S) float32 depth relative to `centre` in units of `half`, normal x, normal y, mask, border
    (1 where a neighbour shows another piece); all 0 where nothing is.
    """

    rotation: np.ndarray
    centre: np.ndarray
    half: float
    channels: np.ndarray


@dataclass(frozen=True)
class Crop:
    """A window of a view. image: (5, S, S) float32 for the network, as PICTURE describes it.

    Points of the crop (x, y, z), each in -1..1 of its half width, lie at `centre + points @ rotation * half`.
    """

    image: np.ndarray
    rotation: np.ndarray
    centre: np.ndarray
    half: float

    def to_avatar(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) crop coordinates to avatar space."""
        return points @ self.rotation * self.half + self.centre

    def from_avatar(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) avatar space to crop coordinates."""
        return (points - self.centre) @ self.rotation.T / self.half


def pieces(avatar: Avatar) -> np.ndarray:
    """(T,) int64 number of the piece that a triangle belongs to: what hangs together within one object."""
    first = avatar.triangles[:, 0]
    return avatar.components[first] * len(avatar.object_names) + avatar.object_id[first]


def draw(
    vertices: np.ndarray,
    triangles: np.ndarray,
    normals: np.ndarray,
    piece: np.ndarray,
    rotation: np.ndarray,
    centre: np.ndarray,
    half: float,
    size: int,
) -> View:
    """Draw (V, 3) vertices with (V, 3) normals and (T,) pieces from `rotation`'s third row, size x size pixels."""
    inside = (vertices - centre) @ rotation.T / half
    picture = rasterise(inside, triangles, size)
    normal = picture.interpolate(normals @ rotation.T, triangles)
    x, y, z = np.moveaxis(normal, 2, 0)
    normal /= np.maximum(np.sqrt(x * x + y * y + z * z), 1e-9)[..., None]
    normal *= np.where(normal[..., 2:] < 0, -1, 1)  # a shell seen from inside looks like one seen from outside
    depth = np.where(picture.mask, picture.depth, 0)
    number = np.where(picture.mask, piece[picture.triangle], -1)
    channels = np.stack([depth, normal[..., 0], normal[..., 1], picture.mask, _borders(number)]).astype(np.float32)
    return View(rotation, centre, half, channels)


def _borders(number: np.ndarray) -> np.ndarray:
    """(S, S) bool: pixels beside one of another number; -1 is nothing and borders nothing."""
    out = np.zeros(number.shape, bool)
    for a, b in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        edge = (number[a] != number[b]) & (number[a] >= 0) & (number[b] >= 0)
        out[a] |= edge
        out[b] |= edge
    return out


def crop(view: View, x: float, y: float, half: float, roll: float = 0.0, mirror: bool = False) -> Crop:
    """The window of `view` around (x, y) in units of its half width, `half` of it wide, turned by `roll` radians.

    The crop's up leans by `roll` from the view's up towards its left. `mirror` gives the picture of the mirrored
    mesh, whose rotation matrix has determinant -1.
    """
    size = view.channels.shape[1]
    cosine, sine = np.cos(roll), np.sin(roll)
    right, up = np.array([cosine, sine]), np.array([-sine, cosine])
    if mirror:
        right = -right
    grid = ((np.arange(PICTURE.size) + 0.5) / PICTURE.size * 2 - 1) * half
    px = x + grid[None, :] * right[0] - grid[:, None] * up[0]
    py = y + grid[None, :] * right[1] - grid[:, None] * up[1]
    depth, nx, ny, mask, border = _sample(view.channels, (px + 1) * size / 2 - 0.5, (1 - py) * size / 2 - 0.5)
    there = mask > PICTURE.cover
    cover = np.maximum(mask, 1e-6)
    depth, nx, ny = depth / cover, nx / cover, ny / cover
    margin = PICTURE.size // PICTURE.middle
    middle = slice(margin, PICTURE.size - margin)
    inner = depth[middle, middle][there[middle, middle]]
    if not len(inner):
        inner = depth[there]
    reference = float(np.median(inner)) if len(inner) else 0.0
    relative = np.where(there, np.clip((depth - reference) / half, PICTURE.empty, -PICTURE.empty), PICTURE.empty)
    nx, ny = nx * right[0] + ny * right[1], nx * up[0] + ny * up[1]
    image = np.stack([relative, nx * there, ny * there, there, border * there])
    across, upward, forward = view.rotation
    rotation = np.stack([right[0] * across + right[1] * upward, up[0] * across + up[1] * upward, forward])
    centre = view.centre + (np.array([x, y, reference]) @ view.rotation) * view.half
    return Crop(image.astype(np.float32), rotation, centre, half * view.half)


def _sample(channels: np.ndarray, column: np.ndarray, row: np.ndarray) -> np.ndarray:
    """(C, h, w) bilinear values of (C, S, S) `channels`; 0 outside."""
    size = channels.shape[1]
    c0, r0 = np.floor(column).astype(int), np.floor(row).astype(int)
    fc, fr = (column - c0).astype(np.float32), (row - r0).astype(np.float32)
    flat = channels.reshape(len(channels), -1)
    out = np.zeros((len(channels), *column.shape), np.float32)
    for dr, wr in ((0, 1 - fr), (1, fr)):
        for dc, wc in ((0, 1 - fc), (1, fc)):
            r, c = r0 + dr, c0 + dc
            weight = wr * wc * ((r >= 0) & (r < size) & (c >= 0) & (c < size))
            out += flat.take(np.clip(r, 0, size - 1) * size + np.clip(c, 0, size - 1), axis=1) * weight
    return out
