"""Can visemes be read off the lips? Each is named by other artists' mean lip motions, the nearest by cosine.

What an artist drew is read likewise, by the artists that are left. So a figure of ours stands beside one that says how
well artists agree.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .mouth_landmarks import Motions, Speaker, mean_motions
from .run import SILENCE

LEAST = 4  # visemes: of fewer a name says little
STILL = 1e-3  # mouth widths of all landmarks together that a motion must have to be read


def read(speakers: Sequence[Speaker]) -> dict[str, dict]:
    """By artist: visemes (count), rigs, and top-1 and top-3 of the artist's own (`theirs`) and of what the product made
    on the artist's rigs (`ours`, None where no face was found), means over the rigs.

    Candidates are those visemes that the artist drew and at least one other artist too.
    """
    means = mean_motions(speakers)
    out = {}
    for artist in means:
        own = [speaker for speaker in speakers if speaker.artist == artist and speaker.theirs]
        others = _mean_of([drawn for other, drawn in means.items() if other != artist])
        names = [name for name in means[artist] if name in others and name != SILENCE]
        if len(names) < LEAST:
            continue
        known = {name: others[name] for name in names}
        row: dict = {"visemes": len(names), "rigs": len(own)}
        for side in ("theirs", "ours"):
            ranks = [rank for speaker in own if (rank := _ranks(getattr(speaker, side), known)) is not None]
            row[side] = {f"top-{k}": float(np.mean(np.array(ranks) < k)) if ranks else None for k in (1, 3)}
        out[artist] = row
    return out


def overall(rows: dict[str, dict], side: str) -> dict[str, float]:
    """top-1 and top-3, means over the artists; what is not known of one of them is left out."""
    out = {}
    for key in ("top-1", "top-3"):
        values = [row[side][key] for row in rows.values()]
        if values and None not in values:
            out[key] = float(np.mean(values))
    return out


def _mean_of(artists: Sequence[Motions]) -> dict[str, np.ndarray]:
    names = {name for drawn in artists for name in drawn}
    return {name: np.mean([drawn[name] for drawn in artists if name in drawn], axis=0) for name in names}


def _ranks(motions: Motions, known: Motions) -> list[int] | None:
    """Of each viseme of `known`, how many others its motion is nearer to than to its own; last for one that does not
    move. None where there are no motions."""
    if not motions:
        return None
    flat = {name: motion.reshape(-1) for name, motion in known.items()}
    out = []
    for name in known:
        motion = motions[name].reshape(-1) if name in motions else np.zeros(1)
        if np.linalg.norm(motion) < STILL:
            out.append(len(known))
            continue
        near = {other: motion @ mean / np.linalg.norm(mean) for other, mean in flat.items()}
        out.append(sum(value > near[name] for value in near.values()))
    return out
