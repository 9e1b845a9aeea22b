"""What stands in a mesh object: coordinates, where it is at rest, weights of vertex groups, and what Mirror and Mask
modifiers make of it. Everything here only reads."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import numpy as np
from mathutils import Matrix

Object = bpy.types.Object
_CARRYING = ("CHILD_OF", "COPY_TRANSFORMS")  # constraints that hang an object on a bone, as a bone parent does
_STILL = 1e-5  # of the longest entry of a bone's matrix: what differs by less is not posed


def rest_matrix(obj: Object) -> np.ndarray:
    """(4, 4) float64 from local to world space where every bone that carries `obj` is at rest, however it is posed."""
    return np.array(_unposed(obj) @ obj.matrix_world, float)


def coordinates(points: bpy.types.bpy_prop_collection) -> np.ndarray:
    """(V, 3) float32 of a mesh's vertices or a shape key's points."""
    flat = np.empty(len(points) * 3, np.float32)
    points.foreach_get("co", flat)
    return flat.reshape(-1, 3)


def world_points(points: np.ndarray, obj: Object) -> np.ndarray:
    """(n, 3) from the space of `obj` to the world, where nothing is posed."""
    matrix = rest_matrix(obj)
    return points.astype(float) @ matrix[:3, :3].T + matrix[:3, 3]


def carrier(obj: Object) -> tuple[Object | None, str]:
    """The armature and the bone that `obj` hangs on by parent or constraint, else None."""
    hung = [(obj.parent, obj.parent_bone)] if obj.parent_type == "BONE" else []
    for constraint in obj.constraints:
        if constraint.type in _CARRYING and not constraint.mute and constraint.influence > 0:
            hung.append((constraint.target, constraint.subtarget))
        elif constraint.type == "ARMATURE" and not constraint.mute and len(constraint.targets) == 1:
            hung.append((constraint.targets[0].target, constraint.targets[0].subtarget))
    for rig, bone in hung:
        if rig and rig.type == "ARMATURE" and bone in rig.pose.bones:
            return rig, bone
    return None, ""


def group_weights(obj: Object, name: str) -> np.ndarray:
    """(V,) float32 weights of the vertices of `obj` in its vertex group `name`, 0 for those outside; 1 without it."""
    group = obj.vertex_groups.get(name)
    weights = np.full(len(obj.data.vertices), float(group is None), np.float32)
    for vertex in obj.data.vertices if group else ():
        for element in vertex.groups:
            if element.group == group.index:
                weights[vertex.index] = element.weight
    return weights


def masks(obj: Object) -> list[bpy.types.Modifier]:
    """The Mask modifiers that hide vertices of `obj`."""
    return [
        modifier
        for modifier in _shown(obj, "MASK")
        if (modifier.armature if modifier.mode == "ARMATURE" else modifier.vertex_group in obj.vertex_groups)
    ]


def masked(obj: Object) -> np.ndarray:
    """(V,) bool: the vertices that Mask modifiers hide."""
    hidden = np.zeros(len(obj.data.vertices), bool)
    for modifier in masks(obj):
        if modifier.mode == "ARMATURE":
            chosen = [bone.name for bone in modifier.armature.data.bones if bone.select]
            weights = [group_weights(obj, name) for name in chosen if name in obj.vertex_groups]
            kept = np.max([*weights, np.zeros(len(hidden))], axis=0) > 0
        else:
            kept = group_weights(obj, modifier.vertex_group) > modifier.threshold
        hidden |= kept if modifier.invert_vertex_group else ~kept
    return hidden


def mirrors(obj: Object) -> list[bpy.types.Modifier]:
    """The Mirror modifiers that add a copy to `obj`."""
    return [modifier for modifier in _shown(obj, "MIRROR") if any(modifier.use_axis)]


def copies(obj: Object) -> int:
    """How often the vertices of `obj` are there: 2 with one mirror, 4 with two."""
    return 2 ** sum(sum(modifier.use_axis) for modifier in mirrors(obj))


def unfold_points(obj: Object, points: np.ndarray) -> np.ndarray:
    """(V * copies, 3) local `points` (V, 3) followed by what Mirror modifiers add; where a vertex is merged with its
    copy, both stand where it is."""
    points = points.astype(float)
    for matrix, modifier, _ in _planes(obj):
        other = points @ matrix[:3, :3].T + matrix[:3, 3]
        if modifier.use_mirror_merge:
            merged = np.linalg.norm(points - other, axis=1) < modifier.merge_threshold
            points[merged] = other[merged] = (points[merged] + other[merged]) / 2
        points = np.concatenate([points, other])
    return points


def unfold_offsets(obj: Object, offsets: np.ndarray) -> np.ndarray:
    """(V * copies, 3) local `offsets` (V, 3) of the vertices followed by those of what Mirror modifiers add."""
    for matrix, _, _ in _planes(obj):
        offsets = np.concatenate([offsets, offsets @ matrix[:3, :3].T])
    return offsets


def unfold_triangles(obj: Object, points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(T', 3) of the vertices of `unfold_points`: `triangles` (T, 3) that are not cut away, and their copies."""
    count, points = len(points), points.astype(float)
    for matrix, modifier, axis in _planes(obj):
        other = points @ matrix[:3, :3].T + matrix[:3, 3]
        if modifier.use_bisect_axis[axis]:
            across = np.linalg.inv(_to_plane(obj, modifier))[:3, axis]
            side = ((points - other) @ across)[triangles].sum(1)
            triangles = triangles[side <= 0 if modifier.use_bisect_flip_axis[axis] else side >= 0]
        triangles = np.concatenate([triangles, triangles[:, ::-1] + count])
        points, count = np.concatenate([points, other]), 2 * count
    return triangles


def _shown(obj: Object, kind: str) -> list[bpy.types.Modifier]:
    return [modifier for modifier in obj.modifiers if modifier.type == kind and modifier.show_viewport]


def _planes(obj: Object) -> Iterator[tuple[np.ndarray, bpy.types.Modifier, int]]:
    """(4, 4) reflection in local space, modifier and axis of each mirror, in the order in which they act."""
    for modifier in mirrors(obj):
        to_plane = _to_plane(obj, modifier)
        for axis in np.flatnonzero(modifier.use_axis).tolist():
            flip = np.diag(np.where(np.arange(4) == axis, -1.0, 1.0))
            yield np.linalg.inv(to_plane) @ flip @ to_plane, modifier, axis


def _to_plane(obj: Object, modifier: bpy.types.Modifier) -> np.ndarray:
    """(4, 4) from the space of `obj` to the one whose axes the modifier mirrors."""
    other = modifier.mirror_object
    return np.linalg.inv(rest_matrix(other)) @ rest_matrix(obj) if other else np.eye(4)


def _unposed(obj: Object) -> Matrix:
    """What takes `obj` in world space from where it is to where it would be with all armatures at rest."""
    rig, name = carrier(obj)
    if rig is None:
        return _unposed(obj.parent) if obj.parent else Matrix()
    bone = rig.pose.bones[name]
    rest, posed, world = bone.bone.matrix_local, bone.matrix, rig.matrix_world
    longest = np.abs(np.array(rest)).max()
    if np.abs(np.array(rest) - np.array(posed)).max() < _STILL * longest:
        return _unposed(rig)
    return _unposed(rig) @ world @ rest @ posed.inverted_safe() @ world.inverted_safe()
