"""People to draw: a rig as it is or as somebody else, with eyes that turn and the ARKit units that it can make.

A person is known by rig and seed. What is trained and what is measured is split by people, never by frames.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from blendshape_addon.core import pipeline
from blendshape_addon.core.detection.detect import Face
from blendshape_addon.core.errors import InputError
from blendshape_addon.core.face import features
from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.vocabulary import ARKIT

from ..data import identities, rigs
from ..data.labelled_face import LabelledFace
from ..data.rigs import Rig
from . import eyes
from .eyes import Eye
from .parameters import PEOPLE, SHELLS

ADDED = "eyeball"  # part name of balls that the renderer puts in


@dataclass(frozen=True)
class Person:
    """Somebody on a rig.

    name: FAMILY/RIG/SEED, fold: what is left out together. face: in face space, with only what a picture shows; its
    names are ARKit units. part: (V,) Part of each vertex. eyes: the left and the right one. distilled: units that the
    rig lacks and the shipped deformer made; the other units are its artist's.
    """

    name: str
    fold: str
    face: LabelledFace
    part: np.ndarray
    eyes: tuple[Eye, Eye]
    distilled: frozenset[str] = frozenset()

    @cached_property
    def index(self) -> dict[str, int]:
        """Row of each unit in the face's offsets."""
        return {name: row for row, name in enumerate(self.face.names)}

    @cached_property
    def makes(self) -> frozenset[str]:
        """The units that can be asked of this person: those of the face, and eyeLook, for eyes turn on any."""
        return frozenset(self.index) | frozenset(name for name in ARKIT if name.startswith("eyeLook"))

    def named(self, pattern: str) -> np.ndarray:
        """(V,) bool: vertices of parts whose names a regular expression fits, whatever their case."""
        fits = [n for n, name in enumerate(self.face.part_names) if re.search(pattern, name, re.I)]
        return np.isin(self.face.part_id, fits)


def drawable(root: Path | None = None) -> dict[Path, str]:
    """Folders of the labelled rigs that have a modelled face with shapes, and their folds.

    Raises InputError as `rigs.folders` does.
    """
    found = {}
    for folder in rigs.learned(root):
        facts = rigs.facts_of(folder)
        with np.load(folder / "rig.npz") as stored:
            if facts.face and not facts.flat and "shape_names" in stored and stored["shape_names"].size:
                found[folder] = facts.fold
    return found


def of_folds(folders: dict[Path, str], names: str | None) -> dict[Path, str]:
    """Those of some folds, named by comma; all where none are named. Raises InputError for a fold that is not there."""
    if not names:
        return folders
    chosen, known = set(names.split(",")), set(folders.values())
    if chosen - known:
        raise InputError(f"There is no family {', '.join(sorted(chosen - known))}: choose from "
                         f"{', '.join(sorted(known))}.")  # fmt: skip
    return {folder: fold for folder, fold in folders.items() if fold in chosen}


def person(rig: Rig, seed: int = 0, complete: bool = True) -> Person:
    """Somebody on a rig; seed 0 is the rig as it is. complete: the shipped deformer makes the units that it lacks.

    Raises InputError where an eye is neither found nor can be put in, ModelError as `pipeline.generate` does.
    """
    rng = np.random.default_rng([seed, *rig.name.encode()])
    if seed and (rig.people or rig.facts.people):
        made = _of_neutral(rig, identities.sample_neutral(rig, rng), complete)
    else:
        made = _as_it_is(_Key(rig), complete)
    if seed:
        warp = identities.random_warp(rng, rng.uniform(*PEOPLE.warp), lopsided=False)
        face = made.face.mapped(warp)
        made = replace(made, face=face, eyes=_eyes_of(face, made.part, rig))
    return replace(made, name=f"{rig.family}/{rig.name}/{seed}")


