"""`python -m training.devtools.roundtrips`: does every generated key come back from a file as it went in?

All shapes are made on the demo avatar and on every rig that is there, written as .blend, .fbx and .glb, as .vrm too
where there is an armature, and read again: as the avatar is, with its meshes joined by Join into Face Mesh, and with
face sliders of a creator's that are on, for whose mix the shapes are made.
A key is kept if it comes back under its name with the same motion of the same places; Unity also drops keys of the FBX
that move nothing, and visemes that are another one's twin are none. What the keys that are on show counts as a key.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import bpy
import numpy as np
from mathutils.kdtree import KDTree

from blendshape_addon.blender import session
from blendshape_addon.blender.io import files, vrm
from blendshape_addon.blender.io.mesh_io import basis, coordinates, offsets
from blendshape_addon.blender.jobs import one_avatar
from blendshape_addon.blender.keys import inventory, join
from blendshape_addon.blender.keys.key_blocks import is_empty
from blendshape_addon.blender.stored import tuning
from blendshape_addon.core.errors import FaceNotFound
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.vocabulary import ALL_SHAPES

from ..data.rigs import Rig, data_folder, every_rig
from . import avatar

FORMATS = (".blend", ".fbx", ".glb")
VRM = ".vrm"  # holds avatars with an armature alone
JOIN = "Join"  # the column of what Join into Face Mesh itself kept
PLAIN, JOINED, SLIDERS = WAYS = ("plain", "joined", "sliders")
SEEN = "what is seen"  # no key, but what all keys that are on do
TOLERANCE = 1e-4  # of the eye distance: 6 µm on an adult
_WIDER, _LIFTED = 0.04, 0.02  # of the width and height of a mesh: how far sliders move it

Key = tuple[str, str]  # object, shape key
Motion = dict[str, tuple[np.ndarray, dict[str, np.ndarray]]]  # object: (V, 3) base, key: (V, 3) offsets; of the world


def main() -> int:
    """Returns 0 if every key was kept everywhere, 1 if not."""
    people = _people()
    parser = argparse.ArgumentParser(description="Write and read every generated key in every format.")
    parser.add_argument("avatar", nargs="*", default=list(people), metavar="AVATAR",
                        help=f"of {', '.join(people)} (default: all)")  # fmt: skip
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, help="of each avatar (default: all)")
    options = parser.parse_args()
    if unknown := [name for name in options.avatar if name not in people]:
        parser.error(f"there is no avatar {unknown[0]}: choose from {', '.join(people)}")
    columns = (JOIN, *FORMATS, "Unity", VRM)
    print(f"{'avatar':<40}{'keys':>6}" + "".join(f"{column:>8}" for column in columns))
    whole = True
    for name in options.avatar:
        for way in options.ways:
            title = f"{name}, {way}"
            bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
            try:
                made, kept = trip(people[name](), (*FORMATS, VRM), way)
            except FaceNotFound:
                print(f"{title:<40}  no face", flush=True)
                continue
            counts = "".join(f"{len(kept[column]) if column in kept else '':>8}" for column in columns)
            print(f"{title:<40}{len(made):>6}{counts}", flush=True)
            for column in kept:
                whole &= made == kept[column]
                for obj, key in sorted(made - kept[column]):
                    print(f"  {column} lost {key} of {obj}", flush=True)
    return 0 if whole else 1


def trip(
    objects: Sequence[bpy.types.Object], formats: Sequence[str] = FORMATS, way: str = PLAIN
) -> tuple[set[Key], dict[str, set[Key]]]:
    """Make all shapes on the avatar of `objects`; the keys made, and those that each of `formats` and Unity kept.

    way: one of WAYS. VRM is left out where there is no armature; nothing is written where there is nothing to join.
    What is open is replaced. Raises UserError where the shapes cannot be made.
    """
    tuning.register()
    if way == SLIDERS:
        for obj in objects:
            put_sliders(obj)
    with session.opened():
        done = one_avatar.run(objects, GenerateOptions(ALL_SHAPES))
    tolerance = TOLERANCE * done.generated.face.eye_distance
    meshes = done.objects
    before = motions(meshes)
    kept = {}
    if way == JOINED:
        joined = join.join(meshes)
        if not joined.parts:
            return set(), {}
        meshes, apart_before, before = joined.objects, before, motions(joined.objects)
        kept[JOIN] = same(_together(apart_before, joined.face.name, joined.parts), before, tolerance)
    made = {(name, key) for name, (_, keys) in before.items() for key in keys}
    with tempfile.TemporaryDirectory() as folder:
        possible = [suffix for suffix in formats if suffix != VRM or vrm.armature_of(meshes)]
        paths = {suffix: Path(folder) / f"avatar{suffix}" for suffix in possible}
        for path in paths.values():
            files.save(path, meshes)
        for suffix, path in paths.items():
            files.load(path)
            meshes = [obj for obj in bpy.data.objects if obj.type == "MESH"]
            kept[suffix] = same(before, motions(meshes), tolerance)
            if suffix == ".fbx":
                kept["Unity"] = kept[suffix] - _dropped_by_unity(meshes)
    return made, kept


def put_sliders(obj: bpy.types.Object) -> None:
    """Give `obj` keys as creators shape a face with them, which are on: one that makes it wider, and one over that, on
    the left half alone, that lifts it. Expressions move over both."""
    obj.shape_key_add(name="Basis", from_mix=False)
    points = coordinates(obj.data.vertices)
    middle, size = (points.max(0) + points.min(0)) / 2, np.ptp(points, axis=0)
    wide = points + (points - middle) * np.array([_WIDER, 0, 0], np.float32)
    lifted = wide + np.array([0, 0, _LIFTED * size[2]], np.float32)
    group = obj.vertex_groups.new(name="left")
    for vertex in np.flatnonzero(points[:, 0] > middle[0]).tolist():
        weight = (points[vertex, 0] - middle[0]) / size[0]
        group.add([vertex], float(weight), "REPLACE")
    keys = {}
    for name, places, value in (("Face_wide", wide, 1.0), ("Face_lift", lifted, 0.5)):
        keys[name] = obj.shape_key_add(name=name, from_mix=False)
        keys[name].points.foreach_set("co", places.astype(np.float32).reshape(-1))
        keys[name].value = value
    keys["Face_lift"].relative_key, keys["Face_lift"].vertex_group = keys["Face_wide"], "left"


def _together(apart: Motion, face: str, parts: Sequence[str]) -> Motion:
    """The motion of `face` and `parts` as that of one mesh of the name of `face`, the rest as it is."""
    names = [face, *(part for part in parts if part in apart)]
    bases = [apart[name][0] for name in names]
    keys = dict.fromkeys(key for name in names for key in apart[name][1])
    whole = {
        key: np.concatenate([apart[name][1].get(key, np.zeros_like(apart[name][0])) for name in names]) for key in keys
    }
    rest = {name: motion for name, motion in apart.items() if name not in names}
    return {face: (np.concatenate(bases), whole), **rest}


def same(before: Motion, after: Motion, tolerance: float) -> set[Key]:
    """The keys of `before` that move the same places of the same object in `after`, to `tolerance` (world units).

    Vertices are known by their place, since formats order, split and merge them.
    """
    kept = set()
    for name, (base, keys) in before.items():
        there, found = after.get(name, (np.empty((0, 3)), {}))
        both = [key for key in keys if key in found]
        if both:
            old = base, np.stack([keys[key] for key in both])
            new = there, np.stack([found[key] for key in both])
            worst = np.maximum(apart(old, new, tolerance), apart(new, old, tolerance))
            kept |= {(name, key) for key, distance in zip(both, worst, strict=True) if distance <= tolerance}
    return kept


def apart(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray], tolerance: float) -> np.ndarray:
    """(K,) how far the motion of any vertex of `one` is, at most, from that of its best counterpart in `other`.

    Both are a (V, 3) base and (K, V, 3) offsets; infinite where a vertex has no counterpart.
    """
    (base, moved), (places, others) = one, other
    tree = KDTree(len(places))
    for number, place in enumerate(places):
        tree.insert(place, number)
    tree.balance()
    worst = np.zeros(len(moved))
    for vertex in np.flatnonzero(np.abs(moved).max((0, 2)) > tolerance):
        near = [number for _, number, _ in tree.find_range(base[vertex], tolerance)]
        if not near:
            return np.full(len(moved), np.inf)
        apart = np.linalg.norm(others[:, near] - moved[:, vertex, None], axis=2)
        worst = np.maximum(worst, apart[:, apart.sum(0).argmin()])
    return worst


def motions(objects: Sequence[bpy.types.Object]) -> Motion:
    """What each key of `objects` does at value 1, and, as SEEN, what all that are on do together."""
    found: Motion = {}
    for obj in objects:
        if obj.data.shape_keys is None:
            continue
        matrix, base = np.array(obj.matrix_world), basis(obj)
        blocks = obj.data.shape_keys.key_blocks[1:]
        moved = {key.name: offsets(obj, key) @ matrix[:3, :3].T for key in blocks}
        on = [key for key in blocks if key.value and not key.mute]
        if on:
            moved[SEEN] = sum(key.value * moved[key.name] for key in on)
        found[obj.name] = base @ matrix[:3, :3].T + matrix[:3, 3], moved
    return found


def _dropped_by_unity(objects: Sequence[bpy.types.Object]) -> set[Key]:
    """Keys that move nothing, and visemes that are the same as an earlier one."""
    face = inventory.take(objects)
    dropped = {(face.face.name, name) for name in face.duplicates}
    for obj in objects:
        keys = obj.data.shape_keys.key_blocks[1:] if obj.data.shape_keys else ()
        dropped |= {(obj.name, key.name) for key in keys if is_empty(key)}
    return dropped


def _people() -> dict[str, Callable[[], list[bpy.types.Object]]]:
    """Name to a function that puts an avatar into the scene."""
    rigs = every_rig() if data_folder().is_dir() else []
    return {"demo": avatar.add, **{rig.name: partial(_add_rig, rig) for rig in rigs}}


def _add_rig(rig: Rig) -> list[bpy.types.Object]:
    return avatar.add_parts(rig.vertices, rig.triangles, rig.part_id, rig.part_names)


if __name__ == "__main__":
    status = 1
    try:
        status = main()
    except SystemExit as end:  # argparse
        status = int(end.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)  # bpy as a module may hang in a clean exit, after an error too
