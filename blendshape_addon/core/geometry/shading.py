"""Small coloured pictures of a mesh in one pose after another, drawn by :mod:`.raster`: no window and no GPU.

View space is the raster's; colours are sRGB, 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .mesh import vertex_normals
from .parameters import SHADING
from .raster import Picture, rasterise


@dataclass(frozen=True)
class Paint:
    """What triangles look like.

    colour: (T, 4) float32, the last channel how opaque. texture: (T,) index into `textures`, -1 for the plain colour.
    uv: (T, 3, 2) float32 places of the corners in the texture, (0, 0) its lower left corner. textures: each (H, W, 4)
    float32, as a colour, row 0 at the bottom.
    """

    colour: np.ndarray
    texture: np.ndarray
    uv: np.ndarray
    textures: list[np.ndarray] = field(default_factory=list)

    @classmethod
    def plain(cls, colour: np.ndarray) -> Paint:
        """(T, 4) colours without textures."""
        return cls(np.asarray(colour, np.float32), np.full(len(colour), -1), np.zeros((len(colour), 3, 2), np.float32))

    def taken(self, rows: np.ndarray) -> Paint:
        """Of some of the triangles."""
        return Paint(self.colour[rows], self.texture[rows], self.uv[rows], self.textures)

    def at(self, triangle: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """(N, 4) colour and opacity of points on `triangle` (N,) at the (N, 3) weights of its corners."""
        found, texture = self.colour[triangle], self.texture[triangle]
        for number, image in enumerate(self.textures):
            rows = np.flatnonzero(texture == number)
            if len(rows):
                height, width = image.shape[:2]
                place = np.einsum("nck,nc->nk", self.uv[triangle[rows]], weights[rows])
                column, row = np.floor(place * np.array([width, height], place.dtype)).astype(np.int32).T
                found[rows] = image[row % height, column % width]
        return found

    def see_through(self) -> np.ndarray:
        """(T,) bool: some of the triangle lets through what is behind it."""
        rows = np.flatnonzero(self.texture >= 0)
        found = (self.colour[:, 3] < SHADING.opaque) & (self.texture < 0)
        for weights in (*np.eye(3), np.full(3, 1 / 3)):
            found[rows] |= self.at(rows, np.tile(weights, (len(rows), 1)))[:, 3] < SHADING.opaque
        return found


class Portrait:
    """A mesh in a square picture. Only what moves is drawn anew for a pose."""

    def __init__(
        self, vertices: np.ndarray, triangles: np.ndarray, paint: Paint, size: int, weld: np.ndarray | None = None
    ) -> None:
        """vertices: (V, 3) at rest in view space. triangles: (T, 3). size: pixels across. weld: (V,) the point of each
        vertex, for normals across seams."""
        corners = vertices[triangles]
        rows = np.flatnonzero(((corners[..., :2].min(1) < 1) & (corners[..., :2].max(1) > -1)).all(1))
        used, local = np.unique(triangles[rows], return_inverse=True)
        self._vertices = vertices[used].astype(float)
        self._triangles = local.reshape(-1, 3)
        self._weld = None if weld is None else np.unique(weld[used], return_inverse=True)[1].reshape(-1)
        self._row = np.full(len(vertices), -1)
        self._row[used] = np.arange(len(used))
        self._paint = paint.taken(rows)
        self._through = self._paint.see_through()
        self._pixels = size * SHADING.samples
        self._sign = 1.0
        normals = vertex_normals(self._vertices, self._triangles, self._weld)
        picture = rasterise(self._vertices, self._triangles, self._pixels)
        seen = picture.triangle[picture.mask]
        if len(seen) and np.median(normals[self._triangles[seen, 0], 2]) < 0:
            self._sign = -1.0  # the triangles are wound the other way round
        self._rest = self._drawn(self._vertices, normals, np.zeros(2, int), self._pixels)

    def draw(self, indices: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """(S, S, 4) float32 colour and coverage, row 0 at the top, with vertices `indices` (n,) moved by (n, 3)."""
        rows = self._row[indices]
        pose = self._vertices.copy()
        pose[rows[rows >= 0]] += offsets[rows >= 0]
        touched = (pose != self._vertices).any(1)
        for _ in range(2):  # the triangles of what moves, and those beside them, whose normals change
            moved = touched[self._triangles].any(1)
            touched[self._triangles[moved]] = True
        image = self._rest
        if moved.any():
            first, side = self._square(pose, moved)
            if side:
                normals = vertex_normals(pose, self._triangles, self._weld)
                image = image.copy()
                rows, columns = (slice(start, start + side) for start in first[::-1])
                image[rows, columns] = self._drawn(pose, normals, first, side)
        samples = SHADING.samples
        parts = [image[i::samples, j::samples] for i in range(samples) for j in range(samples)]
        return np.add.reduce(parts) / samples**2

    def _square(self, pose: np.ndarray, moved: np.ndarray) -> tuple[np.ndarray, int]:
        """First column and row, and the side, of the square of pixels that the triangles `moved` are drawn in."""
        corners = np.unique(self._triangles[moved])
        places = np.concatenate([pose[corners, :2], self._vertices[corners, :2]])
        ends = (1 + np.stack([places.min(0), places.max(0)]) * (1, -1)) * self._pixels / 2
        low = np.clip(np.floor(ends.min(0)) - 1, 0, self._pixels).astype(int)
        high = np.clip(np.ceil(ends.max(0)) + 1, 0, self._pixels).astype(int)
        if (high <= low).any():
            return low, 0
        side = int((high - low).max())
        return np.minimum(low, self._pixels - side), side

    def _drawn(self, pose: np.ndarray, normals: np.ndarray, first: np.ndarray, side: int) -> np.ndarray:
        """(side, side, 4) of the square of pixels that begins at column and row `first`."""
        scale = self._pixels / side
        centre = (2 * first + side) / self._pixels - 1
        view = np.column_stack([(pose[:, :2] - centre * (1, -1)) * scale, pose[:, 2]])
        through = self._through
        if not through.any():
            return self._shaded(rasterise(view, self._triangles, side), normals)
        # One layer of what may be see-through, such as lashes and hair, lies over the rest.
        behind = rasterise(view, self._triangles[~through], side)
        image = self._shaded(behind, normals, np.flatnonzero(~through))
        before = rasterise(view, self._triangles[through], side)
        layer = self._shaded(before, normals, np.flatnonzero(through))
        over = layer[..., 3:] * (before.depth > behind.depth)[..., None]
        image[..., :3] = image[..., :3] * (1 - over) + layer[..., :3] * over
        image[..., 3:] = np.maximum(image[..., 3:], over)
        return image

    def _shaded(self, picture: Picture, normals: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """(S, S, 4) colours in the light; 0 where nothing is. rows: which of the triangles `picture` numbers."""
        out = np.zeros((*picture.triangle.shape, 4), np.float32)
        seen = picture.mask
        triangle, weights = picture.triangle[seen], picture.barycentric[seen].astype(np.float32)
        triangle = triangle if rows is None else rows[triangle]
        corners = zip(self._triangles[triangle].T, weights.T[:, :, None], strict=True)
        normals = normals.astype(np.float32)
        normal = sum(normals.take(corner, axis=0) * weight for corner, weight in corners) * self._sign
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        inside = normal[:, 2] < 0  # the back of a surface, as in an open mouth
        normal[inside] *= -1
        light = np.array(SHADING.light, np.float32)
        lit = 0.5 + 0.5 * (normal @ (light / np.linalg.norm(light)))
        lit = SHADING.ambient + (1 - SHADING.ambient) * lit**SHADING.contrast
        lit[inside] *= SHADING.inside
        colour = self._paint.at(triangle, weights)
        colour[:, :3] = np.minimum(colour[:, :3] * lit[:, None], 1)
        out[seen] = colour
        return out
