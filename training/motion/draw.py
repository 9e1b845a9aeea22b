"""Clips of drawn faces with exact truth: `python -m training motion draw --out FOLDER`."""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.motion import pose

from ..commands import require_least
from ..data import rigs
from ..learning.atomic_files import atomic_write, check_name
from ..renders import people, random_scenes
from . import drawn, motions, puppets
from .clip import TRUTH

PUPPET = "puppet"  # the style of faces of flat layers
KINDS = (*drawn.STYLES, PUPPET)
NEAREST = (7.5, 9.5)  # eye distances of the camera: drawn faces are large in their pictures
SHEET = 8  # pictures of each clip on the sheet
Frame = tuple[np.ndarray, dict[str, float]]
Frames = int | list[motions.Motion]  # random expressions, so many, or what is shown


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training motion draw",
        description="Draw random faces as artists of anime and comics, parsers of faces and rigs of flat layers show "
        "them: a folder per clip with pictures, the first one neutral, and units.csv with what is true of each.",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the clips")
    parser.add_argument("--people", type=int, default=60, help="clips, of each style as many (default: %(default)s)")
    parser.add_argument("--frames", type=int, default=10, help="pictures of each (default: %(default)s)")
    parser.add_argument("--styles", default=",".join(KINDS), help="some of %(default)s")
    parser.add_argument(
        "--families", default="vrm,vroid_beta", help="folds of rigs that are drawn (default: %(default)s)"
    )
    parser.add_argument("--units", help="a table as `motion clip` takes it, or demo: what every clip shows instead of "
                        "random expressions")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument("--size", type=int, default=256, help="pixels of a side (default: %(default)s)")
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="also a contact sheet of what was drawn")
    given = parser.parse_args(arguments)
    require_least(given, people=1, frames=2, size=64)
    styles = given.styles.split(",")
    if unknown := [style for style in styles if style not in KINDS]:
        raise InputError(f"There is no style {', '.join(unknown)}: choose from {', '.join(KINDS)}.")
    families, known = given.families.split(","), set(people.drawable().values())
    if unknown := [fold for fold in families if fold not in known]:
        raise InputError(f"There is no family {', '.join(unknown)}: choose from {', '.join(sorted(known))}.")
    if given.sheet:
        check_name(given.sheet, ".png")
    moves = motions.demo() if given.units == "demo" else motions.load(Path(given.units)) if given.units else None
    rows = []
    for name, frames in clips(styles, families, given.people, moves or given.frames, given.seed, given.size):
        folder = given.out / name
        if not (folder / TRUTH).exists():
            save(folder, list(frames))
        if given.sheet:
            files = sorted(folder.glob("*.png"))[:SHEET]
            rows.append(np.concatenate([np.asarray(Image.open(file)) for file in files], axis=1))
    if given.sheet:
        width = min(row.shape[1] for row in rows)
        Image.fromarray(np.concatenate([row[:, :width] for row in rows])).save(given.sheet)


def clips(
    styles: list[str], families: list[str], count: int, frames: Frames, seed: int, size: int
) -> Iterator[tuple[str, Iterator[Frame]]]:
    """Names and frames of so many clips, of each person one per style; a clip's frames are drawn when asked for.

    A name is STYLE__RIG__PERSON; puppets are rigs of their own.
    """
    toons = sorted(folder for folder, fold in people.drawable().items() if fold in families)
    plan = [(number // len(styles), styles[number % len(styles)]) for number in range(count)]
    plan.sort(key=lambda row: (row[0] % len(toons), row[0]))  # rig by rig
    for number, style in tqdm(plan, "clips", unit="clip"):
        person = seed * 10_000 + number + 1
        rng = np.random.default_rng([person, KINDS.index(style)])
        if style == PUPPET:
            yield f"{style}__{person:05d}__{person}", _of_puppet(rng, frames, size)
        else:
            rig = toons[number % len(toons)]
            yield f"{style}__{rig.name}__{person}", _of_rig(partial(_person, rig, person), style, rng, frames, size)


@lru_cache(maxsize=1)
def _rig(folder: Path) -> rigs.Rig:
    return rigs.load(folder)


@lru_cache(maxsize=1)
def _person(folder: Path, seed: int) -> people.Person:
    return people.person(_rig(folder), seed)


def _of_rig(
    make: Callable[[], people.Person], style: str, rng: np.random.Generator, frames: Frames, size: int
) -> Iterator[Frame]:
    hand, look, distance = drawn.random(style, rng), drawn.look(rng), float(rng.uniform(*NEAREST))
    scenes = random_scenes.scenes(make(), frames if isinstance(frames, int) else 1, rng, size)
    if not isinstance(frames, int):
        scenes = [replace(scenes[0], units=m.units, gaze=m.gaze and (m.gaze, m.gaze), head=m.head) for m in frames]
    for scene in scenes:
        picture, truth = drawn.draw(replace(scene, look=look, distance=distance), hand)
        head = np.degrees(pose.to_vectors(truth.head[None]))[0]
        more = dict(zip((*motions.HEAD, *motions.GAZE), (*head, *truth.gaze.mean(0)), strict=True))
        yield picture, truth.units | more


def _of_puppet(rng: np.random.Generator, frames: Frames, size: int) -> Iterator[Frame]:
    puppet = puppets.random(rng)
    if isinstance(frames, int):
        still = motions.Motion({}, gaze=(0.0, 0.0))
        frames = [still, *(puppets.random_motion(rng) for _ in range(frames - 1))]
    for motion in frames:
        more = dict(zip((*motions.HEAD, *motions.GAZE), (*motion.head, *(motion.gaze or (0, 0))), strict=True))
        yield puppets.draw(puppet, motion, size), motion.units | more


def save(folder: Path, frames: list[Frame]) -> None:
    """0001.png and so on, and the table of what is true, last. Raises InputError when the disk is full."""
    for number, (picture, _) in enumerate(frames, 1):
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        atomic_write(folder / f"{number:04d}.png", file.getvalue())
    atomic_write(folder / TRUTH, motions.table([truth for _, truth in frames]).encode())
