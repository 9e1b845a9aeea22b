"""Which objects make up an avatar, and what the core sees of them: world space, base shapes, triangles."""

from __future__ import annotations

from collections.abc import Iterable

import bpy
import numpy as np
from mathutils import Vector

from ...core.avatar import hints
from ...core.avatar.avatar import Avatar
from ...core.errors import InputError
from ...core.face.parts import PartOverride
from ...core.messages import Message
from ..stored import landmarks, migration
from ..stored import parts as stored_parts
from ..stored.migration import MADE

Object = bpy.types.Object


def avatars_of(objects: Iterable[Object]) -> list[list[Object]]:
    """The mesh objects among `objects`, sorted into avatars; objects without faces and bone widgets are left out.

    Objects are of one avatar when they share an armature or the root of a parent hierarchy. One that has neither
    belongs to the smallest larger one that it touches (loose eyes in a head, a bag on a back), or stands for itself.
    """
    objects = list(objects)
    widgets = {bone.custom_shape for rig in objects if rig.type == "ARMATURE" for bone in rig.pose.bones}
    groups: dict[Object, list[Object]] = {}
    for obj in objects:
        if obj.type == "MESH" and obj not in widgets and len(obj.data.polygons):
            groups.setdefault(root_of(obj), []).append(obj)
    boxes = {root: _box(group) for root, group in groups.items()}
    by_size = sorted(groups, key=lambda root: float(np.prod(boxes[root][1] - boxes[root][0])))
    for position, root in enumerate(by_size):
        if root.type == "ARMATURE":
            continue
        low, high = boxes[root]
        for other in by_size[position + 1 :]:
            if (boxes[other][0] <= high).all() and (low <= boxes[other][1]).all():
                groups[other] += groups.pop(root)
                break
    return list(groups.values())


def root_of(obj: Object) -> Object:
    """The armature that moves `obj`, by modifier or parent; without one the topmost parent, or `obj` itself."""
    while True:
        for modifier in obj.modifiers:
            if modifier.type == "ARMATURE" and modifier.object:
                return modifier.object
        if obj.type == "ARMATURE" or obj.parent is None:
            return obj
        obj = obj.parent


def avatar_from_selection(context: bpy.types.Context) -> list[Object]:
    """The mesh objects of the avatar that the user means: the active mesh's, and loose meshes selected with it.

    Raises InputError when nothing usable is selected.
    """
    selected = list(context.selected_objects)
    meshes = [obj for obj in selected if obj.type == "MESH"]
    if not selected:
        raise InputError("Nothing is selected: click the avatar's face mesh and try again.")
    if not meshes:
        kind = _in_words(selected[0], "type")
        raise InputError(
            "“{name}” is not a mesh ({kind}): select the avatar's face mesh and try again.",
            name=selected[0].name,
            kind=kind,
        )
    active = context.view_layer.objects.active
    start = active if active in meshes else max(meshes, key=lambda obj: len(obj.data.vertices))
    require_editable(start)
    if len(start.data.polygons) == 0:
        raise InputError("“{name}” has no faces: select the avatar's face mesh and try again.", name=start.name)
    context.view_layer.update()
    groups = avatars_of({*context.view_layer.objects, *meshes})
    avatar = next((group for group in groups if start in group), [start])
    loose = [obj for obj in meshes if obj not in avatar and root_of(obj) == obj and len(obj.data.polygons)]
    return avatar + loose


def require_editable(obj: Object) -> None:
    """Raise InputError if shape keys cannot be put on `obj` without changing something else."""
    if obj.mode != "OBJECT":
        mode = _in_words(obj, "mode")
        raise InputError("“{name}” is in {mode}: switch to Object Mode and try again.", name=obj.name, mode=mode)
    if obj.library or obj.data.library:
        raise InputError(
            "“{name}” is linked from another file and cannot be changed here: open that file, or make the "
            "object local (Object > Relations > Make Local > All).",
            name=obj.name,
        )
    if obj.data.users > 1:
        raise InputError(
            "The mesh of “{name}” is shared by several objects: make it single-user (Object > Relations > "
            "Make Single User > Object & Data) and try again.",
            name=obj.name,
        )
    keys = obj.data.shape_keys
    if keys and not keys.use_relative:
        raise InputError(
            "The shape keys of “{name}” are absolute: tick Relative in the shape key list and try again.", name=obj.name
        )
    if abs(np.linalg.det(np.array(obj.matrix_world, float)[:3, :3])) < 1e-30:
        raise InputError("“{name}” is scaled to nothing: give it a scale other than zero and try again.", name=obj.name)


