"""Play a clip with what was read of it: `python -m training motion view --frames FOLDER [--descriptors D.npz]`."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.motion import descriptor

from ...learning.atomic_files import check_name
from ..animator.pictures import frames_in
from ..descriptor_cache import DescriptorCache
from . import sequence

RATE = 30.0  # frames per second of a folder, as `drive` counts them
SIZE = (900, 760)  # pixels of the window


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training motion view",
        description="Play a clip with the landmarks that were read of it and curves of its units.",
    )
    parser.add_argument("--frames", type=Path, required=True, help="a folder of .png files, or an animated .gif")
    parser.add_argument("--descriptors", type=Path, metavar="NPZ", help="as `drive --descriptors` keeps them (default: "
                        "the clip is read, and what was read is kept)")  # fmt: skip
    parser.add_argument(
        "--keypoints", type=Path, metavar="FILE", help="a detector of `train-keypoints`, to show its points"
    )
    parser.add_argument("--cache", type=Path, default=Path("out/motion/descriptors"), help="(default: %(default)s)")
    parser.add_argument("--shot", type=Path, metavar="PNG", help="write a picture of the window and close it")
    parser.add_argument("--frame", type=int, default=1, help="that is shown first (default: %(default)s)")
    given = parser.parse_args(arguments)
    if given.shot:
        check_name(given.shot, ".png")
    frames = frames_in(given.frames)
    if not 1 <= given.frame <= len(frames):
        raise InputError(f"--frame is {given.frame}: give a number from 1 to {len(frames)}.")
    if given.descriptors:
        told = descriptor.load(given.descriptors)
    else:
        told = DescriptorCache(given.cache).of_clip(given.frames.name, frames, RATE)
    played = sequence.of(frames, told)
    if given.keypoints:
        played = sequence.of(frames, told, _keypoints(given.keypoints, frames, played.landmarks))
    return show(played, given.frames.name, given.frame - 1, given.shot)


def _keypoints(file: Path, frames: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(F, K, 2) pixels, NaN where there is no face."""
    from .. import train_keypoints  # PyTorch, which nothing else here needs

    return train_keypoints.on_faces(train_keypoints.load(file), frames, landmarks)


def show(played: sequence.Played, title: str, first: int, shot: Path | None) -> int:
    """Open the window at a frame, from 0; with `shot` only a picture of it is written. Raises InputError where PySide6
    is missing."""
    try:
        from PySide6 import QtWidgets

        from .window import Viewer
    except ImportError as error:
        raise InputError(f"The viewer needs PySide6 ({error}): pip install -r tests/requirements/viewer.txt") from error
    application = QtWidgets.QApplication.instance() or QtWidgets.QApplication([])
    viewer = Viewer(played, title)
    viewer.resize(*SIZE)
    viewer.slider.setValue(first)
    viewer.show()
    if shot is None:
        return application.exec()
    shot.parent.mkdir(parents=True, exist_ok=True)
    if not viewer.grab().save(str(shot)):
        raise InputError(f"{shot} cannot be written: check the folder and the free space.")
    viewer.close()
    return 0
