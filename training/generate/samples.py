"""Samples: one face under one expression at one intensity. A file holds all samples of a face.

A shape key is a straight line from the base: the target at intensity i is the base plus i times the full offsets. So a
file keeps each offset once, of the vertices that it moves, and `samples` gives the rest.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blendshape_addon.core.vocabulary import CONDITIONS

from ..data.labelled_face import LabelledFace
from ..learning import arrays

FORMAT = arrays.Format("file of samples", 1, "run `python -m training generate` again")
INTENSITIES = np.arange(1, 11, dtype=np.float32) / 10
SILENCE = "vrc.v_sil"


@dataclass(frozen=True)
class Sample:
    """base, target and offsets: (V, 3) float32 in the face's own space: between the eyes, x to the avatar's left, y up,
    z forward, the eyes 1 apart. condition: (C,) float32, the intensity at the expression's place in CONDITIONS.
    landmarks: (L, 3) of the target, in the order of vocabulary.LANDMARKS."""

    base: np.ndarray
    target: np.ndarray
    offsets: np.ndarray
    condition: np.ndarray
    expression: str
    intensity: float
    landmarks: np.ndarray


@dataclass(frozen=True)
class Face:
    """A face as the file has it. vertices (V, 3) float32, triangles (T, 3), part_id (V,) into part_names; names: S
    expressions, offsets (S, V, 3) float32 of them in full; landmarks (L, 3), landmark_offsets (S, L, 3). origin: of
    each, a `key`, a `sum` of keys, the `deformer`, or `neutral` for silence. faults: what each failed in its quality
    check, empty for nothing."""

    vertices: np.ndarray
    triangles: np.ndarray
    part_id: np.ndarray
    part_names: tuple[str, ...]
    names: tuple[str, ...]
    offsets: np.ndarray
    landmarks: np.ndarray
    landmark_offsets: np.ndarray
    origin: tuple[str, ...]
    faults: tuple[str, ...]


_TEXTS = ("part_names", "names", "origin", "faults")


def face_of(face: LabelledFace, origin: Sequence[str], faults: Sequence[str]) -> Face:
    """`face` as a file keeps it; origin and faults are of its names. Silence is the neutral face where it has none."""
    names, offsets, marks = face.names, face.offsets, face.mark_offsets
    if SILENCE not in names:
        names, origin, faults = (SILENCE, *names), ("neutral", *origin), ("", *faults)
        offsets, marks = (np.concatenate([np.zeros_like(rows[:1]), rows]) for rows in (offsets, marks))
    return Face(
        face.vertices.astype(np.float32), face.triangles.astype(np.int32), face.part_id.astype(np.int32),
        face.part_names, names, offsets.astype(np.float32), face.marks.astype(np.float32), marks.astype(np.float32),
        tuple(origin), tuple(faults),
    )  # fmt: skip


def save(face: Face, path: Path) -> None:
    """Write a face's samples. Raises InputError when the disk does not take them."""
    numbers = {name: value for name, value in vars(face).items() if name not in _TEXTS}
    numbers |= sparse(numbers.pop("offsets")) | {"intensities": INTENSITIES}
    arrays.save(path, FORMAT, numbers, {name: getattr(face, name) for name in _TEXTS})


def load(path: Path) -> Face:
    """Read what `save` wrote. Raises InputError when it is damaged or of another version."""
    numbers, texts = arrays.load(path, FORMAT)
    offsets = dense(numbers, len(numbers["vertices"]))
    fields = {field.name for field in dataclasses.fields(Face)} & numbers.keys()
    return Face(offsets=offsets, **{name: numbers[name] for name in fields}, **{n: tuple(texts[n]) for n in _TEXTS})


def samples(path: Path) -> Iterator[Sample]:
    """Every sample of a file: each of its expressions at each intensity. Raises InputError when it is damaged."""
    face = load(path)
    for name, full, marks in zip(face.names, face.offsets, face.landmark_offsets, strict=True):
        for intensity in INTENSITIES:
            condition = np.zeros(len(CONDITIONS), np.float32)
            condition[CONDITIONS.index(name)] = intensity
            offsets = intensity * full
            yield Sample(face.vertices, face.vertices + offsets, offsets, condition, name, float(intensity),
                         face.landmarks + intensity * marks)  # fmt: skip


def sparse(offsets: np.ndarray) -> dict[str, np.ndarray]:
    """(S, V, 3) offsets without their zeros: `count` (S,) of vertices that each moves, `moved` (n,) which, `push`
    (n, 3) by how much."""
    shape, moved = np.nonzero(offsets.any(2))
    return {
        "count": np.bincount(shape, minlength=len(offsets)).astype(np.int32),
        "moved": moved.astype(np.int32),
        "push": offsets[shape, moved],
    }


def dense(kept: dict[str, np.ndarray], vertices: int) -> np.ndarray:
    """(S, V, 3) of what `sparse` gave for so many vertices."""
    count = kept["count"]
    offsets = np.zeros((len(count), vertices, 3), kept["push"].dtype)
    offsets[np.repeat(np.arange(len(count)), count), kept["moved"]] = kept["push"]
    return offsets
