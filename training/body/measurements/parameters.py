"""Where measurements are taken, with where each number comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Levels:
    """Where girths are taken. Lengths in metres on a body of 1.7 m, and as a share of the height on others."""

    step: float = 0.005  # between slices in a search
    thigh_from: float = 0.01  # below the crotch, where the widest slice of a thigh is looked for …
    thigh_to: float = 0.05  # … to here (ISO 8559-1, 5.3.20: the highest place of the thigh)
    neck_from: float = 0.25  # of the neck bone's length, from its head on, where the narrowest slice is looked for …
    neck_to: float = 0.75  # … to here (ISO 8559-1, 5.3.2: below the Adam's apple)
    neck_reach: float = 0.12  # from the middle of the neck, of skin that is its own
    height: float = 1.7


LEVELS = Levels()
