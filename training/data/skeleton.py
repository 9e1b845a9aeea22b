"""Skeletons as arrays: bones in order, the skin's weights, and how a pose moves what hangs on a bone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from .sources.anny import Bone


class Skinning(NamedTuple):
    """names: bones, parents first. parent: (K,) numbers, -1 for none. weight: (V, K), rows add up to 1."""

    names: tuple[str, ...]
    parent: np.ndarray
    weight: np.ndarray


def skinning(bones: Mapping[str, Bone], count: int) -> Skinning:
    """The bones of a skin of `count` vertices."""
    names: list[str] = []
    while len(names) < len(bones):
        names += [n for n, b in bones.items() if n not in names and (b.parent is None or b.parent in names)]
    weight = np.zeros((count, len(names)))
    for column, name in enumerate(names):
        weight[bones[name].index, column] = bones[name].weight
    parents = [bones[name].parent for name in names]
    parent = np.array([names.index(one) if one else -1 for one in parents])
    return Skinning(tuple(names), parent, weight / weight.sum(1, keepdims=True))


def chain(
    own: np.ndarray, heads: np.ndarray, parents: Sequence[int] | np.ndarray, moved: np.ndarray | float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """(..., K, 3, 3) rotations and (..., K, 3) places of bones: a point at `p` at rest is at ``turn @ p + place``.

    own: (..., K, 3, 3) how each bone turns in its parent. heads: (..., K, 3) where bones begin at rest. parents: (K,)
    before their children, -1 for none. moved: (..., 3) how far a bone without a parent goes.
    """
    turn, place = np.empty_like(own), np.empty(own.shape[:-1])
    for bone, parent in enumerate(parents):
        if parent < 0:
            turn[..., bone, :, :], origin = own[..., bone, :, :], heads[..., bone, :] + moved
        else:
            turn[..., bone, :, :] = turn[..., parent, :, :] @ own[..., bone, :, :]
            origin = (turn[..., parent, :, :] @ heads[..., bone, :, None])[..., 0] + place[..., parent, :]
        place[..., bone, :] = origin - (turn[..., bone, :, :] @ heads[..., bone, :, None])[..., 0]
    return turn, place
