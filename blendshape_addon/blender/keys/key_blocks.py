"""The shape keys of one object: whose they are; copied, removed and sorted without changing the others.

Keys that this tool wrote are marked on the mesh's key datablock with a hash of what was written: one that was edited
since counts as the creator's work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import bpy
import numpy as np

from ...core.avatar.key_names import SUMS
from ...core.errors import InputError
from ...core.vocabulary import KNOWN_SHAPES
from ..io.mesh_io import Object, basis, coordinates
from ..stored import migration
from ..stored.migration import BASE, MADE

RANK = {name: rank for rank, name in enumerate(KNOWN_SHAPES)}
_EMPTY = 1e-6  # of the coordinate: FBX exporters drop what is smaller
# What a key has beside name, points and relative key, in an order in which Blender accepts each.
_PROPERTIES = ("slider_min", "slider_max", "value", "mute", "lock_shape", "vertex_group", "interpolation")
_LARGEST_SLIDER = 10.0  # the largest that Blender knows
_NOWHERE = "vrc_blendshape."  # before a driver's path, which then leads to no property


def made_by_us(obj: Object) -> set[str]:
    """Names of the keys on `obj` that this tool wrote and nobody has edited since."""
    return set(_made_by_us(obj))


def has_made(obj: Object, beside: Collection[str]) -> bool:
    """Whether `obj` has keys of `made_by_us` that are not `beside` these."""
    return any(_made_by_us(obj, beside))


def _made_by_us(obj: Object, beside: Collection[str] = ()) -> Iterator[str]:
    """Names of `made_by_us` but those `beside` them, one after another: to hash all keys of an avatar takes a while."""
    keys = obj.data.shape_keys
    for name, mark in migration.read_table(keys, MADE).items():
        if name not in beside and name in keys.key_blocks and _hash(keys.key_blocks[name]) == mark:
            yield name


def mark(obj: Object, names: Iterable[str]) -> None:
    """Note that the keys `names` of `obj`, and no others, are as this tool made them."""
    keys = obj.data.shape_keys
    if keys is not None:
        migration.put(keys, MADE, {name: _hash(keys.key_blocks[name]) for name in names})


def is_empty(key: bpy.types.ShapeKey) -> bool:
    """Whether a key moves nothing that an exporter would keep."""
    return is_still(coordinates(key.points), coordinates(key.relative_key.points))


def moving(obj: Object) -> list[bpy.types.ShapeKey]:
    """The keys of `obj` beside its base that are not empty: what a written file has to hold."""
    keys = obj.data.shape_keys
    return [key for key in keys.key_blocks if key != keys.reference_key and not is_empty(key)] if keys else []


def not_as_here(obj: Object, key: bpy.types.ShapeKey) -> InputError:
    """What is raised for a `key` of `obj` that a written file lacks or has otherwise."""
    return InputError(
        "The key {key} of “{name}” would not come out of the file as it is here.", key=key.name, name=obj.name
    )


def is_still(target: np.ndarray, base: np.ndarray) -> bool:
    """Whether (n, 3) `target` places are the (n, 3) `base` places to an exporter."""
    return not (np.abs(target - base) > _EMPTY * np.abs(base)).any()


def shape_offsets(obj: Object) -> dict[str, np.ndarray]:
    """(V, 3) local offsets from the base of each of the vocabulary's shapes on `obj`, as shape_markers reads them."""
    keys = obj.data.shape_keys
    names = [name for name in KNOWN_SHAPES if keys and name in keys.key_blocks]
    return {name: (coordinates(keys.key_blocks[name].points) - basis(obj)).astype(float) for name in names}


def add(obj: Object, name: str) -> bpy.types.ShapeKey:
    """A new key that is not played: from Blender 5.0 on a fresh one would be, in full."""
    key = obj.shape_key_add(name=name, from_mix=False)
    key.value = 0.0
    return key


def properties(key: bpy.types.ShapeKey) -> dict[str, object]:
    """What `put_properties` puts on another key: all of `key` but its name and its points, relative_key by name."""
    return {name: getattr(key, name) for name in _PROPERTIES} | {"relative_key": key.relative_key.name}


def put_properties(key: bpy.types.ShapeKey, values: Mapping[str, object]) -> None:
    """Give `key` the `values` of `properties`. A relative key that its object lacks stays as it is."""
    key.slider_max = _LARGEST_SLIDER  # each end of the range bounds the other
    for name in _PROPERTIES:
        setattr(key, name, values[name])
    relative = key.id_data.key_blocks.get(values["relative_key"])
    if relative is not None:
        key.relative_key = relative


def duplicate(obj: Object, key: bpy.types.ShapeKey, name: str) -> bpy.types.ShapeKey:
    """A key of `obj` like `key` in all but name and value; Blender adds a number where the name is taken."""
    copy = add(obj, name)
    copy.points.foreach_set("co", coordinates(key.points).reshape(-1))
    put_properties(copy, properties(key) | {"value": 0.0})
    return copy


def sum_up(obj: Object, names: Iterable[str]) -> None:
    """Make those of the keys `names` of `obj` that are sums of shapes (key_names.SUMS) again, of the parts on `obj`."""
    keys = obj.data.shape_keys.key_blocks
    for name in SUMS.keys() & set(names) & set(keys.keys()):
        base = basis(obj)
        parts = [coordinates(keys[part].points) - base for part in SUMS[name] if part in keys]
        keys[name].points.foreach_set("co", (base + sum(parts)).astype(np.float32).reshape(-1))


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
    """Bring all keys of `obj` into `order`, the base first. Drivers and animation go by name and stay.

    From the first key that stands elsewhere on, each is taken off and added again at the end, which costs the same for
    every key however many there are. A reference in Python to a key from before is no longer valid.
    """
    keys = obj.data.shape_keys.key_blocks
    active = obj.active_shape_key_index
    active = keys[active].name if active < len(keys) else ""
    first = next((i for i, name in enumerate(order) if keys[i].name != name), len(order))
    kept = {name: properties(keys[name]) for name in order} if first < len(order) else {}
    with _drivers_kept(obj.data.shape_keys):
        for name in order[first:]:
            points = coordinates(keys[name].points).reshape(-1)
            obj.shape_key_remove(keys[name])
            add(obj, name).points.foreach_set("co", points)
    for name, values in kept.items():
        put_properties(keys[name], values)
    obj.active_shape_key_index = max(keys.find(active), 0)


@contextmanager
def _drivers_kept(keys: bpy.types.Key) -> Iterator[None]:
    """Keep the drivers of keys that are taken off and added again, which Blender would remove: they drive nothing
    meanwhile."""
    drivers = keys.animation_data.drivers if keys.animation_data else ()
    paths = [(driver, driver.data_path) for driver in drivers]
    try:
        for driver, path in paths:
            driver.data_path = f"{_NOWHERE}{path}"
        yield
    finally:
        for driver, path in paths:
            driver.data_path = path


def _hash(key: bpy.types.ShapeKey) -> str:
    return hashlib.sha1(coordinates(key.points).tobytes()).hexdigest()
