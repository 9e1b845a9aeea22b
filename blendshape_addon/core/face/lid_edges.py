"""The edges of the lids as the mesh has them: every vertex from corner to corner, so that none stays behind."""

from __future__ import annotations

import heapq
from dataclasses import replace

import numpy as np

from ..geometry.mesh import edges_of
from ..geometry.nearest import nearest
from .face_space import point
from .features import Features
from .parameters import LID_EDGES
from .slits import Slit


def complete(slit: Slit, features: Features, field: int, skin: np.ndarray, place: np.ndarray) -> Slit:
    """`slit`, an eye's, with every vertex of the edges of its lids in its rims; as it is where an edge has no path.

    field: 1 for the left eye, 2 for the right one. skin: (T, 3) feature triangles. place: (N,) the number of the place
    that each feature vertex shares with its seam twins.
    """
    s = "lr"[field - 1]
    near = (np.abs(features.positions - slit.corners.mean(0)) < LID_EDGES.reach * slit.size(features.positions)).all(1)
    edges = edges_of(skin[near[skin].all(1)])
    if len(edges) == 0:
        return slit
    used = np.unique(edges)
    ends = used[nearest(features.positions[used], slit.corners, count=1)[0][:, 0]]
    rims = []
    for name, sign, rim in (("upper", 1, slit.upper), ("lower", -1, slit.lower)):
        marks = np.stack([point(features.landmarks, f"lid_{name}_{k}_{s}") for k in ("in", "mid", "out")])
        marks = marks[np.argsort(marks[:, 0])]
        curve = _curve(np.concatenate([slit.corners[:1], marks, slit.corners[1:]]))
        off, _ = _distances(features.positions, used, curve)
        other = (features.side[:, field] * sign < -LID_EDGES.other_side) & ~np.isin(place, place[ends])
        kept = edges[~other[edges].any(1)]
        path = _cheapest_path(place[kept], _costs(features.positions, kept, off), place[ends[0]], place[ends[1]])
        u = slit.u(features.positions)
        members = used[np.isin(place[used], path) & (u[used] > 0) & (u[used] < 1)]
        rims.append(members if len(members) >= len(rim) else rim)
    return replace(slit, upper=rims[0], lower=rims[1])


def _curve(points: np.ndarray) -> np.ndarray:
    """(S, 3) points along the Catmull-Rom spline through (n, 3) points (Catmull and Rom 1974, uniform)."""
    before, after = 2 * points[0] - points[1], 2 * points[-1] - points[-2]
    p = np.concatenate([[before], points, [after]])
    t = np.linspace(0, 1, LID_EDGES.samples)[:, None]
    spans = [
        (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3) / 2
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]
    return np.concatenate(spans)


def _distances(positions: np.ndarray, some: np.ndarray, curve: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N,) distance of each of `some` positions to the nearest of (S, 3) points of a curve, infinite for the others;
    and (N,) the number of that point."""
    off, number = np.full(len(positions), np.inf), np.zeros(len(positions), np.int64)
    index, distance = nearest(curve, positions[some], count=1)
    off[some], number[some] = distance[:, 0], index[:, 0]
    return off, number


def _costs(positions: np.ndarray, edges: np.ndarray, off: np.ndarray) -> np.ndarray:
    """(E,) what each edge adds to a path: its length, dearer the farther it is from the curve."""
    length = np.linalg.norm(positions[edges[:, 0]] - positions[edges[:, 1]], axis=1)
    return length * (LID_EDGES.length + off[edges].mean(1))


def _cheapest_path(edges: np.ndarray, costs: np.ndarray, start: int, end: int) -> np.ndarray:
    """(n,) the nodes of the cheapest path from start to end (Dijkstra 1959); none where there is no path."""
    beside: dict[int, list[tuple[int, float]]] = {}
    for (a, b), cost in zip(edges.tolist(), costs.tolist(), strict=True):
        beside.setdefault(a, []).append((b, cost))
        beside.setdefault(b, []).append((a, cost))
    best, came, queue = {int(start): 0.0}, {}, [(0.0, int(start))]
    while queue:
        total, node = heapq.heappop(queue)
        if node == end:
            break
        if total > best[node]:
            continue
        for other, cost in beside.get(node, ()):
            if total + cost < best.get(other, np.inf):
                best[other], came[other] = total + cost, node
                heapq.heappush(queue, (total + cost, other))
    path = [int(end)] if end in came else []
    while path and path[-1] != start:
        path.append(came[path[-1]])
    return np.array(path, np.int64)
