"""The numbers of styles and strengths."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StyleParameters:
    """Numbers have no unit where none is given."""

    # Of recipes.eye_size, from which on a face is stylised or anime: at most 0.33 of 1,000 random people and of
    # 40 realistic rigs, 0.39 of a toon boy, 0.61 to 1.07 of seven anime and toon rigs.
    stylised_eye_size: float = 0.36
    anime_eye_size: float = 0.5
    # In eye distances, from which on a mouth is an animal's: 1.04 to 1.40 of five animals, at most 0.85 of 41 people,
    # 0.56 of anime faces.
    animal_mouth_width: float = 0.95
    min_reach: float = 0.05  # eye distances that a recipe may let visemes reach; less is taken for a mistake
    max_strength: float = 2.0  # of a group or a shape; tuned by eye


@dataclass(frozen=True)
class UnifiedShares:
    """Where a part of a face ends, over which a share falls from 1 to 0; in eye distances of the canonical face."""

    half: float = 0.15  # on each side of the middle; tuned by eye, so that a quarter of the lips has no crease
    lip: float = 0.4  # of the lips' field, which is 1 on the upper and -1 on the lower lip
    seam: float = 0.05  # above and below the line between the lips, of what lies behind them
    negligible: float = 1e-3  # of a pull, below which skin rests


STYLE = StyleParameters()
UNIFIED_SHARES = UnifiedShares()
