"""Move a portrait as a face in a clip moves: `python -m training motion animate --portrait P.png --clip FOLDER …`."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from blendshape_addon.core.motion.face import FaceReader
from blendshape_addon.core.motion.performance import DriveOptions, perform

from . import dataset, movies, pictures, use
from .make_data import RATE


def animate(
    animator_file: Path,
    portrait: Path,
    clip: Path,
    strength: float = 1.0,
    neutral: int | None = None,
    show_driver: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """(F, S, S, 3) uint8 of a portrait that moves as the face in a clip does, and of the clip; both in the window that
    the animator sees, frames without a face left out.

    strength: of the motion, 0 to 2. neutral: number, from 0, of the frame in which the clip's face is still; found if
    None. show_driver: whether the animator is shown the driver's frames beside what was read in them; only at strength
    1, for they cannot be weakened. Raises InputError, in a sentence, for what cannot be read or is none of these.
    """
    options = DriveOptions(neutral, strength)
    animator, _ = use.load(animator_file)
    source, frames = pictures.load(portrait)[None], pictures.frames_in(clip)
    reader = FaceReader(provider="cpu")
    still = dataset.read_portrait(portrait.name, source[0], reader)
    moving = dataset.read_frames(str(clip), frames, reader)
    (own, its_rows), (driver, rows) = (
        dataset.seen(movie, told, animator.size) for movie, told in ((source, still), (frames, moving))
    )
    rest = int(moving.found[: perform(moving, options, clip.name).neutral].sum())
    shown = driver if show_driver and strength == 1 else None
    return use.moved(animator, own[0], its_rows[0], shown, strength * (rows - rows[rest]))[0], driver


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training motion animate",
        description="Move a portrait as a face in a clip moves, by an animator of train-animator. Pictures are cut "
        "to the face.",
    )
    parser.add_argument("--animator", type=Path, required=True, help="animator.pt, or the folder that it is in")
    parser.add_argument("--portrait", type=Path, required=True, help="picture of a person, mouth shut and eyes open")
    parser.add_argument("--clip", type=Path, required=True, help="folder of .png files, or an animated picture")
    parser.add_argument("--out", type=Path, required=True, help="a .gif, a .mp4, or a folder for .png")
    parser.add_argument("--strength", type=float, default=1.0, help="of the motion, 0 to 2 (default: %(default)s)")
    parser.add_argument("--neutral", type=int, metavar="FRAME", help="the clip's still face, from 1 (default: found)")
    parser.add_argument("--rate", type=float, default=RATE, help="frames per second (default: %(default)s)")
    parser.add_argument("--descriptors-alone", action="store_true", help="go by what is read in the clip alone")
    parser.add_argument("--beside", action="store_true", help="with the clip to the left")
    given = parser.parse_args(arguments)
    movies.check_output(given.out, given.rate, used=(given.portrait, given.clip))
    neutral = None if given.neutral is None else given.neutral - 1
    made, driver = animate(
        given.animator, given.portrait, given.clip, given.strength, neutral, not given.descriptors_alone
    )
    movie = pictures.beside([driver, made]) if given.beside else made
    movies.write(given.out, movie, given.rate)
    print(f"{len(movie)} frames of {movie.shape[2]} x {movie.shape[1]} pixels are in {given.out}.")
