"""Recipes to be shared: what differs from the bundled ones, as the text of a TOML file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..vocabulary import ARKIT
from .recipes import LEARNED, OPENS, PRESETS, ROWS, Document, Style, load

_HEAD = """\
# Recipes of the VRChat Blendshape Generator: what each shape is made of, where it differs from the bundled recipes.
# Give this file with --recipes, name it in the preferences, or load it in the panel.
"""


def words() -> tuple[str, ...]:
    """What a recipe may name: the learned shape, ARKit units (without a side both), visemes and emotions."""
    both = (name.removesuffix("Left") for name in ARKIT if f"{name.removesuffix('Left')}Right" in ARKIT)
    return tuple(dict.fromkeys((LEARNED, *both, *ARKIT, *ROWS)))


def differing(styles: Mapping[str, Style]) -> Document:
    """What `styles`, by preset, say otherwise than the bundled recipes. How far visemes reach is not part of it."""
    document: dict[str, dict[str, Mapping[str, float]]] = {}
    bundled = load()
    for preset in PRESETS:
        style, usual = styles[preset], bundled[preset]
        opens = {name: style.opens.get(name, 0.0) for name in ROWS if style.opens.get(name) != usual.opens.get(name)}
        table = {OPENS: opens} if opens else {}
        table |= {name: style.parts[name] for name in ROWS if style.parts[name] != usual.parts[name]}
        if table:
            document[preset] = table
    return document


def text(document: Document) -> str:
    """`document` as TOML, which `recipes.read` reads back."""
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
