"""Shapes written as shape keys, the creator's own keys kept.

Keys that this tool wrote are marked on the mesh's key datablock with a hash of what was written: one that was edited
since counts as the creator's work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import bpy
import numpy as np

from ..core.errors import InputError
from ..core.mesh import Avatar
from ..core.pipeline import Shape
from ..core.vocabulary import ALL_SHAPES
from .mesh_io import MADE, Object, basis, coordinates, require_editable

EXISTING = ("KEEP", "REFUSE", "REPLACE")
_STYLE = "vrc_blendshape_style"
_RANK = {name: rank for rank, name in enumerate(ALL_SHAPES)}


@dataclass
class Written:
    """What `write` did, by shape key name in key order. kept: the creator's own keys that were left alone."""

    made: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def write(
    objects: Sequence[Object], avatar: Avatar, shapes: Sequence[Shape], main: int, existing: str = "KEEP"
) -> Written:
    """Write `shapes` (in the space of `avatar`, which was read from `objects`) as shape keys.

    Object number `main`, the face, gets every shape, the others only those that move them. existing: `KEEP` replaces
    only keys that this tool made, `REFUSE` none, `REPLACE` any of the same name. Raises InputError before anything is
    changed.
    """
    plan: list[tuple[Object, str, np.ndarray]] = []
    for number, obj in enumerate(objects):
        inverse = np.linalg.inv(np.array(obj.matrix_world, float)[:3, :3])
        start = int(np.searchsorted(avatar.object_id, number))
        count = len(obj.data.vertices)
        base = basis(obj)
        for shape in shapes:
            mine = (shape.indices >= start) & (shape.indices < start + count) & np.any(shape.deltas != 0, axis=1)
            if mine.any() or number == main:
                target = base.copy()
                target[shape.indices[mine] - start] += (shape.deltas[mine] @ inverse.T).astype(np.float32)
                plan.append((obj, shape.name, target))
    ours = {obj: _made(obj) for obj in objects}
    plan, result = _settle(plan, ours, existing)
    made_names = set(result.made + result.replaced)
    changed = [obj for obj in objects if any(owner == obj for owner, _, _ in plan) or ours[obj] & made_names]
    for obj in changed:
        require_editable(obj)
        if obj.data.shape_keys and obj.data.shape_keys.reference_key.name in made_names:
            raise InputError(
                f"The base shape of “{obj.name}” is named {obj.data.shape_keys.reference_key.name}: "
                "rename it to Basis and try again."
            )
    for obj in changed:
        targets = {name: target for owner, name, target in plan if owner == obj}
        stale = (ours[obj] & made_names) - set(targets)
        _write_object(obj, targets, ours[obj], stale)
    return result


def remember_style(obj: Object, preset: str, automatic: bool) -> None:
    """Note with the keys of `obj` which style they were last made in."""
    obj.data.shape_keys[_STYLE] = f"{preset} style{' (chosen automatically)' if automatic else ''}"


def style_of(obj: Object | None) -> str:
    """What remember_style noted; empty where it noted nothing."""
    keys = getattr(obj.data, "shape_keys", None) if obj else None
    return keys.get(_STYLE, "") if keys is not None else ""


def _settle(plan: list, ours: dict[Object, set[str]], existing: str) -> tuple[list, Written]:
    """The part of `plan` that may be written, and what becomes of each name."""
    present = {name for obj, name, _ in plan if _key(obj, name)}
    creators = {name for obj, name, _ in plan if _key(obj, name) and name not in ours[obj]}
    if existing == "REFUSE" and present:
        raise InputError(
            f"The avatar already has {', '.join(sorted(present, key=_RANK.get))}: "
            "choose to keep or to replace existing keys, or rename them."
        )
    kept = creators if existing == "KEEP" else set()
    names = sorted({name for _, name, _ in plan}, key=_RANK.get)
    result = Written(
        made=[name for name in names if name not in present],
        replaced=[name for name in names if name in present - kept],
        kept=[name for name in names if name in kept],
    )
    return [step for step in plan if step[1] not in kept], result


def _write_object(obj: Object, targets: dict[str, np.ndarray], ours: set[str], stale: set[str]) -> None:
    """Put `targets` (name to local coordinates) on `obj`, which has `ours` from earlier; `stale` ones of these go."""
    keys = obj.data.shape_keys
    active = obj.active_shape_key.name if obj.active_shape_key else None
    for name in stale:
        obj.shape_key_remove(keys.key_blocks[name])
    if targets and keys is None:
        obj.shape_key_add(name="Basis", from_mix=False)
        keys = obj.data.shape_keys
    for name, target in targets.items():
        key = keys.key_blocks.get(name) or obj.shape_key_add(name=name, from_mix=False)
        key.relative_key = keys.reference_key
        key.points.foreach_set("co", target.reshape(-1))
    ours = (ours | set(targets)) - stale
    keys[MADE] = {name: _hash(keys.key_blocks[name]) for name in ours}
    _sort(obj, ours)
    obj.active_shape_key_index = max(keys.key_blocks.find(active), 0) if active else 0
    obj.data.update()


def _sort(obj: Object, ours: set[str]) -> None:
    """Bring our keys into the vocabulary's order without moving the creator's among themselves.

    Ours stand at the end, where they shift no index of the creator's (VRChat keeps eyelids by index), except before
    creator's keys that the vocabulary puts after them.
    """
    keys = obj.data.shape_keys.key_blocks
    order = [key.name for key in keys if key.name not in ours]
    for name in sorted(ours, key=_RANK.get):
        later = (i for i, other in enumerate(order) if _RANK.get(other, -1) > _RANK[name] and i > 0)
        order.insert(next(later, len(order)), name)
    with bpy.context.temp_override(object=obj, active_object=obj):
        for place, name in enumerate(order):
            while keys[place].name != name:  # keys before `place` stand already, so it only ever moves up
                obj.active_shape_key_index = keys.find(name)
                bpy.ops.object.shape_key_move(type="UP")


def _key(obj: Object, name: str) -> bpy.types.ShapeKey | None:
    keys = obj.data.shape_keys
    return keys.key_blocks.get(name) if keys else None


def _made(obj: Object) -> set[str]:
    """Names of the keys on `obj` that this tool wrote and nobody has edited since."""
    keys = obj.data.shape_keys
    if keys is None or MADE not in keys:
        return set()
    marks = keys[MADE].to_dict()
    return {name for name, mark in marks.items() if name in keys.key_blocks and _hash(keys.key_blocks[name]) == mark}


def _hash(key: bpy.types.ShapeKey) -> str:
    return hashlib.sha1(coordinates(key.points).tobytes()).hexdigest()
