"""Shape keys as files of other programs can hold them: over the base, for every vertex, and never muted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import bpy
import numpy as np

from .mesh_io import Object, basis, coordinates, offsets


@dataclass(frozen=True)
class _Kept:
    """What a key was before it was baked. points: (V, 3)."""

    key: bpy.types.ShapeKey
    points: np.ndarray
    relative_key: bpy.types.ShapeKey
    vertex_group: str
    mute: bool
    value: float


@contextmanager
def baked_keys(objects: Sequence[Object]) -> Iterator[None]:
    """Let the keys of `objects` act over the base alone for as long as the block, as Blender shows them: one that is
    relative to another key or masked by a vertex group moves the same vertices the same way; a muted one is at 0.

    FBX and glTF know neither masks nor muting, and glTF's exporter takes every key for one over the base.
    """
    meshes = {obj.data: obj for obj in objects if obj.type == "MESH"}
    kept = [one for obj in meshes.values() for one in _baked(obj)]
    try:
        yield
    finally:
        for one in kept:
            one.key.points.foreach_set("co", one.points.reshape(-1))
            one.key.relative_key = one.relative_key
            one.key.vertex_group = one.vertex_group
            one.key.mute = one.mute
            one.key.value = one.value


def _baked(obj: Object) -> list[_Kept]:
    """Bake the keys of `obj`; returns what they were."""
    keys = obj.data.shape_keys
    if keys is None or not keys.use_relative:
        return []
    reference = keys.reference_key
    odd = [
        key
        for key in keys.key_blocks
        if key != reference and (key.relative_key != reference or key.vertex_group or key.mute)
    ]
    kept = [_Kept(key, coordinates(key.points), key.relative_key, key.vertex_group, key.mute, key.value) for key in odd]
    base = basis(obj)
    places = [base + offsets(obj, key) for key in odd]  # all, before any key that another is relative to changes
    for key, place in zip(odd, places, strict=True):
        key.points.foreach_set("co", np.ascontiguousarray(place, np.float32).reshape(-1))
        key.relative_key = reference
        key.vertex_group = ""
        if key.mute:
            key.mute = False
            key.value = 0.0
    return kept
