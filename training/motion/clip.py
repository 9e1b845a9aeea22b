"""Film a rig or an avatar whose motion is known: `python -m training motion clip WHOM --units TABLE --out FOLDER`."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from blendshape_addon.core.errors import InputError

from ..data import rigs
from ..data.rigs import Rig
from ..data.sources import avatar
from ..learning.atomic_files import atomic_write
from ..renders import Scene, people, render
from ..renders.looks import Look
from . import motions

TRUTH = "units.csv"
SIZES = (64, 2048)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training motion clip",
        description="Film a rig whose face moves as a table says: the folder gets 0001.png and so on, and units.csv "
        "with what is true of each picture.",
    )
    parser.add_argument(
        "whom",
        help="FAMILY/NAME of a rig in $VRC_BLENDSHAPE_DATA, a rig's folder, or an avatar's file",
    )
    parser.add_argument(
        "--units", default="demo", help="a .csv with a row per picture whose first row names ARKit units, headPitch, "
        "headYaw, headRoll, gazeLeft and gazeUp; or demo (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--size", type=int, default=480, help="pixels of a side (default: %(default)s)")
    given = parser.parse_args(arguments)
    if not SIZES[0] <= given.size <= SIZES[1]:
        raise InputError(f"--size is {given.size}: choose {SIZES[0]} to {SIZES[1]} pixels.")
    frames = motions.demo() if given.units == "demo" else motions.load(Path(given.units))
    film(find(given.whom), frames, given.out, given.size)
    print(f"{len(frames)} pictures and {TRUTH} are in {given.out}.")


def find(whom: str) -> Rig:
    """The rig or avatar of that name. Raises InputError, in a sentence, where there is none that can be filmed."""
    path = Path(whom)
    for folder in (path, rigs.data_folder() / whom):
        if (folder / "rig.npz").is_file():
            return rigs.load(folder)
    if not path.is_file():
        raise InputError(f"There is no rig and no avatar {whom}: give FAMILY/NAME of a rig, its folder, or a file.")
    # What it has no keys of its own for, the deformer makes when the person is made.
    return avatar.read(path, "its owner's, for pictures alone", lambda *_: {})[0]


def film(rig: Rig, frames: list[motions.Motion], out: Path, size: int) -> None:
    """Write a picture per frame and the table of what is true.

    Units that the rig cannot make are named and left out. Raises InputError when the disk is full.
    """
    person = people.person(rig)
    lacking = sorted({name for frame in frames for name, value in frame.units.items() if value} - person.makes)
    if lacking:
        print(f"{rig.name} cannot make {', '.join(lacking)}: these stay 0, in units.csv too.")
    rows = []
    for number, frame in enumerate(tqdm(frames, "pictures", unit="picture"), 1):
        gaze = None if frame.gaze is None else (frame.gaze, frame.gaze)
        picture, truth = render(Scene(person, Look(), frame.units, gaze, frame.head, size=size, seed=number))
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        atomic_write(out / f"{number:04d}.png", file.getvalue())
        head = dict(zip(motions.HEAD, frame.head, strict=True))
        rows.append(truth.units | head | dict(zip(motions.GAZE, truth.gaze.mean(0), strict=True)))
    atomic_write(out / TRUTH, motions.table(rows).encode())
