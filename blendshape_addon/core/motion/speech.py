"""A short sentence as visemes over time, to see how they play together."""

from __future__ import annotations

import numpy as np

from .parameters import SPEECH

# "This fish chose a very good pool, man."
_SOUNDS = (
    "sil", "th", "ih", "ss", "ff", "ih", "ch", "ch", "oh", "ss", "aa", "ff", "e", "rr", "ih", "kk", "ou", "dd",
    "pp", "ou", "nn", "sil", "pp", "aa", "nn", "sil",
)  # fmt: skip
_SECONDS = {"sil": SPEECH.silence, **dict.fromkeys(("aa", "e", "ih", "oh", "ou"), SPEECH.vowel)}
_LENGTH = np.array([_SECONDS.get(sound, SPEECH.consonant) for sound in _SOUNDS])
_MIDDLE = np.cumsum(_LENGTH) - _LENGTH / 2

DURATION = float(_LENGTH.sum())  # seconds


def weights(seconds: float) -> dict[str, float]:
    """Weights, by shape name, that sum to 1 at a time of the sentence, which starts again after DURATION.

    Each sound is whole in its middle and fades into the next, as VRChat blends them.
    """
    place = float(np.interp(seconds % DURATION, _MIDDLE, np.arange(len(_SOUNDS))))
    number, fade = int(place), place % 1
    found = {f"vrc.v_{_SOUNDS[number]}": 1 - fade}
    if fade:
        following = f"vrc.v_{_SOUNDS[number + 1]}"
        found[following] = found.get(following, 0.0) + fade
    return found
