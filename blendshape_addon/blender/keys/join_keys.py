"""The shape keys of several meshes as those of one, each with the effect on its vertices that it had on its own mesh.

A key's effect is what Blender adds at value 1: its points less those of the key that it is relative to, times the
weights of its vertex group. Effects are taken over, not points, because the same name may be relative to different keys
on different meshes, or be missing on some.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from .. import mesh_objects
from ..io.mesh_io import Object, basis, coordinates
from . import key_blocks

_SET = 1e-3  # of a key's value, from which a difference is seen


@dataclass(frozen=True)
class KeySet:
    """The keys of one mesh, the base aside.

    effects: name to (n, 3) float32 in the space of the face, without the mask. masks: name to the vertex group that
    scales the key and its (n,) weights.
    """

    effects: dict[str, np.ndarray]
    masks: dict[str, tuple[str, np.ndarray]]


def read(obj: Object, matrix: np.ndarray) -> KeySet:
    """The keys of `obj`, whose (4, 4) `matrix` takes its space to that of the face."""
    keys = obj.data.shape_keys
    if keys is None:
        return KeySet({}, {})
    reference = keys.reference_key
    others = [key for key in keys.key_blocks if key != reference]
    linear = matrix[:3, :3].T.astype(np.float32)
    masked = [key for key in others if key.vertex_group in obj.vertex_groups]
    return KeySet(
        {key.name: (coordinates(key.points) - coordinates(key.relative_key.points)) @ linear for key in others},
        {key.name: (key.vertex_group, mesh_objects.group_weights(obj, key.vertex_group)) for key in masked},
    )


def add_missing(face: Object, part: Object) -> None:
    """Give `face` the keys of `part` that it lacks, with their settings, without any effect yet."""
    mine, theirs = face.data.shape_keys, part.data.shape_keys
    if theirs is None:
        return
    base = theirs.reference_key
    new = [key for key in theirs.key_blocks if key != base and key.name not in mine.key_blocks]
    for key in new:
        settings = key_blocks.properties(key) | {"vertex_group": ""}
        key_blocks.put_properties(key_blocks.add(face, key.name), settings)
    for key in new:
        relative = mine.key_blocks.get(key.relative_key.name)
        added = mine.key_blocks[key.name]
        added.relative_key = mine.reference_key if key.relative_key == base or relative is None else relative


def set_otherwise(face: Object, part: Object) -> list[str]:
    """Names of the keys of `part` that move it and are on otherwise than those of the same name on `face`."""
    mine, found = face.data.shape_keys.key_blocks, []
    for key in part.data.shape_keys.key_blocks[1:]:
        other = mine[key.name]
        value, here = (0.0 if one.mute else one.value for one in (key, other))
        if abs(value - here) > _SET and not key_blocks.is_empty(key):
            found.append(key.name)
    return found


def bake_masks(sets: Sequence[KeySet]) -> dict[str, str]:
    """Write into the effects of `sets` what masks do to keys that the meshes mask differently.

    Returns the vertex group that masks each key after that, "" for none.
    """
    groups: dict[str, str] = {}
    for name in dict.fromkeys(name for keys in sets for name in keys.effects):
        having = [keys for keys in sets if name in keys.effects]
        having = [keys for keys in having if keys.effects[name].any()] or having
        found = {keys.masks[name][0] if name in keys.masks else "" for keys in having}
        groups[name] = found.pop() if len(found) == 1 else ""
        for keys in having if found else ():
            if name in keys.masks:
                keys.effects[name] *= keys.masks[name][1][:, None]
    return groups


def write(face: Object, rows: Sequence[np.ndarray], sets: Sequence[KeySet], groups: Mapping[str, str]) -> None:
    """Put the effects of `sets` into the keys of `face`; set number i acts on its vertices `rows[i]` (n,).

    Set 0 is of what `face` was before; where none of its masks was baked its points stay as they are, to the last bit.
    """
    keys = face.data.shape_keys
    base = basis(face)
    baked = any(group != groups[name] for name, (group, _) in sets[0].masks.items())
    points: dict[str, np.ndarray] = {keys.reference_key.name: base}
    for name in _after_their_relative(keys):
        key = keys.key_blocks[name]
        target = points.get(key.relative_key.name, base).copy()
        for mine, own in zip(rows, sets, strict=True):
            if name in own.effects:
                target[mine] += own.effects[name]
        if name in sets[0].effects and not baked:
            target[rows[0]] = coordinates(key.points)[rows[0]]
        points[name] = target
    for name, target in points.items():
        keys.key_blocks[name].points.foreach_set("co", target.reshape(-1))
        if name in groups:
            keys.key_blocks[name].vertex_group = groups[name]


def move_drivers(face: Object, parts: Iterable[Object]) -> None:
    """Let drivers of keys that only `parts` have drive those of `face`, and let all drivers of the file that read from
    one of `parts` read from `face`; a driver that a key of the same name followed is needed no more."""
    keys = face.data.shape_keys
    instead = {}
    for part in parts:
        theirs = part.data.shape_keys
        driven = {curve.data_path for curve in _drivers(keys)}
        for curve in [curve for curve in _drivers(theirs) if curve.data_path not in driven]:
            (keys.animation_data or keys.animation_data_create()).drivers.from_existing(src_driver=curve)
        instead |= {part: face, part.data: face.data, theirs: keys}
    for block in _animated_blocks():
        for target in (target for curve in block.animation_data.drivers for target in _targets(curve)):
            target.id = instead.get(target.id, target.id)
    for curve in list(_drivers(keys)):
        if any(
            target.id in (face, face.data, keys) and curve.data_path in target.data_path for target in _targets(curve)
        ):
            keys.animation_data.drivers.remove(curve)


def _drivers(keys: bpy.types.Key | None) -> list[bpy.types.FCurve]:
    return list(keys.animation_data.drivers) if keys and keys.animation_data else []


def _targets(curve: bpy.types.FCurve) -> list[bpy.types.DriverTarget]:
    return [target for variable in curve.driver.variables for target in variable.targets if target.id]


def _animated_blocks() -> list[bpy.types.ID]:
    collections = (
        getattr(bpy.data, prop.identifier) for prop in bpy.data.bl_rna.properties if prop.type == "COLLECTION"
    )
    blocks = [block for collection in collections for block in collection]
    blocks += [block.node_tree for block in blocks if getattr(block, "node_tree", None)]
    return [block for block in blocks if getattr(block, "animation_data", None) and not block.library]


def _after_their_relative(keys: bpy.types.Key) -> list[str]:
    """Names of all keys but the base, each after the one that it is relative to, unless they are so in a circle."""
    order: dict[str, None] = {}
    for start in keys.key_blocks:
        chain = []
        key = start
        while key != keys.reference_key and key.name not in order and key.name not in chain:
            chain.append(key.name)
            key = key.relative_key
        order |= dict.fromkeys(reversed(chain))
    return list(order)
