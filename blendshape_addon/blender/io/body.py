"""The body that the training tools made of a photo: its avatar, its table and its picture, taken into the scene."""

from __future__ import annotations

import json
from pathlib import Path

import bpy

from ..mesh_objects import world_points
from ..stored import measurements
from ..stored.measurements import Measured
from . import files
from .mesh_io import Object, basis, root_of

_BETWEEN = 0.2  # metres between what is there and a body that is put beside it
_NAME = "Body from Photo"


def take(avatar: Path, table: Path, picture: Path) -> Object:
    """Import a body beside what is there and select it; its measurements and its picture are kept with it.

    Returns its armature. Raises InputError for files that cannot be read.
    """
    bpy.context.view_layer.update()
    there = [obj for obj in bpy.context.view_layer.objects if obj.type == "MESH" and obj.visible_get()]
    found = json.loads(table.read_text(encoding="utf-8"))
    objects = files.add(avatar)
    rig = next(obj for obj in objects if obj.type == "ARMATURE")
    meshes = [obj for obj in objects if obj.type == "MESH" and root_of(obj) == rig]
    rig.name = rig.data.name = _NAME
    rig.data.display_type = "STICK"
    _plain_bones(rig)
    if used := [obj for obj in there if len(obj.data.vertices)]:
        far = max(world_points(basis(obj), obj)[:, 0].max() for obj in used)
        rig.location.x += far + _BETWEEN - min(world_points(basis(obj), obj)[:, 0].min() for obj in meshes)
    image = bpy.data.images.load(str(picture))
    image.name, image.use_fake_user = _NAME, True
    image.pack()
    measurements.keep(rig, Measured(found["measurements"], found["relative"], image.name))
    for obj in bpy.context.view_layer.objects:
        obj.select_set(obj in meshes)
    bpy.context.view_layer.objects.active = max(meshes, key=lambda obj: len(obj.data.vertices))
    bpy.context.view_layer.update()
    return rig


def _plain_bones(rig: Object) -> None:
    """Bones as Blender draws them, in place of the balls over the body that its importer adds."""
    balls = {bone.custom_shape for bone in rig.pose.bones if bone.custom_shape}
    for bone in rig.pose.bones:
        bone.custom_shape = None
    for collection in {one for ball in balls for one in ball.users_collection}:
        if set(collection.objects) <= balls:
            bpy.data.collections.remove(collection)
    for ball in balls:
        bpy.data.objects.remove(ball)
    bpy.context.view_layer.update()
