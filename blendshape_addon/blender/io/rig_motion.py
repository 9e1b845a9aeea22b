"""The armature of a mesh in motion, and the mesh as linear skinning moves it, which is how Unity does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import bpy
import numpy as np

from ...core.corrective.bake import Mesh, Poses
from ...core.corrective.skinning import Skin
from ...core.errors import InputError
from .mesh_io import basis, offsets, seen_keys

Object = bpy.types.Object


@dataclass(frozen=True)
class RigMotion:
    """mesh: at rest, in the world. poses: of its armature, as if that did not move as a whole. moved: (F, 4, 4) how it
    does, in the world, against where it is now. frames: numbers of the scene's frames; empty where the motion is none
    of the scene's."""

    mesh: Mesh
    poses: Poses
    moved: np.ndarray
    frames: tuple[int, ...]

    def still(self, points: np.ndarray) -> np.ndarray:
        """(F, V, 3) points in the world as they were if the armature did not move as a whole."""
        back = np.linalg.inv(self.moved)
        return _carried(back, points)

    def moved_points(self, points: np.ndarray) -> np.ndarray:
        """The other way round: (F, V, 3) points as they are in the world, of the first F frames."""
        return _carried(self.moved[: len(points)], points)


def armature_of(obj: Object) -> Object | None:
    """The armature that skins `obj`, by a modifier or as its parent; None where there is none."""
    for modifier in obj.modifiers:
        if modifier.type == "ARMATURE" and modifier.object and modifier.show_viewport:
            return modifier.object
    return obj.parent if obj.parent and obj.parent.type == "ARMATURE" and obj.parent_type == "ARMATURE" else None


def require_armature(obj: Object) -> Object:
    """The armature that skins `obj`. Raises InputError where there is none that could drive keys, or several."""
    rigs = {one.object for one in obj.modifiers if one.type == "ARMATURE" and one.object and one.show_viewport}
    if len(rigs) > 1:
        raise InputError(
            "“{name}” is moved by several armatures ({names}): keys can be made for one; switch the other modifiers "
            "off.",
            name=obj.name,
            names=", ".join(sorted(one.name for one in rigs)),
        )
    rig = armature_of(obj)
    if rig is None:
        raise InputError(
            "“{name}” has no armature whose bones could drive corrective keys: give it an Armature modifier, or press "
            "Bake Animation, which needs none.",
            name=obj.name,
        )
    return rig


def mesh_at_rest(obj: Object, rig: Object) -> Mesh:
    """`obj` at rest in the world, in the shape that is seen, and its weights in all bones of `rig`.

    Raises InputError where no bone holds a vertex.
    """
    points = basis(obj).astype(float)
    for key in seen_keys(obj):
        points = points + key.value * offsets(obj, key)
    matrix = np.array(obj.matrix_world, float)
    weights = weights_of(obj, rig)
    if not weights.any():
        raise InputError(
            "No bone of “{rig}” holds a vertex of “{name}”: parent the mesh to the armature with weights first.",
            rig=rig.name,
            name=obj.name,
        )
    return Mesh(points @ matrix[:3, :3].T + matrix[:3, 3], Skin(weights))


def weights_of(obj: Object, rig: Object) -> np.ndarray:
    """(V, B) float32 of the vertices of `obj` in all bones of `rig`, of sum 1, or 0 where no bone holds a vertex."""
    bones = {bone.name: number for number, bone in enumerate(rig.data.bones) if bone.use_deform}
    columns = {group.index: bones[group.name] for group in obj.vertex_groups if group.name in bones}
    weights = np.zeros((len(obj.data.vertices), len(rig.data.bones)), np.float32)
    for vertex in obj.data.vertices:
        for element in vertex.groups:
            if element.group in columns:
                weights[vertex.index, columns[element.group]] = element.weight
    total = weights.sum(1, keepdims=True)
    return weights / np.where(total > 0, total, 1.0)


def read(scene: bpy.types.Scene, obj: Object, frames: Iterable[int]) -> RigMotion:
    """How the armature of `obj` moves over `frames` of the scene. Raises InputError as `mesh_at_rest` does."""
    rig = require_armature(obj)
    mesh, world = mesh_at_rest(obj, rig), np.array(rig.matrix_world, float)
    rests = [np.array(bone.matrix_local, float) for bone in rig.data.bones]
    back = np.linalg.inv(world)
    numbers, matrices, rotations, moved = tuple(frames), [], [], []
    now = scene.frame_current
    try:
        for frame in numbers:
            scene.frame_set(frame)
            posed = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
            moved.append(np.array(posed.matrix_world, float) @ back)
            bones = [posed.pose.bones[bone.name] for bone in rig.data.bones]
            placed = np.array([np.array(bone.matrix, float) for bone in bones])
            matrices.append(
                [world @ place @ np.linalg.inv(rest) @ back for place, rest in zip(placed, rests, strict=True)]
            )
            rotations.append([_rotation(posed, bone) for bone in bones])
    finally:
        scene.frame_set(now)
    return RigMotion(
        mesh,
        Poses(bone_names(rig), parents_of(rig), np.array(matrices), np.array(rotations), world @ np.array(rests)),
        np.array(moved),
        numbers,
    )


def bone_names(rig: Object) -> tuple[str, ...]:
    """Names of all bones."""
    return tuple(bone.name for bone in rig.data.bones)


def parents_of(rig: Object) -> np.ndarray:
    """(B,) number of the parent of each bone, -1 for none."""
    number = {bone.name: place for place, bone in enumerate(rig.data.bones)}
    return np.array([number[bone.parent.name] if bone.parent else -1 for bone in rig.data.bones])


def preserves_volume(obj: Object) -> bool:
    """Whether `obj` is skinned by dual quaternions, which Unity does not do."""
    return any(
        modifier.use_deform_preserve_volume
        for modifier in obj.modifiers
        if modifier.type == "ARMATURE" and modifier.object and modifier.show_viewport
    )


def may_move(rig: Object) -> bool:
    """Whether an action, strips, drivers or constraints may move `rig`."""
    data = rig.animation_data
    animated = bool(data and (data.action or data.nla_tracks or data.drivers))
    return animated or bool(rig.constraints) or any(bone.constraints for bone in rig.pose.bones)


def moving_frames(scene: bpy.types.Scene, rig: Object) -> range:
    """The frames of what animates `rig`: of its action, else those of the scene."""
    data = rig.animation_data
    if data and data.action:
        first, last = data.action.frame_range
        return range(int(np.floor(first)), int(np.ceil(last)) + 1)
    return range(scene.frame_start, scene.frame_end + 1)


def _rotation(rig: Object, bone: bpy.types.PoseBone) -> tuple[float, ...]:
    """w, x, y, z of a bone in its local space, as a driver reads it: with what constraints do."""
    local = rig.convert_space(pose_bone=bone, matrix=bone.matrix, from_space="POSE", to_space="LOCAL")
    return tuple(local.to_quaternion())


def _carried(matrices: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(F, V, 3) points of each frame under its matrix of (F, 4, 4)."""
    return np.einsum("fij,fvj->fvi", matrices[:, :3, :3], points) + matrices[:, None, :3, 3]
