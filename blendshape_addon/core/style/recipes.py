"""House style: what each shape is made of, as weights of what the deformer knows, in two presets (`recipes.toml`)."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..face.face_space import point
from ..messages import Message
from ..vocabulary import ARKIT, CONDITIONS, EMOTIONS, VISEMES

FILE = Path(__file__).with_suffix(".toml")
PRESETS = ("natural", "anime")
CHOICES = ("auto", *PRESETS)
ROWS = VISEMES + EMOTIONS  # every other shape is itself
LEARNED = "learned"
_REACH = "mouth_reach"
_STYLE = "style"
OPENS = "mouth_opens"
_OPENS_AS = '{ "vrc.v_aa" = 0.4 }'
_EXAMPLE = f"{{ {LEARNED} = 1.0, jawOpen = 0.1 }}"
# `eye_size` of 1,000 random people and ten realistic rigs is at most 0.33, of an anime and a toon rig 0.80 and 1.07.
ANIME_FROM = 0.5
# Recipes as a file has them, all or some: preset → shape → word → weight; beside the shapes OPENS,
# `mouth_reach` and `style`.
Document = Mapping[str, Mapping[str, Mapping[str, float]]]


@dataclass(frozen=True)
class Style:
    """One preset. rows: each of CONDITIONS to (CONDITIONS,) float32 weights. parts: each of ROWS to its words and
    their weights, as a file has them. reach: how far visemes reach from the middle of the mouth, across and up, in eye
    distances of the canonical face; None: as far as they are learned. opens: by viseme, how far its lips part, in
    widths of the mouth; the others as they are learned. drawn_in: the name of the deformer's style that all is drawn
    in, see `inference.deformer.styles`. automatic: the face's proportions chose it.
    """

    preset: str
    rows: Mapping[str, np.ndarray]
    parts: Mapping[str, Mapping[str, float]]
    reach: tuple[float, float] | None = None
    opens: Mapping[str, float] = field(default_factory=dict)
    drawn_in: str = ""
    automatic: bool = False

    def weights(self, names: Sequence[str]) -> np.ndarray:
        """(E, CONDITIONS) float32: the deformer's input `expression` for these shapes."""
        return np.stack([self.rows[name] for name in names])

    @property
    def sentence(self) -> Message:
        """Which style it is, and why."""
        preset = Message(self.preset.capitalize())
        if self.automatic:
            return Message("{preset} style, chosen from the face's proportions.", preset=preset)
        return Message("{preset} style, as asked.", preset=preset)


def load(path: Path | None = None, changes: Document | None = None) -> dict[str, Style]:
    """The Style of each preset: the bundled recipes, what a file has otherwise, and what an avatar has otherwise.

    path: a recipes file, which holds only what differs; None for none. changes: the like, see Document. Raises
    InputError, in a sentence, for what cannot be read or names what does not exist.
    """
    styles = dict(_bundled())
    if path:
        _change(styles, read(path), Message("The recipes {file}", file=path.name))
    if changes:
        _change(styles, changes, Message("The avatar's own recipes"))
    return styles


@cache
def _bundled() -> dict[str, Style]:
    itself = {name: _row(name, {LEARNED: 1.0}) for name in CONDITIONS}
    styles = {preset: Style(preset, itself, {}) for preset in PRESETS}
    _change(styles, read(FILE), Message("The recipes {file}", file=FILE.name))
    return styles


def read(path: Path) -> Document:
    """What a recipes file says. Raises InputError, in a sentence, when it is no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError("The recipes {path} cannot be opened: {reason}.", path=path, reason=error.strerror) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError("The recipes {file} cannot be read: {reason}.", file=path.name, reason=str(error)) from error


def _change(styles: dict[str, Style], document: Document, whose: Message) -> None:
    """Put what `document` says over `styles`."""
    if not document:
        raise InputError("{whose} have no table [natural] or [anime].", whose=whose)
    unknown = [name for name in document if name not in PRESETS]
    if unknown:
        raise InputError("{whose}: “{name}” is neither [natural] nor [anime].", whose=whose, name=unknown[0])
    for preset, table in document.items():
        try:
            styles[preset] = _changed(styles[preset], table)
        except InputError as error:
            raise InputError("{whose}, [{preset}]: {reason}", whose=whose, preset=preset, reason=error) from error


def _changed(style: Style, table: object) -> Style:
    if not isinstance(table, dict):
        raise InputError("it is no table of recipes.")
    table = dict(table)
    reach, opens = table.pop(_REACH, style.reach), style.opens | _opens(table.pop(OPENS, {}))
    drawn_in = table.pop(_STYLE, style.drawn_in)
    if not isinstance(drawn_in, str):
        raise InputError("{row} is no name of a style, as {example} is.", row=_STYLE, example='"anime"')
    unknown = [name for name in table if name not in ROWS]
    if unknown:
        raise InputError("“{name}” is neither a viseme nor an emotion.", name=unknown[0])
    rows = {name: _row(name, recipe) for name, recipe in table.items()}
    parts = style.parts | {name: dict(recipe) for name, recipe in table.items()}
    opens = {name: share for name, share in opens.items() if share}
    return Style(style.preset, style.rows | rows, parts, _reach(reach), opens, drawn_in)


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
        isinstance(given, list | tuple)
        and len(given) == 2
        and all(isinstance(v, int | float) and not isinstance(v, bool) and 0.05 <= v < math.inf for v in given)
    ):
        return float(given[0]), float(given[1])
    raise InputError("{row} is not two numbers from 0.05, as [0.4, 0.3] is.", row=_REACH)


def _opens(given: object) -> dict[str, float]:
    if not isinstance(given, dict) or not all(
        isinstance(v, int | float) and not isinstance(v, bool) and 0 <= v <= 1 for v in given.values()
    ):
        raise InputError("{opens} is no list of numbers from 0 to 1, as {example} is.", opens=OPENS, example=_OPENS_AS)
    unknown = [name for name in given if name not in VISEMES]
    if unknown:
        raise InputError("{opens}: “{name}” is no viseme.", opens=OPENS, name=unknown[0])
    return given


def _row(name: str, recipe: object) -> np.ndarray:
    if not isinstance(recipe, dict):
        raise InputError("the row of {name} is no list of weights, as {example} is.", name=name, example=_EXAMPLE)
    row = np.zeros(len(CONDITIONS), np.float32)
    for part, weight in recipe.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not math.isfinite(weight):
            raise InputError("the weight of “{part}” in {name} is not a number.", part=part, name=name)
        for condition in _conditions(name if part == LEARNED else part, name):
            row[CONDITIONS.index(condition)] += weight
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
