"""What geometry has to know of each expression, in one table: its side, region, and what of a face it moves how."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .vocabulary import ARKIT, BLINKS, EMOTIONS, GROUPS, KNOWN_SHAPES, MOUTH_UNITS, UNIFIED, VISEMES


class Region(Enum):
    """The part of a face that an expression moves; what moves elsewhere is stray motion."""

    MOUTH = "mouth"
    BROWS = "brows"
    EYES = "eyes"
    FACE = "face"


class Gaze(Enum):
    """Where an eye looks, `IN` towards the nose."""

    IN = "In"
    OUT = "Out"
    UP = "Up"
    DOWN = "Down"


class Lids(Enum):
    """The unit of an eye's lids that an expression is."""

    BLINK = "Blink"
    SQUINT = "Squint"
    WIDE = "Wide"


class Tongue(Enum):
    """Where the tip of the tongue goes, by the place of articulation of the sound that it makes there, and how the
    tongue bends and what form it takes as face tracking sees it; `SIDE` and `TWIST` to the expression's side."""

    OUT = "out of the mouth"
    DENTAL = "edge of the upper front teeth"
    ALVEOLAR = "ridge behind the upper front teeth"
    POSTALVEOLAR = "palate behind that ridge"
    UP = "points up"
    DOWN = "points down"
    SIDE = "points to a side"
    ROLL = "edges rise, as a gutter"
    BEND_DOWN = "arches up, then down"
    CURL_UP = "arches down, then up"
    SQUISH = "narrow and thick"
    FLAT = "wide and thin"
    TWIST = "turns about its length, the tip most"


class Pupil(Enum):
    """What an eye's pupil does."""

    DILATES = "becomes larger"
    CONSTRICTS = "becomes smaller"


@dataclass(frozen=True)
class Expression:
    """One row of the table.

    group: a key of vocabulary.GROUPS. side: `l` or `r` where the expression is one side's alone, else empty.
    closes_lids: the sides (`l`, `r`, `lr` or empty) whose lids meet at full strength. limits_lids: lids may close on
    the way, but the upper one must not pass the lower one. closes_lips: the lips meet. bites_lip: the lower lip touches
    the upper teeth. rolls_lips: the lips are rolled in to where the teeth are. opens_mouth: the lips part wide. silent:
    the mouth at rest, which may move nothing. layered: face tracking plays it over other units (mouthClose over
    jawOpen), so its lips may pass through each other when it is seen alone. over_open_jaw: it closes the lips of an
    open jaw, and rolls them where the jaw is shut. gaze, lids, tongue, pupil: what of these it moves, and how; None
    where it moves none. halves: the two expressions that it is the sum of; itself alone otherwise.
    """

    name: str
    group: str
    side: str
    region: Region
    closes_lids: str
    limits_lids: bool
    closes_lips: bool
    bites_lip: bool
    rolls_lips: bool
    opens_mouth: bool
    silent: bool
    layered: bool
    over_open_jaw: bool
    gaze: Gaze | None
    lids: Lids | None
    tongue: Tongue | None
    pupil: Pupil | None
    halves: tuple[str, ...]

    @property
    def one_eye(self) -> bool:
        """Whether it is the motion of one eye alone, which ends at the nose."""
        return self.region is Region.EYES and bool(self.side)


def _side(name: str) -> str:
    lower = name.lower()
    return "l" if lower.endswith("left") else "r" if lower.endswith("right") else ""


def _region(name: str) -> Region:
    if name in VISEMES or name in MOUTH_UNITS or name in ("cheekPuff", "tongueOut"):
        return Region.MOUTH
    if name in UNIFIED and name.startswith(("Lip", "Mouth", "Jaw", "Cheek", "Tongue")):
        return Region.MOUTH
    if name.startswith(("brow", "Brow")):
        return Region.BROWS
    return Region.EYES if name.startswith(("eye", "Eye")) or name in BLINKS else Region.FACE


_TONGUES = {
    "tongueOut": Tongue.OUT, "vrc.v_th": Tongue.DENTAL, "vrc.v_dd": Tongue.ALVEOLAR, "vrc.v_nn": Tongue.ALVEOLAR,
    "vrc.v_rr": Tongue.POSTALVEOLAR,
    "TongueUp": Tongue.UP, "TongueDown": Tongue.DOWN, "TongueLeft": Tongue.SIDE, "TongueRight": Tongue.SIDE,
    "TongueRoll": Tongue.ROLL, "TongueBendDown": Tongue.BEND_DOWN, "TongueCurlUp": Tongue.CURL_UP,
    "TongueSquish": Tongue.SQUISH, "TongueFlat": Tongue.FLAT,
    "TongueTwistLeft": Tongue.TWIST, "TongueTwistRight": Tongue.TWIST,
}  # fmt: skip
_PUPILS = {"EyeDilation": Pupil.DILATES, "EyeConstrict": Pupil.CONSTRICTS}
# What face tracking plays over other units; of the unified shapes a raised jaw alone presses the lips together.
_LAYERED = tuple(
    name for name in ARKIT + UNIFIED if name.lower().startswith(("mouth", "jaw", "cheek", "tongue", "lip"))
)


def _expression(name: str) -> Expression:
    blinks = name in BLINKS or name.startswith("eyeBlink")
    lids = next((lids for lids in Lids if name.startswith(f"eye{lids.value}")), None)
    return Expression(
        name=name,
        group=next(group for group, names in GROUPS.items() if name in names),
        side=_side(name),
        region=_region(name),
        closes_lids=(_side(name) or "lr") if blinks else "",
        limits_lids=name in EMOTIONS,
        closes_lips=name == "vrc.v_pp",
        bites_lip=name == "vrc.v_ff",
        rolls_lips=name.startswith(("mouthRoll", "LipSuck")),
        opens_mouth=name == "vrc.v_aa",
        silent=name == "vrc.v_sil",
        layered=name in _LAYERED and name != "JawMandibleRaise",
        over_open_jaw=name == "mouthClose",
        gaze=next((gaze for gaze in Gaze if name.startswith(f"eyeLook{gaze.value}")), None),
        lids=Lids.BLINK if blinks else lids,
        tongue=_TONGUES.get(name),
        pupil=next((pupil for start, pupil in _PUPILS.items() if name.startswith(start)), None),
        halves=("vrc.blink_left", "vrc.blink_right") if name == "vrc.blink" else (name,),
    )


TABLE = {name: _expression(name) for name in KNOWN_SHAPES}
