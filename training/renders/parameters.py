"""The numbers of the renders. Lengths are distances between the eyes (63 mm), angles degrees."""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True)
class People:
    """How a rig becomes somebody else. warp: strengths of `identities.random_warp`, of realistic rigs and of toons;
    above 1 faces turn into cartoons. low: nothing below this height is drawn."""

    warp: Range = (0.15, 0.45)
    low: float = -5.0


@dataclass(frozen=True)
class Eyes:
    """Eyeballs of rigs that have none, in widths of the eye's opening: of an adult 30 mm, and the radius 12.

    radius: larger than an adult's, for lids lie tight on the ball. behind: how far the front of the ball lies behind
    the middles of the lids. rings: of triangles, with twice as many around.
    """

    radius: float = 0.44
    behind: float = -0.07
    rings: int = 12


@dataclass(frozen=True)
class Paint:
    """Where colours are on a face, tuned by eye on one rig of each family.

    brow: half height of the middle of a brow; lash_upper, lash_lower: half widths of the lines along the lids; soft:
    share of a line that fades. iris, pupil: angles from the eye's axis, of an adult 5.9 and 2 of 12 mm. hairline: above
    the eyes, and how much higher it is per length forward. collar: below the chin. inside: behind the corners of the
    mouth, from where what is between the lips is dark.
    """

    brow: Range = (0.045, 0.09)
    lash_upper: Range = (0.018, 0.045)
    lash_lower: Range = (0.006, 0.02)
    soft: float = 0.5
    iris: Range = (26.0, 32.0)
    pupil: Range = (9.0, 15.0)
    hairline: Range = (1.15, 1.6)
    hairline_slope: float = 0.35
    collar: Range = (0.5, 1.1)
    inside: float = 0.28


@dataclass(frozen=True)
class Camera:
    """The picture's middle lies at `centre` of face space and its half height is `half` at the eyes' depth. distance:
    from the eyes, 9.5 is 60 cm, where webcams are. neck: what the head turns about. sample: pictures are drawn so many
    times as wide and high, and reduced."""

    centre: tuple[float, float, float] = (0.0, -0.45, 0.0)
    half: float = 2.2
    distance: float = 9.5
    neck: tuple[float, float, float] = (0.0, -1.2, -1.2)
    samples: int = 2


@dataclass(frozen=True)
class Variety:
    """What is random in `random_scenes`, and how far it goes.

    head: of pitch, yaw and roll, standard deviations. gaze: across and up, the greatest; vergence: the greatest between
    the eyes. shift: of the head in the picture. noise, blur: standard deviations in steps of 255 and in pixels. Shares
    of the frames: still, in which the face below the lids, or the gaze, rests; blinks; lids, wide or squinting; brows;
    jaw, opened beside what else the mouth does. one_sided: of the units of two sides.
    """

    head: tuple[float, float, float] = (7.0, 12.0, 5.0)
    gaze: Range = (28.0, 18.0)
    shift: float = 0.25
    distance: Range = (7.5, 14.0)
    noise: Range = (0.0, 7.0)
    blur: Range = (0.0, 0.7)
    vergence: float = 5.0
    still: float = 0.15
    blinks: float = 0.45
    lids: float = 0.15
    brows: float = 0.4
    jaw: float = 0.3
    one_sided: float = 0.2


@dataclass(frozen=True)
class Palette:
    """Colours as a screen shows them, 0 to 1; a random one lies between two neighbours of a list. Skins after the six
    phototypes of Fitzpatrick, by eye."""

    skin: tuple[tuple[float, float, float], ...] = (
        (0.96, 0.83, 0.75), (0.90, 0.72, 0.61), (0.80, 0.60, 0.47), (0.66, 0.46, 0.34), (0.47, 0.31, 0.22),
        (0.32, 0.20, 0.14),
    )  # fmt: skip
    hair: tuple[tuple[float, float, float], ...] = (
        (0.06, 0.05, 0.05), (0.17, 0.11, 0.08), (0.32, 0.21, 0.13), (0.55, 0.38, 0.22), (0.62, 0.60, 0.58),
    )  # fmt: skip
    iris: tuple[tuple[float, float, float], ...] = (
        (0.12, 0.07, 0.04), (0.30, 0.19, 0.10), (0.38, 0.34, 0.18), (0.32, 0.42, 0.48), (0.45, 0.55, 0.66),
    )  # fmt: skip
    lip: tuple[float, float, float] = (0.62, 0.20, 0.22)
    blush: tuple[float, float, float] = (0.75, 0.35, 0.32)
    white: tuple[float, float, float] = (0.90, 0.88, 0.86)
    pupil: tuple[float, float, float] = (0.02, 0.02, 0.02)
    line: tuple[float, float, float] = (0.10, 0.07, 0.06)
    teeth: tuple[float, float, float] = (0.88, 0.86, 0.80)
    inside: tuple[float, float, float] = (0.28, 0.08, 0.08)
    tongue: tuple[float, float, float] = (0.66, 0.32, 0.32)


@dataclass(frozen=True)
class Shells:
    """Names of parts that are transparent on the rigs and would hide what is behind them, as regular expressions: tear
    lines and shells about eyes; cards with painted lashes (a line is painted along the lids instead)."""

    hidden: str = r"occlusion|blend|lacrimal|opacity|lash|eyeline|gland|eyextra|eyeextra|highlight|eye_trans|glass"
    hair: str = r"hair|wig"
    brow: str = r"brow"
    white: str = r"eyewhite"


PEOPLE = People()
EYES = Eyes()
PAINT = Paint()
CAMERA = Camera()
VARIETY = Variety()
PALETTE = Palette()
SHELLS = Shells()
