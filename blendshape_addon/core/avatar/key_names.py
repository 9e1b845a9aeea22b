"""Which shape a creator's key is: exact names of all conventions, read from one table (`key_names.toml`).

`hints` guesses from parts of a name where on the face a key acts; this says what it is, or nothing.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from ..errors import InputError
from ..vocabulary import ALL_SHAPES, ARKIT

FILE = Path(__file__).with_suffix(".toml")
# Conventions that keys can be copied to or renamed to on request, and their names in the table.
WRITABLE = {"mmd": "mmd_worlds", "vrm1": "vrm1", "unified": "unified"}
# Names of Unified Expressions that are sums of shapes, and that face-tracking templates play; other sums have a unit.
_PAIRS = (
    ("EyeDilation", "EyeDilation"), ("EyeConstrict", "EyeConstrict"), ("NoseSneer", "noseSneer"),
    ("CheekSuck", "CheekSuck"), ("LipFunnelUpper", "LipFunnelUpper"), ("LipFunnelLower", "LipFunnelLower"),
    ("MouthUpperUp", "mouthUpperUp"), ("MouthLowerDown", "mouthLowerDown"), ("MouthDimple", "mouthDimple"),
    ("MouthPress", "mouthPress"), ("MouthTightener", "MouthTightener"),
)  # fmt: skip
SUMS = {name: (f"{part}Left", f"{part}Right") for name, part in _PAIRS}
_SPELLINGS = ("vrchat", "arkit", "oculus", "unified")  # conventions that lip sync and face tracking go by
_SHORTEST_TAIL = 3  # letters after a mesh's name: "Hand.A" is no vowel


@cache
def conventions() -> dict[str, dict[str, tuple[str, ...]]]:
    """Names of each shape by convention, first choice first: {convention: {shape: names}}."""
    table = tomllib.loads(FILE.read_text(encoding="utf-8"))
    own: dict[str, dict[str, tuple[str, ...]]] = {"vrchat": {name: (name,) for name in ALL_SHAPES if name not in ARKIT}}
    own["arkit"] = {name: (name, re.sub("(L)eft$|(R)ight$", r"_\1\2", name)) for name in ARKIT}
    table["unified"] = {name: [name[0].upper() + name[1:]] for name in ARKIT} | table["unified"]
    return own | {name: {shape: tuple(names) for shape, names in rows.items()} for name, rows in table.items()}


def written(convention: str) -> dict[str, str]:
    """{shape: name} that keys get for a convention of WRITABLE, where that is another name than the shape's own.

    Raises InputError for another convention.
    """
    if convention not in WRITABLE:
        raise InputError("Unknown names “{name}”: choose from {choices}.", name=convention, choices=", ".join(WRITABLE))
    rows = conventions()[WRITABLE[convention]]
    return {shape: rows[shape][0] for shape in ALL_SHAPES if shape in rows and rows[shape][0] != shape}


def recognise(key: str) -> str | None:
    """The shape of ALL_SHAPES that a key of this name is, None if no convention has the name."""
    rank = _rank(key)
    return None if rank is None else _names()[rank][1]


def respelled(keys: Iterable[str]) -> dict[str, str]:
    """{key: shape} of those of `keys` that are a shape's own name in another spelling, as lip sync and face tracking
    know it. Names that other programs play (MMD, VRM, VRoid) stand beside it for a purpose."""
    found = {key: shape for key in keys if (shape := recognise(key)) not in (None, key)}
    return {
        key: shape
        for key, shape in found.items()
        if any(
            plain(name) in map(plain, _candidates(key))
            for convention in _SPELLINGS
            for name in conventions()[convention].get(shape, ())
        )
    }


def pick(keys: Iterable[str]) -> dict[str, str]:
    """{shape: key} of those of `keys` that are shapes, in the order of ALL_SHAPES; for each shape its first choice."""
    ranked = sorted((rank, key) for key in keys if (rank := _rank(key)) is not None)
    chosen: dict[str, str] = {}
    for rank, key in ranked:
        chosen.setdefault(_names()[rank][1], key)
    return {shape: chosen[shape] for shape in ALL_SHAPES if shape in chosen}


def plain(name: str) -> str:
    """A name without what does not tell keys apart: case, separators, width."""
    return re.sub(r"[\s_.\-]", "", unicodedata.normalize("NFKC", name).casefold())


@cache
def _names() -> tuple[tuple[str, str], ...]:
    """(plain name, shape) of every alias, best choice first."""
    return tuple(
        (plain(name), shape)
        for rows in conventions().values() for shape, names in rows.items() for name in names
    )  # fmt: skip


@cache
def _ranks() -> dict[str, int]:
    ranks: dict[str, int] = {}
    for rank, (name, _) in enumerate(_names()):
        ranks.setdefault(name, rank)
    return ranks


@cache
def _rank(key: str) -> int | None:
    """Place in `_names` of the alias that `key` is, with a mesh's name before it or not."""
    return next((_ranks()[plain(name)] for name in _candidates(key) if plain(name) in _ranks()), None)


def _candidates(key: str) -> Iterator[str]:
    """`key`, and what it is without a mesh's name before it."""
    tails = (re.sub(r"^.*[.:|]", "", key), re.sub(r"(?i)^.*(?=fcl_)", "", key))
    yield from (key, *(tail for tail in tails if len(tail) >= _SHORTEST_TAIL))
