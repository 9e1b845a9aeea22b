"""Other proportions for an avatar: its skeleton's rest pose, what is skinned to it, and every shape key.

Bones, weights, keys, drivers and poses stay; only where bones and vertices are at rest is other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ...core.avatar import proportions
from ...core.avatar.parameters import PROPORTIONS
from ...core.avatar.proportions import Body, Fitted, SkinPoints
from ...core.corrective.skinning import Skin
from ...core.errors import InputError
from ..io import vrm
from ..io.mesh_io import Object, basis, coordinates, root_of
from ..io.rig_motion import bone_names, parents_of, weights_of
from ..io.selection import likeliest_face, require_editable
from ..mesh_objects import rest_matrix, world_points
from ..stored import landmarks
from . import vrm_springs
from .key_blocks import made_by_us, mark

_STRAIGHT = 1e-5  # share of a bone's length, below which ends are together, and a direction has not turned


def require_rig(objects: Sequence[Object]) -> Object:
    """The armature that moves `objects`. Raises InputError where none does, where several do, and where it cannot be
    changed here."""
    rigs = {root_of(obj) for obj in objects} | {
        modifier.object
        for obj in objects
        for modifier in obj.modifiers
        if modifier.type == "ARMATURE" and modifier.object
    }
    rigs = {rig for rig in rigs if rig.type == "ARMATURE"}
    if not rigs:
        raise InputError("“{name}” has no armature whose bones could be fitted.", name=objects[0].name)
    if len(rigs) > 1:
        raise InputError(
            "“{name}” is moved by several armatures ({names}): merge them, or remove the other modifiers.",
            name=objects[0].name,
            names=", ".join(sorted(rig.name for rig in rigs)),
        )
    (rig,) = rigs
    if rig.library or rig.data.library or rig.override_library:
        raise InputError(
            "“{name}” is linked from another file and cannot be changed here: open that file, or make the "
            "object local (Object > Relations > Make Local > All).",
            name=rig.name,
        )
    if rig.data.users > 1:
        raise InputError(
            "The bones of “{name}” are shared by several armatures: make them single-user (Object > Relations > Make "
            "Single User > Object & Data) and try again.",
            name=rig.name,
        )
    return rig


def skinned(rig: Object) -> list[Object]:
    """The meshes that `rig` moves by an Armature modifier or as their parent."""
    return [obj for obj in bpy.data.objects if obj.type == "MESH" and not obj.library and _is_skinned(obj, rig)]


def body_of(rig: Object, meshes: Sequence[Object]) -> Body:
    """`rig` and the `meshes` that it moves, as they are at rest in the world. Raises InputError where they have no
    vertices."""
    world = np.array(rig.matrix_world, float)
    joints = [proportions.moved(world, np.array(bone.head_local, float)) for bone in rig.data.bones]
    meshes = [obj for obj in meshes if len(obj.data.vertices)]
    if not meshes:
        raise InputError(
            "Nothing is skinned to “{name}”: proportions are fitted on a body with its skin.", name=rig.name
        )
    points = np.concatenate([world_points(basis(obj), obj) for obj in meshes])
    weights = np.concatenate([weights_of(obj, rig) for obj in meshes])
    face = likeliest_face(meshes)
    start = sum(len(obj.data.vertices) for obj in meshes[: meshes.index(face)])
    of_face = np.zeros(len(points), bool)
    of_face[start : start + len(face.data.vertices)] = True
    bones = bone_names(rig), parents_of(rig), np.array(joints), world[:3, 3]
    up = points @ Body(*bones, SkinPoints(points[:0], weights[:0]), SkinPoints(points[:0], weights[:0])).up
    thick = PROPORTIONS.skin * np.ptp(up)
    low, high = up <= up.min() + thick, of_face & (up >= up[of_face].max() - thick)
    return Body(*bones, SkinPoints(points[low], weights[low]), SkinPoints(points[high], weights[high]))


def require_free(body: Body, rig: Object) -> None:
    """Raise InputError where constraints lead the limbs of `rig`, as on a control rig."""
    for bone in body.bones.values():
        posed = rig.pose.bones[body.names[bone]]
        if any(one.enabled and getattr(one, "target", None) == rig for one in posed.constraints):
            raise InputError(
                "The bone {bone} of “{name}” follows other bones by constraints: fit the avatar before its control rig "
                "is generated, or on the skeleton that is exported.",
                bone=posed.name,
                name=rig.name,
            )


def require_all_editable(meshes: Sequence[Object]) -> None:
    """Raise InputError where one of `meshes` cannot be changed, or is moved by another armature as well."""
    for obj in meshes:
        require_editable(obj)
        require_rig([obj])


def apply(context: bpy.types.Context, rig: Object, meshes: Sequence[Object], body: Body, fitted: Fitted) -> None:
    """Give `rig`, what is skinned to it and what hangs on its bones the `fitted` places at rest.

    Keys keep their names, values and drivers, and vertices that a key leaves still stay still in it. Landmarks that
    were placed move along. Raises InputError, nothing changed, where `rig` is not in the scene that is shown.
    """
    if rig.name not in context.view_layer.objects:
        raise InputError(
            "“{name}” is not in the scene that is shown: show its collection and try again.", name=rig.name
        )
    with _springs(rig) as round_ones:
        _apply(context, rig, meshes, body, fitted, round_ones)
        if round_ones is not None:
            vrm_springs.grow(rig, dict(zip(body.names, fitted.thickness.tolist(), strict=True)))
    context.view_layer.update()


def _apply(
    context: bpy.types.Context, rig: Object, meshes: Sequence[Object], body: Body, fitted: Fitted,
    round_ones: set[Object] | None,
) -> None:  # fmt: skip
    """See `apply`. round_ones: what goes along without being stretched."""
    hung = [(obj, rest_matrix(obj)) for obj in rig.children if obj not in meshes and obj.parent_type != "ARMATURE"]
    ends = {obj: [(end, rest_matrix(end)) for end in obj.children] for obj, _ in hung if obj in (round_ones or ())}
    placed = landmarks.read(meshes)
    for obj in meshes:
        _move_mesh(obj, rig, fitted)
    _move_bones(context, rig, fitted)
    numbers = {name: number for number, name in enumerate(body.names)}
    for obj, matrix in hung:
        bone = numbers.get(obj.parent_bone) if obj.parent_type == "BONE" else None
        change = fitted.rest if bone is None else fitted.bones[bone]
        over = rig.matrix_world @ _carrying(rig, obj)
        matrix = _carried(change, matrix) if obj in ends else change @ matrix
        _hang(obj, over, matrix)
        for end, place in ends.get(obj, ()):
            _hang(end, Matrix(matrix.tolist()), _carried(change, place))
    if placed is not None:
        head = fitted.bones[body.bones["", "head"]]
        placed[:, :3] = placed[:, :3] @ head[:3, :3].T + head[:3, 3]
        landmarks.keep(meshes, landmarks.holder(meshes), placed)


@contextmanager
def _springs(rig: Object) -> Iterator[set[Object] | None]:
    """The colliders of the spring bones that `rig` has by the VRM add-on, which is enabled within the block; None where
    it has no settings of it, or the add-on is not there."""
    if not vrm.has_settings([rig]):
        yield None
        return
    with vrm.addon() as there:
        yield vrm_springs.colliders(rig) if there else None


def _carried(change: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(4, 4) `matrix` where `change` takes its origin, turned and scaled as it was."""
    moved = matrix.copy()
    moved[:3, 3] = proportions.moved(change, matrix[:3, 3])
    return moved


