"""What the core sees of an avatar: world space at rest, the shape that is seen, triangles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import bpy
import numpy as np

from ...core.avatar import hints, key_names, shells
from ...core.avatar.avatar import Avatar
from ...core.errors import InputError
from ...core.face.parts import PartOverride
from ...core.messages import Message
from .. import mesh_objects
from ..mesh_objects import coordinates, world_points
from ..stored import joined, landmarks, migration
from ..stored import parts as stored_parts
from ..stored.migration import MADE
from .avatar_objects import left_out, root_of

Object = bpy.types.Object
_ON = 1e-3  # value from which a key is seen


def read(objects: Iterable[Object]) -> Avatar:
    """What is seen of `objects`, at rest, in world space and in their order, and what bones, keys, names and the
    creator tell.

    What is seen is the base with the creator's own keys that are on (`seen_keys`), without what Mask modifiers hide and
    with what Mirror modifiers add; other modifiers, the pose and keys that this tool made are left aside. What
    covers a surface, as outlines and backs do, is put onto it (see core.avatar.shells).
    Raises InputError if there are no faces or a coordinate is not a finite number.
    """
    objects = list(objects)
    if not objects:
        raise InputError("There is no mesh with faces: select the avatar's face mesh and try again.")
    vertices, triangles, counts, override = [], [], [], []
    with np.errstate(invalid="ignore", over="ignore"):  # Avatar refuses what is not finite; such hints tell nothing
        for obj in objects:
            seen = _seen(obj)
            triangles.append(mesh_objects.unfold_triangles(obj, seen, _triangles(obj)) + sum(counts))
            vertices.append(world_points(mesh_objects.unfold_points(obj, seen), obj))
            counts.append(len(vertices[-1]))
            override.append(np.tile(stored_parts.overrides(obj), mesh_objects.copies(obj)))
        keys = [key for obj, points in zip(objects, vertices, strict=True) for key in _keys(obj, points)]
    bones = {name: at for rig in dict.fromkeys(map(root_of, objects)) for name, at in _joints(rig).items()}
    # An eye that is there twice is not at the middle of both.
    parts = [
        (name, points[rows]) for obj, points in zip(objects, vertices, strict=True) for name, rows in joined.pieces(obj)
    ]
    said = np.concatenate(override)
    copied = [np.arange(count) >= len(obj.data.vertices) for obj, count in zip(objects, counts, strict=True)]
    avatar = Avatar(
        np.concatenate(vertices),
        np.concatenate(triangles).astype(np.int32),
        np.repeat(np.arange(len(objects), dtype=np.int32), counts),
        tuple(obj.name for obj in objects),
        hints.collect(bones, keys, parts),
        said if (said != PartOverride.NOTHING).any() else None,
        landmarks.read(objects),
        np.concatenate(copied) if any(map(np.any, copied)) else None,
    )
    return shells.collapsed(avatar)


def _joints(rig: Object) -> dict[str, np.ndarray]:
    """World places (3,) of an armature's joints at rest, by bone name; nothing for another object."""
    bones = rig.data.bones if rig.type == "ARMATURE" else ()
    matrix = mesh_objects.rest_matrix(rig)
    return {bone.name: matrix[:3, :3] @ np.array(bone.head_local) + matrix[:3, 3] for bone in bones}


def _keys(obj: Object, points: np.ndarray) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, positions (n, 3), of `points` that were read from `obj`, and offsets (n, 3) in world space of what those of
    the creator's keys move that tell of the face."""
    linear = mesh_objects.rest_matrix(obj)[:3, :3].T
    for key in _creators(obj):
        if hints.feature_of(key.name):
            push = mesh_objects.unfold_offsets(obj, offsets(obj, key))
            moved = np.flatnonzero(push.any(1))
            yield key.name, points[moved], push[moved] @ linear


def _creators(obj: Object) -> Iterator[bpy.types.ShapeKey]:
    """The relative keys of `obj` that this tool did not make."""
    keys = obj.data.shape_keys
    made = migration.read_table(keys, MADE)
    for key in keys.key_blocks if keys and keys.use_relative else ():
        if key != keys.reference_key and key.name not in made:
            yield key


