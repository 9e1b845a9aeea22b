"""House style: what each shape is made of, as weights of what the deformer knows, in two presets (`recipes.toml`)."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from . import contacts
from .errors import InputError
from .face_space import canonical_landmarks, point
from .features import Features
from .parts import Part
from .sentence import Sentence
from .vocabulary import ANIME_HAND, ARKIT, CONDITIONS, EMOTIONS, EXPRESSIONS, VISEMES

FILE = Path(__file__).with_suffix(".toml")
PRESETS = ("natural", "anime")
CHOICES = ("auto", *PRESETS)
ROWS = VISEMES + EMOTIONS  # every other shape is itself
_LEARNED = "learned"
_REACH = "mouth_reach"
_OPENS = "mouth_opens"
_WIDEST = '"vrc.v_aa"'
# `eye_size` of 1,000 random people and ten realistic rigs is at most 0.33, of an anime and a toon rig 0.80 and 1.07.
ANIME_FROM = 0.5


@dataclass(frozen=True)
class Style:
    """One preset. rows: each of CONDITIONS to (EXPRESSIONS,) float32 weights. reach: how far visemes reach from the
    middle of the mouth, across and up, in eye distances of the canonical face; None: as far as they are learned.
    opens: by viseme, how far its lips part, in widths of the mouth; the others as they are learned. automatic: the
    face's proportions chose it.
    """

    preset: str
    rows: Mapping[str, np.ndarray]
    reach: tuple[float, float] | None = None
    opens: Mapping[str, float] = field(default_factory=dict)
    automatic: bool = False

    def weights(self, names: Sequence[str]) -> np.ndarray:
        """(E, EXPRESSIONS) float32: the deformer's input `expression` for these shapes."""
        return np.stack([self.rows[name] for name in names])

    def keep_near_mouth(self, features: Features, offsets: np.ndarray, names: Sequence[str]) -> None:
        """Fade (E, N, 3) offsets of visemes beyond `reach`, in place; teeth and tongue follow the lips."""
        if self.reach is None:
            return
        mouth = point(canonical_landmarks(), "mouth_corner_l", "mouth_corner_r")
        away = (((features.canonical.positions - mouth)[:, :2] / self.reach) ** 2).sum(1)
        share = np.exp(-(away**2) / 2).astype(np.float32)
        share[np.isin(features.part, (Part.TEETH_LOWER, Part.TONGUE, Part.MOUTH))] = 1
        offsets[[name in VISEMES for name in names]] *= share[:, None]

    def open_mouth(self, features: Features, offsets: np.ndarray, names: Sequence[str]) -> None:
        """Give (E, N, 3) offsets of visemes the opening that this face's mouth asks for, in place."""
        mouth = contacts.find_slit(features, 0)
        for name, share in self.opens.items():
            if mouth and name in names:
                contacts.open_mouth(features, offsets[names.index(name)], mouth, share)

    @property
    def sentence(self) -> Sentence:
        """Which style it is, and why."""
        preset = Sentence(self.preset.capitalize())
        if self.automatic:
            return Sentence("{preset} style, chosen from the face's proportions.", preset=preset)
        return Sentence("{preset} style, as asked.", preset=preset)


def load(path: Path | None = None) -> dict[str, Style]:
    """The Style of each preset from a recipes file, the bundled one if None.

    Raises InputError, in a sentence, for a file that cannot be read, lacks a row or names what does not exist.
    """
    path = path or FILE
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError("The recipes {path} cannot be opened: {reason}.", path=path, reason=error.strerror) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError("The recipes {file} cannot be read: {reason}.", file=path.name, reason=str(error)) from error
    styles = {}
    for preset in PRESETS:
        if not isinstance(document.get(preset), dict):
            raise InputError("The recipes {file} have no table [{preset}].", file=path.name, preset=preset)
        try:
            table = dict(document[preset])
            reach, opens = _reach(table.pop(_REACH, None)), _opens(table.pop(_OPENS, None))
            styles[preset] = Style(preset, _table(table, preset), reach, opens)
        except InputError as error:
            raise InputError(
                "The recipes {file}, [{preset}]: {reason}", file=path.name, preset=preset, reason=error
            ) from error
    return styles


