"""Bones of a mesh that nobody has given, from how its vertices move: groups that move rigidly, and how much each vertex
follows which (Le and Deng 2012, "Smooth skinning decomposition with rigid bones": its initialisation and its step for
the weights; rotations are then fitted to the vertices that follow one bone alone, see core/corrective/bones)."""

from __future__ import annotations

import numpy as np

from blendshape_addon.core.corrective.bones import Bones, rotation_vectors
from blendshape_addon.core.inference.corrective_format import NEIGHBOURS

MOST = 64  # bones
FRAMES = 28  # frames that the groups are found in
ROUNDS = 4  # of assigning vertices and fitting motions, after each doubling
SMALLEST = 12  # vertices of a group
RIGID = 4e-4  # metres: a group whose vertices lie no farther off on average is not divided
FOLLOWED = 4  # bones that a vertex follows at most
CANDIDATES = 8  # bones that may be among them
STEPS = 300  # of the projected gradient for the weights
# Which bones' rotations tell what is missing at a bone, see `choose_near`.
KEPT = 1  # of those that it has by its place
CONSIDERED = 10  # bones whose middles are nearest
COMPONENTS = 8  # of what is missing, by variance
RIDGE = 3e-3  # penalty per frame of a squared coefficient, metres² per square of radians
FOLDS, STRETCHES = 5, 15  # the frames are cut into stretches, which take turns in being left out


