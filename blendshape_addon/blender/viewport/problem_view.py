"""Shows vertices in Edit Mode, and brings back what was there before: mode, selection, the active shape key and from
where the 3D views looked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import bmesh
import bpy
import numpy as np

from .. import session
from . import framing

Object = bpy.types.Object


@dataclass(frozen=True)
class ShownProblem:
    """What is to come back. obj: name of the object whose vertices are shown; mode: of the active object, `active`;
    selected: names of objects; key: number of the active shape key of `obj`; vertices: (V,) bool, which of its are
    selected; edges, faces: as much of these; select_mode: which of the three are selected by a click. hidden: whether
    `obj` was. stand: of the 3D views."""

    obj: str
    active: str
    mode: str
    selected: tuple[str, ...]
    key: int
    vertices: np.ndarray
    edges: np.ndarray
    faces: np.ndarray
    select_mode: tuple[bool, bool, bool]
    hidden: bool
    stand: framing.Stand


def show(context: bpy.types.Context, obj: Object, key: str, vertices: Sequence[int], mode: str) -> None:
    """Select `vertices` of `obj` in Edit Mode with its shape key `key` active, from object mode on. mode: that Blender
    was in before. `back` brings back what was there before the first `show` of several."""
    if session.current().shown is None or mode != "EDIT":  # else it is what an earlier one shows
        session.current().shown = _now(context, obj, mode)
    bpy.ops.object.select_all(action="DESELECT")
    obj.hide_set(False)
    obj.select_set(True)
    context.view_layer.objects.active = obj
    if obj.data.shape_keys:
        obj.active_shape_key_index = max(obj.data.shape_keys.key_blocks.find(key), 0)
    context.tool_settings.mesh_select_mode = (True, False, False)
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="DESELECT")
    mesh = bmesh.from_edit_mesh(obj.data)  # outside edit mode Blender 5.0 crashes where nothing was selected before
    mesh.verts.ensure_lookup_table()
    for vertex in vertices:
        mesh.verts[vertex].select = True
    mesh.select_flush_mode()
    bmesh.update_edit_mesh(obj.data, loop_triangles=False, destructive=False)


def back(context: bpy.types.Context) -> None:
    """Bring back what was there before `show`; what has been deleted since is left aside."""
    before, session.current().shown = session.current().shown, None
    if before is None:
        return
    if context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    objects = context.view_layer.objects
    if obj := objects.get(before.obj):
        if obj.data.shape_keys:
            obj.active_shape_key_index = before.key
        _select(obj.data, before)
        obj.hide_set(before.hidden)
    framing.stand_again(context, before.stand)
    context.tool_settings.mesh_select_mode = before.select_mode
    bpy.ops.object.select_all(action="DESELECT")
    for name in before.selected:
        if name in objects:
            objects[name].select_set(True)
    if before.active in objects:
        objects.active = objects[before.active]
        if before.mode != "OBJECT":
            bpy.ops.object.mode_set(mode=before.mode)


def _now(context: bpy.types.Context, obj: Object, mode: str) -> ShownProblem:
    active, mesh = context.view_layer.objects.active, obj.data
    return ShownProblem(
        obj.name,
        active.name if active else "",
        mode,
        tuple(one.name for one in context.selected_objects),
        obj.active_shape_key_index,
        *(_selected(elements) for elements in (mesh.vertices, mesh.edges, mesh.polygons)),
        tuple(context.tool_settings.mesh_select_mode),
        obj.hide_get(),
        framing.stand(context),
    )


def _selected(elements: bpy.types.bpy_prop_collection) -> np.ndarray:
    flags = np.empty(len(elements), bool)
    elements.foreach_get("select", flags)
    return flags


def _select(mesh: bpy.types.Mesh, before: ShownProblem) -> None:
    """Unless the mesh has another number of elements by now."""
    for elements, flags in (
        (mesh.vertices, before.vertices),
        (mesh.edges, before.edges),
        (mesh.polygons, before.faces),
    ):
        if len(elements) == len(flags):
            elements.foreach_set("select", flags)
    mesh.update()
