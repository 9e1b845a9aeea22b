"""People with exact flow, pose and gaze to train portraits on: `python -m training portrait synth --out FOLDER`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..commands import require_least
from ..data import rigs
from ..learning.workers import add_options, each, processes, stoppable
from ..renders import Scene, people, random_scenes, shards
from ..renders.people import Person

RESTING = 0.25  # share of the pictures in which the face is at rest, as on most portraits
TALKING = 0.5  # share of the others in which the jaw is opened beside what else the face does


def scenes(person: Person, frames: int, rng: np.random.Generator, size: int) -> Iterator[Scene]:
    """Random scenes of a person before one background, without noise, so that only the person differs; the first one is
    the neutral face. Faces rest or talk more often than in `random_scenes`."""
    found = random_scenes.scenes(person, frames, rng, size)
    for scene in found:
        units = {} if rng.random() < RESTING else dict(scene.units)
        if units and "jawOpen" in person.index and rng.random() < TALKING:
            units["jawOpen"] = float(rng.random())
        yield replace(scene, units=units, noise=0.0, seed=found[0].seed)


_load = lru_cache(maxsize=1)(rigs.load)


def draw(out: Path, folder: Path, seed: int, frames: int, size: int) -> Path:
    """Draw a person on the rig of a folder and write the shard into `out`, whole or not at all; returns its path.
    Raises OutputError when the disk does not take it."""
    person = people.person(_load(folder), seed)
    drawn = list(scenes(person, frames, np.random.default_rng(seed), size))
    path = shards.path_of(out, folder, seed)
    shards.save(path, shards.of_scenes(drawn, with_flow=True))
    return path


def main(arguments: list[str]) -> int:
    """0, or 1 when somebody could not be drawn, each said."""
    parser = argparse.ArgumentParser(
        prog="python -m training portrait synth",
        description="Draw random people with random expressions: a shard per person with pictures, units, gaze, pose "
        "and the optical flow from each picture to the next. What is there already is kept, so a run that was cut "
        "short goes on where it was. Machines share the work by a Dask scheduler, or by hand with --first; all of them "
        "see the same folders.",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the shards")
    parser.add_argument("--people", type=int, default=88, help="(default: %(default)s)")
    parser.add_argument("--frames", type=int, default=12, help="pictures of each person (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the first of the people to draw (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="who they are (default: %(default)s)")
    parser.add_argument("--size", type=int, default=128, help="pixels of a side (default: %(default)s)")
    parser.add_argument("--families", help="some of the folds of rigs, by comma (default: all)")
    add_options(parser)
    given = parser.parse_args(arguments)
    require_least(given, people=1, frames=2, first=0, size=64, jobs=1)

    folders = people.of_folds(people.drawable(), given.families)
    chosen = sorted(shards.choose(folders, given.people, given.seed)[given.first :])
    out = given.out.resolve()
    rows = [
        (out, folder.resolve(), seed, given.frames, given.size)
        for folder, seed in chosen
        if not shards.path_of(out, folder, seed).exists()
    ]
    failed = 0
    if rows:
        with stoppable(), processes(min(given.jobs, len(rows)), given.scheduler) as executor:
            for (_, folder, seed, *_), result in each(executor, "people", draw, rows):
                if isinstance(result, Exception):
                    failed += 1
                    print(f"{folder.parent.name}/{folder.name}, seed {seed}, is left out: {result}", file=sys.stderr)
    print(f"{given.out}: {len(rows) - failed} people were drawn, {len(chosen) - len(rows)} were there.")
    return 1 if failed else 0
