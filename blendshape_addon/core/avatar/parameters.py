"""The numbers of reading an avatar, tuned on the rigs of training/data/labels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AvatarParameters:
    """Of `avatar`."""

    trimmed: float = 0.01  # share of the vertices that may be lost far from an avatar, at either end of each axis


@dataclass(frozen=True)
class HintParameters:
    """Of `hints`."""

    moved_most: float = 0.04  # of the largest squared offset, from which on a vertex counts as moved by a key


AVATAR = AvatarParameters()
HINTS = HintParameters()
