"""This tool's own keys: removed, recognised after an export, sorted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import bpy

from ...core import shape_markers
from ...core.avatar import key_names
from ...core.vocabulary import KNOWN_SHAPES
from ..io.mesh_io import Object, coordinates
from ..io.selection import require_editable
from .animation import curves_of, drivers_of
from .key_blocks import is_still, made_by_us, mark, remove, reorder, shape_offsets, vocabulary_order


@dataclass
class Cleaned:
    """Names of keys. kept: those that are this tool's but that the creator drives or animates."""

    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def clean_up(objects: Sequence[Object]) -> Cleaned:
    """Take the keys that this tool made, and nobody has edited, driven or animated since, off `objects`.

    Raises InputError before anything is changed.
    """
    ours = {obj: names for obj in objects if (names := made_by_us(obj))}
    for obj in ours:
        require_editable(obj)
    used = {name for obj, names in ours.items() for name in names if _is_used(obj.data.shape_keys, name)}
    every = list(
        dict.fromkeys(key.name for obj in ours for key in obj.data.shape_keys.key_blocks if key.name in ours[obj])
    )
    for obj, names in ours.items():
        for name in names - used:
            remove(obj, name)
        mark(obj, names & used)
        obj.data.update()
    return Cleaned([name for name in every if name not in used], [name for name in every if name in used])


def adopt(objects: Sequence[Object]) -> list[str]:
    """Count the keys on `objects` that carry this tool's hidden mark as made by it; returns the names of the new ones.

    The notes of which keys are this tool's stay in .blend files only, the marks in every format; but whether a key was
    edited since it was made, a mark cannot tell. A key under another convention's name counts too where it is a copy of
    a marked one.
    """
    carried = {name for obj in objects for name in shape_markers.find_markers(shape_offsets(obj))}
    added: dict[str, None] = {}
    for obj in objects:
        keys = obj.data.shape_keys
        names = carried & set(keys.key_blocks.keys()) if keys else set()
        names |= {key.name for key in keys.key_blocks[1:] if _copies_one_of(names, key)} if keys else set()
        if new := names - made_by_us(obj):
            mark(obj, names | made_by_us(obj))
            added |= dict.fromkeys(new)
    return [name for name in KNOWN_SHAPES if name in added]


def _copies_one_of(names: set[str], key: bpy.types.ShapeKey) -> bool:
    """Whether `key` is what one of the shapes `names` of its object is, under a name of another convention."""
    shape = key_names.recognise(key.name)
    if shape not in names or key.name in names:
        return False
    return is_still(coordinates(key.points), coordinates(key.id_data.key_blocks[shape].points))


def sort(objects: Sequence[Object]) -> int:
    """Bring all keys of `objects` into vocabulary_order; returns of how many objects the order was another one.

    Raises InputError before anything is changed.
    """
    orders = {obj: vocabulary_order(obj) for obj in objects if obj.data.shape_keys}
    unsorted = {obj: order for obj, order in orders.items() if order != obj.data.shape_keys.key_blocks.keys()}
    for obj in unsorted:
        require_editable(obj)
    for obj, order in unsorted.items():
        reorder(obj, order)
    return len(unsorted)


def _is_used(keys: bpy.types.Key, name: str) -> bool:
    start = f'key_blocks["{bpy.utils.escape_identifier(name)}"]'
    return any(curve.data_path.startswith(start) for curve in (*drivers_of(keys), *curves_of(keys)))