def seen_keys(obj: Object) -> list[bpy.types.ShapeKey]:
    """The creator's keys that are on and make the face that is seen: all but expressions, which are played later."""
    return [key for key in _on(obj) if key_names.recognise(key.name) is None]


def _on(obj: Object) -> list[bpy.types.ShapeKey]:
    """The creator's keys that are on, but for those that the pose of an armature drives: they are off at rest."""
    driven = _driven_by_bones(obj.data.shape_keys)
    return [key for key in _creators(obj) if not key.mute and abs(key.value) >= _ON and key.name not in driven]


def _driven_by_bones(keys: bpy.types.Key | None) -> set[str]:
    """Names of the keys whose values follow an armature."""
    curves = keys.animation_data.drivers if keys and keys.animation_data else ()
    found = set()
    for curve in curves:
        sources = [target.id for variable in curve.driver.variables for target in variable.targets]
        if any(isinstance(source, Object) and source.type == "ARMATURE" for source in sources):
            found |= {key.name for key in keys.key_blocks if curve.data_path == f"{key.path_from_id()}.value"}
    return found


def _seen(obj: Object) -> np.ndarray:
    """(V, 3) local coordinates of the base with the keys that are on, as Blender mixes them."""
    points = basis(obj)
    for key in seen_keys(obj):
        points = points + np.float32(key.value) * offsets(obj, key)
    return points


def offsets(obj: Object, key: bpy.types.ShapeKey) -> np.ndarray:
    """(V, 3) float32 local motion of the vertices of `obj` when `key` is on: over the key it is relative to, in its
    vertex group."""
    moved = coordinates(key.points) - coordinates(key.relative_key.points)
    return moved * mesh_objects.group_weights(obj, key.vertex_group)[:, None] if key.vertex_group else moved


def basis(obj: Object) -> np.ndarray:
    """(V, 3) float32 local coordinates of the base shape."""
    keys = obj.data.shape_keys
    return coordinates(keys.reference_key.points if keys else obj.data.vertices)


def _triangles(obj: Object) -> np.ndarray:
    """(T, 3) of what Mask modifiers do not hide."""
    mesh = obj.data
    mesh.calc_loop_triangles()
    flat = np.empty(len(mesh.loop_triangles) * 3, np.int32)
    mesh.loop_triangles.foreach_get("vertices", flat)
    triangles = flat.reshape(-1, 3)
    if not mesh_objects.masks(obj):
        return triangles
    corners, start, polygon = (np.empty(len(rows), np.int32) for rows in (mesh.loops, mesh.polygons, triangles))
    mesh.loops.foreach_get("vertex_index", corners)
    mesh.polygons.foreach_get("loop_start", start)
    mesh.loop_triangles.foreach_get("polygon_index", polygon)
    hidden = np.logical_or.reduceat(mesh_objects.masked(obj)[corners], start)  # of each polygon any vertex
    return triangles[~hidden[polygon]]


def remarks(objects: list[Object]) -> list[Message]:
    """What was left aside or taken for granted when the avatar of `objects` was read, in sentences for its creator."""
    found = list(left_out(objects))
    for obj in objects:
        found += _remarks_on_keys(obj)
        if modifiers := mesh_objects.masks(obj):
            found.append(
                Message(
                    "What {names} hides of “{name}” was left aside: it is no part of the face.",
                    names=", ".join(modifier.name for modifier in modifiers),
                    name=obj.name,
                )
            )
    if halves := [obj.name for obj in objects if mesh_objects.mirrors(obj)]:
        found.append(
            Message(
                "Halves that a Mirror modifier makes whole: {names}. They can hold no shapes of one side, such as "
                "vrc.blink_left; apply the modifier and generate again to have them.",
                names=", ".join(halves),
            )
        )
    return found


def _remarks_on_keys(obj: Object) -> Iterator[Message]:
    seen = seen_keys(obj)
    if seen:
        yield Message(
            "The shapes of “{name}” are made for the face that is seen, with {names}: keep these keys on.",
            name=obj.name,
            names=", ".join(f"{key.name} {key.value:.2f}" for key in seen),
        )
    left = [key.name for key in _on(obj) if key not in seen]
    if left:
        yield Message(
            "{names} of “{name}” is on, but is an expression: the shapes are made for the face without it; set it to "
            "0.",
            name=obj.name,
            names=", ".join(left),
        )
