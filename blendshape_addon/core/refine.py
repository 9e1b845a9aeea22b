"""From what the network proposes to what may be written: rigid teeth and eyes, riders on skin, seams, no haze."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from . import barriers, contacts, tongue
from .calming import Folded, calm
from .face_space import EYE_DISTANCE_MM
from .features import Features, on_lids
from .gaze import turn_eyes
from .mesh import Avatar, Facing, any3, edges_of
from .parts import Part

HAZE = 0.05 / EYE_DISTANCE_MM  # motion below 0.05 mm is nobody's intention …
CLEAR = 0.30 / EYE_DISTANCE_MM  # … and from 0.3 mm it is kept whole
MIDDLE = 0.2  # eye distances over which what one eye does fades beside the nose
ROOT = 0.03  # eye distances: a lash or brow vertex nearer than this to the skin is rooted in it
GROUP, FEW = 64, 1 << 20  # points that are looked for together, once there are more than so many pairs


def refine(
    avatar: Avatar,
    features: Features,
    offsets: np.ndarray,
    names: Sequence[str],
    progress: Callable[[float], None] = lambda fraction: None,
) -> np.ndarray:
    """(E, N, 3) face-space offsets at full intensity, fit to be shape keys; changed in place and returned."""
    part = features.part
    offsets[:, part == Part.TEETH_UPPER] = 0
    lower = part == Part.TEETH_LOWER
    if lower.sum() >= 4:
        rest = features.positions[lower]
        for offset in offsets:
            turned, place = tongue.rigid(rest, offset[lower])
            offset[lower] = (rest - rest.mean(0)) @ turned + place - rest
    tongue.move(features, offsets, names)
    turn_eyes(features, offsets, names)
    triangles = features.triangles(avatar, Part.SKIN)
    triangles = triangles[~features.drawn[triangles].any(1)]  # a drawn mouth folds to a line when it closes
    _keep_to_its_side(features, offsets, names)
    mouth = contacts.find_slit(features, 0)
    rims = np.concatenate([mouth.upper, mouth.lower]) if mouth else np.empty(0, np.int64)
    open_skin = triangles[~on_lids(features, triangles)]
    _untangle(open_skin, features.positions, offsets, rims, lambda fraction: progress(fraction / 2))
    contacts.meet(triangles, features, offsets, names)
    progress(0.6)
    barriers.hold(avatar, features, offsets, names)
    progress(0.95)
    _ride(avatar, features, offsets)
    join_seams(avatar, features, offsets)
    return clear_haze(offsets)


def clear_haze(offsets: np.ndarray) -> np.ndarray:
    """Fade offsets below CLEAR and set those below HAZE to exact zeros: every moved vertex costs the player's GPU."""
    size = np.linalg.norm(offsets, axis=-1, keepdims=True)
    offsets *= np.clip((size - HAZE) / (CLEAR - HAZE), 0, 1)
    return offsets


def _keep_to_its_side(features: Features, offsets: np.ndarray, names: Sequence[str]) -> None:
    """What one eye does stops at the nose: some artists' rigs let the other eye twitch."""
    share = np.clip(0.5 + features.positions[:, 0] / MIDDLE, 0, 1)[:, None].astype(np.float32)
    for offset, name in zip(offsets, names, strict=True):
        if name.startswith(("eye", "vrc.blink_")):
            offset *= share if name.lower().endswith("left") else 1 - share


def _untangle(
    triangles: np.ndarray,
    rest: np.ndarray,
    offsets: np.ndarray,
    rims: np.ndarray,
    progress: Callable[[float], None],
) -> None:
    """Calm the motion around triangles that turn over, by the mean of their neighbours, while that helps.

    rims: vertices of the lips' rims, which stay: folds of the coarse skin inside a mouth must not pull it shut.
    """
    facing, every_edge = Facing.of(rest, triangles), edges_of(triangles)
    for done, offset in enumerate(offsets):
        progress(done / len(offsets))
        moving = any3(np.abs(offset) > HAZE)
        own, edges = (
            facing.only(any3(moving[triangles])),
            every_edge[moving[every_edge[:, 0]] | moving[every_edge[:, 1]]],
        )
        offset[:] = calm(offset, edges, Folded(own, rest), rims)


