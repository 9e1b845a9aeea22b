"""Renders on disk: a shard per person, so that people are what is split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.vocabulary import ARKIT

from ..learning import arrays
from . import random_scenes
from .people import Person
from .scene import Scene, Truth, flow, render

FORMAT = arrays.Format("shard of renders", 1, "delete it and draw it again with python -m training motion renders")


@dataclass(frozen=True)
class Shard:
    """F pictures of one person, the first one of the neutral face that looks at the camera.

    person: FAMILY/RIG/SEED, fold: what is left out together. pictures: (F, S, S, 3) uint8. units: (F, 52) in the order
    of ARKIT; known, distilled: (52,) bool, whether the rig can make a unit, and whether the shipped deformer made it.
    gaze (F, 2, 2), blink (F, 2), head (F, 3, 3) and landmarks (F, L, 3): as `scene.Truth` has them.
    flow: (F - 1, S, S, 3) float16 from each picture to the next: pixels right, down, and share covered; or no rows.
    """

    person: str
    fold: str
    pictures: np.ndarray
    units: np.ndarray
    known: np.ndarray
    distilled: np.ndarray
    gaze: np.ndarray
    blink: np.ndarray
    head: np.ndarray
    landmarks: np.ndarray
    flow: np.ndarray


def choose(rigs: Mapping[Path, str], count: int, seed: int) -> list[tuple[Path, int]]:
    """So many people, as many of each fold as of the others: folders of their rigs, and seeds. The same for the same
    seed. rigs: folders and folds, as `people.drawable` gives them."""
    folds: dict[str, list[Path]] = {}
    for folder, fold in rigs.items():
        folds.setdefault(fold, []).append(folder)
    rng = np.random.default_rng(seed)
    names = sorted(folds)
    return [
        (folds[name][rng.integers(len(folds[name]))], int(rng.integers(1, 2**31)))
        for name in (names[n % len(names)] for n in range(count))
    ]


def draw(
    person: Person, frames: int, rng: np.random.Generator, size: int, with_flow: bool = False, mouths: bool = False
) -> Shard:
    """Random pictures of a person. mouths: as of `random_scenes.scenes`."""
    return of_scenes(random_scenes.scenes(person, frames, rng, size, mouths), with_flow)


def of_scenes(scenes: Sequence[Scene], with_flow: bool = False) -> Shard:
    """Pictures of scenes of one person, all of one size."""
    person, size = scenes[0].person, scenes[0].size
    pictures: list[np.ndarray] = []
    truths: list[Truth] = []
    for scene in scenes:
        picture, truth = render(scene)
        pictures.append(picture)
        truths.append(truth)
    moves = np.zeros((0, size, size, 3), np.float16)
    if with_flow and len(scenes) > 1:
        found = [flow(*pair) for pair in pairwise(truths)]
        moves = np.stack([np.dstack(one) for one in found]).astype(np.float16)
    return Shard(
        person.name, person.fold, np.stack(pictures),
        np.array([[truth.units[name] for name in ARKIT] for truth in truths], np.float32),
        np.array([name in person.makes for name in ARKIT]), np.array([name in person.distilled for name in ARKIT]),
        np.stack([truth.gaze for truth in truths]).astype(np.float32),
        np.stack([truth.blink for truth in truths]).astype(np.float32),
        np.stack([truth.head for truth in truths]).astype(np.float32),
        np.stack([truth.landmarks for truth in truths]).astype(np.float32), moves,
    )  # fmt: skip


def path_of(folder: Path, rig: Path, seed: int) -> Path:
    """The file in `folder` of a person on the rig of a folder."""
    return folder / f"{rig.parent.name}__{rig.name}__{seed}{arrays.SUFFIX}"


def save(path: Path, shard: Shard) -> None:
    """Write a shard. Raises InputError when the disk is full."""
    rows = {name: value for name, value in vars(shard).items() if isinstance(value, np.ndarray)}
    arrays.save(path, FORMAT, rows, {"person": shard.person, "fold": shard.fold})


def load(path: Path) -> Shard:
    """A shard as `save` wrote it. Raises InputError as `arrays.load` does."""
    rows, notes = arrays.load(path, FORMAT)
    return Shard(**notes, **rows)


def paths_in(folder: Path) -> list[Path]:
    """Files of all shards of a folder, in the order of their names. Raises InputError where there is none."""
    paths = sorted(folder.glob(f"*{arrays.SUFFIX}"))
    if not paths:
        raise InputError(
            f"No renders are in {folder}: make some with python -m training motion renders, of whole portraits with "
            "portrait synth."
        )
    return paths
