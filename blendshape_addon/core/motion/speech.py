"""Short spoken lines as visemes over time, for a mouth that moves with their sound.

A line lies in `lines/`: its sound, and a file with the times of its sounds. Each sound has an envelope that begins
before it and ends after it, so that neighbours overlap; the visemes share the mouth in proportion to their envelopes,
as in the dominance functions of Cohen and Massaro, "Modeling coarticulation in synthetic visual speech" (1993).
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ..vocabulary import VISEMES
from .parameters import SPEECH

LANGUAGES = {"en": "English", "ja": "Japanese"}
_FOLDER = Path(__file__).with_name("lines")
_SHORT = [name.removeprefix("vrc.v_") for name in VISEMES]
# The visemes of each synthesiser's sounds, one after the other in diphthongs; a sound with none looks like the next.
_VISEMES = {
    "en": {
        "pau": "sil", "p": "pp", "b": "pp", "m": "pp", "f": "ff", "v": "ff", "th": "th", "dh": "th",
        "t": "dd", "d": "dd", "k": "kk", "g": "kk", "s": "ss", "z": "ss", "ch": "ch", "jh": "ch", "sh": "ch",
        "zh": "ch", "n": "nn", "l": "nn", "ng": "nn", "r": "rr", "er": "rr", "hh": "",
        "aa": "aa", "ae": "aa", "ah": "aa", "ax": "aa", "eh": "e", "ih": "ih", "iy": "ih", "y": "ih",
        "ao": "oh", "ow": "oh", "uh": "ou", "uw": "ou", "w": "ou",
        "ay": "aa ih", "ey": "e ih", "oy": "oh ih", "aw": "aa ou",
    },
    "ja": {
        **dict.fromkeys(("sil", "pau"), "sil"),
        **dict.fromkeys(("p", "py", "b", "by", "m", "my"), "pp"), **dict.fromkeys(("f", "v"), "ff"),
        **dict.fromkeys(("t", "ty", "d", "dy"), "dd"), **dict.fromkeys(("k", "ky", "g", "gy", "kw", "gw"), "kk"),
        **dict.fromkeys(("ch", "j", "sh"), "ch"), **dict.fromkeys(("s", "z", "ts"), "ss"),
        **dict.fromkeys(("n", "ny", "N", "r", "ry"), "nn"), **dict.fromkeys(("h", "hy", "cl"), ""),
        "a": "aa", "A": "aa", "i": "ih", "I": "ih", "y": "ih", "u": "ou", "U": "ou", "w": "ou",
        "e": "e", "E": "e", "o": "oh", "O": "oh",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A spoken line. sound: its file. duration: seconds. Of its (S,) sounds, ascending: visemes, numbers of
    vocabulary.VISEMES; starts and ends, seconds."""

    text: str
    sound: Path
    duration: float
    visemes: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    def weights(self, seconds: float) -> dict[str, float]:
        """Weights, by shape name, that sum to 1 at a time of the line; before it and after it of silence alone."""
        return {name: float(weight) for name, weight in zip(VISEMES, self._shares([seconds])[0], strict=True) if weight}

    def keyframes(self, fps: float) -> dict[str, list[tuple[int, float]]]:
        """(frame from the line's start, value) of every viseme that the line has, and no more of them than are needed
        for straight lines between them to be within SPEECH.tolerance. All but silence begin and end at 0."""
        count = int(np.ceil((self.duration + SPEECH.vowel.release) * fps)) + 1
        shares = self._shares(np.arange(count) / fps)
        return {
            name: [(int(frame), float(curve[frame])) for frame in _corners(curve)]
            for name, curve in zip(VISEMES, shares.T, strict=True)
            if curve.any()
        }

    def _shares(self, seconds: Sequence[float] | np.ndarray) -> np.ndarray:
        """(T, 15) weights at T times."""
        of_sound = [SPEECH.by_viseme.get(_SHORT[number], SPEECH.vowel) for number in self.visemes]
        strength, attack, release = np.array([(one.strength, one.attack, one.release) for one in of_sound]).T
        middle = (self.starts + self.ends) / 2
        time = np.clip(np.asarray(seconds, float), 0.0, self.duration)[:, None]
        rise = _ease(time, self.starts - attack, np.minimum(self.starts + attack / 2, middle))
        fall = _ease(-time, -(self.ends + release), -np.maximum(self.ends - release / 2, middle))
        envelopes = strength * rise * fall
        shares = envelopes @ np.eye(len(VISEMES))[self.visemes]
        return shares / shares.sum(1, keepdims=True)


@cache
def line(language: str) -> Line:
    """The line that is spoken in a language of LANGUAGES."""
    kept = tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    visemes: list[int] = []
    starts: list[float] = []
    begin = 0.0
    for sound, end in kept["sounds"]:
        shown = _VISEMES[language][sound].split()
        visemes += [_SHORT.index(name) for name in shown]
        starts += [begin + (end - begin) * part / len(shown) for part in range(len(shown))]
        begin = end if shown else begin
    duration = float(kept["sounds"][-1][1])
    of_sounds = np.array(visemes), np.array(starts), np.array([*starts[1:], duration])
    return Line(kept["text"], _FOLDER / f"{language}.ogg", duration, *of_sounds)


def _ease(values: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """0 up to `start`, 1 from `end` on, and smooth between."""
    share = np.clip((values - start) / (end - start), 0.0, 1.0)
    return share * share * (3 - 2 * share)


def _corners(curve: np.ndarray) -> list[int]:
    """Numbers of the (T,) values to keep, first and last among them (Douglas and Peucker's algorithm)."""
    found, open_ends = {0, len(curve) - 1}, [(0, len(curve) - 1)]
    while open_ends:
        first, last = open_ends.pop()
        straight = np.linspace(curve[first], curve[last], last - first + 1)
        missed = np.abs(curve[first : last + 1] - straight)
        worst = first + int(missed.argmax())
        if missed.max() > SPEECH.tolerance:
            found.add(worst)
            open_ends += [(first, worst), (worst, last)]
    return sorted(found)
