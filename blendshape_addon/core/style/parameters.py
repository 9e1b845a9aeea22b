"""The numbers of styles and strengths."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StyleParameters:
    """Numbers have no unit where none is given."""

    # Of recipes.eye_size, from which on a face is an anime face: it is at most 0.33 of 1,000 random people and ten
    # realistic rigs, 0.80 and 1.07 of an anime and a toon rig.
    anime_eye_size: float = 0.5
    min_reach: float = 0.05  # eye distances that a recipe may let visemes reach; less is taken for a mistake
    max_strength: float = 2.0  # of a group or a shape; tuned by eye


STYLE = StyleParameters()