def _hang(obj: Object, over: Matrix, matrix: np.ndarray) -> None:
    """Let `obj` be at (4, 4) `matrix` in the world, at rest, where `over` is what it hangs on; its own place stays."""
    obj.matrix_parent_inverse = over.inverted() @ Matrix(matrix.tolist()) @ obj.matrix_basis.inverted()


def _is_skinned(obj: Object, rig: Object) -> bool:
    return any(one.type == "ARMATURE" and one.object == rig for one in obj.modifiers) or (
        obj.parent == rig and obj.parent_type == "ARMATURE"
    )


def _carrying(rig: Object, obj: Object) -> Matrix:
    """Where in the space of `rig`, at rest, a child of it hangs."""
    bone = rig.data.bones.get(obj.parent_bone) if obj.parent_type == "BONE" else None
    if bone is None or bone.use_relative_parent:
        return Matrix()
    return bone.matrix_local @ Matrix.Translation((0, bone.length, 0))


def _move_mesh(obj: Object, rig: Object, fitted: Fitted) -> None:
    weights = weights_of(obj, rig)
    blended = Skin(weights).blended(fitted.bones)
    blended[~weights.any(1)] = fitted.rest[:3]
    matrix = rest_matrix(obj)
    back = np.linalg.inv(matrix)
    # From the object's space through the world and back.
    linear = back[:3, :3] @ blended[:, :, :3] @ matrix[:3, :3]
    offset = (blended[:, :, :3] @ matrix[:3, 3] + blended[:, :, 3]) @ back[:3, :3].T + back[:3, 3]
    base, keys, ours = basis(obj), obj.data.shape_keys, made_by_us(obj)
    new = np.einsum("vij,vj->vi", linear, base) + offset
    for key in keys.key_blocks if keys else ():
        pushed = np.einsum("vij,vj->vi", linear, coordinates(key.points) - base)  # zero where the key moves nothing
        key.points.foreach_set("co", (new + pushed).astype(np.float32).reshape(-1))
    obj.data.vertices.foreach_set("co", new.astype(np.float32).reshape(-1))
    mark(obj, ours)
    obj.data.update()


def _move_bones(context: bpy.types.Context, rig: Object, fitted: Fitted) -> None:
    world = np.array(rig.matrix_world, float)
    back = np.linalg.inv(world)
    local = {name: back @ matrix @ world for name, matrix in zip(bone_names(rig), fitted.bones, strict=True)}
    with _editing(context, rig) as bones:
        joined = [bone for bone in bones if bone.use_connect]
        for bone in bones:
            bone.use_connect = False
        for bone in bones:
            matrix, side, before = local[bone.name], bone.z_axis.copy(), bone.y_axis.copy()
            head, tail = (Vector(proportions.moved(matrix, np.array(end, float))) for end in (bone.head, bone.tail))
            bone.head, bone.tail = head, tail
            if (bone.y_axis - before).length > _STRAIGHT:
                bone.align_roll(side)
        for bone in joined:
            bone.use_connect = (bone.parent.tail - bone.head).length <= _STRAIGHT * max(bone.length, bone.parent.length)


@contextmanager
def _editing(context: bpy.types.Context, rig: Object) -> Iterator[bpy.types.ArmatureEditBones]:
    """The bones of `rig` in Edit Mode, whatever is hidden and mirrored."""
    active = context.view_layer.objects.active
    hidden = rig.hide_get(), rig.hide_viewport, rig.data.use_mirror_x
    rig.hide_viewport, rig.data.use_mirror_x = False, False
    rig.hide_set(False)
    context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    try:
        yield rig.data.edit_bones
    finally:
        bpy.ops.object.mode_set(mode="OBJECT")
        rig.hide_set(hidden[0])
        rig.hide_viewport, rig.data.use_mirror_x = hidden[1:]
        context.view_layer.objects.active = active
