"""An exact z-buffer in numpy: orthographic pictures of a mesh, small enough for a network to look at.

View space: x to the right, y up, z towards the viewer; the picture is the square [-1, 1] x [-1, 1] seen from +z.
Row 0 is the top row and a pixel is sampled at its centre.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .errors import InputError

CHUNK = 1 << 21  # fragments tested at once and kept until they are sorted by depth, bounds the memory
MOST = 1 << 26  # fragments tested in one picture, bounds the time: several times what the densest hair needs


@dataclass(frozen=True)
class Picture:
    """What each pixel sees. Where `triangle` is -1 nothing is there, `depth` is -inf and `barycentric` is 0.

    depth: (S, S) z of the nearest surface. triangle: (S, S) int64. barycentric: (S, S, 3) weights of its corners.
    """

    depth: np.ndarray
    triangle: np.ndarray
    barycentric: np.ndarray

    @property
    def mask(self) -> np.ndarray:
        """(S, S) bool: something is there."""
        return self.triangle >= 0

    def interpolate(self, values: np.ndarray, triangles: np.ndarray) -> np.ndarray:
        """(S, S, C) of a (V, C) vertex attribute; 0 where nothing is."""
        out = np.zeros((*self.triangle.shape, values.shape[1]))
        seen = self.mask
        corners = values[triangles[self.triangle[seen]]]
        out[seen] = (corners * self.barycentric[seen][:, :, None]).sum(1)
        return out


def to_pixels(points: np.ndarray, size: int) -> np.ndarray:
    """(M, 2) column and row, as fractions of pixels, of (M, 3) points in view space in a size x size picture."""
    return ((1 + points[:, :2] * [1, -1]) * size - 1) / 2


def rasterise(vertices: np.ndarray, triangles: np.ndarray, size: int) -> Picture:
    """Draw triangles, both sides alike, into size x size pixels.

    vertices: (V, 3) in view space. triangles: (T, 3) ints. Triangles without area (or with corners that are not
    finite) cover nothing. Edges belong to the triangle, so neighbours leave no crack; of equal depths the lowest
    triangle number wins. Raises InputError for triangles that run through the picture in thousands of layers.
    """
    # To pixel units: the centre of column c, row r is at (c, r).
    pixels = np.stack([(vertices[:, 0] + 1) * (size / 2) - 0.5, (1 - vertices[:, 1]) * (size / 2) - 0.5])
    with np.errstate(invalid="ignore"):
        i, j, k = triangles.T
        first = np.ceil(np.maximum(np.minimum(np.minimum(pixels[:, i], pixels[:, j]), pixels[:, k]), 0) - 1e-9)
        last = np.floor(np.minimum(np.maximum(np.maximum(pixels[:, i], pixels[:, j]), pixels[:, k]), size - 1) + 1e-9)
        number = np.flatnonzero((last[0] >= first[0]) & (last[1] >= first[1]))
        corners = np.concatenate([pixels, vertices[None, :, 2]]).T[triangles[number]].astype(np.float64)
        first, last = first[:, number].T, last[:, number].T
        a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
        area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
        drawn = np.flatnonzero((np.abs(area) > 1e-12) & np.isfinite(corners).all((1, 2)))
    if (last[drawn] - first[drawn] + 1).prod(1).sum() > MOST:
        raise InputError(
            "The faces of the mesh run criss-cross through one another, as they do when the order of its vertices is "
            "damaged: export it again from where it was made."
        )

    # Triangles whose boxes are alike are tested together on one grid of pixels.
    bucket = np.ceil(np.log2(last[drawn] - first[drawn] + 1)).astype(int)
    kind = bucket[:, 0] * 64 + bucket[:, 1]
    picture = Picture(np.full(size * size, -np.inf), np.full(size * size, -1), np.zeros((size * size, 3)))
    fragments = []
    for one in np.unique(kind):
        members = drawn[kind == one]
        columns, rows = 1 << int(one // 64), 1 << int(one % 64)
        step = max(1, CHUNK // (columns * rows))
        for start in range(0, len(members), step):
            n = members[start : start + step]
            fragments.append(_covered(corners[n], area[n], first[n], last[n], columns, rows, number[n]))
            if sum(len(part[0]) for part in fragments) > CHUNK:
                _resolve(fragments, picture, size)
                fragments.clear()
    _resolve(fragments, picture, size)
    return Picture(
        picture.depth.reshape(size, size),
        picture.triangle.reshape(size, size),
        picture.barycentric.reshape(size, size, 3),
    )


def _covered(
    corners: np.ndarray,
    area: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    columns: int,
    rows: int,
    number: np.ndarray,
) -> tuple[np.ndarray, ...]:
    """Fragments (row, column, depth, triangle, barycentric) of n triangles on a columns x rows grid at `first`."""
    x = first[:, 0, None, None] + np.arange(columns)[None, None, :]
    y = first[:, 1, None, None] + np.arange(rows)[None, :, None]
    cx, cy = corners[:, :, 0, None, None], corners[:, :, 1, None, None]
    weight = []
    for i, j in ((1, 2), (2, 0)):
        edge = (cx[:, j] - cx[:, i]) * (y - cy[:, i]) - (cy[:, j] - cy[:, i]) * (x - cx[:, i])
        weight.append(edge / area[:, None, None])
    weight.append(1 - weight[0] - weight[1])
    inside = (weight[0] >= -1e-9) & (weight[1] >= -1e-9) & (weight[2] >= -1e-9)
    inside &= (x <= last[:, 0, None, None]) & (y <= last[:, 1, None, None])
    t, r, c = np.nonzero(inside)
    barycentric = np.stack([w[t, r, c] for w in weight], 1)
    depth = (barycentric * corners[t, :, 2]).sum(1)
    return (first[t, 1] + r).astype(np.int64), (first[t, 0] + c).astype(np.int64), depth, number[t], barycentric


def _resolve(fragments: list[tuple[np.ndarray, ...]], picture: Picture, size: int) -> None:
    """Put those of `fragments` into `picture`, whose arrays are flat here, that lie before what is there."""
    if not fragments:
        return
    row, column, z, number, weight = (np.concatenate(parts) for parts in zip(*fragments, strict=True))
    pixel = row * size + column
    order = np.lexsort((-number, z))
    last = np.full(size * size, -1)
    last[pixel[order]] = order  # of several at one pixel the one written last stays: the nearest
    seen = np.flatnonzero(last >= 0)
    best = last[seen]
    nearer = (z[best] > picture.depth[seen]) | (
        (z[best] == picture.depth[seen]) & (number[best] < picture.triangle[seen])
    )
    seen, best = seen[nearer], best[nearer]
    picture.depth[seen], picture.triangle[seen], picture.barycentric[seen] = z[best], number[best], weight[best]
