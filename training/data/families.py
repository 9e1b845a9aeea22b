"""What is true of a family of rigs or of one rig: from its meta.json, and where that is silent from families.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("families.toml")


@dataclass(frozen=True)
class Facts:
    """Of one rig. fold: what it is left out of training with. artist: whose shapes it has. people: how its identity
    basis is read, `modes` or `targets`, empty without one. toon: it is drawn as anime or a toon. flat: its eyes and
    mouth are flat cards. face: it has one. share: of the instances that a dataset has of each rig. doubt: what
    its licence leaves open, which cards repeat."""

    fold: str
    artist: str
    people: str = ""
    toon: bool = False
    flat: bool = False
    face: bool = True
    share: float = 1.0
    doubt: str = ""


@cache
def _table() -> dict:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def of(family: str, name: str, meta: Mapping[str, object] | None = None) -> Facts:
    """Facts of the rig `name` of a family. meta: the content of its meta.json."""
    known: dict = {"fold": family, "artist": family}
    for pattern, row in _table()["rigs"].items():
        if fnmatchcase(f"{family}/{name}", pattern):
            known |= row
    names = {field.name for field in fields(Facts)}
    own = {key: value for key, value in (meta or {}).items() if key in names}
    fold = str((known | own)["fold"])
    return Facts(**{"toon": is_toon(fold)} | known | own)


def with_doubts(trained_on: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """The rows of a card's `trained_on`, with `doubt` where a rig's licence leaves something open."""
    rows = []
    for row in trained_on:
        doubt = of(*row["name"].split("/", 1)).doubt
        rows.append({**row, **({"doubt": doubt} if doubt else {})})
    return rows


def is_toon(fold: str) -> bool:
    """Whether a fold's rigs are drawn as anime or toons."""
    return bool(_table()["folds"].get(fold, {}).get("toon"))


def fold_title(fold: str) -> str:
    """What tables call a fold."""
    return _table()["folds"].get(fold, {}).get("title", fold)


def pictures() -> dict[str, int]:
    """How many pictures of a shard show each fold that the face finder learns from, in a fixed order."""
    return {fold: row["pictures"] for fold, row in _table()["folds"].items() if row.get("pictures")}


def evaluated() -> tuple[str, ...]:
    """The folds that evaluation leaves out in turn, by name."""
    return tuple(sorted(fold for fold in pictures() if _table()["folds"][fold].get("left_out", True)))
