"""The surface between sampled vertices: coarse triangles, and the one-ring around each vertex."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from blendshape_addon.core.geometry.mesh import edges_of

RING = 8  # triangles of a one-ring that are looked at; on face meshes hardly a vertex has more


def sampled_triangles(vertices: np.ndarray, triangles: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """(T', 3) triangles between `sample` (N,) of the vertices (V, 3) of a mesh (T, 3), numbered as the sample is.

    Every vertex belongs to the sample that is nearest along the edges, and where three samples' vertices meet in a
    triangle there is a coarse one (the dual of a geodesic Voronoi diagram, Peyré and Cohen 2006, section 2.3). So lips
    and lids that only lie near each other stay apart, and a mesh that is all sample keeps its triangles.
    """
    edges = edges_of(triangles)
    length = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1) + 1e-9  # 0 would be no edge
    graph = csr_array((length, edges.T), shape=(len(vertices), len(vertices)))
    _, _, nearest = dijkstra(graph, directed=False, indices=sample, min_only=True, return_predecessors=True)
    number = np.full(len(vertices) + 1, -1)
    number[sample] = np.arange(len(sample))
    coarse = number[np.maximum(nearest, -1)][triangles]  # -1, the spare one, where no sample can be reached
    ordered = np.sort(coarse, axis=1)
    whole = (ordered[:, 0] >= 0) & (np.diff(ordered, axis=1) > 0).all(1)
    _, first = np.unique(ordered[whole], axis=0, return_index=True)
    return coarse[whole][np.sort(first)].astype(np.int32)


def rings_of(triangles: np.ndarray, count: int) -> np.ndarray:
    """(count, 1 + 2 RING) the vertex itself, then the other two corners of each triangle around it, in their order.

    Where there are fewer than RING triangles the vertex itself fills up: triangles without area, edges without length.
    """
    corners = np.concatenate([np.roll(triangles, -turn, axis=1) for turn in range(3)])
    corners = corners[np.argsort(corners[:, 0], kind="stable")]
    start = np.searchsorted(corners[:, 0], np.arange(count))
    rank = np.arange(len(corners)) - start[corners[:, 0]]
    corners, rank = corners[rank < RING], rank[rank < RING]
    rings = np.repeat(np.arange(count)[:, None], 1 + 2 * RING, axis=1)
    for side in (1, 2):
        rings[corners[:, 0], 2 * rank + side] = corners[:, side]
    return rings
