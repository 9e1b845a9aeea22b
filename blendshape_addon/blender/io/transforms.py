"""Transforms of what is exported: every armature at rest, scale 1, and what a file cannot hold of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import bpy
import numpy as np
from mathutils import Matrix

from ...core.messages import Message
from .mesh_io import root_of

Object = bpy.types.Object
_SAME = 1e-4  # of a matrix' largest entry: importers round scales by less
_EXPORTABLE = (0.001, 1000.0)  # what the FBX exporter takes as a scale


@contextmanager
def at_rest(objects: Sequence[Object]) -> Iterator[None]:
    """Put the armatures among `objects`, and what hangs on their bones, into the rest pose for as long as the block."""
    posed = [obj.data for obj in objects if obj.type == "ARMATURE" and obj.data.pose_position != "REST"]
    try:
        for armature in posed:
            armature.pose_position = "REST"
        bpy.context.view_layer.update()
        yield
    finally:
        for armature in posed:
            armature.pose_position = "POSE"
        bpy.context.view_layer.update()


@contextmanager
def unit_scale(objects: Sequence[Object]) -> Iterator[dict[str, object]]:
    """Options of the FBX exporter with which `objects` have scale 1 in Unity, valid within the block.

    Where what `objects` hang on has another scale, as Blender gives to an avatar in centimetres, that goes into the
    unit of the file: the exporter takes it from the scene.
    """
    scale, units = common_scale(objects), bpy.context.scene.unit_settings
    if scale == 1:
        yield {"apply_scale_options": "FBX_SCALE_ALL"}
        return
    before = units.system, units.scale_length
    try:
        if units.system == "NONE":
            units.system, units.scale_length = "METRIC", 1.0
        units.scale_length *= scale
        yield {"apply_scale_options": "FBX_SCALE_UNITS", "global_scale": 1 / scale}
    finally:
        units.system, units.scale_length = before


def common_scale(objects: Sequence[Object]) -> float:
    """The scale of all of `objects` that hang on nothing; 1 where they differ, or are scaled unevenly."""
    scales = np.array([obj.scale for obj in objects if obj.parent is None])
    scale = float(scales[0, 0])
    low, high = _EXPORTABLE
    even = (np.abs(scales - scale) < _SAME * abs(scale)).all() and low < scale < high
    return scale if even and abs(scale - 1) > _SAME else 1.0


def remarks(meshes: Sequence[Object]) -> list[Message]:
    """What a file would not hold of the transforms of `meshes` and what they hang on, in sentences for a creator."""
    objects = with_ancestors(meshes)
    found = []
    if names := [obj.name for obj in objects if _is_sheared(obj)]:
        found.append(
            Message(
                "Not exported: the shear of {names}, because files hold no shear; apply it before you export "
                "(Object > Apply > All Transforms).",
                names=", ".join(names),
            )
        )
    scale = common_scale(objects)
    rigs = [obj for obj in objects if obj.type == "ARMATURE"]
    if names := [rig.name for rig in rigs if np.abs(np.array(rig.matrix_world.to_scale()) / scale - 1).max() > _SAME]:
        found.append(
            Message(
                "The scale of {names} is not 1 in the file: apply it before you export, with the meshes selected too "
                "(Object > Apply > Scale).",
                names=", ".join(names),
            )
        )
    return found


def animations(meshes: Sequence[Object]) -> list[Message]:
    """A sentence that names what is animated of `meshes` and what they hang on, which a file at rest does not hold."""
    names = [obj.name for obj in with_ancestors(meshes) if _is_animated(obj)]
    if not names:
        return []
    listed = ", ".join(names)
    return [Message("Not exported: the animation of {names}, because the file holds the avatar at rest.", names=listed)]


def _is_animated(obj: Object) -> bool:
    """Whether an action or a strip moves `obj`, its bones or its shape keys; drivers count for none."""
    blocks = [obj, obj.data.shape_keys if obj.type == "MESH" else None]
    found = [block.animation_data for block in blocks if block and block.animation_data]
    return any(data.action or any(track.strips for track in data.nla_tracks) for data in found)


def _is_sheared(obj: Object) -> bool:
    """Whether place, rotation and scale are not all that `obj` has over what it hangs on."""
    local = np.array(obj.matrix_local)
    plain = np.array(Matrix.LocRotScale(*obj.matrix_local.decompose()))
    return bool(np.abs(local - plain)[:3, :3].max() > _SAME * np.abs(local[:3, :3]).max())


def with_ancestors(objects: Sequence[Object]) -> list[Object]:
    """`objects`, what they hang on, and their armatures."""
    found: dict[Object, None] = {}
    for obj in objects:
        for start in (obj, root_of(obj)):
            while start is not None:
                found[start] = None
                start = start.parent
    return list(found)
