"""The shape key that is edited by hand, as it was before: kept with the keys until the edit is kept or discarded."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import bpy
import numpy as np

from . import migration

Object = bpy.types.Object


@dataclass(frozen=True)
class Before:
    """key: name of the one that is edited. points: (V, 3) float32 as they were. ours: whether this tool made them so.
    pinned, active, mirrored: Object.show_only_shape_key and active_shape_key_index, and Mesh.use_mirror_x, before."""

    key: str
    points: np.ndarray
    ours: bool
    pinned: bool
    active: int
    mirrored: bool


def begin(obj: Object, before: Before) -> None:
    """Keep with the keys of `obj` what one of them was."""
    stored = asdict(before) | {"points": before.points.reshape(-1).tolist()}
    migration.put(obj.data.shape_keys, migration.EDITING, stored)


def name_of(obj: Object | None) -> str:
    """The key of `obj` that is edited; empty where there is none."""
    keys = getattr(obj.data, "shape_keys", None) if obj else None
    stored = keys.get(migration.EDITING) if keys else None
    name = stored.get("key", "") if hasattr(stored, "get") else ""
    return name if name and name in keys.key_blocks else ""


def read(obj: Object) -> Before | None:
    """What `begin` kept; None where no key is edited."""
    if not name_of(obj):
        return None
    stored = migration.read_table(obj.data.shape_keys, migration.EDITING)
    return Before(**stored | {"points": np.array(stored["points"], np.float32).reshape(-1, 3)})


def end(obj: Object) -> None:
    """Keep nothing any more."""
    migration.remove(obj.data.shape_keys, migration.EDITING)
