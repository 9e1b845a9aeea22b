"""Lips of few vertices keep a smooth line: what one vertex moves more than the next shows as a jag there.

On a coarse mesh the motion of the skin around the mouth is diffused over the surface, by one or two edges; on a dense
one its detail is finer than anybody sees, and it stays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..expressions import TABLE, Region
from ..face.anatomy import FaceAnatomy
from ..face.parts import Part
from ..face.slits import Slit
from ..geometry.mesh import any3, both_ways, edges_of, lengths
from .parameters import LIP_SMOOTHING


def lip_edges(anatomy: FaceAnatomy) -> np.ndarray:
    """(n,) feature vertices of the edges of the lips: the rims, which have one vertex in each column, and what lies
    between these; empty where there is no mouth."""
    mouth, features = anatomy.mouth, anatomy.features
    if not mouth:
        return np.empty(0, np.int64)
    x, y, z = features.positions.T
    near = LIP_SMOOTHING.edge * (mouth.ends[1] - mouth.ends[0]) / 2
    between = (features.part == Part.SKIN) & (x > mouth.ends[0]) & (x < mouth.ends[1])
    on_edge = np.zeros(len(x), bool)
    for rim, sign in ((mouth.upper, 1), (mouth.lower, -1)):
        line = np.concatenate([mouth.corners, features.positions[rim]])
        line = line[np.argsort(line[:, 0])]
        height, depth = (np.interp(x, line[:, 0], line[:, axis]) for axis in (1, 2))
        own = between & (features.side[:, 0] * sign > 0)
        on_edge |= own & (np.abs(y - height) < near) & (np.abs(z - depth) < 2 * near)
        on_edge[rim] = True
    return np.flatnonzero(on_edge)


def smooth_lips(anatomy: FaceAnatomy, offsets: np.ndarray, names: Sequence[str]) -> None:
    """Diffuse the motion of coarse skin around the lips in (E, N, 3) face-space offsets of `names`, in place.

    Whole expressions only: units that face tracking layers stay as they are. The rims of the lips keep the amplitude
    that they had. Upper and lower lip are diffused apart, and the lining of the mouth stays.
    """
    mouth = anatomy.mouth
    chosen = [not TABLE[name].layered and TABLE[name].region in (Region.MOUTH, Region.FACE) for name in names]
    if not mouth or not any(chosen):
        return
    variance, edges = _coarse_skin(anatomy, mouth)
    if len(edges) == 0:
        return
    # One row per place: vertices at one place are one, but for those of lips that touch.
    vertices = np.unique(edges)
    side = anatomy.features.side[vertices, 0] > 0
    key, place = np.unique(2 * anatomy.places[0][vertices] + side, return_inverse=True)
    place = place.reshape(-1)
    first = np.zeros(len(key), np.int64)
    first[place[::-1]] = np.arange(len(place))[::-1]
    number = np.zeros(len(variance), np.int64)
    number[vertices] = place
    ends, others = both_ways(np.unique(np.sort(number[edges], axis=1), axis=0))
    order = np.argsort(ends, kind="stable")
    ends, others = ends[order], others[order]
    starts = np.flatnonzero(np.diff(ends, prepend=-1))
    degree = np.diff(starts, append=len(ends))[:, None]
    made = np.flatnonzero(chosen)
    motion = offsets[made][:, vertices]
    table = motion[:, first].transpose(1, 0, 2).reshape(len(key), -1)
    step = variance[vertices][first][:, None] / LIP_SMOOTHING.rounds
    for _ in range(LIP_SMOOTHING.rounds):
        table = table + step * (np.add.reduceat(table[others], starts) / degree - table)
    smooth = table.reshape(len(key), -1, 3)[place].transpose(1, 0, 2)
    # The rims move as far as before, in least squares, and the skin around them with them.
    rims = np.isin(vertices, np.concatenate([mouth.upper, mouth.lower]))
    before, after = (np.einsum("erc,erc->e", one[:, rims], smooth[:, rims]) for one in (motion, smooth))
    scale = np.clip(before / np.maximum(after, 1e-12), 1, LIP_SMOOTHING.max_scale)
    fade = np.clip(variance[vertices], 0, 1)
    offsets[np.ix_(made, vertices)] = smooth * (1 + (scale[:, None] - 1) * fade)[..., None]


def _coarse_skin(anatomy: FaceAnatomy, mouth: Slit) -> tuple[np.ndarray, np.ndarray]:
    """How far motion is diffused at each vertex, (N,) variances in squared edges, and the edges (K, 2) that it is
    diffused over."""
    features = anatomy.features
    half = (mouth.ends[1] - mouth.ends[0]) / 2
    away = (features.positions - mouth.corners.mean(0)) / half
    near = np.clip(LIP_SMOOTHING.reach - np.hypot(away[:, 0], away[:, 1]), 0, 1) * (features.normals[:, 2] > 0)
    side = features.side[:, 0]
    edges = edges_of(anatomy.skin[any3(near[anatomy.skin] > 0)])
    edges = edges[(side[edges[:, 0]] * side[edges[:, 1]] >= 0) & (features.normals[edges, 2] > 0).all(1)]
    ends, others = both_ways(edges)
    length = lengths(features.positions[ends] - features.positions[others]) / half
    mean = np.bincount(ends, length, len(near)) / np.maximum(np.bincount(ends, minlength=len(near)), 1)
    fine, whole = LIP_SMOOTHING.edges
    near *= np.clip((mean - fine) / (whole - fine), 0, 1)
    near *= np.minimum((LIP_SMOOTHING.length / np.maximum(mean, fine)) ** 2, LIP_SMOOTHING.most)
    return near, edges[(near[edges] > 0).any(1)]