@dataclass(frozen=True)
class _Key:
    """A rig that a cache tells from others by its name."""

    rig: Rig

    def __hash__(self) -> int:
        return hash(self.rig.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.rig.name == other.rig.name


@lru_cache(maxsize=4)
def _as_it_is(key: _Key, complete: bool) -> Person:
    return _of_neutral(key.rig, None, complete)


def _of_neutral(rig: Rig, neutral: np.ndarray | None, complete: bool) -> Person:
    face = LabelledFace.of(rig, neutral)
    part = np.full(len(face.vertices), int(Part.SKIN))  # where no expression moves any: the rest of a head or body
    computed = features.compute(face.avatar, face.marks)
    part[computed.index] = computed.part
    used = [row for row, name in enumerate(face.names) if name in ARKIT]
    names = tuple(face.names[row] for row in used)
    distilled, offsets = _distilled(face, names) if complete else ((), np.zeros((0, *face.vertices.shape), np.float32))
    rows = np.concatenate([face.offsets[used], offsets])
    marks = rigs.landmarks_of  # landmarks follow the skin under them
    mark_offsets = np.stack([marks(rig, row) for row in rows]) if len(rows) else np.zeros((0, *face.marks.shape))
    face = replace(face, names=names + distilled, offsets=rows, mark_offsets=mark_offsets.astype(np.float32))
    face, part = _seen(face, part)
    face, part = _with_balls(face, part)
    return Person("", rig.facts.fold, face, part, _eyes_of(face, part, rig), frozenset(distilled))


def _distilled(face: LabelledFace, names: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """Units that are not among `names`, and their (S, V, 3) offsets by the shipped deformer.

    What it cannot make well on this face, as the add-on's check says, is left out.
    """
    missing = [name for name in ARKIT if name not in names and not name.startswith("eyeLook")]
    if not missing:
        return (), np.zeros((0, *face.vertices.shape), np.float32)
    found = Face(face.marks, np.ones(len(face.marks)), 1.0, np.eye(3), 1.0)
    shapes = pipeline.generate(face.avatar, GenerateOptions(missing, provider="cpu"), face=found).shapes
    offsets = np.zeros((len(shapes), *face.vertices.shape), np.float32)
    for row, shape in zip(offsets, shapes, strict=True):
        row[shape.indices] = shape.deltas
    return tuple(shape.name for shape in shapes), offsets


def _seen(face: LabelledFace, part: np.ndarray) -> tuple[LabelledFace, np.ndarray]:
    """The face without what a picture does not show: what lies far below, overlays, shells that are transparent."""
    shells = [n for n, name in enumerate(face.part_names) if re.search(SHELLS.hidden, name.split(":")[-1], re.I)]
    used = ~face.hidden & ~np.isin(face.part_id, shells) & (face.vertices[:, 1] > PEOPLE.low)
    triangles = face.triangles[used[face.triangles].all(1)]
    kept = np.unique(triangles)
    return face.kept(triangles), part[kept]


def _with_balls(face: LabelledFace, part: np.ndarray) -> tuple[LabelledFace, np.ndarray]:
    """With an eyeball in each socket that has none."""
    found = eyes.find(face.vertices, part == Part.EYE, face.marks)
    for (side, _, _), eye in zip(eyes.SIDES, found, strict=True):
        if eye is not None:
            continue
        vertices, triangles, _ = eyes.ball(face.marks, side)
        count, more = len(face.vertices), len(vertices)
        face = replace(
            face,
            vertices=np.concatenate([face.vertices, vertices]),
            triangles=np.concatenate([face.triangles, triangles + count]),
            part_id=np.concatenate([face.part_id, np.full(more, len(face.part_names))]),
            part_names=(*face.part_names, f"{ADDED}_{side}"),
            offsets=np.concatenate([face.offsets, np.zeros((len(face.offsets), more, 3), np.float32)], axis=1),
            hidden=np.concatenate([face.hidden, np.zeros(more, bool)]),
        )
        part = np.concatenate([part, np.full(more, int(Part.EYE))])
    return face, part


def _eyes_of(face: LabelledFace, part: np.ndarray, rig: Rig) -> tuple[Eye, Eye]:
    left, right = eyes.find(face.vertices, part == Part.EYE, face.marks)
    if left is None or right is None:
        raise InputError(f"{rig.family}/{rig.name} has no eyes that can be turned.")
    return left, right
