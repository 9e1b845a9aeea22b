"""A mesh graph made coarser and coarser: neighbouring points joined into aggregates, so that far points come near."""

from __future__ import annotations

import numpy as np

SMALLEST = 100  # aggregates from which on a graph is not made coarser


def coarser(count: int, edges: np.ndarray, weights: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Graphs each coarser than the one before, the first than one of `count` points: which aggregate each point of the
    one before is in, and (A, 1) one over the weights of the edges that leave each aggregate.

    edges: (E, 2), weights: (E,).
    """
    levels: list[tuple[np.ndarray, np.ndarray]] = []
    size = count
    while size > SMALLEST:
        number = aggregate(size, edges)
        size = int(number.max()) + 1
        pairs = np.sort(number[edges], axis=1)
        across = pairs[:, 0] != pairs[:, 1]
        if not across.any():
            break
        codes, index = np.unique(pairs[across] @ [size, 1], return_inverse=True)
        edges = np.stack(np.divmod(codes, size), 1)
        weights = np.bincount(index.reshape(-1), weights[across], len(codes))
        leaving = np.bincount(edges.reshape(-1), np.repeat(weights, 2), size)
        levels.append((number, np.divide(1, leaving, out=np.zeros(size), where=leaving > 0)[:, None]))
    return levels


def corrected(residual: np.ndarray, inverse: np.ndarray, levels: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """(N, F) correction for a `residual`: times `inverse`, (N, 1), plus that of its sums on each of the `levels`."""
    out = residual * inverse
    if levels:
        number, coarse = levels[0]
        sums = np.stack([np.bincount(number, field, len(coarse)) for field in residual.T], 1)
        out += corrected(sums, coarse, levels[1:]).take(number, axis=0)
    return out


def aggregate(count: int, edges: np.ndarray) -> np.ndarray:
    """(count,) int64 number of the aggregate that each of `count` points belongs to, numbered from 0.

    edges: (E, 2). Points of greater random rank than all their neighbours found one (Luby 1986, "A simple parallel
    algorithm for the maximal independent set problem", its first round), about one in seven of a triangle mesh; the
    others join that of a neighbour. Nothing is joined across a cut, for only edges join.
    """
    rank = np.random.default_rng(0).permutation(count)
    ends, others = np.concatenate([edges, edges[:, ::-1]]).T
    highest = np.full(count, -1)
    np.maximum.at(highest, ends, rank[others])
    founders = np.flatnonzero(rank > highest)
    number = np.full(count, -1)
    number[founders] = np.arange(len(founders))
    while True:
        joins = (number[ends] < 0) & (number[others] >= 0)
        if not joins.any():  # every piece has a founder, so all are reached
            return number
        number[ends[joins]] = number[others[joins]]
