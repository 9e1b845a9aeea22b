"""Recipes as files (TOML) and as an avatar has them: read, checked and written.

The bundled recipes are recipes.toml beside this module; a file of a user's own holds what differs from them.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..messages import Message
from ..vocabulary import ARKIT, CONDITIONS, VISEMES
from .parameters import STYLE
from .recipes import PRESETS, RECIPE_SHAPES, Style

FILE = Path(__file__).with_name("recipes.toml")
LEARNED = "learned"
_REACH = "mouth_reach"
_STYLE = "style"
_LIKE = "like"
OPENS = "mouth_opens"
_SOFT = "mouth_soft"
_MEET = "lids_meet"
_APART = "visemes_apart"
_BEHIND = "reach_behind"
_OPENS_AS = '{ "vrc.v_aa" = 0.4 }'
_EXAMPLE = f"{{ {LEARNED} = 1.0, jawOpen = 0.1 }}"
# Recipes as a file has them, all or some: preset → shape → word → weight; beside the shapes OPENS, `mouth_reach`,
# `mouth_soft`, `lids_meet`, `visemes_apart`, `reach_behind`, `style` and `like`.
Document = Mapping[str, Mapping[str, Mapping[str, float]]]

_HEAD = """\
# Recipes of the VRChat Blendshape Generator: what each shape is made of, where it differs from the bundled recipes.
# Give this file with --recipes, name it in the preferences, or load it in the panel.
"""


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
        raise InputError("{whose} have no table of a style, as [natural] is.", whose=whose)
    unknown = [name for name in document if name not in PRESETS]
    if unknown:
        raise InputError(
            "{whose}: “{name}” is no style: choose from {choices}.",
            whose=whose, name=unknown[0], choices=", ".join(PRESETS),
        )  # fmt: skip
    for preset, table in document.items():
        try:
            styles[preset] = _changed(styles, preset, table)
        except InputError as error:
            raise InputError("{whose}, [{preset}]: {reason}", whose=whose, preset=preset, reason=error) from error


def _changed(styles: Mapping[str, Style], preset: str, table: object) -> Style:
    """The style of `preset` with what `table` says of it; all else is as in the preset that its row LIKE names."""
    if not isinstance(table, dict):
        raise InputError("it is no table of recipes.")
    table = dict(table)
    like = table.pop(_LIKE, preset)
    if like not in PRESETS:
        raise InputError("{row} is no name of a style: choose from {choices}.", row=_LIKE, choices=", ".join(PRESETS))
    style = replace(styles[like], preset=preset)
    reach = _reach(table.pop(_REACH, style.reach))
    opens = {**style.opens, **_opens(table.pop(OPENS, {}))}
    soft_mouth = _share(_SOFT, table.pop(_SOFT, style.soft_mouth))
    lids_meet = table.pop(_MEET, style.lids_meet)
    apart = _share(_APART, table.pop(_APART, style.apart))
    behind = table.pop(_BEHIND, style.behind)
    network_style = table.pop(_STYLE, style.network_style)
    if not isinstance(network_style, str):
        raise InputError("{row} is no name of a style, as {example} is.", row=_STYLE, example='"anime"')
    unknown = [name for name in table if name not in RECIPE_SHAPES]
    if unknown:
        raise InputError("“{name}” is neither a viseme nor an emotion.", name=unknown[0])
    rows = {name: _row(name, recipe) for name, recipe in table.items()}
    parts = {name: dict(recipe) for name, recipe in table.items()}
    return replace(
        style,
        rows={**style.rows, **rows},
        parts={**style.parts, **parts},
        reach=reach,
        opens={name: share for name, share in opens.items() if share},
        soft_mouth=soft_mouth,
        lids_meet=None if lids_meet is None else _share(_MEET, lids_meet),
        apart=apart,
        behind=None if behind is None else _share(_BEHIND, behind) or None,
        network_style=network_style,
    )


def _reach(given: object) -> tuple[float, float] | None:
    if given is None:
        return None
    if (
        isinstance(given, list | tuple)
        and len(given) == 2
        and all(_is_number(value) and STYLE.min_reach <= value < math.inf for value in given)
    ):
        return float(given[0]), float(given[1])
    raise InputError("{row} is not two numbers from 0.05, as [0.4, 0.3] is.", row=_REACH)


def _share(row: str, given: object) -> float:
    if not isinstance(given, int | float) or isinstance(given, bool) or not 0 <= given <= 1:
        raise InputError("{row} is no number from 0 to 1, as {example} is.", row=row, example="0.5")
    return float(given)


def _opens(given: object) -> dict[str, float]:
    if not isinstance(given, dict) or not all(_is_number(value) and 0 <= value <= 1 for value in given.values()):
        raise InputError("{opens} is no list of numbers from 0 to 1, as {example} is.", opens=OPENS, example=_OPENS_AS)
    unknown = [name for name in given if name not in VISEMES]
    if unknown:
        raise InputError("{opens}: “{name}” is no viseme.", opens=OPENS, name=unknown[0])
    return given


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _row(name: str, recipe: object) -> np.ndarray:
    """(CONDITIONS,) float32: the weights of a `recipe` of the shape `name`. Raises InputError for what is none."""
    if not isinstance(recipe, dict):
        raise InputError("the row of {name} is no list of weights, as {example} is.", name=name, example=_EXAMPLE)
    row = np.zeros(len(CONDITIONS), np.float32)
    for part, weight in recipe.items():
        if not _is_number(weight) or not math.isfinite(weight):
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


def words() -> tuple[str, ...]:
    """What a recipe may name: the learned shape, ARKit units (without a side both), visemes and emotions."""
    both = (name.removesuffix("Left") for name in ARKIT if f"{name.removesuffix('Left')}Right" in ARKIT)
    return tuple(dict.fromkeys((LEARNED, *both, *ARKIT, *RECIPE_SHAPES)))


def differing(styles: Mapping[str, Style]) -> Document:
    """What `styles`, by preset, say otherwise than the bundled recipes. How far visemes reach, how soft the mouth is,
    where lids meet, how far visemes lie apart, where shapes end behind a face and the style of the network are not
    part of it."""
    document: dict[str, dict[str, Mapping[str, float]]] = {}
    bundled = load()
    for preset in PRESETS:
        style, usual = styles[preset], bundled[preset]
        opens = {
            name: style.opens.get(name, 0.0) for name in RECIPE_SHAPES if style.opens.get(name) != usual.opens.get(name)
        }
        table: dict[str, Mapping[str, float]] = {OPENS: opens} if opens else {}
        table |= {name: style.parts[name] for name in RECIPE_SHAPES if style.parts[name] != usual.parts[name]}
        if table:
            document[preset] = table
    return document


def text(document: Document) -> str:
    """`document` as TOML, which `read` reads back."""
    return "\n".join([_HEAD, *_lines(document)])


def _lines(document: Document) -> Iterator[str]:
    for preset, table in document.items():
        yield f"[{preset}]"
        for name, weights in table.items():
            inside = ", ".join(f"{_key(word)} = {float(weight)}" for word, weight in weights.items())
            yield f"{_key(name)} = {{ {inside} }}" if inside else f"{_key(name)} = {{}}"
        yield ""


def _key(name: str) -> str:
    """Words of recipes are letters and dots; a dot would make a table of them."""
    return f'"{name}"' if "." in name else name
