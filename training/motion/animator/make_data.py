"""A dataset of people who act, drawn from rigs: `python -m training motion animator-data --out FOLDER`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from tqdm import tqdm

from blendshape_addon.core.motion.face import FaceReader

from ...commands import require_least
from ...data import rigs
from ...learning.atomic_files import atomic_write
from ...renders import Scene, people, random_scenes, render, shards
from ...renders.people import Person
from .. import motions
from ..clip import TRUTH
from . import pictures
from .dataset import VIDEO

RATE = 12  # frames per second
HOLD = 6  # frames from one expression to the next: half a second


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training motion animator-data",
        description="Draw random people who act: NAME.png is the still face, NAME_video has the frames and units.csv "
        f"with what is true of each, {RATE} frames per second. People in whose portrait no face is read are left out; "
        "what is there already is kept.",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the dataset")
    parser.add_argument("--people", type=int, default=88, help="(default: %(default)s)")
    parser.add_argument("--frames", type=int, default=48, help="pictures of each person (default: %(default)s)")
    parser.add_argument("--size", type=int, default=128, help="pixels of a side (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="who they are (default: %(default)s)")
    parser.add_argument("--families", help="some of the folds of rigs, by comma (default: all)")
    parser.add_argument("--own-units", action="store_true", help="units that a rig lacks are not made by the deformer")
    given = parser.parse_args(arguments)
    require_least(given, people=1, frames=2, size=64)

    folders = people.of_folds(people.drawable(), given.families)
    load, reader = lru_cache(maxsize=1)(rigs.load), FaceReader(provider="cpu")
    left_out = []
    for folder, seed in tqdm(sorted(shards.choose(folders, given.people, given.seed)), "people"):
        name = shards.path_of(given.out, folder, seed).stem
        if (given.out / f"{name}{pictures.SUFFIX}").exists():
            continue
        person = people.person(load(folder), seed, complete=not given.own_units)
        if not _film(person, given.frames, given.size, given.out, name, reader, np.random.default_rng(seed)):
            left_out.append(name)
    if left_out:
        print(f"No face is read in the portraits of {', '.join(left_out)}: they are left out.")


def acting(person: Person, frames: int, size: int, rng: np.random.Generator) -> Iterator[Scene]:
    """The still face, and then so many scenes in which it goes from one random expression to the next, before one
    camera without noise."""
    keys = random_scenes.scenes(person, 2 + (frames - 1) // HOLD, rng, size)
    first = replace(keys[0], noise=0.0)
    yield first
    for number in range(1, frames + 1):
        key, step = divmod(number, HOLD)
        if not step:
            key, step = key - 1, HOLD
        share = 0.5 - 0.5 * np.cos(np.pi * step / HOLD)
        yield _between(first, keys[key], keys[key + 1], share)


def _between(first: Scene, one: Scene, other: Scene, share: float) -> Scene:
    def mixed(a: object, b: object) -> np.ndarray:
        return (1 - share) * np.array(a, float) + share * np.array(b, float)

    names = sorted(one.units.keys() | other.units.keys())
    units = {name: float(mixed(one.units.get(name, 0.0), other.units.get(name, 0.0))) for name in names}
    head, shift = (tuple(mixed(getattr(one, what), getattr(other, what)).tolist()) for what in ("head", "shift"))
    gaze = tuple(map(tuple, mixed(one.gaze, other.gaze).tolist()))
    return replace(first, units=units, gaze=gaze, head=head, shift=shift)


def _film(
    person: Person, frames: int, size: int, out: Path, name: str, reader: FaceReader, rng: np.random.Generator
) -> bool:
    """Write a person's portrait and frames; False where no face is read in the portrait. The portrait is written last,
    so that a person whose portrait is there is whole."""
    scenes = acting(person, frames, size, rng)
    portrait, _ = render(next(scenes))
    if reader.follow(portrait, None) is None:
        return False
    rows = []
    for number, scene in enumerate(scenes, 1):
        picture, truth = render(scene)
        pictures.save(out / f"{name}{VIDEO}" / f"{number:04d}{pictures.SUFFIX}", picture)
        head = dict(zip(motions.HEAD, scene.head, strict=True))
        rows.append(truth.units | head | dict(zip(motions.GAZE, truth.gaze.mean(0), strict=True)))
    atomic_write(out / f"{name}{VIDEO}" / TRUTH, motions.table(rows).encode())
    pictures.save(out / f"{name}{pictures.SUFFIX}", portrait)
    return True
