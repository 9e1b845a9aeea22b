"""Read a clip of drawn faces by an adapter: `python -m training motion adapt --adapter A --frames F --out D.npz`."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.motion import descriptor
from blendshape_addon.core.motion.face import FaceReader

from ..learning.atomic_files import atomic_write, check_name
from . import adapters, domains
from .animator.pictures import frames_in

RATE = 30.0  # frames per second of a folder, as `drive` counts them


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training motion adapt",
        description="Read a folder of frames by an adapter, as descriptors that `drive --descriptors` and `view` take.",
    )
    parser.add_argument("--adapter", type=Path, required=True, help="that `train-adapter` made")
    parser.add_argument("--frames", type=Path, required=True, help="a folder of .png files")
    parser.add_argument("--out", type=Path, required=True, metavar="NPZ")
    parser.add_argument("--neutral", type=int, default=1, help="frame with the neutral face (default: %(default)s)")
    given = parser.parse_args(arguments)
    check_name(given.out, ".npz")
    adapter, face = adapters.load(given.adapter)
    frames = frames_in(given.frames)
    if not 1 <= given.neutral <= len(frames):
        raise InputError(f"--neutral is {given.neutral}: give a number from 1 to {len(frames)}.")
    place = domains.place(frames, FaceReader(provider="cpu"))
    found = adapters.Features().of(domains.crop(frames, place))
    values = adapters.apply(adapter, found, np.repeat(found[given.neutral - 1][None], len(found), 0))
    told = adapters.describe(values, face, place, frames.shape[1:3], RATE, domains.content_of(given.frames))
    atomic_write(given.out, descriptor.to_bytes(told))
    print(f"{given.out}: {len(frames)} frames. Next: python -m blendshape_addon drive AVATAR --clip {given.frames} "
          f"--descriptors {given.out} --out OUT.blend")  # fmt: skip
