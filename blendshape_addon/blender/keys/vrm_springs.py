"""Spring bones of a VRM avatar whose bones change: their colliders stay round and get as thick as what carries them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..io.mesh_io import Object


def colliders(rig: Object) -> set[Object]:
    """Empties that are the colliders of `rig` and the ends of its capsules. The VRM add-on must be enabled."""
    settings = rig.data.vrm_addon_extension
    found = [one.bpy_object for one in settings.spring_bone1.colliders]
    found += [one.bpy_object for group in settings.vrm0.secondary_animation.collider_groups for one in group.colliders]
    return {end for obj in found if obj for end in (obj, *obj.children)}


def grow(rig: Object, thickness: Mapping[str, float]) -> None:
    """Multiply the radii of colliders and of the bones that swing by the `thickness` of their bones, by name. The VRM
    add-on must be enabled."""
    settings = rig.data.vrm_addon_extension
    for obj in colliders(rig):
        bone = obj.parent_bone or obj.parent.parent_bone  # the end of a capsule hangs on its beginning
        obj.empty_display_size *= thickness.get(bone, 1.0)
    for spring in settings.spring_bone1.springs:
        for joint in spring.joints:
            joint.hit_radius *= thickness.get(joint.node.bone_name, 1.0)
    for group in settings.vrm0.secondary_animation.bone_groups:
        if found := [thickness[bone.bone_name] for bone in group.bones if bone.bone_name in thickness]:
            group.hit_radius *= float(np.mean(found))
