"""How far the vowels' mouths open and how wide they are, as artists draw them and as the product makes them.

Both are read off labelled landmarks, so the same points are measured on an artist's shape and on ours: how far the
inner lips are apart at the middle, in height, and the corners of the mouth, in the widths that the mouth has at rest.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from blendshape_addon.core.style.recipes import PRESETS
from blendshape_addon.core.vocabulary import VOWELS

from .mouth_landmarks import Speaker

FIGURES = ("lips apart", "corners apart")


def apart(speaker: Speaker, motion: np.ndarray) -> np.ndarray:
    """(2,) FIGURES of a speaker's mouth under a (16, 3) motion of its landmarks, in widths of the mouth at rest."""
    upper, lower, left, right = (
        speaker.point(name, motion)
        for name in ("lip_upper_inner_mid", "lip_lower_inner_mid", "mouth_corner_l", "mouth_corner_r")
    )
    return np.array([upper[1] - lower[1], np.linalg.norm(left - right)])


def by_artist(speakers: Iterable[Speaker], side: str) -> dict[tuple[str, str, str], np.ndarray]:
    """(preset, vowel, artist) to (2,) medians over the artist's rigs. side: `theirs`, or `ours` of the same vowels."""
    rows: dict[tuple[str, str, str], list[np.ndarray]] = {}
    for speaker in speakers:
        for vowel in VOWELS:
            if vowel in speaker.theirs:
                key = speaker.preset, vowel, speaker.artist
                rows.setdefault(key, []).append(apart(speaker, getattr(speaker, side)[vowel]))
    return {key: np.median(values, axis=0) for key, values in rows.items()}


def summary(speakers: Iterable[Speaker]) -> dict[str, dict[str, dict]]:
    """By preset and vowel: artists (count); theirs, least, most: (2,) median and extremes of artists; ours: (2,) median
    over the same artists' rigs; ratio: (2,) ours over theirs.

    A toon that gets the natural style, and a person who gets another, has no artist of that style and is left out.
    """
    speakers = [one for one in speakers if one.ours and one.toon == (one.preset != "natural")]
    theirs, ours = by_artist(speakers, "theirs"), by_artist(speakers, "ours")
    out: dict[str, dict[str, dict]] = {}
    for preset in PRESETS:
        for vowel in VOWELS:
            keys = [key for key in theirs if key[:2] == (preset, vowel)]
            if keys:
                drawn = np.array([theirs[key] for key in keys])
                median, made = np.median(drawn, axis=0), np.median([ours[key] for key in keys], axis=0)
                out.setdefault(preset, {})[vowel] = {
                    "artists": len(keys), "theirs": median, "least": drawn.min(0), "most": drawn.max(0), "ours": made,
                    "ratio": made / median,
                }  # fmt: skip
    return out
