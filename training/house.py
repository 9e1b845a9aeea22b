"""The house style: one mix of the artists that the network learned, at one amplitude."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from blendshape_addon.core.vocabulary import CONDITIONS, EMOTIONS, VISEMES

TABLE = Path(__file__).with_name("house_style.toml")


def shares(artists: Sequence[str], amplitudes: np.ndarray, anime: bool = False) -> np.ndarray:
    """(artists, CONDITIONS) float32 factors of each artist's mixes, in the hand of the anime artists if `anime`.

    Every artist is first brought to the common amplitude, the weighted geometric mean of amplitudes (artists, E; NaN
    for shapes that an artist has not): one rig's smile is four of another's, and no face tells which is meant. Shapes
    that no weighted artist has fall to all that have them, and stay 0 where nobody has. Where the anime artists have
    not the shape, or are left out of training, their hand is the house's.
    """
    table = tomllib.loads(TABLE.read_text())
    everyone = dict.fromkeys(artists, 1.0)
    out = np.zeros(amplitudes.shape, np.float32)
    for e, name in enumerate(CONDITIONS):
        group = table["visemes" if name in VISEMES else "emotions" if name in EMOTIONS else "units"]
        known = np.isfinite(amplitudes[:, e])
        for hand in (table["anime"], group, everyone) if anime else (group, everyone):
            weight = np.array([hand.get(artist, 0.0) for artist in artists]) * known
            if weight.any():
                weight /= weight.sum()
                logs = np.log(np.where(known, amplitudes[:, e], 1.0))
                out[:, e] = weight * np.exp((weight * logs).sum() - logs)
                break
    return out
