"""Triangle meshes as arrays: welded points, connected pieces, normals, edges, and which triangles turn over."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .parameters import MESH


def weld_points(vertices: np.ndarray, size: float | None = None) -> np.ndarray:
    """(V,) int64 the number of the point that each vertex is at; vertices within MESH.weld of `size` may share one.

    size: the mesh's, the diagonal of the box around `vertices` if None.
    """
    size = size or diagonal(vertices)
    cells = (vertices - np.median(vertices, axis=0)) / ((size or 1.0) * MESH.weld)
    cells = np.clip(np.round(cells), -MESH.farthest, MESH.farthest).astype(np.int64)
    low = cells.min(0)
    spans = [int(span) for span in cells.max(0) - low + 1]
    if math.prod(spans) < 2**63:  # one number per cell sorts much faster than three
        code = (cells - low) @ np.array([spans[1] * spans[2], spans[2], 1])
        return np.unique(code, return_inverse=True)[1].reshape(-1)
    return np.unique(cells, axis=0, return_inverse=True)[1].reshape(-1)


def diagonal(points: np.ndarray) -> float:
    """The length of the diagonal of the box around (N, 3) points."""
    return float(np.linalg.norm(np.ptp(points, axis=0)))


def connected_components(count: int, triangles: np.ndarray) -> np.ndarray:
    """(count,) int64 component number of each point, numbered from 0 in the order of their first points.

    Trees of points are hung on neighbouring trees of lower roots until each component is one (Shiloach and Vishkin
    1982, "An O(log n) parallel connectivity algorithm").
    """
    root = np.arange(count)
    ends = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]]]).T
    while True:
        ends = root[ends]
        ends = ends[:, ends[0] != ends[1]]
        if ends.shape[1] == 0:
            return np.unique(root, return_inverse=True)[1].reshape(-1)
        np.minimum.at(root, ends.max(0), ends.min(0))
        while not np.array_equal(above := root[root], root):
            root = above


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray, weld: np.ndarray | None = None) -> np.ndarray:
    """(V, 3) unit normals, area-weighted, shared across seams when `weld` is given; zero where there is no area."""
    points = triangles if weld is None else weld[triangles]
    count = len(vertices) if weld is None else int(weld.max()) + 1
    normals = np.empty((count, 3))
    for axis, face in enumerate(crosses(vertices, triangles)):
        normals[:, axis] = np.bincount(points.reshape(-1), np.repeat(face, 3), count)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
    return normals if weld is None else normals[weld]


def any3(mask: np.ndarray) -> np.ndarray:
    """(N, ...) of (N, 3, ...) bools: any of a row. numpy reduces such short rows at a fifth of the speed."""
    return mask[:, 0] | mask[:, 1] | mask[:, 2]


def all3(mask: np.ndarray) -> np.ndarray:
    """(N, ...) of (N, 3, ...) bools: all of a row; see `any3`."""
    return mask[:, 0] & mask[:, 1] & mask[:, 2]


def lengths(vectors: np.ndarray) -> np.ndarray:
    """(...) of (..., 3) vectors, several times as fast as numpy's own norm."""
    return np.sqrt(np.einsum("...c,...c->...", vectors, vectors))


def crosses(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(3, T) normals of (T, 3) triangles, as long as twice their areas."""
    a, b, c = (vertices.take(corner, axis=0) for corner in triangles.T)
    (bx, by, bz), (cx, cy, cz) = (b - a).T, (c - a).T
    return np.stack([by * cz - bz * cy, bz * cx - bx * cz, bx * cy - by * cx])


@dataclass(frozen=True)
class Facing:
    """Triangles (T, 3) and which way they face at rest, normals (3, T) as long as twice their areas (T,).

    sliver: twice the area of a triangle that is too small for its facing to be seen.
    """

    triangles: np.ndarray
    normals: np.ndarray
    areas: np.ndarray
    sliver: float

    @staticmethod
    def of(rest: np.ndarray, triangles: np.ndarray) -> Facing:
        """Of (V, 3) positions."""
        normals = crosses(rest, triangles)
        areas = np.sqrt((normals**2).sum(0))
        return Facing(triangles, normals, areas, MESH.sliver * float(areas.mean()) if len(areas) else 0.0)

    def only(self, chosen: np.ndarray) -> Facing:
        """Those `chosen` by (T,) bools; what a sliver is among all is one among them."""
        some = np.flatnonzero(chosen)
        triangles, normals = self.triangles.take(some, axis=0), self.normals.take(some, axis=1)
        return Facing(triangles, normals, self.areas[some], self.sliver)

    def flipped(self, moved: np.ndarray) -> np.ndarray:
        """(T,) bool: which triangles turn over in (V, 3) positions; slivers are not counted."""
        x, y, z = self.normals * crosses(moved, self.triangles)
        return (x + y + z < 0) & (self.areas > self.sliver)


def flipped(rest: np.ndarray, moved: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(T,) bool: triangles of (V, 3) positions that turn over between `rest` and `moved`; slivers are not counted."""
    return Facing.of(rest, triangles).flipped(moved)


def edges_of(triangles: np.ndarray) -> np.ndarray:
    """(E, 2) int64 unique undirected edges, low index first; degenerate edges are dropped."""
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]).astype(np.int64)
    low, high = pairs.min(1), pairs.max(1)
    count = high.max(initial=0) + 1
    code = np.sort((low * count + high)[low != high])  # numpy's own unique takes twenty times as long
    code = code[np.diff(code, prepend=-1) > 0]
    return np.stack(np.divmod(code, count), 1)


def both_ways(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(2 E,) ends and (2 E,) others of (E, 2) undirected edges: each edge once in either direction."""
    ends, others = np.concatenate([edges, edges[:, ::-1]]).T
    return ends, others
