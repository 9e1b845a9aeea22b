"""What each shape is made of, as weights of what the deformer knows, in presets named by what they look like."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..face.face_space import mouth_corners, point
from ..messages import Message
from ..vocabulary import CONDITIONS, EMOTIONS, VISEMES
from .parameters import STYLE

PRESETS = {  # and what they are called
    "natural": Message("Natural"),
    "stylised": Message("Stylised"),
    "anime": Message("Anime"),
    "anime_small": Message("Anime, Small Mouth"),
    "anime_wide": Message("Anime, Wide Mouth"),
    "animal": Message("Animal"),
}
CHOICES = ("auto", *PRESETS)
RECIPE_SHAPES = VISEMES + EMOTIONS  # what a recipe can be written for; every other shape is itself


@dataclass(frozen=True)
class Style:
    """One preset.

    rows: each of CONDITIONS to (CONDITIONS,) float32 weights. parts: each of RECIPE_SHAPES to its words and their
    weights, as a file has them. reach: how far visemes reach from the middle of the mouth, across and up, in eye
    distances of the canonical face; None: as far as they are learned. opens: by viseme, how far its lips part, in
    widths of the mouth; the others as they are learned. soft_mouth: 0 to 1, how far teeth and tongue follow the lips.
    lids_meet: share of an eye's opening, above the lower lid at rest, where the lids of a blink meet; None: as learned.
    behind: eye distances behind the rearmost landmark of the face where shapes end; None: as far as they are learned.
    apart: how far two visemes have to lie apart as seen from the front, as `FrontView.differences` has it, in widths of
    the mouth; nearer consonants are changed.
    network_style: the name of the style of the deformer that is used, see `inference.deformer.styles`. automatic: the
    face's proportions chose it.
    """

    preset: str
    rows: Mapping[str, np.ndarray]
    parts: Mapping[str, Mapping[str, float]]
    reach: tuple[float, float] | None = None
    opens: Mapping[str, float] = field(default_factory=dict)
    soft_mouth: float = 0.0
    lids_meet: float | None = None
    behind: float | None = None
    apart: float = 0.0
    network_style: str = ""
    automatic: bool = False

    def weights(self, names: Sequence[str]) -> np.ndarray:
        """(E, CONDITIONS) float32: the deformer's input `expression` for these shapes."""
        return np.array([self.rows[name] for name in names], np.float32).reshape(-1, len(CONDITIONS))

    @property
    def message(self) -> Message:
        """Which style it is, and why."""
        preset = PRESETS[self.preset]
        if self.automatic:
            return Message("{preset} style, chosen from the face's proportions.", preset=preset)
        return Message("{preset} style, as asked.", preset=preset)


def pick(styles: Mapping[str, Style], preset: str, landmarks: np.ndarray) -> Style:
    """The style of `preset`; for `auto` the one that suits (L, 3) landmarks in face space."""
    return replace(styles[choose(landmarks)], automatic=True) if preset == "auto" else styles[preset]


def choose(landmarks: np.ndarray) -> str:
    """The preset that suits a face's proportions, from (L, 3) landmarks in face space."""
    width = np.linalg.norm(np.subtract(*mouth_corners(landmarks)))
    if width > STYLE.animal_mouth_width or _nose_before_eyes(landmarks) > STYLE.animal_nose:
        return "animal"
    size = eye_size(landmarks)
    return "anime" if size > STYLE.anime_eye_size else "stylised" if size > STYLE.stylised_eye_size else "natural"


def _nose_before_eyes(landmarks: np.ndarray) -> float:
    """How far the tip of the nose lies before the eyes, in eye distances: what a muzzle has, whatever its mouth."""
    lids = [f"lid_{edge}_mid_{side}" for edge in ("upper", "lower") for side in "lr"]
    eyes = np.mean([point(landmarks, name)[2] for name in lids])
    return float(point(landmarks, "nose_tip")[2] - eyes)


def eye_size(landmarks: np.ndarray) -> float:
    """How high the eyes are open, over the geometric mean of the nose's width and the height from chin to eyes.

    Large eyes, a small nose and a short chin are what anime styles share, whatever else they do.
    """

    def apart(a: str, b: str) -> float:
        return float(np.linalg.norm(point(landmarks, a) - point(landmarks, b)))

    opening = (apart("lid_upper_mid_l", "lid_lower_mid_l") + apart("lid_upper_mid_r", "lid_lower_mid_r")) / 2
    nose, chin = apart("nose_wing_l", "nose_wing_r"), abs(point(landmarks, "chin_tip")[1])
    return opening / math.sqrt(max(nose * chin, 1e-6))
