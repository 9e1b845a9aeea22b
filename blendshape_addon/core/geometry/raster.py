"""An exact z-buffer in numpy: orthographic pictures of a mesh, small enough for a network to take in.

View space: x to the right, y up, z towards the viewer; the picture is the square [-1, 1] x [-1, 1] seen from +z.
Row 0 is the top row and a pixel is sampled at its centre.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from ..errors import InputError
from .parameters import RASTER

Weights = tuple[np.ndarray, np.ndarray, np.ndarray]  # (F,) of each corner


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
        corners = triangles[self.triangle[seen]].T
        weights = self.barycentric[seen].T[:, :, None]
        out[seen] = sum(values.take(corner, axis=0) * weight for corner, weight in zip(corners, weights, strict=True))
        return out


def to_pixels(points: np.ndarray, size: int) -> np.ndarray:
    """(M, 2) column and row, as fractions of pixels, of (M, 3) points in view space in a size x size picture."""
    return ((1 + points[:, :2] * [1, -1]) * size - 1) / 2


def nearest_pixels(points: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """(M,) columns and (M,) rows, whole numbers, of the pixels that (M, 3) points in view space are nearest to; some
    may lie beside the picture."""
    column, row = np.round(to_pixels(points, size)).astype(int).T
    return column, row


def rasterise(vertices: np.ndarray, triangles: np.ndarray, size: int) -> Picture:
    """Draw triangles, both sides alike, into size x size pixels.

    vertices: (V, 3) in view space. triangles: (T, 3) ints. Triangles without area (or with corners that are not
    finite) cover nothing. Edges belong to the triangle, so neighbours leave no crack; of equal depths the lowest
    triangle number wins. Raises InputError for triangles that run through the picture in thousands of layers.
    """
    depth, triangle = np.full(size * size, -np.inf), np.full(size * size, -1)
    barycentric = np.zeros((size * size, 3))
    for pixel, z, number, weight in _fragments(vertices, triangles, size, RASTER.max_fragments):
        # Of what lies before all that was drawn before, the nearest of each pixel stays. An equal depth that was there
        # is of a lower triangle number.
        nearer = np.flatnonzero(z > depth[pixel])
        np.maximum.at(depth, pixel[nearer], z[nearer])
        best = nearer[z[nearer] == depth[pixel[nearer]]][::-1]  # of equal ones the first is written last and stays
        seen = pixel[best]
        triangle[seen], barycentric[seen] = number[best], np.stack([of_corner[best] for of_corner in weight], 1)
    return Picture(depth.reshape(size, size), triangle.reshape(size, size), barycentric.reshape(size, size, 3))


def depths(poses: Iterable[np.ndarray], triangles: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """(S, S) depths, as in Picture, of the same triangles in each of `poses`, (V, 3) vertices in view space."""
    poses = iter(poses)
    while some := list(islice(poses, max(1, RASTER.chunk // max(len(triangles), 1)))):
        # Several poses are drawn at once, as one mesh of which each pose has its own picture.
        count = len(some[0])
        every = (triangles + count * np.arange(len(some))[:, None, None]).reshape(-1, 3)
        out = np.full((len(some), size, size), -np.inf)
        most = RASTER.max_fragments * len(some)
        for pixel, z, number, _ in _fragments(np.concatenate(some), every, size, most):
            np.maximum.at(out.reshape(-1), pixel + size * size * (number // len(triangles)), z)
        yield from out


def _fragments(
    vertices: np.ndarray, triangles: np.ndarray, size: int, most: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, Weights]]:
    """Pixels (F,), depths (F,), triangles (F,) and barycentric weights of what triangles cover, in their order; some at
    a time.

    Raises InputError where more than `most` pixels would have to be tested.
    """
    # To pixel units: the centre of column c, row r is at (c, r).
    pixels = np.stack([(vertices[:, 0] + 1) * (size / 2) - 0.5, (1 - vertices[:, 1]) * (size / 2) - 0.5])
    with np.errstate(invalid="ignore"):
        number, first, last = _boxes(pixels, triangles, size)
        (xa, ya, za), (xb, yb, zb), (xc, yc, zc) = (
            (*pixels[:, corner], vertices[corner, 2]) for corner in triangles[number].T
        )
        area = (xb - xa) * (yc - ya) - (yb - ya) * (xc - xa)
        # What the first two weights are computed from: of the edge opposite each, a corner (b, c) and the way along it,
        # over twice the triangle's area; and the depths of the corners.
        kept = np.stack([xb, yb, xc - xb, yc - yb, xc, yc, xa - xc, ya - yc, area, za, zb, zc])
        drawn = np.flatnonzero((np.abs(area) > 1e-12) & np.isfinite(kept).all(0))
    kept, number, first = kept[:, drawn], number[drawn], first[:, drawn].astype(np.int64)
    width, height = last[:, drawn].astype(np.int64) - first + 1
    ends = np.cumsum(width * height)
    if len(ends) and ends[-1] > most:
        raise InputError(
            "The faces of the mesh run criss-cross through one another, as they do when the order of its vertices is "
            "damaged: export it again from where it was made."
        )
    # As many triangles at a time as have a chunk of pixels in their boxes.
    done = 0
    while done < len(drawn):
        before = ends[done] - width[done] * height[done]
        some = slice(done, max(done + 1, int(np.searchsorted(ends, before + RASTER.chunk, side="right"))))
        done = some.stop
        pixel, z, t, weight = _covered(kept[:, some], first[:, some], width[some], height[some], size)
        yield pixel, z, number[some][t], weight


def _covered(
    kept: np.ndarray, first: np.ndarray, width: np.ndarray, height: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Weights]:
    """Of n triangles with boxes of `width` and `height` pixels at `first` (2, n): _fragments. What is the same along a
    row of a box is computed once for it."""
    bx, by, ux, uy, cx, cy, vx, vy, area, *corners = kept
    left, top = first
    # Per row of a box (t is its triangle): the first weight, u x (p - b) / area, and the second, v x (p - c) / area, of
    # its leftmost pixel p, and per triangle what each changes by from one column to the next.
    t = np.repeat(np.arange(len(width)), height)
    row = _counting(top, height)
    start = row * size + left[t]
    first_weight = ((ux / area)[t] * (row - by[t])) - (uy / area * (left - bx))[t]
    second_weight = ((vx / area)[t] * (row - cy[t])) - (vy / area * (left - cx))[t]
    first_step, second_step = -(uy / area)[t], -(vy / area)[t]
    # Per pixel of a row (r): where the first weight is negative, pixels are dropped …
    widths = width[t]
    r = np.repeat(np.arange(len(t)), widths)
    column = _counting(np.zeros_like(widths), widths)
    a = first_weight.take(r) + first_step.take(r) * column
    inside = np.flatnonzero(a >= RASTER.edge)
    a, r, column = a.take(inside), r.take(inside), column.take(inside)
    # … before the second is computed; the third is what they leave of 1.
    b = second_weight.take(r) + second_step.take(r) * column
    c = 1 - a - b
    inside = np.flatnonzero((b >= RASTER.edge) & (c >= RASTER.edge))
    a, b, c, r, column = (values.take(inside) for values in (a, b, c, r, column))
    t = t.take(r)
    za, zb, zc = (z.take(t) for z in corners)
    return start.take(r) + column, a * za + b * zb + c * zc, t, (a, b, c)


def _counting(start: np.ndarray, count: np.ndarray) -> np.ndarray:
    """From each of (n,) `start` upwards, `count` (n,) numbers of each, one after the other."""
    ends = np.cumsum(count)
    return np.arange(ends[-1]) - np.repeat(ends - count - start, count)


def _boxes(pixels: np.ndarray, triangles: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triangles (n,) whose boxes hold the centre of a pixel, and the first (2, n) and last (2, n) column and row."""
    number = np.arange(len(triangles))
    ends = np.empty((0, len(number)))
    for along in pixels[::-1]:  # rows first: close to a face, most of an avatar lies below the picture
        a, b, c = (along.take(corner) for corner in triangles[number].T)
        low = np.ceil(np.maximum(np.minimum(np.minimum(a, b), c), 0) - 1e-9)
        high = np.floor(np.minimum(np.maximum(np.maximum(a, b), c), size - 1) + 1e-9)
        drawn = np.flatnonzero(high >= low)
        number, ends = number[drawn], np.concatenate([[low, high], ends])[:, drawn]
    return number, ends[[0, 2]], ends[[1, 3]]
