"""Styles of the exported model: each a blend of the artists that the network learned, at one amplitude per shape."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.vocabulary import CONDITIONS, EMOTIONS, VISEMES

TABLE = Path(__file__).with_suffix(".toml")
GROUPS = ("visemes", "emotions", "units")
_Table = Mapping[str, Mapping[str, Mapping[str, float]]]  # style to group or shape to artist to weight


@dataclass(frozen=True)
class Style:
    """A style of the model. shares: (artists, CONDITIONS) float32 factors of each artist's mixes; complete, for what
    the style's own artists lack is the base's. artists: those that any of its own shapes is blended of."""

    name: str
    artists: tuple[str, ...]
    shares: np.ndarray


def read(path: Path = TABLE) -> _Table:
    """The table of styles in a file. Raises InputError where a style has a row that is neither a group nor a shape."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    for style, rows in table.items():
        if unknown := sorted(set(rows) - {*GROUPS, *CONDITIONS}):
            raise InputError(f"{path.name}, [{style}]: “{unknown[0]}” is neither a shape nor a group.")
    return table


def styles(artists: Sequence[str], amplitudes: np.ndarray, table: _Table | None = None) -> list[Style]:
    """The styles of `table` (that of TABLE if None) for a network that learned `artists`; the base is the first.

    amplitudes: (artists, CONDITIONS), NaN for shapes that an artist has not. A style other than the base that none of
    these artists has a part in is left out. What no artist has stays 0.
    """
    made: list[Style] = []
    for name, rows in (read() if table is None else table).items():
        shares = np.zeros(amplitudes.shape, np.float32)
        for column, condition in enumerate(CONDITIONS):
            wanted = rows.get(condition, rows.get(_group(condition), {}))
            weights = np.array([wanted.get(artist, 0.0) for artist in artists])
            shares[:, column] = _shares(weights, amplitudes[:, column])
        own = tuple(artist for artist, share in zip(artists, shares, strict=True) if share.any())
        lacking = ~shares.any(0)
        if not made:
            alike = np.ones(len(artists))
            for column in np.flatnonzero(lacking):
                shares[:, column] = _shares(alike, amplitudes[:, column])
        elif own:
            shares[:, lacking] = made[0].shares[:, lacking]
        else:
            continue
        made.append(Style(name, own, shares))
    return made


def _group(condition: str) -> str:
    return "visemes" if condition in VISEMES else "emotions" if condition in EMOTIONS else "units"


def _shares(weights: np.ndarray, amplitudes: np.ndarray) -> np.ndarray:
    """(artists,) factors of a shape's mixes. Every artist is first brought to the common amplitude, the weighted
    geometric mean of (artists,) `amplitudes`: one rig's smile is four of another's, and no face tells which is
    meant."""
    known = np.isfinite(amplitudes)
    weights = weights * known
    if not weights.any():
        return weights
    weights = weights / weights.sum()
    logs = np.log(np.where(known, amplitudes, 1.0))
    return weights * np.exp((weights * logs).sum() - logs)
