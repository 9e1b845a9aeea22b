"""MakeHuman's features of a person: the stops of the macro ones, and random draws of the single ones."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

Stops = tuple[tuple[float, str], ...]  # ascending, each with the name of its targets

GENDERS: Stops = ((0.0, "female"), (1.0, "male"))
AGES: Stops = ((0.0, "baby"), (0.1875, "child"), (0.5, "young"), (1.0, "old"))
PEOPLES = ("african", "asian", "caucasian")
_OPPOSITES = (("incr", "decr"), ("up", "down"), ("in", "out"), ("forward", "backward"), ("convex", "concave"))


def levels(what: str) -> Stops:
    """The stops of a feature that is `what` from least to most, such as `muscle`."""
    return ((0.0, f"min{what}"), (0.5, f"average{what}"), (1.0, f"max{what}"))


def shares(value: float, stops: Stops) -> dict[str, float]:
    """Shares of the two stops on either side of `value`, zero shares left out."""
    for (low, first), (high, second) in pairwise(stops):
        if value <= high:
            share = (value - low) / (high - low)
            return {name: part for name, part in ((first, 1 - share), (second, share)) if part}
    return {stops[-1][1]: 1.0}


def random_local(names: Iterable[str], count: int, rng: np.random.Generator) -> dict[str, float]:
    """Weights from 0 to 1 by target of `count` random ones of `names`, such as `nose/nose-hump-incr`, fewer where
    opposites are drawn; both sides of a face get the same."""
    weights: dict[str, float] = {}
    stems = set()
    for name in map(str, rng.choice(sorted({name.replace("/r-", "/l-") for name in names}), count, replace=False)):
        stem = next((name.removesuffix(b) + a for a, b in _OPPOSITES if name.endswith(f"-{b}")), name)
        if stem not in stems:
            stems.add(stem)
            weights[name] = weights[name.replace("/l-", "/r-")] = rng.random() ** 1.5
    return weights
