"""The numbers of motion over time, tuned by eye."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..expressions import Gaze


@dataclass(frozen=True)
class Dominance:
    """How much of the mouth a sound takes from its neighbours. strength: against that of other sounds at the same time,
    1 is a vowel's. attack, release: how long before it begins and after it ends the mouth is on its way, in seconds."""

    strength: float
    attack: float
    release: float


@dataclass(frozen=True)
class Speech:
    """Lips that have to meet take the whole mouth; rounding begins early; what the tongue does shows least.

    by_viseme: for what is not there, `vowel`. tolerance: share of a viseme by which keyframes may miss its curve.
    """

    vowel: Dominance = Dominance(1.0, 0.10, 0.10)
    by_viseme: dict[str, Dominance] = field(
        default_factory=lambda: {
            "sil": Dominance(1.0, 0.12, 0.10),
            **dict.fromkeys(("pp", "ff"), Dominance(12.0, 0.04, 0.04)),
            **dict.fromkeys(("oh", "ou"), Dominance(1.2, 0.15, 0.10)),
            **dict.fromkeys(("ch", "ss", "th", "rr"), Dominance(1.4, 0.08, 0.06)),
            **dict.fromkeys(("dd", "kk", "nn"), Dominance(0.7, 0.05, 0.05)),
        }
    )
    tolerance: float = 0.02


SPEECH = Speech()


@dataclass(frozen=True)
class Reader:
    """Finding a person's face in a picture; all as in MediaPipe's Face Landmarker, which the networks are of.

    min_score: of the detector, 0 to 1. min_overlap: of boxes that are one face, of what they cover together. margin:
    how much larger than the face the square is that its landmarks are read in. min_presence: 0 to 1, of a face that is
    followed. recount: frames after which faces are counted again.
    """

    min_score: float = 0.5
    min_overlap: float = 0.3
    margin: float = 1.5
    min_presence: float = 0.5
    recount: int = 10


@dataclass(frozen=True)
class OneEuro:
    """The filter of tracks over time (Casiez, Roussel and Vogel, CHI 2012). cutoff: hertz, of what stands still; speed:
    hertz more per unit of change per second; derivative: hertz, of the speed itself."""

    cutoff: float
    speed: float
    derivative: float = 1.0


@dataclass(frozen=True)
class Performance:
    """From what was read of a face to what an avatar does.

    max_turn: degrees that a head may be turned away from the camera to be read. hold, ease: seconds that a lost face
    keeps its last expression, and takes to become neutral; back: seconds to follow it again. neutral_share: of the
    frames, those that the neutral face is the median of. rest_quantile: of a unit's scores, what it is at rest. units,
    head, gaze: their filters; units are 0 to 1, angles radians and degrees. max_gaze: degrees across and up. look:
    degrees at which eyeLook units are 1, those of the add-on's own shapes, as artists turn eyes. drawn: misfit of a
    person's proportions, in distances between the outer corners of the eyes, from which a face is taken for a drawn
    one: a photograph has 0.050, painted rigs of people up to 0.047, anime heads and animals 0.057 to 0.097.
    """

    max_turn: float = 45.0
    hold: float = 0.25
    ease: float = 0.5
    back: float = 0.15
    neutral_share: float = 0.1
    rest_quantile: float = 0.25
    units: OneEuro = OneEuro(1.7, 8.0)
    head: OneEuro = OneEuro(1.0, 3.0)
    gaze: OneEuro = OneEuro(1.5, 0.2)
    max_gaze: tuple[float, float] = (35.0, 25.0)
    look: dict[Gaze, float] = field(
        default_factory=lambda: {Gaze.IN: 17.5, Gaze.OUT: 19.5, Gaze.UP: 8.5, Gaze.DOWN: 10.5}
    )
    drawn: float = 0.055


@dataclass(frozen=True)
class Units:
    """Which units are keyed, and what they are the sum of.

    unread: units that are not keyed unless they are asked for: on pictures with known truth 0 is nearer to it than the
    scores, and of new people the network of mouths tells at most a quarter (models/mouth.toml). weights: by unit,
    without its side, of its score and of measures in distances between the outer corners of the eyes
    (`units.MEASURES`), all less the neutral face's; a unit that is not there is its score. They come from a grid on
    random pictures of rigs (training/renders), and on no family are worse than the score alone; docs/drive.md has the
    figures. mouth: by unit, without its side, the share of what the network of mouths says: the largest of 0, 0.05 ...
    1 with which the unit is on no family of rigs that the network did not learn worse than its score alone
    (training/motion/measure_units.py). shut: how far eyes are closed, less the neutral face's, from where their gaze is
    not read. least_opening: of the eyes of a neutral face, 0 to 1.
    """

    unread: frozenset[str] = frozenset(
        (
            "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "jawForward",
            "jawLeft", "jawRight", "mouthDimpleLeft", "mouthDimpleRight", "mouthRollLower", "mouthRollUpper",
            "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft",
            "mouthLowerDownRight", "tongueOut",
        )
    )  # fmt: skip
    weights: dict[str, dict[str, float]] = field(
        default_factory=lambda: {
            "jawOpen": {"score": 0.6, "lips": 1.25, "chin": 0.6},
            "mouth": {"score": 1.5},  # to a side
            "mouthFunnel": {"score": 1.5, "mouth_width": -0.5},
            "mouthPucker": {"score": 0.75, "mouth_width": -0.75},
            "mouthUpperUp": {"score": 1.0, "upper_lip": -1.5},
            "eyeSquint": {"score": 0.5},
            "eyeWide": {"score": 1.0, "lids": 3.0},
            "browInnerUp": {"score": 1.0, "brow_inner": 2.5},
            "browOuterUp": {"score": 1.0, "brow_outer": 0.5},
        }
    )
    mouth: dict[str, float] = field(
        default_factory=lambda: {
            **dict.fromkeys(
                (
                    "jawOpen",
                    "mouthClose",
                    "mouth",  # to a side, as the jaw below
                    "mouthStretch",
                    "mouthUpperUp",
                    "jaw",
                    "jawForward",
                    "cheekPuff",
                    "cheekSquint",
                    "mouthDimple",
                    "mouthLowerDown",
                    "mouthPress",
                    "mouthShrugUpper",
                ),
                1.0,
            ),
            "mouthRollUpper": 0.95,
            "mouthPucker": 0.75,
            "mouthSmile": 0.9,
            "noseSneer": 0.9,
            "mouthFrown": 0.8,
            "mouthRollLower": 0.4,
            "mouthFunnel": 0.25,
            "mouthShrugLower": 0.15,
        }
    )
    shut: float = 0.5
    least_opening: float = 0.2


@dataclass(frozen=True)
class MouthShapes:
    """What visemes look like, for avatars that have no units: jawOpen, rounding (mouthPucker or mouthFunnel) and width
    (mouthSmile) of each; by eye, after the recipes of style/recipes.toml."""

    sounds: dict[str, tuple[float, float, float]] = field(
        default_factory=lambda: {
            "aa": (0.7, 0.0, 0.0),
            "oh": (0.5, 0.5, 0.0),
            "ou": (0.2, 0.9, 0.0),
            "e": (0.4, 0.0, 0.3),
            "ih": (0.2, 0.0, 0.2),
        }
    )


READER = Reader()
PERFORMANCE = Performance()
UNITS = Units()
MOUTH_SHAPES = MouthShapes()
