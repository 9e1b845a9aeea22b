"""Which objects make up an avatar: sorted by what they hang on and lie on, without what is hidden."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import bpy
import numpy as np

from ...core.errors import FaceNotFound
from ...core.geometry.nearest import nearest
from ...core.messages import Message, join_messages
from ..mesh_objects import carrier, coordinates, world_points

Object = bpy.types.Object
_LEVEL = re.compile(r"(?:^|[\s_.\-])lod[\s_.\-]?(\d+)", re.IGNORECASE)  # Body_LOD1
_SAMPLE = 300  # vertices of an object that tell what it lies on
_SURFACE = 20_000  # vertices that tell where a surface is


def avatars_of(objects: Iterable[Object], preferred: Object | None = None) -> list[list[Object]]:
    """The mesh objects among `objects` that are seen, sorted into avatars; objects without faces, bone widgets and
    lower levels of detail are left out. Where there are several levels or copies of a mesh, `preferred` is taken if it
    is one of them; it comes first.

    Objects are of one avatar when they share an armature or the root of a parent hierarchy. One that has neither
    belongs to that of the larger ones that it touches whose surface is nearest to it (loose eyes in a head, a bag on a
    back), or stands for itself.
    """
    objects = list(objects)
    widgets = _widgets(objects)
    groups: dict[Object, list[Object]] = {}
    for obj in objects:
        if has_faces(obj) and obj not in widgets and obj.visible_get():
            groups.setdefault(root_of(obj), []).append(obj)
    boxes = {root: _box(group) for root, group in groups.items()}
    by_size = sorted(groups, key=lambda root: float(np.prod(boxes[root][1] - boxes[root][0])))
    for position, root in enumerate(by_size):
        if root.type == "ARMATURE":
            continue
        touched = [other for other in by_size[position + 1 :] if _touch(boxes[other], boxes[root])]
        if len(touched) > 1:
            own = _points(groups[root], _SAMPLE)
            touched.sort(key=lambda other: _distance(own, _points(groups[other], _SURFACE)))
        if touched:
            groups[touched[0]] += groups.pop(root)
    return [_most_detailed(group, preferred) for group in groups.values()]


def root_of(obj: Object) -> Object:
    """The armature that moves `obj`, by modifier, parent or constraint, else the topmost parent, or `obj` itself."""
    while True:
        for modifier in obj.modifiers:
            if modifier.type == "ARMATURE" and modifier.object:
                return modifier.object
        if obj.type == "ARMATURE":
            return obj
        if rig := carrier(obj)[0]:
            return rig
        if obj.parent is None:
            return obj
        obj = obj.parent


def left_out(objects: list[Object]) -> Iterator[Message]:
    """Which meshes hang on what `objects` hang on, or lie on them, but are no part of the avatar, and why."""
    roots, box = set(map(root_of, objects)), _box(objects)
    scene, layer = set(bpy.context.scene.objects), set(bpy.context.view_layer.objects)
    levels = {_level(obj)[0] for obj in objects}
    others = set(bpy.data.objects) - set(objects) - _widgets(bpy.data.objects)
    hidden, elsewhere, coarse = [], [], []
    for obj in sorted(filter(has_faces, others), key=lambda obj: obj.name):
        hangs, seen = root_of(obj) in roots, obj.visible_get()
        if hangs and seen and _level(obj)[0] in levels:
            coarse.append(obj.name)
        elif not seen and (hangs or (obj in scene and _touch(_box([obj]), box))):
            (hidden if obj in layer else elsewhere).append(obj.name)
    if hidden:
        yield Message("Left out, because hidden: {names}.", names=", ".join(hidden))
    if elsewhere:
        names = ", ".join(elsewhere)
        yield Message("Left out, because in another scene or an excluded collection: {names}.", names=names)
    if coarse:
        yield Message("Left out, because the same with less detail: {names}.", names=", ".join(coarse))


def with_left_out(error: FaceNotFound, objects: list[Object]) -> FaceNotFound:
    """`error`, raised for the avatar of `objects`, that also says which meshes were left out: one may be the face."""
    return FaceNotFound(join_messages([error.message, *left_out(objects)], " "), guess=error.guess)


def has_faces(obj: Object) -> bool:
    return obj.type == "MESH" and len(obj.data.polygons) > 0


def _widgets(objects: Iterable[Object]) -> set[Object | None]:
    """What armatures among `objects` draw their bones as."""
    return {bone.custom_shape for rig in objects if rig.type == "ARMATURE" for bone in rig.pose.bones}


def _touch(box: np.ndarray, other: np.ndarray) -> bool:
    return bool((box[0] <= other[1]).all() and (other[0] <= box[1]).all())


def _points(objects: list[Object], count: int) -> np.ndarray:
    """About `count` of the vertices of `objects` (n, 3) in world space."""
    points = np.concatenate([world_points(coordinates(obj.data.vertices), obj) for obj in objects])
    return points[:: max(1, len(points) // count)]


def _distance(points: np.ndarray, surface: np.ndarray) -> float:
    """How far most of (n, 3) points are from (m, 3) points of a surface."""
    return float(np.median(nearest(surface, points, 1)[1]))


def _most_detailed(objects: list[Object], preferred: Object | None) -> list[Object]:
    """`objects`, `preferred` first, without those that are another of them with less detail, by their names."""
    best: dict[str, Object] = {}
    for obj in sorted(objects, key=lambda obj: (obj != preferred, _level(obj)[1])):
        best.setdefault(_level(obj)[0], obj)
    kept = [obj for obj in objects if obj == best[_level(obj)[0]]]
    return sorted(kept, key=lambda obj: obj != preferred)


def _level(obj: Object) -> tuple[str, int]:
    """The name of `obj` without its level of detail, and that level, 0 the most detailed."""
    found = _LEVEL.search(obj.name)
    return (_LEVEL.sub("", obj.name), int(found[1])) if found else (obj.name, 0)


def _box(objects: list[Object]) -> np.ndarray:
    """(2, 3) lowest and highest corner in the world, where nothing is posed."""
    corners = np.concatenate([world_points(np.array(obj.bound_box), obj) for obj in objects])
    return np.stack([corners.min(0), corners.max(0)])
