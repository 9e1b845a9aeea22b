"""How Unified Expressions that ARKit lacks are made: of the network's units and of pulls on the skin, see unified.toml.

What is made here is what the network could have proposed: it is refined, held before teeth and checked as its shapes
are. Tongue and pupils move by geometry alone, which refinement adds.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..expressions import TABLE
from ..face import irises
from ..face.anatomy import FaceAnatomy
from ..face.face_space import MIRROR_X, canonical_landmarks, point
from ..face.features import Features
from ..face.parts import Part
from ..messages import Message
from ..vocabulary import CONDITIONS, UNIFIED, mirrored
from .parameters import UNIFIED_SHARES

FILE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class Pull:
    """Skin around the mean of `landmarks` is moved by `way`, (3,) in canonical eye distances, which falls to 1/e at
    `reach`."""

    landmarks: tuple[str, ...]
    way: np.ndarray
    reach: float

    def mirrored(self) -> Pull:
        """The same on the other side of the face."""
        return Pull(tuple(map(mirrored, self.landmarks)), self.way * MIRROR_X, self.reach)


@dataclass(frozen=True)
class Recipe:
    """A row of unified.toml, which says what each field means; for the right side mirrored.

    half: -1 for the right half, 1 for the left one, 0 for both. lip: 1 for the upper, -1 for the lower, 0 for both.
    near: landmarks and reach, where only around these.
    """

    units: Mapping[str, float]
    axes: np.ndarray
    half: int = 0
    lip: int = 0
    near: tuple[tuple[str, ...], float] | None = None
    pulls: tuple[Pull, ...] = ()

    def mirrored(self) -> Recipe:
        """The same on the other side of the face."""
        return replace(
            self,
            units={mirrored(unit): weight for unit, weight in self.units.items()},
            half=-self.half,
            near=self.near and (tuple(map(mirrored, self.near[0])), self.near[1]),
            pulls=tuple(pull.mirrored() for pull in self.pulls),
        )


@cache
def recipes() -> dict[str, Recipe]:
    """The Recipe of each of vocabulary.UNIFIED; an empty one for those that are geometry alone."""
    table = tomllib.loads(FILE.read_text(encoding="utf-8"))
    left = {f"{name}Left": _recipe(row) for name, row in table["sides"].items()}
    found = left | {mirrored(name): recipe.mirrored() for name, recipe in left.items()}
    found |= {name: _recipe(row) for name, row in table["whole"].items()}
    return {name: found.get(name) or _recipe({}) for name in UNIFIED}


def _recipe(row: Mapping[str, Any]) -> Recipe:
    near = row.get("near")
    return Recipe(
        units=row.get("units", {}),
        axes=np.array(row.get("axes", (1, 1, 1)), np.float32),
        half=int(row.get("half", False)),
        lip={"upper": 1, "lower": -1, "": 0}[row.get("lip", "")],
        near=near and (tuple(near[0]), float(near[1])),
        pulls=tuple(
            Pull(tuple(marks), np.array(way, float), float(reach)) for marks, way, reach in row.get("pulls", ())
        ),
    )


def possible(anatomy: FaceAnatomy, names: Sequence[str]) -> tuple[list[str], list[Message]]:
    """Those of `names` that this face can have, and a sentence on each reason why others were left out.

    Raises InputError where none is left.
    """
    part = anatomy.features.part
    tongues = [name for name in names if name in UNIFIED and TABLE[name].tongue]
    pupils = [name for name in names if TABLE[name].pupil]
    lacking = [s for s in "lr" if pupils and irises.find(anatomy.avatar, anatomy.features, s) is None]
    pupils = [name for name in pupils if TABLE[name].side in lacking]
    left_out, notes = [], []
    if tongues and not (part == Part.TONGUE).any():
        left_out += tongues
        notes.append(Message("This face has no tongue of its own: left out {names}.", names=", ".join(tongues)))
    if pupils:
        left_out += pupils
        notes.append(Message("The eyes have no vertices around a pupil: left out {names}.", names=", ".join(pupils)))
    if len(left_out) == len(names):
        raise InputError("{reason} Choose other shapes.", reason=notes[0])
    return [name for name in names if name not in left_out], notes


def learned(names: Sequence[str]) -> list[str]:
    """The conditions that the network is run on for `names`: those that it knows as they are, then what the unified
    ones are made of besides."""
    own = [name for name in names if name in CONDITIONS]
    parts = (unit for name in names if name in UNIFIED for unit in recipes()[name].units)
    return own + [unit for unit in dict.fromkeys(parts) if unit not in own]


def compose(
    features: Features, offsets: np.ndarray, weights: np.ndarray, names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """(E, N, 3) face-space offsets of `names` and (E, CONDITIONS) what each is made of, from those of `learned(names)`,
    (K, N, 3) and (K, CONDITIONS)."""
    if not any(name in UNIFIED for name in names):
        return offsets, weights
    units, shares = dict(zip(learned(names), zip(offsets, weights, strict=True), strict=True)), _Shares(features)
    own = iter(zip(offsets, weights, strict=True))
    made = [_made(features, recipes()[name], units, shares) if name in UNIFIED else next(own) for name in names]
    return np.stack([offset for offset, _ in made]), np.stack([row for _, row in made])


def _made(
    features: Features, recipe: Recipe, units: Mapping[str, tuple[np.ndarray, np.ndarray]], shares: _Shares
) -> tuple[np.ndarray, np.ndarray]:
    """(N, 3) face-space offset of a recipe and (CONDITIONS,) what it is made of, from those of `units`."""
    offset, row = np.zeros((len(features.index), 3), np.float32), np.zeros(len(CONDITIONS), np.float32)
    for unit, weight in recipe.units.items():
        motion, weights = units[unit]
        offset += np.float32(weight) * motion
        row += np.float32(weight) * weights
    offset *= recipe.axes
    share = shares.of(recipe)
    if share is not None:
        offset *= share[:, None]
    for pull in recipe.pulls:
        near = np.where(features.part == Part.SKIN, shares.near(pull.landmarks, pull.reach), 0)
        moved = np.flatnonzero(near > UNIFIED_SHARES.negligible)
        offset[moved] += near[moved, None] * (features.canonical.to_face[moved] @ pull.way)
    return offset, row


class _Shares:
    """How much of a motion each vertex of a face keeps, where a recipe is about a part of it."""

    def __init__(self, features: Features) -> None:
        self._places, self._marks = features.canonical.positions, canonical_landmarks()
        self._inside = np.isin(features.part, (Part.TEETH_UPPER, Part.TEETH_LOWER, Part.TONGUE))
        self._left = _smooth(self._places[:, 0], UNIFIED_SHARES.half)
        # The lips' field says which lip skin belongs to; it knows nothing of a mouth's wall that is a piece of its own.
        seam = point(self._marks, "lip_upper_inner_mid", "lip_lower_inner_mid")[1]
        by_height = _smooth(self._places[:, 1] - seam, UNIFIED_SHARES.seam)
        by_field = _smooth(features.side[:, 0], UNIFIED_SHARES.lip)
        self._upper = np.where(features.part == Part.SKIN, by_field, by_height)

    def of(self, recipe: Recipe) -> np.ndarray | None:
        """(N,) float32; None for all of it. Teeth and tongue rest in what is about a part of the face."""
        if not (recipe.half or recipe.lip or recipe.near):
            return None
        share = np.where(self._inside, 0.0, 1.0)
        if recipe.half:
            share *= self._left if recipe.half > 0 else 1 - self._left
        if recipe.lip:
            share *= self._upper if recipe.lip > 0 else 1 - self._upper
        if recipe.near:
            share *= self.near(*recipe.near)
        return share.astype(np.float32)

    def near(self, landmarks: Sequence[str], reach: float) -> np.ndarray:
        """(N,) 1 at the mean of `landmarks` of the canonical face, falling as a Gaussian to 1/e at `reach`."""
        away = ((self._places - point(self._marks, *landmarks)) ** 2).sum(1)
        return np.exp(-away / reach**2)


def _smooth(value: np.ndarray, width: float) -> np.ndarray:
    """0 below -`width`, 1 above `width`, 3t² - 2t³ between: with its mirror image it adds up to 1."""
    t = np.clip(0.5 + value / (2 * width), 0, 1)
    return t * t * (3 - 2 * t)