def _in_words(obj: Object, name: str) -> Message:
    """Blender's own words, which it translates, for what the property `name` of `obj` is."""
    return Message(obj.bl_rna.properties[name].enum_items[getattr(obj, name)].name)


def read(objects: Iterable[Object]) -> Avatar:
    """The base shapes of `objects` in world space, in their order, and what bones, keys, names and the creator
    tell.

    Modifiers and pose are left aside, and so are keys that this tool made.
    Raises InputError if there are no faces or a coordinate is not a finite number.
    """
    objects = list(objects)
    vertices, triangles, counts = [], [], []
    for obj in objects:
        matrix = np.array(obj.matrix_world, float)
        triangles.append(_triangles(obj.data) + sum(counts))
        with np.errstate(invalid="ignore"):  # Avatar refuses what is not finite
            vertices.append(basis(obj).astype(float) @ matrix[:3, :3].T + matrix[:3, 3])
        counts.append(len(vertices[-1]))
    if not objects:
        raise InputError("There is no mesh with faces: select the avatar's face mesh and try again.")
    override = np.concatenate([stored_parts.overrides(obj) for obj in objects])
    bones = {name: at for rig in dict.fromkeys(map(root_of, objects)) for name, at in _joints(rig).items()}
    with np.errstate(invalid="ignore", over="ignore"):  # hints that are no numbers tell nothing
        keys = [key for obj in objects for key in _keys(obj)]
    parts = [(obj.name, points) for obj, points in zip(objects, vertices, strict=True)]
    return Avatar(
        np.concatenate(vertices),
        np.concatenate(triangles).astype(np.int32),
        np.repeat(np.arange(len(objects), dtype=np.int32), counts),
        tuple(obj.name for obj in objects),
        hints.collect(bones, keys, parts),
        override if (override != PartOverride.NOTHING).any() else None,
        landmarks.read(objects),
    )


def _joints(rig: Object) -> dict[str, np.ndarray]:
    """World places (3,) of an armature's joints at rest, by bone name; nothing for another object."""
    bones = rig.data.bones if rig.type == "ARMATURE" else ()
    return {bone.name: np.array(rig.matrix_world @ bone.head_local) for bone in bones}


def _keys(obj: Object) -> Iterable[tuple[str, np.ndarray, np.ndarray]]:
    """Name, base positions (n, 3) and offsets (n, 3) in world space of what those of the creator's keys move that tell
    of the face."""
    keys = obj.data.shape_keys
    made = migration.read_table(keys, MADE)
    for key in keys.key_blocks if keys else ():
        if hints.feature_of(key.name) and key != keys.reference_key and key.name not in made:
            base = coordinates(key.relative_key.points)
            push = coordinates(key.points) - base
            moved = np.flatnonzero(push.any(1))
            matrix = np.array(obj.matrix_world, float)
            linear = matrix[:3, :3].T
            yield key.name, base[moved] @ linear + matrix[:3, 3], push[moved] @ linear


def basis(obj: Object) -> np.ndarray:
    """(V, 3) float32 local coordinates of the base shape."""
    keys = obj.data.shape_keys
    return coordinates(keys.reference_key.points if keys else obj.data.vertices)


def coordinates(points: bpy.types.bpy_prop_collection) -> np.ndarray:
    """(V, 3) float32 of a mesh's vertices or a shape key's points."""
    flat = np.empty(len(points) * 3, np.float32)
    points.foreach_get("co", flat)
    return flat.reshape(-1, 3)


def _triangles(mesh: bpy.types.Mesh) -> np.ndarray:
    mesh.calc_loop_triangles()
    flat = np.empty(len(mesh.loop_triangles) * 3, np.int32)
    mesh.loop_triangles.foreach_get("vertices", flat)
    return flat.reshape(-1, 3)


def _box(objects: list[Object]) -> np.ndarray:
    """(2, 3) lowest and highest world corner."""
    corners = np.array([obj.matrix_world @ Vector(corner) for obj in objects for corner in obj.bound_box])
    return np.stack([corners.min(0), corners.max(0)])
