"""What a hand does to a shape key in places: smoothing it, copying one side to the other, leading it back.

share: (V,) how much of the change each vertex takes, 0 to 1.
"""

from __future__ import annotations

import numpy as np

from .mesh import diagonal, vertex_normals
from .nearest import nearest
from .parameters import KEY_EDITING
from .smoothing import neighbour_means

_FLIP = np.array([-1.0, 1.0, 1.0])


def smooth(offsets: np.ndarray, edges: np.ndarray, share: np.ndarray) -> np.ndarray:
    """(V, 3) `offsets` drawn to the means of their neighbours along (E, 2) edges."""
    ends, others = np.concatenate([edges, edges[:, ::-1]]).T
    alone = np.bincount(ends, minlength=len(offsets)) == 0
    step = np.where(alone, 0.0, share * KEY_EDITING.smooth_step)[:, None]
    out = offsets.astype(float)
    for _ in range(KEY_EDITING.smooth_rounds):
        out += step * (neighbour_means(ends, others, out) - out)
    return out


def blend(offsets: np.ndarray, target: np.ndarray, share: np.ndarray) -> np.ndarray:
    """(V, 3) `offsets` led to (V, 3) `target`."""
    return offsets + share[:, None] * (target - offsets)


def copy_side(
    base: np.ndarray, triangles: np.ndarray, offsets: np.ndarray, share: np.ndarray, to_left: bool
) -> np.ndarray:
    """(V, 3) `offsets` of one side put, mirrored, on the other; the middle stays in the middle.

    base: (V, 3) places of the neutral, whose left is at larger x. Where the mesh is no mirror image of itself, a vertex
    takes what those nearest to its image do that face as it does.
    """
    places = base - (middle(base), 0.0, 0.0)
    normals = vertex_normals(places, triangles)
    near = KEY_EDITING.same * diagonal(places)
    x = places[:, 0] if to_left else -places[:, 0]
    targets, sources = np.flatnonzero(x > near), np.flatnonzero(x <= near)
    out = offsets.astype(float)
    out[np.abs(x) <= near, 0] = 0.0
    if len(targets) and len(sources):
        found, distance = nearest(places[sources], places[targets] * _FLIP, KEY_EDITING.candidates)
        found = sources[found]
        alike = np.einsum("qc,qkc->qk", normals[targets] * _FLIP, normals[found])
        weight = np.where(alike > KEY_EDITING.facing, 1.0, KEY_EDITING.turned) / (distance + near) ** 2
        best = np.argmax(weight, axis=1)
        exact = np.take_along_axis(distance, best[:, None], 1)[:, 0] <= near
        weight[exact] = 0.0
        weight[exact, best[exact]] = 1.0
        out[targets] = np.einsum("qk,qkc->qc", weight / weight.sum(1, keepdims=True), offsets[found]) * _FLIP
    return blend(offsets, out, share)


def on_both_sides(base: np.ndarray, share: np.ndarray) -> np.ndarray:
    """(V,) `share`, and that of the vertex that is nearest to each one's mirror image where that is more."""
    places = base - (middle(base), 0.0, 0.0)
    return np.maximum(share, share[nearest(places, places * _FLIP, 1)[0][:, 0]])


def middle(base: np.ndarray) -> float:
    """x of the plane that (V, 3) places mirror across: at the origin or in the middle of their box, as fits better."""
    some = base[:: max(1, len(base) // KEY_EDITING.sample)]
    planes = 0.0, float((base[:, 0].min() + base[:, 0].max()) / 2)
    misses = [nearest(base, some * _FLIP + (2 * plane, 0.0, 0.0), 1)[1].mean() for plane in planes]
    return planes[int(misses[1] < misses[0] * KEY_EDITING.better)]


def is_symmetric(base: np.ndarray) -> bool:
    """Whether most of (V, 3) places have their mirror image across x = 0 among them."""
    some = base[:: max(1, len(base) // KEY_EDITING.sample)]
    distance = nearest(base, some * _FLIP, 1)[1]
    return bool((distance[:, 0] <= KEY_EDITING.same * diagonal(base)).mean() > KEY_EDITING.symmetric)
