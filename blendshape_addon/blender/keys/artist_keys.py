"""The creator's own keys that are shapes of the vocabulary under whatever name: found, read, and copied to VRChat's."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from ...core.avatar import key_names
from ...core.avatar.avatar import Avatar
from ...core.shapes import Shape
from ...core.style.own_shapes import OwnShape
from ...core.vocabulary import ALL_SHAPES
from ..io.mesh_io import Object, basis, coordinates, offsets
from ..io.selection import require_editable
from ..mesh_objects import copies, rest_matrix, unfold_offsets
from ..stored import own_keys as stored
from .key_blocks import is_empty, made_by_us
from .shape_keys import put


def candidates(objects: Sequence[Object]) -> list[str]:
    """Names, in their order, of the creator's keys that move something on the face, see `find`."""
    return _moving(_face(objects)[0])


def find(objects: Sequence[Object]) -> dict[str, str]:
    """Which of the creator's keys each shape is, in the order of ALL_SHAPES: as the creator said, else by its name.

    Only keys of the face count, the one of `objects` that has most of them: VRChat takes visemes from one mesh, and a
    key of the teeth alone would leave the face still. Keys that move nothing do not count.
    """
    (face, found), said = _face(objects), stored.read(objects)
    chosen = _moving(face, set(said.values())) if said else []
    found |= {shape: key for shape, key in said.items() if key in (*chosen, stored.NONE)}
    return {shape: found[shape] for shape in ALL_SHAPES if found.get(shape)}


def _face(objects: Sequence[Object]) -> tuple[Object, dict[str, str]]:
    """The one of `objects` with most of the creator's keys that are shapes, and these by shape."""
    known = [(obj, key_names.pick(_moving(obj, known=True))) for obj in objects]
    return max(known, key=lambda row: len(row[1]))


def _moving(obj: Object, names: Collection[str] | None = None, known: bool = False) -> list[str]:
    """Names of the creator's keys of `obj` that move something; of those `names` alone, or of those that are `known`
    shapes: to look at all keys of an avatar takes a while."""
    keys, ours = obj.data.shape_keys, made_by_us(obj)
    every = keys.key_blocks if keys and keys.use_relative else ()
    return [
        key.name
        for key in every
        if (names is None or key.name in names)
        and key.name not in ours
        and not (known and key_names.recognise(key.name) is None)
        and key != keys.reference_key
        and not is_empty(key)
    ]


def read(objects: Sequence[Object], avatar: Avatar, found: Mapping[str, str]) -> list[OwnShape]:
    """The keys that `find` found on `objects`, as motion of `avatar`, which was read from them."""
    own = []
    for name, key in found.items():
        motion = np.zeros((len(avatar.vertices), 3), np.float32)
        start = 0
        for obj in objects:
            count = len(obj.data.vertices) * copies(obj)
            if (block := _own_key(obj, key)) is not None:
                local = unfold_offsets(obj, offsets(obj, block))
                motion[start : start + count] = local @ rest_matrix(obj)[:3, :3].T
            start += count
        moved = np.flatnonzero(motion.any(1))
        own.append(OwnShape(key, Shape(name, moved, motion[moved])))
    return own


def require_all_editable(objects: Sequence[Object], found: Mapping[str, str]) -> None:
    """Raise InputError if the keys of `found` cannot be copied on `objects`."""
    for obj in objects:
        if any(_own_key(obj, key) is not None or shape in made_by_us(obj) for shape, key in found.items()):
            require_editable(obj)


def copy(objects: Sequence[Object], found: Mapping[str, str]) -> list[str]:
    """Give the creator's keys of `found` the names of their shapes, as copies that count as made by this tool: the next
    run renews them. A key that has the name already stays. Returns the names of the backups of others that had it."""
    backups: list[str] = []
    for obj in objects if found else ():
        ours = made_by_us(obj)
        sources = {shape: key for shape, key in found.items() if shape != key and _own_key(obj, key) is not None}
        stale = {shape for shape, key in found.items() if shape in ours and shape not in sources and shape != key}
        if sources or stale:
            points = {shape: _points(obj, obj.data.shape_keys.key_blocks[key]) for shape, key in sources.items()}
            backups += put(obj, list(points), points.__getitem__, ours, stale)
    return backups


def _points(obj: Object, key) -> np.ndarray:
    """(V, 3) where `key` brings the base: its own places, but for one that is relative to another key or masked."""
    if key.relative_key == obj.data.shape_keys.reference_key and not key.vertex_group:
        return coordinates(key.points)
    return basis(obj) + offsets(obj, key)


def _own_key(obj: Object, name: str):
    """The creator's key `name` of `obj`; None where there is none."""
    keys = obj.data.shape_keys
    if not keys or name in made_by_us(obj):
        return None
    return keys.key_blocks.get(name)
