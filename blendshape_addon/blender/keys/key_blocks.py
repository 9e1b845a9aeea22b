"""The shape keys of one object: whose they are; copied, removed and sorted without changing the others.

Keys that this tool wrote are marked on the mesh's key datablock with a hash of what was written: one that was edited
since counts as the creator's work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import bpy
import numpy as np

from ...core.vocabulary import ALL_SHAPES
from ..io.mesh_io import Object, coordinates
from ..stored import migration
from ..stored.migration import BASE, MADE

RANK = {name: rank for rank, name in enumerate(ALL_SHAPES)}
_EMPTY = 1e-6  # of the coordinate: FBX exporters drop what is smaller


def made_by_us(obj: Object) -> set[str]:
    """Names of the keys on `obj` that this tool wrote and nobody has edited since."""
    keys = obj.data.shape_keys
    marks = migration.read_table(keys, MADE)
    return {name for name, mark in marks.items() if name in keys.key_blocks and _hash(keys.key_blocks[name]) == mark}


def mark(obj: Object, names: Iterable[str]) -> None:
    """Note that the keys `names` of `obj`, and no others, are as this tool made them."""
    keys = obj.data.shape_keys
    if keys is not None:
        migration.put(keys, MADE, {name: _hash(keys.key_blocks[name]) for name in names})


def is_empty(key: bpy.types.ShapeKey) -> bool:
    """Whether a key moves nothing that an exporter would keep."""
    return is_still(coordinates(key.points), coordinates(key.relative_key.points))


def is_still(target: np.ndarray, base: np.ndarray) -> bool:
    """Whether (n, 3) `target` places are the (n, 3) `base` places to an exporter."""
    return not (np.abs(target - base) > _EMPTY * np.abs(base)).any()


def add(obj: Object, name: str) -> bpy.types.ShapeKey:
    """A new key that is not played: from Blender 5.0 on a fresh one would be, in full."""
    key = obj.shape_key_add(name=name, from_mix=False)
    key.value = 0.0
    return key


def duplicate(obj: Object, key: bpy.types.ShapeKey, name: str) -> bpy.types.ShapeKey:
    """A key of `obj` like `key` in all but name and value; Blender adds a number where the name is taken."""
    copy = add(obj, name)
    copy.points.foreach_set("co", coordinates(key.points).reshape(-1))
    for attribute in ("relative_key", "vertex_group", "slider_min", "slider_max", "interpolation"):
        setattr(copy, attribute, getattr(key, attribute))
    return copy


def detach(keys: bpy.types.Key, key: bpy.types.ShapeKey) -> None:
    """Let the keys that are relative to `key`, which is about to change, keep their effect: over the base.

    Keys that are relative to one of these move along with it, and so on, so that they keep theirs over it.
    """
    shift = coordinates(keys.reference_key.points) - coordinates(key.points)
    found = [key]
    for changed in found:
        also = (other for other in keys.key_blocks if other.relative_key == changed and other != keys.reference_key)
        found += [other for other in also if other not in found]
    for other in found[1:]:
        other.points.foreach_set("co", (coordinates(other.points) + shift).reshape(-1))
        if other.relative_key == key:
            other.relative_key = keys.reference_key


def remove(obj: Object, name: str) -> None:
    """Take a key off `obj`; a base that this tool added goes with the last one."""
    keys = obj.data.shape_keys
    detach(keys, keys.key_blocks[name])
    obj.shape_key_remove(keys.key_blocks[name])
    if len(keys.key_blocks) == 1 and BASE in keys:
        obj.shape_key_clear()


def vocabulary_order(obj: Object) -> list[str]:
    """Names of all keys of `obj`: the base, the vocabulary's shapes in its order, and the rest as it stands."""
    names = [key.name for key in obj.data.shape_keys.key_blocks]
    return names[:1] + sorted(names[1:], key=lambda name: RANK.get(name, len(RANK)))


def reorder(obj: Object, order: Sequence[str]) -> None:
    """Bring all keys of `obj` into `order`, the base first. Drivers and animation go by name and stay."""
    keys = obj.data.shape_keys.key_blocks
    active = keys[obj.active_shape_key_index].name
    moved = next((i for i, name in enumerate(order) if keys[i].name != name), len(order))
    with bpy.context.temp_override(object=obj, active_object=obj):
        for name in order[moved:]:
            obj.active_shape_key_index = keys.find(name)
            bpy.ops.object.shape_key_move(type="BOTTOM")
    obj.active_shape_key_index = keys.find(active)


def _hash(key: bpy.types.ShapeKey) -> str:
    return hashlib.sha1(coordinates(key.points).tobytes()).hexdigest()
