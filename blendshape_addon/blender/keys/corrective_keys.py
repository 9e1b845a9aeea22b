"""Corrective keys on a mesh, driven by the bones of its armature. The creator's keys stay as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, fields

import bpy
import numpy as np

from ...core.corrective.bake import Key
from ...core.corrective.drivers import Driver
from ...core.errors import InputError
from ..io.mesh_io import Object, basis, coordinates, offsets
from ..io.selection import require_editable
from ..stored import migration
from ..stored.migration import BASE, CORRECTIVE
from . import key_blocks
from .animation import drivers_of

_CHANNELS = {"w": "ROT_W", "x": "ROT_X", "y": "ROT_Y", "z": "ROT_Z"}


def write(obj: Object, rig: Object, keys: Sequence[Key]) -> list[str]:
    """Put `keys` on `obj` below those that it has, each driven by a bone of `rig`, in place of the corrective keys that
    were written before and that nobody edited since. Returns their names, with a letter more where one is taken.

    Raises InputError before anything is changed.
    """
    require_editable(obj)
    if rig.library and not rig.override_library:
        raise InputError(
            "“{name}” is linked from another file and cannot be changed here: open that file, or make the "
            "object local (Object > Relations > Make Local > All).",
            name=rig.name,
        )
    active = obj.active_shape_key.name if obj.active_shape_key else None
    remove(obj)
    if obj.data.shape_keys is None:
        key_blocks.add(obj, "Basis")
        migration.put(obj.data.shape_keys, BASE, True)
    inverse = np.linalg.inv(np.array(obj.matrix_world, float)[:3, :3])
    base = basis(obj)
    blocks = obj.data.shape_keys.key_blocks
    written = []
    for key in keys:
        places = base.copy()
        places[key.indices] += (key.offsets @ inverse.T).astype(np.float32)
        name = key.name
        while name in blocks:
            name += "b"
        block = key_blocks.add(obj, name)
        block.relative_key = obj.data.shape_keys.reference_key
        block.points.foreach_set("co", places.reshape(-1))
        _drive(block, rig, key)
        written.append(block.name)
    noted = {name: {**asdict(key.driver), "mark": _hash(blocks[name])} for name, key in zip(written, keys, strict=True)}
    migration.put(obj.data.shape_keys, CORRECTIVE, noted)
    obj.active_shape_key_index = max(blocks.find(active), 0) if active else 0
    obj.data.update()
    return written


def present(obj: Object) -> list[str]:
    """Names of the corrective keys on `obj` that this tool wrote and nobody edited since."""
    return list(_noted(obj))


def read(obj: Object) -> list[Key]:
    """The keys of `present`, with what drives them."""
    matrix, found = np.array(obj.matrix_world, float)[:3, :3], []
    for name, row in _noted(obj).items():
        moved = offsets(obj, obj.data.shape_keys.key_blocks[name]) @ matrix.T
        rows = np.flatnonzero(moved.any(1))
        values = {field.name: row[field.name] for field in fields(Driver)}
        driver = Driver(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
        found.append(Key(name, driver, rows, moved[rows]))
    return found


def remove(obj: Object) -> int:
    """Take the keys of `present` off `obj`, with their drivers; returns how many there were."""
    names = present(obj)
    for name in names:
        keys = obj.data.shape_keys
        path = keys.key_blocks[name].path_from_id("value")
        for curve in drivers_of(keys):
            if curve.data_path == path:
                keys.animation_data.drivers.remove(curve)
        key_blocks.remove(obj, name)
    if obj.data.shape_keys:
        migration.remove(obj.data.shape_keys, CORRECTIVE)
    return len(names)


def _noted(obj: Object) -> dict[str, dict[str, object]]:
    """What is noted of each key of `present`."""
    keys = obj.data.shape_keys if obj.type == "MESH" else None
    return {
        name: row
        for name, row in migration.read_table(keys, CORRECTIVE).items()
        if name in keys.key_blocks and _hash(keys.key_blocks[name]) == row["mark"]
    }


def _drive(block: bpy.types.ShapeKey, rig: Object, key: Key) -> None:
    """A driver without Python, so that Blender runs it in files that it does not trust, too."""
    driver = block.driver_add("value").driver
    driver.type = "SCRIPTED"
    for name, channel in _CHANNELS.items():
        variable = driver.variables.new()
        variable.name, variable.type = name, "TRANSFORMS"
        target = variable.targets[0]
        target.id, target.bone_target = rig, key.driver.bone
        target.transform_type, target.transform_space = channel, "LOCAL_SPACE"
        target.rotation_mode = "QUATERNION"
    driver.expression = key.driver.expression()


def _hash(key: bpy.types.ShapeKey) -> str:
    return hashlib.sha1(coordinates(key.points).tobytes()).hexdigest()
