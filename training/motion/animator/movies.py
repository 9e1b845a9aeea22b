"""Movies on disk: clips are read, and what a network made is written, marked as such.

What Python alone cannot do is done by ffmpeg where it is installed, else by a Blender: .mp4 files, and reading movies.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import InputError

from ...data.sources import alone, blenders
from ...learning.atomic_files import atomic_write
from . import marks, pictures

KINDS = (".gif", ".mp4", "")  # of what is written; "" is a folder
ENCODER = "ffmpeg"  # the program that writes .mp4
MOVIES = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".ogv")
RATES = (0.1, 100.0)  # frames per second


@dataclass(frozen=True)
class Clip:
    """frames: (F, H, W, 3) uint8, of a movie mapped from a file. rate: frames per second, None where the file does not
    say. sound: the file, which may have some. notes: sentences for the user."""

    frames: np.ndarray
    rate: float | None
    sound: Path | None
    notes: list[str] = field(default_factory=list)


@contextmanager
def opened(path: Path, blender: str | None = None) -> Iterator[Clip]:
    """A clip: a movie, an animated picture, or a folder of .png files; within the block its frames can be read.

    blender: see `blenders.command`; movies alone need one. Raises InputError, in a sentence, for what cannot be read
    and for fewer than two frames.
    """
    if path.suffix.lower() not in MOVIES:
        yield Clip(pictures.frames_in(path), pictures.rate_of(path), None)
        return
    if not path.is_file():
        raise InputError(f"There is no movie {path}: look at the name.")
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "frames"
        about_file = raw.with_name(f"{raw.name}.json")
        line = (
            f"from training.motion import blender_movies; "
            f"blender_movies.decode_alone({str(path.resolve())!r}, {str(raw)!r})"
        )
        blenders.run(blenders.command(blender), line, path.name, about_file)
        about = json.loads(about_file.read_text(encoding="utf-8"))
        if alone.REFUSAL in about:
            raise InputError(about[alone.REFUSAL])
        if about["shape"][0] < 2:
            raise InputError(f"{path} has one frame only, which shows no motion: give two or more.")
        yield Clip(np.memmap(raw, np.uint8, "r", shape=tuple(about["shape"])), about["rate"], path, about["notes"])


def check_output(path: Path, rate: float | None, blender: str | None = None, used: Sequence[Path] = ()) -> None:
    """Check before the work that a movie of this name and rate can be written, and replaces neither the files that it
    is made of, `used`, nor pictures in a folder. Raises InputError."""
    if path.suffix not in KINDS and not path.is_dir():
        raise InputError(f"{path.name} is no name for a movie: let it end in .gif or .mp4, or name a folder.")
    if any(path.exists() and one.exists() and path.samefile(one) for one in used):
        raise InputError(f"{path} is what the movie is made of, which it would replace: give --out another name.")
    if path.is_dir() and any(path.glob(f"[0-9]*{pictures.SUFFIX}")):
        raise InputError(f"{path} holds numbered pictures already: empty it, or name another folder as --out.")
    if path.suffix == ".mp4" and not shutil.which(ENCODER):
        try:
            blenders.command(blender)
        except InputError as error:
            raise InputError(
                f"The program {ENCODER}, which writes .mp4, is not installed, and there is no Blender that could: "
                "name one with --blender, or write a .gif, or a folder of .png."
            ) from error
    if rate is not None and not RATES[0] <= rate <= RATES[1]:
        raise InputError(f"--rate is {rate:g}: choose {RATES[0]:g} to {RATES[1]:g} frames per second.")


def write(
    path: Path, frames: Iterable[np.ndarray], rate: float, blender: str | None = None, sound: Path | None = None
) -> None:
    """Write (H, W, 3) uint8 frames as .gif, as .mp4, or as 0001.png and so on into a folder, where they may have an
    alpha channel, each file marked, see `marks`.

    sound: a file whose sound goes into an .mp4. Raises InputError where the disk does not take them or nothing here
    writes such a file, see `check_output`.
    """
    if path.suffix == ".gif":
        atomic_write(path, marks.marked(pictures.gif(frames, rate), ".gif"))
    elif path.suffix == ".mp4":
        _encode(path, frames, rate, blender, sound)
    else:
        _write_folder(path, frames)


def _write_folder(folder: Path, frames: Iterable[np.ndarray]) -> None:
    """All pictures or, when it is stopped or the disk is full, none."""
    written: list[Path] = []
    try:
        for number, frame in enumerate(frames, 1):
            file = folder / f"{number:04d}{pictures.SUFFIX}"
            atomic_write(file, marks.marked(pictures.png(frame), pictures.SUFFIX))
            written.append(file)
    except BaseException:
        for file in written:
            file.unlink(missing_ok=True)
        raise


def _encode(path: Path, frames: Iterable[np.ndarray], rate: float, blender: str | None, sound: Path | None) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, frame in enumerate(frames):
            atomic_write(folder / "frames" / f"{number:06d}.png", pictures.png(_even(frame)))
        file = folder / "made.mp4"
        if shutil.which(ENCODER):
            heard = ["-i", str(sound), "-map", "0:v", "-map", "1:a?", "-shortest"] if sound else []
            line = [ENCODER, "-loglevel", "error", "-r", f"{rate:g}", "-i", str(folder / "frames" / "%06d.png"),
                    *heard, "-pix_fmt", "yuv420p", "-metadata", f"comment={marks.SAID}", str(file)]  # fmt: skip
            done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, check=False)
            if done.returncode:
                raise InputError(f"{path} cannot be written: {done.stderr.decode(errors='replace').strip()}")
        else:
            line = (
                "from training.motion import blender_movies; blender_movies.encode_alone("
                f"{str(folder / 'frames')!r}, {str(file)!r}, {rate!r}, {str(sound) if sound else None!r})"
            )
            blenders.run(blenders.command(blender), line, path.name, file)
        atomic_write(path, marks.marked(file.read_bytes(), ".mp4"))


def _even(frame: np.ndarray) -> np.ndarray:
    """With a column or a row more where their number is odd, which H.264 does not take."""
    height, width = frame.shape[:2]
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
