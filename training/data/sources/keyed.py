"""What Blender alone can tell of an avatar file: its meshes, its hints, and how its creator's known keys move them.

Runs with bpy as a module or inside any Blender, whose own Python has numpy and nothing else; so it may also run in a
process of its own (`main`), and what it read crosses over as numpy's own file of arrays. That file is no format: the
same version of this module writes it and reads it a moment later, and then it is deleted. What is kept on disk is
written by `learning.arrays`, which takes a library that Blender's Python has not.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from blendshape_addon.core.avatar import key_names
from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.avatar.hints import Hints
from blendshape_addon.core.errors import InputError, UserError

from . import alone, vrm

if TYPE_CHECKING:
    from blendshape_addon.blender.io.mesh_io import Object

_PLACES = ("eyes", "mouth", "head", "left", "up")
_FLAGS = ("sided", "shown")


@dataclass(frozen=True)
class Keyed:
    """An avatar and its known shapes. keys: names of all keys that its creator made. shapes: (V, 3) world-space motion
    by shape, of keys that are known by name or by what a .vrm says."""

    avatar: Avatar
    keys: tuple[str, ...]
    shapes: dict[str, np.ndarray]


def read(path: Path) -> list[Keyed]:
    """Every avatar of a file, with bpy in this process. Raises InputError when it cannot be read or holds no faces."""
    import bpy

    from blendshape_addon.blender.io import avatar_objects, files, mesh_io

    files.load(path)
    expressions = vrm.expressions(path) if path.suffix.lower() == ".vrm" else {}
    found = []
    for objects in avatar_objects.avatars_of(bpy.context.view_layer.objects):
        keys = _creators_keys(objects)
        recipes = expressions | {shape: {key: 1.0} for shape, key in key_names.pick(keys).items()}
        avatar = mesh_io.read(objects)
        found.append(
            Keyed(avatar, keys, {shape: _offsets(objects, avatar, recipe) for shape, recipe in recipes.items()})
        )
    if not found:
        raise InputError(f"{path.name} holds no mesh with faces.")
    return found


def pack(path: Path, found: Sequence[Keyed]) -> None:
    """Write what was read, for `unpack`."""
    arrays = {}
    for n, one in enumerate(found):
        avatar = one.avatar
        fields: dict[str, object] = {
            "vertices": avatar.vertices, "triangles": avatar.triangles, "object_id": avatar.object_id,
            "object_names": np.array(avatar.object_names), "keys": np.array(one.keys, str),
            "shapes": np.array(list(one.shapes), str),
            "offsets": np.array(list(one.shapes.values())).reshape(-1, *avatar.vertices.shape),
            **{name: getattr(avatar.hints, name) for name in _PLACES + _FLAGS},
        }  # fmt: skip
        arrays |= {f"{n}.{name}": np.asarray(value) for name, value in fields.items() if value is not None}
    _write(path, arrays)


def _write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:  # an open file, for savez gives a name another ending
        np.savez(file, **arrays)


def unpack(path: Path) -> list[Keyed]:
    """What `pack` or `main` wrote. Raises InputError with what `main` could not read, or when the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as data:
            arrays = dict(data)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path} is damaged: run the same command again.") from error
    if alone.REFUSAL in arrays:
        raise InputError(str(arrays[alone.REFUSAL]))
    found = []
    while f"{len(found)}.vertices" in arrays:
        start = f"{len(found)}."
        own = {name.removeprefix(start): value for name, value in arrays.items() if name.startswith(start)}
        hints = Hints(**{n: own[n] for n in _PLACES if n in own}, **{n: bool(own[n]) for n in _FLAGS})
        names = tuple(map(str, own["object_names"]))
        avatar = Avatar(own["vertices"], own["triangles"], own["object_id"], names, hints)
        shapes = dict(zip(map(str, own["shapes"]), own["offsets"], strict=True))
        found.append(Keyed(avatar, tuple(map(str, own["keys"])), shapes))
    return found


def main(file: str, out: str) -> None:
    """Read `file` and write `out`, in a Blender of its own, which then ends."""

    def work() -> None:
        try:
            pack(Path(out), read(Path(file)))
        except UserError as error:
            _write(Path(out), {alone.REFUSAL: np.array(str(error))})

    alone.run(work)


def _creators_keys(objects: Sequence[Object]) -> tuple[str, ...]:
    """Names of the relative keys of all objects that the add-on did not make, in their order."""
    from blendshape_addon.blender.stored import migration

    found: dict[str, None] = {}
    for keys in filter(None, (obj.data.shape_keys for obj in objects)):
        made = migration.read_table(keys, migration.MADE)
        for key in keys.key_blocks:
            if keys.use_relative and key != keys.reference_key and key.name not in made:
                found[key.name] = None
    return tuple(found)


def _offsets(objects: Sequence[Object], avatar: Avatar, recipe: vrm.Recipe) -> np.ndarray:
    """(V, 3) world-space motion of all objects' vertices under a weighted sum of keys, by name."""
    from blendshape_addon.blender import mesh_objects
    from blendshape_addon.blender.io import mesh_io

    out = np.zeros(avatar.vertices.shape)
    for number, obj in enumerate(objects):
        keys = obj.data.shape_keys
        for name, weight in recipe.items():
            key = keys.key_blocks.get(name) if keys else None
            if key:
                push = mesh_objects.unfold_offsets(obj, mesh_io.offsets(obj, key))
                out[avatar.object_id == number] += weight * push @ mesh_objects.rest_matrix(obj)[:3, :3].T
    return out
