"""The numbers of motion over time, tuned by eye."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Speech:
    """How long each sound of the sentence lasts, in seconds."""

    silence: float = 0.3
    vowel: float = 0.17
    consonant: float = 0.11


SPEECH = Speech()