def pick(styles: Mapping[str, Style], preset: str, landmarks: np.ndarray) -> Style:
    """The style of `preset`; for `auto` the one that suits (L, 3) landmarks in face space."""
    return replace(styles[choose(landmarks)], automatic=True) if preset == "auto" else styles[preset]


def choose(landmarks: np.ndarray) -> str:
    """The preset that suits a face's proportions, from (L, 3) landmarks in face space."""
    return "anime" if eye_size(landmarks) > ANIME_FROM else "natural"


def eye_size(landmarks: np.ndarray) -> float:
    """How high the eyes are open, over the geometric mean of the nose's width and the height from chin to eyes.

    Large eyes, a small nose and a short chin are what anime styles share, whatever else they do.
    """

    def apart(a: str, b: str) -> float:
        return float(np.linalg.norm(point(landmarks, a) - point(landmarks, b)))

    opening = (apart("lid_upper_mid_l", "lid_lower_mid_l") + apart("lid_upper_mid_r", "lid_lower_mid_r")) / 2
    nose, chin = apart("nose_wing_l", "nose_wing_r"), abs(point(landmarks, "chin_tip")[1])
    return opening / math.sqrt(max(nose * chin, 1e-6))


def _reach(given: object) -> tuple[float, float] | None:
    if given is None:
        return None
    if (
        isinstance(given, list)
        and len(given) == 2
        and all(isinstance(v, int | float) and not isinstance(v, bool) and 0.05 <= v < math.inf for v in given)
    ):
        return float(given[0]), float(given[1])
    raise InputError("{row} is not two numbers from 0.05, as [0.4, 0.3] is.", row=_REACH)


def _opens(given: object) -> dict[str, float]:
    given = {} if given is None else given
    if not isinstance(given, dict) or not all(
        isinstance(v, int | float) and not isinstance(v, bool) and 0 < v <= 1 for v in given.values()
    ):
        raise InputError(
            "{row} is no list of numbers above 0 and up to 1, as {{ {widest} = 0.4 }} is.", row=_OPENS, widest=_WIDEST
        )
    unknown = [name for name in given if name not in VISEMES]
    if unknown:
        raise InputError("{row}: “{name}” is no viseme.", row=_OPENS, name=unknown[0])
    return dict(given)


def _table(recipes: Mapping[str, object], preset: str) -> dict[str, np.ndarray]:
    """Weights of CONDITIONS from the rows of one preset."""
    unknown = [name for name in recipes if name not in ROWS]
    if unknown:
        raise InputError("“{name}” is neither a viseme nor an emotion.", name=unknown[0])
    missing = [name for name in ROWS if name not in recipes]
    if missing:
        raise InputError("there is no row for {names}.", names=", ".join(missing))
    return {name: _row(name, recipes.get(name, {_LEARNED: 1.0}), preset) for name in CONDITIONS}


def _row(name: str, recipe: object, preset: str) -> np.ndarray:
    if not isinstance(recipe, dict):
        raise InputError(
            "the row of {name} is no list of weights, as {{ {learned} = 1.0, jawOpen = 0.1 }} is.",
            name=name,
            learned=_LEARNED,
        )
    row = np.zeros(len(EXPRESSIONS), np.float32)
    for part, weight in recipe.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not math.isfinite(weight):
            raise InputError("the weight of “{part}” in {name} is not a number.", part=part, name=name)
        for condition in _conditions(name if part == _LEARNED else part, name):
            hand = "anime." if preset == "anime" and condition in ANIME_HAND else ""
            row[EXPRESSIONS.index(hand + condition)] += weight
    return row


def _conditions(part: str, name: str) -> tuple[str, ...]:
    """What a recipe's word stands for: a condition, or both sides of a pair of units."""
    pair = (f"{part}Left", f"{part}Right")
    if part in CONDITIONS:
        return (part,)
    if pair[0] in ARKIT:
        return pair
    raise InputError(
        "{name} asks for “{part}”, which is neither an ARKit unit nor a viseme or emotion.", name=name, part=part
    )
