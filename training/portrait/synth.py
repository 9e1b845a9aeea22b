"""People with exact flow, pose and gaze to train portraits on: `python -m training portrait synth --out FOLDER`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from tqdm import tqdm

from blendshape_addon.core.errors import InputError

from ..data import rigs
from ..renders import Scene, people, random_scenes, shards
from ..renders.people import Person


def scenes(person: Person, frames: int, rng: np.random.Generator, size: int) -> Iterator[Scene]:
    """Random scenes of a person before one background, without noise, so that only the person differs."""
    found = random_scenes.scenes(person, frames, rng, size)
    for scene in found:
        yield replace(scene, noise=0.0, seed=found[0].seed)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training portrait synth",
        description="Draw random people with random expressions: a shard per person with pictures, units, gaze, pose "
        "and the optical flow from each picture to the next. What is there already is kept; several runs, on one "
        "machine or more, may share the work with --first.",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the shards")
    parser.add_argument("--people", type=int, default=88, help="(default: %(default)s)")
    parser.add_argument("--frames", type=int, default=12, help="pictures of each person (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the first of the people to draw (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="who they are (default: %(default)s)")
    parser.add_argument("--size", type=int, default=128, help="pixels of a side (default: %(default)s)")
    parser.add_argument("--families", help="some of the folds of rigs, by comma (default: all)")
    given = parser.parse_args(arguments)
    for name, least in (("people", 1), ("frames", 2), ("first", 0), ("size", 64)):
        if getattr(given, name) < least:
            raise InputError(f"--{name} is {getattr(given, name)}: it must be at least {least}.")

    folders = people.of_folds(people.drawable(), given.families)
    load = lru_cache(maxsize=1)(rigs.load)
    chosen = shards.choose(folders, given.people, given.seed)[given.first :]
    for folder, seed in tqdm(sorted(chosen), "people"):
        path = shards.path_of(given.out, folder, seed)
        if not path.exists():
            person = people.person(load(folder), seed)
            drawn = list(scenes(person, given.frames, np.random.default_rng(seed), given.size))
            shards.save(path, shards.of_scenes(drawn, with_flow=True))
