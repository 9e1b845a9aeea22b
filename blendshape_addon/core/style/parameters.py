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
    # In eye distances before the eyes, from which on a nose is an animal's: 0.80 to 1.06 of four animals, 0.76 to 0.88
    # as finders that never saw them find it; at most 0.56 of 55 rigs of people, 0.66 of 120 random people of two rigs.
    animal_nose: float = 0.72
    min_reach: float = 0.05  # eye distances that a recipe may let visemes reach; less is taken for a mistake
    max_strength: float = 2.0  # of a group or a shape; tuned by eye


@dataclass(frozen=True)
class Distinct:
    """How visemes that look alike on a face are moved apart."""

    vowels: float = 0.5  # of the distance that a style asks for: two vowels, whose opening is the style's
    enough: float = 0.999  # of the distance that a style asks for, so that rounding ends the rounds
    step: float = 0.3  # of the difference of two visemes, the most that a round adds to it
    most: float = 1.0  # sum of the changes of a viseme's weights, from which on it changes no further
    rounds: int = 60  # each moves one pair; none of 56 rigs takes more than 27


@dataclass(frozen=True)
class UnifiedShares:
    """Where a part of a face ends, over which a share falls from 1 to 0; in eye distances of the canonical face."""

    half: float = 0.15  # on each side of the middle; tuned by eye, so that a quarter of the lips has no crease
    lip: float = 0.4  # of the lips' field, which is 1 on the upper and -1 on the lower lip
    seam: float = 0.05  # above and below the line between the lips, of what lies behind them
    negligible: float = 1e-3  # of a pull, below which skin rests


@dataclass(frozen=True)
class OwnStyleParameters:
    """Of own_style, tuned on MakeHuman's, Rocketbox', VALID's and CharMorph's artists, each left out in turn."""

    min_on_face: float = 0.5  # of the squares of an own key's motion, else it is a key of the body
    fewest: int = 3  # shapes to learn from, sides not counted
    residual_ridge: float = 1.0  # of a residual's own mean square: 0.3 and 3 are worse by 0.01 of cos
    own_ridge: float = 0.3  # of what the network makes, which has norm 1
    least_ridge: float = 1e-6  # of residuals that are nothing with every artist
    least_size: float = 0.3  # of an artist's shape over the network's: fainter ones weigh no more
    # Cosine of CH and A, from which on and up to which the usual mixes of A, O and CH are taken where they disagree
    # with the network: 0.06 and 0.29 of MakeHuman and Rocketbox, where they are worse, 0.75 and 0.90 of VALID's teeth
    # and Vitruvian.
    jaw_opening_ch: tuple[float, float] = (0.4, 0.55)
    # Mean cosine of given visemes and the network's, up to which skin follows those mixes wholly and from which on not
    # at all: 0.54 of Vitruvian, 0.76 to 0.91 of the others, VALID's lips 0.9.
    likeness: tuple[float, float] = (0.55, 0.85)
    # Cosine of a mix and the viseme beside it, from which on and up to which they agree, and the mix's shares then, of
    # artists who are like the network and unlike it: 0.3 is as good, 0.4 in place of 0.2 worse by 0.01 on Rocketbox.
    agreement: tuple[float, float] = (0.0, 0.6)
    agreed_shares: tuple[float, float] = (0.2, 0.8)
    # Of what known artists' cosines ask for, beside a viseme of norm 1: per given viseme, and at most. 0.6 with A, O
    # and CH costs MakeHuman 0.08 of cos, with seven 0.4 to 1 are as good.
    weight_per_given: float = 0.1
    most_weight: float = 0.7
    cosine_ridge: float = 3.0  # beside cosines of 1; 1 and 6 are as good
    network_as_artists: float = 2.0  # how many artists the network's own cosines stand for; 1 and 4 are as good
    network_cosines: float = 0.5  # of an artist's beside the network's, which are all alike; 0.8 is as good
    # Of what lies outside the space of the given visemes: 0.3 and 0.7 are worse by 0.005, 1 by 0.02; and where A, O and
    # CH are mixed: 0.7 and 1 are as good.
    kept: float = 0.5
    kept_of_mixes: float = 0.85
    span_ridge: float = 0.05  # of that space, beside cosines of 1; 0.02 and 0.1 are as good
    # Mean gain of cos, of given visemes that are left out. It foretells the gain of the others so badly (correlation
    # -0.1 over 200 draws) that only what is plainly wrong is left off.
    min_gain: float = -0.1
    steps: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)  # tried on the way to the amplitude that fits best
    # Added to what a step changes on given shapes that are left out: with 0, rel of the others grows by 0.03 in 8 % of
    # draws of ten units, in place of 4 %, and its mean is the same.
    standard_errors: float = 1.0
    amplitude_ridge: float = 1.0  # shapes of the network's strength beside those given; 0 is worse by 0.01 of rel
    amplitudes: tuple[float, float] = (0.2, 5.0)  # of an artist's shapes over the network's; beyond it is no style


STYLE = StyleParameters()
DISTINCT = Distinct()
UNIFIED_SHARES = UnifiedShares()
OWN_STYLE = OwnStyleParameters()
