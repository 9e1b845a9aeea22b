"""Laplace's equation on the graph of a mesh, solved with the help of coarser and coarser graphs of it (multigrid)."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from .mesh import both_ways
from .parameters import MULTIGRID


class Graph:
    """N points and the matrix that sums how a field differs along the edges between them: a Laplacian.

    edges: (E, 2), weights: (E,). held: (F, N), 1 where a value of a field is given, else 0: coarser graphs are without
    such points and have, as `tied` (F, N) on the diagonal, the weights of what tied others to them.
    """

    def __init__(
        self, count: int, edges: np.ndarray, weights: np.ndarray, held: np.ndarray, tied: np.ndarray | float = 0.0
    ) -> None:
        self.count, self._edges, self._weights = count, edges, weights
        rows = np.concatenate([edges[:, 0], edges[:, 1]])
        order = np.argsort(rows, kind="stable")
        self._columns = np.concatenate([edges[:, 1], edges[:, 0]])[order]
        self._values = np.concatenate([weights, weights])[order]
        self._present, self._starts = np.unique(rows[order], return_index=True)
        # A little mass pulls pieces without constraints to 0 and keeps the system regular.
        self._own = np.bincount(rows[order], self._values, count) * (1 + MULTIGRID.mass) + MULTIGRID.min_mass
        self._diagonal = self._own + tied
        self._ties = tied + self.neighbours(held) * (1 - held)

    def neighbours(self, fields: np.ndarray) -> np.ndarray:
        """(F, N) sums of (F, N) fields over the neighbours of each point, by weight."""
        out = np.zeros(fields.shape)
        if len(self._starts):
            for sums, field in zip(out, fields, strict=True):
                sums[self._present] = np.add.reduceat(self._values * field.take(self._columns), self._starts)
        return out

    def times(self, fields: np.ndarray) -> np.ndarray:
        """(F, N) the matrix times (F, N) fields."""
        return self._diagonal * fields - self.neighbours(fields)

    def over(self, products: np.ndarray) -> np.ndarray:
        """(F, N) fields whose product is about (F, N) `products`, by one symmetric cycle over the coarser graphs."""
        if self._coarser is None:
            return np.einsum("fij,fj->fi", self._inverse, products) if len(self._edges) else products / self._diagonal
        number, coarse = self._coarser
        # A damped Jacobi step from zero: what varies from point to point.
        fields = MULTIGRID.damping * products / self._diagonal
        # What it leaves, summed over aggregates, is solved on the coarser graph: what varies slowly.
        sums = _gathered(number, products - self.times(fields), coarse.count)
        fields += MULTIGRID.overcorrection * coarse._over_repeatedly(sums).take(number, axis=1)
        # Another Jacobi step, for the cycle to be symmetric, as conjugate gradients need it.
        return fields + MULTIGRID.damping * (products - self.times(fields)) / self._diagonal

    def _over_repeatedly(self, products: np.ndarray) -> np.ndarray:
        """`over`, and again of what it leaves, where it is not exact."""
        fields = self.over(products)
        for _ in range(MULTIGRID.corrections - 1 if self._coarser else 0):
            fields += self.over(products - self.times(fields))
        return fields

    @cached_property
    def _coarser(self) -> tuple[np.ndarray, Graph] | None:
        """Which aggregate each point is in, and their graph; None where this one is solved at once."""
        if self.count <= MULTIGRID.smallest or len(self._edges) == 0:
            return None
        number = aggregate(self.count, self._edges)
        count = int(number.max()) + 1
        # Edges between the same two aggregates become one, of their summed weight; those within one are gone.
        pairs = np.sort(number[self._edges], axis=1)
        across = pairs[:, 0] != pairs[:, 1]
        codes, index = np.unique(pairs[across] @ [count, 1], return_inverse=True)
        weights = np.bincount(index.reshape(-1), self._weights[across], len(codes))
        edges = np.stack(np.divmod(codes, count), 1)
        tied = _gathered(number, self._ties, count)
        return number, Graph(count, edges, weights, np.zeros_like(tied), tied)

    @cached_property
    def _inverse(self) -> np.ndarray:
        """(F, N, N) inverse of the matrix of each field, for a graph that is solved at once."""
        matrix = np.zeros((self.count, self.count))
        matrix[tuple(self._edges.T)] = matrix[tuple(self._edges.T[::-1])] = -self._weights
        return np.linalg.inv([matrix + np.diag(self._own + ties) for ties in self._ties])


def _gathered(number: np.ndarray, fields: np.ndarray, count: int) -> np.ndarray:
    """(F, count) sums of (F, N) fields over the aggregates that (N,) `number` names."""
    return np.stack([np.bincount(number, field, count) for field in fields])


def aggregate(count: int, edges: np.ndarray) -> np.ndarray:
    """(count,) int64 number of the aggregate that each of `count` points belongs to, numbered from 0.

    edges: (E, 2). Points of greater random rank than all their neighbours start one (Luby 1986, "A simple parallel
    algorithm for the maximal independent set problem", its first round), about one in seven of a triangle mesh; the
    others join that of a neighbour. Nothing is joined across a cut, for only edges join.
    """
    rank = np.random.default_rng(0).permutation(count)
    ends, others = both_ways(edges)
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