def key_frames(skinned: np.ndarray, count: int = FRAMES) -> np.ndarray:
    """Numbers of up to `count` frames of (F, V, 3) that differ most: the first, then always the one farthest from all
    before it, compared about their middles on some of the vertices."""
    some = skinned[:, :: max(1, skinned.shape[1] // 500)].astype(np.float64)
    some = some - some.mean(1, keepdims=True)
    chosen = [0]
    away = np.full(len(some), np.inf)
    while len(chosen) < min(count, len(some)):
        away = np.minimum(away, ((some - some[chosen[-1]]) ** 2).sum((1, 2)))
        if away.max() <= 1e-12:
            break
        chosen.append(int(away.argmax()))
    return np.sort(chosen)


def estimate(skinned: np.ndarray, edges: np.ndarray, most: int = MOST) -> Bones:
    """Up to `most` bones of (F, V, 3) skinned frames, metres, whose first is the rest. edges: (E, 2)."""
    rest = skinned[0].astype(np.float64)
    frames = skinned[key_frames(skinned)].astype(np.float64)
    group = _groups(rest, frames, most)
    count = int(group.max()) + 1
    near = np.zeros((count, NEIGHBOURS), np.int64)
    bones = Bones(rest, group[:, None], np.ones((len(rest), 1)), near)
    for _ in range(2):  # the second time with rotations of vertices that follow one bone alone
        index, weight = _weights(bones, frames)
        bones = _compact(rest, index, weight)
    return Bones(rest, bones.index, bones.weight, _near(bones, edges))


def _motions(rest: np.ndarray, frames: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Squared error, metres², of each vertex by each group's motion, (V, K); and the motions, (K, 4, 3F)."""
    count = int(group.max()) + 1
    bones = Bones(rest, group[:, None], np.ones((len(rest), 1)), np.zeros((count, 1), np.int64))
    motion = bones.fit(frames)
    affine = np.concatenate([np.swapaxes(motion.turn, -1, -2), motion.place[:, :, None]], 2)  # (F, K, 4, 3)
    affine = affine.transpose(1, 2, 0, 3).reshape(count, 4, -1)
    ones = np.column_stack([rest, np.ones(len(rest))])
    every = frames.transpose(1, 0, 2).reshape(len(rest), -1)
    error = np.empty((len(rest), count))
    for number, one in enumerate(affine):
        error[:, number] = ((ones @ one - every) ** 2).sum(1)
    return error / len(frames), affine


def _groups(rest: np.ndarray, frames: np.ndarray, most: int) -> np.ndarray:
    """(V,) numbers of groups that move rigidly: each is divided in two until it does, or there are `most`."""
    group = np.zeros(len(rest), np.int64)
    while True:
        error, _ = _motions(rest, frames, group)
        own = np.take_along_axis(error, group[:, None], 1)[:, 0]
        count = error.shape[1]
        total = np.bincount(group, own, count)
        size = np.bincount(group, minlength=count)
        poor = [k for k in np.argsort(-total) if size[k] >= 2 * SMALLEST and total[k] / size[k] > RIGID**2]
        poor = poor[: most - count]
        if not poor:
            return group
        new = count
        for k in poor:
            rows = np.flatnonzero(group == k)
            far = rows[own[rows].argmax()]
            # The half that is nearer to what fits least becomes a group of its own.
            distance = np.linalg.norm(rest[rows] - rest[far], axis=1)
            group[rows[distance <= np.median(distance) * 0.7]] = new
            new += 1
        for _ in range(ROUNDS):
            group = _renumbered(group)
            error, _ = _motions(rest, frames, group)
            group = error.argmin(1)
        kept = _renumbered(group)
        if kept.max() + 1 <= count:  # what was divided fell together again
            return kept
        group = kept


def _renumbered(group: np.ndarray) -> np.ndarray:
    """Groups numbered without gaps; the vertices of those that are too small join the greatest."""
    size = np.bincount(group)
    group = np.where(size[group] < SMALLEST, size.argmax(), group)
    return np.unique(group, return_inverse=True)[1].reshape(-1)


def _weights(bones: Bones, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(V, FOLLOWED) bones and weights, at least 0 and adding up to 1, by which the bones' motions give the frames."""
    rest = bones.rest
    motion = bones.fit(frames)
    affine = np.concatenate([np.swapaxes(motion.turn, -1, -2), motion.place[:, :, None]], 2)
    affine = affine.transpose(1, 2, 0, 3).reshape(bones.count, 4, -1)
    ones = np.column_stack([rest, np.ones(len(rest))])
    every = frames.transpose(1, 0, 2).reshape(len(rest), -1)
    error = np.stack([((ones @ one - every) ** 2).sum(1) for one in affine], 1)
    candidates = np.argsort(error, axis=1)[:, : min(CANDIDATES, bones.count)]
    index, weight = _simplex(ones, every, affine, candidates)
    keep = np.argsort(-weight, axis=1)[:, : min(FOLLOWED, weight.shape[1])]
    index, weight = _simplex(ones, every, affine, np.take_along_axis(index, keep, 1))
    order = np.argsort(-weight, axis=1, kind="stable")
    return np.take_along_axis(index, order, 1), np.take_along_axis(weight, order, 1)


def _simplex(
    ones: np.ndarray, every: np.ndarray, affine: np.ndarray, candidates: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weights of `candidates`, (V, C), by projected gradient (projection: Duchi et al. 2008, figure 1)."""
    weight = np.empty(candidates.shape)
    for start in range(0, len(ones), 2048):
        rows = slice(start, start + 2048)
        moved = np.einsum("va,vcaf->vcf", ones[rows], affine[candidates[rows]], optimize=True) - every[rows, None]
        gram = moved @ np.swapaxes(moved, 1, 2)  # of the errors, for weights add up to 1
        step = 1 / np.maximum(np.trace(gram, axis1=1, axis2=2), 1e-15)[:, None]
        own = np.full(gram.shape[:2], 1 / gram.shape[1])
        ahead, rate = own, 1.0
        for _ in range(STEPS):  # accelerated (Nesterov)
            new = _projected(ahead - step * np.einsum("vcd,vd->vc", gram, ahead))
            next_rate = (1 + np.sqrt(1 + 4 * rate**2)) / 2
            ahead = new + (rate - 1) / next_rate * (new - own)
            own, rate = new, next_rate
        weight[rows] = own
    return candidates, weight


def _projected(points: np.ndarray) -> np.ndarray:
    """The nearest of (N, C) points whose coordinates are at least 0 and add up to 1."""
    falling = -np.sort(-points, axis=1)
    excess = (np.cumsum(falling, 1) - 1) / np.arange(1, points.shape[1] + 1)
    last = (falling > excess).sum(1) - 1
    return np.maximum(points - np.take_along_axis(excess, last[:, None], 1), 0)


def _compact(rest: np.ndarray, index: np.ndarray, weight: np.ndarray) -> Bones:
    """Bones that some vertex follows most of all; what followed the others is shared by those that are left."""
    strongest = np.zeros(int(index.max()) + 1, bool)
    strongest[index[:, 0]] = True
    number = np.cumsum(strongest) - 1
    weight = np.where(strongest[index], weight, 0)
    weight = weight / weight.sum(1, keepdims=True)
    index = np.where(strongest[index], number[index], number[index[:, :1]])
    return Bones(rest, index, weight, np.zeros((int(strongest.sum()), NEIGHBOURS), np.int64))


def _near(bones: Bones, edges: np.ndarray) -> np.ndarray:
    """(K, NEIGHBOURS) bones that share most vertices or edges with each, then those whose middles are nearest."""
    dense = np.zeros((len(bones.rest), bones.count))
    np.put_along_axis(dense, bones.index[:, ::-1], bones.weight[:, ::-1], 1)
    shared = dense.T @ dense + dense[edges[:, 0]].T @ dense[edges[:, 1]]
    shared = shared + shared.T
    middle = (dense.T @ bones.rest) / np.maximum(dense.sum(0), 1e-9)[:, None]
    distance = np.linalg.norm(middle[:, None] - middle, axis=-1)
    score = np.where(
        shared > 1e-3, -1 / (1 + shared / shared.max(1, keepdims=True)) - 1, distance / (distance.max() + 1)
    )
    np.fill_diagonal(score, np.inf)
    found = np.argsort(score, axis=1)[:, : min(NEIGHBOURS, max(bones.count - 1, 1))]
    return np.pad(found, ((0, 0), (0, NEIGHBOURS - found.shape[1])), mode="edge")


def choose_near(bones: Bones, turn: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """(K, NEIGHBOURS) bones whose rotations tell most of what is missing at each bone.

    The first is that with which it shares most vertices; the others are added one by one: that which leaves least of
    `missing`, (F, V, 3) metres in the vertices' frames, in frames that were left out of a ridge regression on rotation
    vectors and their squares. turn: (F, K, 3, 3) rotations of the bones.
    """
    frames, near = len(turn), bones.near.copy()
    if frames < STRETCHES or bones.count <= NEIGHBOURS:
        return near
    fold = np.arange(frames) * STRETCHES // frames % FOLDS
    first = bones.index[:, 0]
    middle = np.stack([np.bincount(first, bones.rest[:, axis], bones.count) for axis in range(3)], 1)
    middle /= np.bincount(first, minlength=bones.count)[:, None]
    for bone in range(bones.count):
        by_distance = np.argsort(np.linalg.norm(middle - middle[bone], axis=1))[1 : CONSIDERED + 1]
        candidates = list(dict.fromkeys([*near[bone].tolist(), *by_distance.tolist()]))
        wanted = missing[:, first == bone].reshape(frames, -1).astype(np.float64)
        left, size, _ = np.linalg.svd(wanted - wanted.mean(0), full_matrices=False)
        wanted = left[:, :COMPONENTS] * size[:COMPONENTS]
        vectors = rotation_vectors(np.swapaxes(turn[:, bone], -1, -2)[:, None] @ turn[:, candidates])
        columns = [np.concatenate([own, own**2], 1) for own in vectors.transpose(1, 0, 2)]
        chosen = list(range(KEPT))
        while len(chosen) < NEIGHBOURS:
            others = [number for number in range(len(candidates)) if number not in chosen]
            left_over = [_left_out([columns[n] for n in (*chosen, number)], wanted, fold) for number in others]
            chosen.append(others[int(np.argmin(left_over))])
        near[bone] = [candidates[number] for number in chosen]
    return near


def _left_out(columns: list[np.ndarray], wanted: np.ndarray, fold: np.ndarray) -> float:
    """Squared error of (F, C) `wanted` by a ridge regression on columns, each fold by the others."""
    every = np.concatenate([np.ones((len(wanted), 1)), *columns], 1)
    error = 0.0
    for number in range(FOLDS):
        own, out = every[fold != number], fold == number
        gram = own.T @ own + RIDGE * len(own) * np.eye(every.shape[1])
        error += float(((every[out] @ np.linalg.solve(gram, own.T @ wanted[~out]) - wanted[out]) ** 2).sum())
    return error
