"""Visemes that look alike on one face are moved apart, so that speech can be read on it.

How far a recipe's visemes lie apart differs from face to face: a wide mouth that moves little shows the same consonants
less. So each face gets mixes of its visemes, in which each one that would look like another goes on along the
difference of the two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..vocabulary import CONSONANTS, VOWELS
from .parameters import DISTINCT


def mixes(names: Sequence[str], products: np.ndarray, apart: float) -> np.ndarray:
    """(K, K) weights of K visemes `names`, a row for each one that is made of them, so that no two are nearer than
    `apart`, two vowels than DISTINCT.vowels of it.

    products: (K, K) inner products of their motions, so that squared distances are p_ii + p_jj - 2 p_ij. A consonant
    gives way to a vowel, whose opening is the style's, and each to PP, whose lips meet; two of a kind both change. A
    row that has changed by DISTINCT.most changes no further.
    """
    vowel = np.isin(names, VOWELS)
    least = apart * np.where(vowel[:, None] & vowel, DISTINCT.vowels, 1.0)
    mix, ranks = np.eye(len(names)), np.select([np.isin(names, CONSONANTS), vowel], [2, 1], 0)
    # (K, K) whether the first of two gives way to the second.
    gives_way = (ranks[:, None] >= ranks) & (ranks[:, None] > 0)
    for _ in range(DISTINCT.rounds):
        moved = mix @ products @ mix.T
        size = np.diag(moved)
        shares = np.sqrt(np.maximum(size[:, None] + size - 2 * moved, 0)) / least
        shares[~(gives_way | gives_way.T)] = np.inf
        np.fill_diagonal(shares, np.inf)
        one, other = np.unravel_index(shares.argmin(), shares.shape)
        near = shares[one, other]
        if near >= DISTINCT.enough:
            break
        step = min(1 / max(near, 1e-6) - 1, DISTINCT.step) * (mix[one] - mix[other])
        both = gives_way[one, other] and gives_way[other, one]
        for row, way in ((one, step), (other, -step)):
            if gives_way[row, other if row == one else one]:
                mix[row] += way / 2 if both else way
        gives_way[np.abs(mix - np.eye(len(mix))).sum(1) > DISTINCT.most] = False
    return mix
