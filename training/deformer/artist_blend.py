"""The house style: one mix of the artists that the network learned, at one amplitude."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from blendshape_addon.core.vocabulary import CONDITIONS, EMOTIONS, VISEMES

TABLE = Path(__file__).with_suffix(".toml")


def shares(artists: Sequence[str], amplitudes: np.ndarray, anime: bool = False) -> np.ndarray:
    """(artists, CONDITIONS) float32 factors of each artist's mixes, in the hand of the anime artists if `anime`.

    Every artist is first brought to the common amplitude, the weighted geometric mean of amplitudes (artists, E; NaN
    for shapes that an artist has not): one rig's smile is four of another's, and no face tells which is meant. In the
    house's hand, shapes that no weighted artist has fall to all that have them. What nobody has stays 0.
    """
    table = tomllib.loads(TABLE.read_text())
    out = np.zeros(amplitudes.shape, np.float32)
    for e, name in enumerate(CONDITIONS):
        group = "visemes" if name in VISEMES else "emotions" if name in EMOTIONS else "units"
        known = np.isfinite(amplitudes[:, e])
        weights = table["anime" if anime else group]
        weight = np.array([weights.get(artist, 0.0) for artist in artists]) * known
        if not anime and not weight.any():
            weight = known.astype(float)
        if weight.any():
            weight /= weight.sum()
            logs = np.log(np.where(known, amplitudes[:, e], 1.0))
            out[:, e] = weight * np.exp((weight * logs).sum() - logs)
    return out