def _ride(avatar: Avatar, features: Features, offsets: np.ndarray) -> None:
    """Lashes, brows and tear lines take the motion of the skin at their roots, so that they never leave it."""
    riders, skin = np.flatnonzero(features.part == Part.RIDER), np.flatnonzero(features.part == Part.SKIN)
    if len(riders) == 0 or len(skin) == 0:
        return
    index, distance = nearest(features.positions[skin], features.positions[riders], count=4)
    weight = 1 / (distance + 1e-3) ** 2
    weight /= weight.sum(1, keepdims=True)
    carried = np.einsum("rk,erkc->erc", weight, offsets[:, skin[index]])
    pieces = avatar.components[features.index[riders]]
    for piece in np.unique(pieces):
        here = np.flatnonzero(pieces == piece)
        rooted = distance[here, 0] <= max(ROOT, np.quantile(distance[here, 0], 0.3))
        roots, loose = here[rooted], here[~rooted]
        if len(loose):
            rest = features.positions[riders]
            carried[:, loose] = carried[:, roots[nearest(rest[roots], rest[loose], count=1)[0][:, 0]]]
    offsets[:, riders] = carried


def nearest(points: np.ndarray, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(Q, count) indices of the nearest of (P, 3) points to (Q, 3) queries, nearest first, and their distances."""
    count = min(count, len(points))
    index = np.empty((len(queries), count), np.int64)
    distance = np.empty((len(queries), count))
    together = GROUP if len(points) * len(queries) > FEW else max(len(points), len(queries))
    groups = _grouped(points, together)
    middles, radii = map(np.array, zip(*(_ball(points[group]) for group in groups), strict=True))
    sizes = np.array([len(group) for group in groups])
    for some in _grouped(queries, together):
        block = queries[some]
        middle, radius = _ball(block)
        away = np.linalg.norm(middles - middle, axis=1)
        # Groups of as many points lie within `reach` of the middle, and so within reach + radius of any of the block.
        far = np.argsort(away + radii)
        reach = (away + radii)[far[np.searchsorted(np.cumsum(sizes[far]), count)]]
        close = np.flatnonzero(away - radii <= (reach + 2 * radius) * (1 + 1e-9))
        near = np.sort(np.concatenate([groups[group] for group in close]))
        candidates = points[near]
        squared = (block**2).sum(1)[:, None] - 2 * block @ candidates.T + (candidates**2).sum(1)
        best = squared.argmin(1)[:, None] if count == 1 else np.argpartition(squared, count - 1, axis=1)[:, :count]
        found = np.take_along_axis(squared, best, 1)
        order = np.argsort(found, axis=1)
        index[some] = near[np.take_along_axis(best, order, 1)]
        distance[some] = np.sqrt(np.maximum(np.take_along_axis(found, order, 1), 0))
    return index, distance


def _grouped(points: np.ndarray, most: int) -> list[np.ndarray]:
    """Indices of (N, 3) points in groups of up to `most` that lie together: halved across the longest side."""
    large, small = [np.arange(len(points))] if len(points) else [], []
    while large:
        group = large.pop()
        if len(group) <= most:
            small.append(group)
        else:
            axis = np.ptp(points[group], axis=0).argmax()
            large += np.array_split(group[np.argsort(points[group, axis], kind="stable")], 2)
    return small


def _ball(points: np.ndarray) -> tuple[np.ndarray, float]:
    """The middle (3,) and the radius of a ball around (N, 3) points."""
    middle = (points.min(0) + points.max(0)) / 2
    return middle, float(np.linalg.norm(points - middle, axis=1).max())


def join_seams(avatar: Avatar, features: Features, offsets: np.ndarray) -> None:
    """Vertices that share a place move as one, so no seam opens."""
    _, point, size = np.unique(avatar.weld[features.index], return_inverse=True, return_counts=True)
    point = point.reshape(-1)
    shared = np.flatnonzero(size[point] > 1)
    if len(shared) == 0:
        return
    for shape in offsets:
        for axis in range(3):
            mean = np.bincount(point[shared], shape[shared, axis], len(size)) / size
            shape[shared, axis] = mean[point[shared]]
