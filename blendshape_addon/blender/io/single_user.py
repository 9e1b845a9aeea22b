"""Meshes that several objects share, made single-user: keys of one object would be keys of the others too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import bpy

Object = bpy.types.Object


def is_shared(mesh: bpy.types.Mesh) -> bool:
    """Whether another object than one has `mesh`; that it is kept without users (a fake user) does not count."""
    return mesh.users - mesh.use_fake_user > 1


def separate(objects: Iterable[Object]) -> dict[Object, bpy.types.Mesh]:
    """Give each of `objects` a mesh of its own; returns the shared meshes of those that had one."""
    shared = {}
    for obj in objects:
        if is_shared(obj.data) and not (obj.library or obj.data.library):
            shared[obj] = obj.data
            obj.data = obj.data.copy()
    return shared


def rejoin(shared: Mapping[Object, bpy.types.Mesh]) -> None:
    """Undo `separate`, which returned `shared`."""
    for obj, mesh in shared.items():
        copy, obj.data = obj.data, mesh
        bpy.data.meshes.remove(copy)
