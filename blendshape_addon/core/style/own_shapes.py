"""The creator's own keys that are shapes of the vocabulary, and what a run makes of them."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..face.features import Features
from ..face.parts import Part
from ..messages import Message
from ..shapes import Shape
from ..vocabulary import CONDITIONS, VISEMES
from . import own_style
from .own_style import Learned
from .parameters import OWN_STYLE, UNIFIED_SHARES

_BLINKS = {"l": ("vrc.blink_left", "eyeBlinkLeft"), "r": ("vrc.blink_right", "eyeBlinkRight")}


@dataclass(frozen=True)
class OwnShape:
    """One own key that becomes the shape `shape.name`; key: the name that its creator gave it."""

    key: str
    shape: Shape


@dataclass(frozen=True)
class OwnStyle:
    """The style of own shapes on one face. given: (N, 3) face-space offsets by condition, those of blinks from each
    other. ours: what the network makes under the same names. learned: what they tell; None where they are too few."""

    given: Mapping[str, np.ndarray] = field(default_factory=dict)
    ours: Mapping[str, np.ndarray] = field(default_factory=dict)
    learned: Learned | None = None

    @staticmethod
    def of(
        given: Mapping[str, np.ndarray], ours: Mapping[str, np.ndarray], inside: np.ndarray | None = None
    ) -> OwnStyle:
        """Learned of what is given, if that is enough. inside: see `inside_mouth`."""
        if len(own_style.kinds(list(given))) < OWN_STYLE.fewest:
            return OwnStyle(given, ours)
        return OwnStyle(given, ours, own_style.learn(given, ours, _known(), inside))

    @property
    def speaks(self) -> bool:
        """Whether visemes that are lacking are made in the artist's style."""
        return self.learned is not None and any(name in VISEMES for name in self.given)

    def weights(self, recipes: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """(E, CONDITIONS) `recipes` of `names` without what is given, which `apply` adds: a recipe is made of the
        artist's own vowels and units where it names them."""
        if self.learned is None:
            return recipes
        left = recipes.copy()
        left[:, [CONDITIONS.index(name) for name in self.given]] = 0
        return left

    def apply(self, names: Sequence[str], offsets: np.ndarray, recipes: np.ndarray) -> None:
        """Bring (E, N, 3) `offsets` of `names`, which the network made of `weights`, into the artist's style, in place.

        recipes: (E, CONDITIONS), whole. What is given becomes as it is given.
        """
        made: Mapping[str, np.ndarray] = {}
        if self.learned is not None:
            ours = dict(self.ours)
            drawn = []  # what the network draws itself; the rest is mixed of what the artist and the network drew
            for name, offset, row in zip(names, offsets, recipes, strict=True):
                own = [row[CONDITIONS.index(part)] * motion for part, motion in self.given.items()]
                ours.setdefault(name, offset + sum(own) / np.float32(self.learned.amplitude(name)))
                if row[CONDITIONS.index(name)]:
                    drawn.append(name)
            made = own_style.complete(self.given, ours, self.learned, _known(), drawn)
        for name, offset in zip(names, offsets, strict=True):
            offset[:] = self.given[name] if name in self.given else made.get(name, offset)


def inside_mouth(part: np.ndarray) -> np.ndarray:
    """(N,) bool of (N,) Part: what is no skin, but moves with the jaw."""
    return np.isin(part, (Part.TEETH_UPPER, Part.TEETH_LOWER, Part.TONGUE, Part.MOUTH))


def _known() -> list[own_style.Relations]:
    return list(own_style.artists().values())


def digest(own: Sequence[OwnShape]) -> int:
    """A number that differs where own shapes do."""
    found = 0
    for one in own:
        for part in (one.shape.name.encode(), one.shape.indices.tobytes(), one.shape.deltas.tobytes()):
            found = zlib.crc32(part, found)
    return found


def on_face(one: OwnShape, features: Features) -> bool:
    """Whether an own shape moves the face most: a key called A may be of the body."""
    moved = (one.shape.deltas.astype(float) ** 2).sum(1)
    there = moved[np.isin(one.shape.indices, features.index)].sum()
    return bool(there >= OWN_STYLE.min_on_face * moved.sum())


def given_of(own: Sequence[OwnShape], offsets: np.ndarray, features: Features) -> dict[str, np.ndarray]:
    """Conditions that own shapes, (E, N, 3) face-space `offsets` of them, give: themselves, and a blink of one eye from
    that of both or from its namesake."""
    found = {one.shape.name: offset for one, offset in zip(own, offsets, strict=True) if offset.any()}
    both = found.pop("vrc.blink", None)
    for side, names in _BLINKS.items():
        known = next((found[name] for name in names if name in found), None)
        if known is None and both is not None:
            known = both * _half(features, side)[:, None]
        if known is not None:
            found |= {name: known for name in names if name not in found}
    return {name: offset for name, offset in found.items() if name in CONDITIONS}


def _half(features: Features, side: str) -> np.ndarray:
    """(N,) float32, 1 on a side of the face, 0 on the other; both sides add up to 1."""
    x = features.canonical.positions[:, 0] * (1 if side == "l" else -1)
    t = np.clip(0.5 + x / (2 * UNIFIED_SHARES.half), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def remarks(own: Sequence[OwnShape], style: OwnStyle | None, elsewhere: Sequence[OwnShape] = ()) -> list[Message]:
    """What a run did with own shapes, in sentences. style: what it made follows; None where it made nothing.
    elsewhere: those that are not of the face."""
    left = ", ".join(one.key for one in elsewhere)
    said = [Message("Not used, for they move something else than the face: {names}.", names=left)] if left else []
    if not own:
        return said
    names = ", ".join(one.key if one.key == one.shape.name else f"{one.key} = {one.shape.name}" for one in own)
    said.append(Message("Uses {count} of your own keys: {names}.", count=len(own), names=names))
    if style is None:
        return said
    if style.learned is None:
        said.append(
            Message(
                "They are too few to learn a style from, which takes {count}: what was lacking is made in the usual "
                "style.",
                count=OWN_STYLE.fewest,
            )
        )
    elif style.learned.used:
        said.append(Message("What was lacking follows their style."))
    else:
        said.append(
            Message(
                "Tried on your own keys, each left out in turn, their style would not have helped: what was lacking is "
                "made in the usual style."
            )
        )
    return said
