"""Pictures of many people with exact truth: `python -m training motion renders --out FOLDER`."""

from __future__ import annotations

import argparse
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from ..commands import require_least
from ..data import rigs
from ..learning.atomic_files import check_name
from ..renders import people, shards
from ..renders.shards import Shard

SHEET = 12  # people on the contact sheet, and pictures of each


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training motion renders",
        description="Draw random people with random expressions: a shard per person with pictures and all that is true "
        "of them. What is there already is kept; several runs may share the work with --first.",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the shards")
    parser.add_argument("--people", type=int, default=110, help="(default: %(default)s)")
    parser.add_argument("--frames", type=int, default=10, help="pictures of each person (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the first of the people to draw (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="who they are (default: %(default)s)")
    parser.add_argument("--size", type=int, default=256, help="pixels of a side (default: %(default)s)")
    parser.add_argument("--families", help="some of the folds of rigs, by comma (default: all)")
    parser.add_argument("--own-units", action="store_true", help="units that a rig lacks are not made by the deformer")
    parser.add_argument("--mouths", action="store_true", help="the mouth moves in every picture but the neutral ones")
    parser.add_argument("--flow", action="store_true", help="with the optical flow from each picture to the next")
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="also a contact sheet of what was drawn")
    given = parser.parse_args(arguments)
    require_least(given, people=1, frames=1, first=0, size=64)
    if given.sheet:
        check_name(given.sheet, ".png")

    folders = people.of_folds(people.drawable(), given.families)
    load = lru_cache(maxsize=1)(rigs.load)
    found = []
    for folder, seed in tqdm(sorted(shards.choose(folders, given.people, given.seed)[given.first :]), "people"):
        path = shards.path_of(given.out, folder, seed)
        if not path.exists():
            person = people.person(load(folder), seed, complete=not given.own_units)
            rng = np.random.default_rng(seed)
            shard = shards.draw(person, given.frames, rng, given.size, given.flow, given.mouths)
            shards.save(path, shard)
        found.append(path)
    if given.sheet:
        sheet([shards.load(path) for path in found[:: max(1, len(found) // SHEET)][:SHEET]], given.sheet)


def sheet(rows: list[Shard], path: Path) -> None:
    """A row per person, the neutral face first."""
    cells = min(SHEET, *(len(row.pictures) for row in rows)) if len(rows) > 1 else min(SHEET, len(rows[0].pictures))
    pixels = np.concatenate([np.concatenate(row.pictures[:cells], axis=1) for row in rows])
    Image.fromarray(pixels).save(path)
