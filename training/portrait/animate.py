"""Move a portrait as a clip does: `python -m training portrait animate --source P.png --clip F --out O.gif`."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.motion.descriptor import Descriptors
from blendshape_addon.core.motion.face import FaceReader

from ..motion.animator import dataset, pictures
from ..motion.animator.animate import check_output, write
from ..motion.animator.conditions import Window
from ..motion.animator.make_data import RATE
from ..renders.parameters import CAMERA
from . import weights
from .gbase import Gbase

_CORNERS = 1.43  # distance of the outer corners of the eyes over that of the eyes: 90 and 63 mm
_AT_ONCE = 16  # frames


def framed(frames: np.ndarray, told: Descriptors, size: int) -> np.ndarray:
    """(F, size, size, 3) uint8 of one window of (F, H, W, 3) uint8 frames, which lies about the face as the picture of
    a render does; frames in which no face was read are left out."""
    height, width = frames.shape[1:3]
    right, up, across = np.median(told.place[told.found], axis=0) * height
    unit = float(across) / _CORNERS
    centre = (width / 2 + float(right), height / 2 - float(up) - CAMERA.centre[1] * unit)
    window = Window(centre, 2 * CAMERA.half * unit)
    return np.stack([dataset.cropped(frame, window, size) for frame in frames[told.found]])


@torch.no_grad()
def moved(network: Gbase, source: np.ndarray, drivers: np.ndarray) -> np.ndarray:
    """(F, S, S, 3) uint8 of a (S, S, 3) uint8 picture that moves as (F, S, S, 3) uint8 drivers do. Raises InputError
    for pictures of another size than the network's."""
    if source.shape != drivers.shape[1:] or len(source) != network.size:
        raise InputError(
            f"The network makes pictures of {network.size} x {network.size} pixels and got {source.shape} and "
            f"{drivers.shape[1:]}."
        )
    known = network.read(tensor(source[None]))
    made = []
    for first in range(0, len(drivers), _AT_ONCE):
        motion = network.emtn(tensor(drivers[first : first + _AT_ONCE]))
        count = len(motion.expression)
        output = network.drive(known.repeated(count), motion)
        made.append((output.picture.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy())
    return np.concatenate(made)


def tensor(movie: np.ndarray) -> Tensor:
    """(F, 3, S, S) float32, 0 to 1, of (F, S, S, 3) uint8 pictures."""
    return torch.from_numpy(movie / np.float32(255)).permute(0, 3, 1, 2)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training portrait animate",
        description="Move a portrait as the face in a clip does, by a network of train-base. Pictures are cut to the "
        "face. Use a picture of yourself, of your avatar, or of somebody who allowed it.",
    )
    parser.add_argument("--base", type=Path, required=True, help="base.safetensors of train-base")
    parser.add_argument("--source", type=Path, required=True, help="the portrait")
    parser.add_argument("--clip", type=Path, required=True, help="folder of .png files, or an animated picture")
    parser.add_argument("--out", type=Path, required=True, help="a .gif, a .mp4, or a folder for .png")
    parser.add_argument("--rate", type=float, default=RATE, help="frames per second (default: %(default)s)")
    parser.add_argument("--beside", action="store_true", help="with the clip to the left")
    given = parser.parse_args(arguments)
    check_output(given.out, given.rate)
    network, _ = weights.base(given.base)
    portrait, frames = pictures.load(given.source), pictures.frames_in(given.clip)
    for name, picture in ((given.source.name, portrait), (given.clip.name, frames[0])):
        if picture.shape[0] != picture.shape[1]:
            print(f"{name} is not square: it is cropped to a square about the face.")
    reader = FaceReader(provider="cpu")
    still = dataset.read_portrait(given.source.name, portrait, reader)
    moving = dataset.read_frames(given.clip.name, frames, reader)
    source, drivers = framed(portrait[None], still, network.size)[0], framed(frames, moving, network.size)
    made = moved(network, source, drivers)
    write(given.out, pictures.beside([drivers, made]) if given.beside else made, given.rate)
    print(f"{len(made)} frames of {network.size} x {network.size} pixels are in {given.out}.")
