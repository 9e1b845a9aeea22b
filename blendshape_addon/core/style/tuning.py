"""What a creator wants otherwise than the style, for one avatar."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ..avatar.avatar import Avatar
from ..errors import InputError
from ..vocabulary import GROUPS, KNOWN_SHAPES
from .parameters import STYLE
from .recipe_file import OPENS, Document

EVERY = ""  # the mask of all shapes that have none of their own
Setting = float | str | bool
_GROUP = {name: group for group, names in GROUPS.items() for name in names}


@dataclass(frozen=True)
class Tuning:
    """The tuning of one avatar.

    strengths: of groups of vocabulary.GROUPS and of shapes, 0 to STYLE.max_strength; a shape has the product of both,
    1 where there is none. masks: by shape, or EVERY, (V,) share of its motion that each vertex keeps, 0 to 1. changes:
    the avatar's own recipes. asymmetric: shapes keep what is uneven in them, else both halves of a face mirror each
    other where its mesh does.
    """

    strengths: Mapping[str, float] = field(default_factory=dict)
    masks: Mapping[str, np.ndarray] = field(default_factory=dict)
    changes: Document = field(default_factory=dict)
    asymmetric: bool = False

    def __post_init__(self) -> None:
        """Raises InputError, in a sentence, for a strength of nothing or one that is none."""
        for name, strength in self.strengths.items():
            if name not in _GROUP and name not in GROUPS:
                raise InputError(
                    "“{name}” is neither a shape nor a group of them: groups are {groups}.",
                    name=name,
                    groups=", ".join(GROUPS),
                )
            if not 0 <= strength <= STYLE.max_strength:
                raise InputError(
                    "The strength of {name} is {strength}: give a number from 0 to {most:g}.",
                    name=name,
                    strength=strength,
                    most=STYLE.max_strength,
                )

    def strength(self, name: str) -> float:
        """Of the shape `name`: 0 to the square of STYLE.max_strength."""
        return self.strengths.get(_GROUP[name], 1.0) * self.strengths.get(name, 1.0)

    def over(self, strengths: Mapping[str, float], asymmetric: bool) -> Tuning:
        """This one with `strengths` in place of its own where they say anything, and asymmetric if either is."""
        return replace(self, strengths={**self.strengths, **strengths}, asymmetric=self.asymmetric or asymmetric)

    def along_seams(self, avatar: Avatar) -> dict[str, np.ndarray]:
        """The masks (V,) by shape; vertices that share a place have the least of their values, so no seam opens."""
        whole: dict[int, np.ndarray] = {}
        for mask in self.masks.values():
            least = np.ones(avatar.weld.max() + 1, np.float32)
            np.minimum.at(least, avatar.weld, mask)
            whole[id(mask)] = least[avatar.weld]
        every = self.masks.get(EVERY)
        chosen = {name: self.masks.get(name, every) for name in KNOWN_SHAPES}
        return {name: whole[id(mask)] for name, mask in chosen.items() if mask is not None}

    def of_shape(self, name: str) -> dict[str, Setting]:
        """All that is wanted of the shape `name`, by setting: its group's strength, its own, its mask, its recipes, and
        whether it may be uneven. JSON-ready; two that are equal make the same shape."""
        mask = self.masks.get(name, self.masks.get(EVERY))
        recipes = [
            (preset, sorted(table.get(name, {}).items()), table.get(OPENS, {}).get(name))
            for preset, table in sorted(self.changes.items())
            if name in table or name in table.get(OPENS, {})
        ]
        group = _GROUP[name]
        return {
            group: float(self.strengths.get(group, 1.0)),
            name: float(self.strengths.get(name, 1.0)),
            "mask": f"{zlib.crc32(np.ascontiguousarray(mask, np.float32).tobytes()):08x}" if mask is not None else "",
            f"recipe of {name}": repr(recipes) if recipes else "",
            "asymmetric": self.asymmetric,
        }

    def for_report(self) -> dict[str, object]:
        """What the report of a run says of it, JSON-ready."""
        strengths = {name: strength for name, strength in self.strengths.items() if strength != 1}
        own = [f"{preset} {name}" for preset, table in self.changes.items() for name in table]
        masks = ["all" if name == EVERY else name for name in self.masks]
        return {"strengths": strengths, "asymmetric": self.asymmetric, "masks": masks, "own_recipes": own}


def strengths_of(listed: str) -> Mapping[str, float]:
    """`visemes=0.8,joy=1.2` as a mapping. Raises InputError for what is no such list; see Tuning for names."""
    found: dict[str, float] = {}
    for word in filter(None, map(str.strip, listed.split(","))):
        name, _, number = word.partition("=")
        try:
            found[name.strip()] = float(number)
        except ValueError as error:
            raise InputError("“{word}” is no strength, as visemes=0.8 is.", word=word) from error
    return Tuning(found).strengths


def waiting(tuning: Tuning, made: Mapping[str, Mapping[str, Setting]]) -> tuple[list[str], int]:
    """The shapes that would come out otherwise under `tuning` than they were made, and how many settings differ.

    made: of each shape what Tuning.of_shape was as it was made; empty for one of which that is not known, which counts
    as made without tuning.
    """
    shapes, changes = [], set()
    for name, before in made.items():
        now = tuning.of_shape(name)
        before = before or Tuning().of_shape(name)
        differing = {(setting, str(value)) for setting, value in now.items() if before.get(setting) != value}
        if differing:
            shapes.append(name)
            changes |= differing
    return shapes, len(changes)
