"""A modifier applied on a mesh with shape keys, which Blender's own Apply refuses.

The base shape and every key go through the modifier, each by itself, and what comes out are the base and the keys of
the new mesh. Name, value, range, relative key, order, drivers and animation stay, because the keys stay where they are:
only their points are others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import bmesh
import bpy
import numpy as np

from ...core import shape_markers
from ...core.errors import InputError
from ...core.geometry.nearest import nearest_to
from ..io.files import quiet
from ..io.mesh_io import Object, basis, coordinates
from ..io.modifiers import idle_message, is_idle
from ..io.selection import require_editable
from .key_blocks import add, detach, made_by_us, mark, shape_offsets

Shapes = Iterable[tuple[str, np.ndarray]]  # key and its (V, 3) float32 local coordinates
# What comes out are vertices that went in, or mixtures of them, moved by no more than that: which ones, such modifiers
# choose by the shape. So the base decides, and the keys' offsets are mixed along as an attribute of the vertices.
_CARRYING = frozenset((
    "DECIMATE", "EDGE_SPLIT", "MASK", "TRIANGULATE", "WELD",
    "DATA_TRANSFER", "NORMAL_EDIT", "UV_PROJECT", "UV_WARP", "WEIGHTED_NORMAL",
    "VERTEX_WEIGHT_EDIT", "VERTEX_WEIGHT_MIX", "VERTEX_WEIGHT_PROXIMITY",
))  # fmt: skip
_IN_TIME = frozenset((
    "BUILD", "CLOTH", "COLLISION", "DYNAMIC_PAINT", "EXPLODE", "FLUID", "MESH_CACHE", "MESH_SEQUENCE_CACHE", "OCEAN",
    "PARTICLE_INSTANCE", "PARTICLE_SYSTEM", "SOFT_BODY", "SURFACE", "WAVE",
))  # fmt: skip
_BATCH = 64  # offsets carried at the same time: 64 of 200,000 vertices take 150 MB
_CARRIED = "vrc_blendshape_offset_{}"
_MASK_TOLERANCE = 0.5  # of a masked key's largest motion, that it may be off by: weights mix otherwise than places


@dataclass(frozen=True)
class Applied:
    """What `apply` did. vertices: of the mesh now; keys: beside the base; unmasked: those that had a vertex group which
    is now worked into them, since on the new mesh it would show something else; out_of_order: whether other modifiers
    stood before it."""

    vertices: int
    keys: int
    unmasked: tuple[str, ...]
    out_of_order: bool


def applicable(obj: Object) -> list[str]:
    """Names of the modifiers of `obj` that `apply` is for: all but what moves it by bones, or in time."""
    return [modifier.name for modifier in obj.modifiers if modifier.type not in {"ARMATURE", *_IN_TIME}]


def apply_all(objects: Iterable[Object]) -> list[str]:
    """Apply what is shown and does something of the modifiers of `objects` but armatures, in their order, see `apply`.

    Returns their names.
    """
    found = [(obj, name) for obj in objects for name in applicable(obj)]
    found = [(obj, name) for obj, name in found if obj.modifiers[name].show_viewport]
    found = [(obj, name) for obj, name in found if not is_idle(obj.modifiers[name])]
    for obj, name in found:
        apply(obj, name)
    return [name for _, name in found]


def apply(obj: Object, name: str, progress: Callable[[float], None] = lambda _: None) -> Applied:
    """Apply the modifier `name` of `obj` to the mesh and to every key, and take it off.

    Custom normals, UV maps, colours, weights and materials become what Blender's own Apply makes of them without keys.
    progress is called with the share that is done. Raises InputError, nothing changed, where the modifier gives a key
    other vertices or faces than the base, and where it cannot be applied at all.
    """
    _require_applicable(obj, name)
    modifier = obj.modifiers[name]
    before = obj.modifiers[: obj.modifiers.find(name)]
    ours, old, marker = made_by_us(obj), basis(obj), _marker(obj)
    with _stand_in(obj, name) as stand_in:
        through = stand_in.carried if modifier.type in _CARRYING else stand_in.evaluated
        places = through(old, _keys(obj, progress))
        masked = through(old, _masked(obj))
        new = stand_in.applied(old)
        _put(obj, stand_in.obj.data, new, places)
    unmasked = [key for key, seen in masked.items() if _unmask(obj, key, seen - new)]
    if marker:
        _restore_marker(obj, old, *marker)
    mark(obj, ours)
    obj.modifiers.remove(modifier)
    obj.data.update()
    out_of_order = any(other.type != "ARMATURE" and other.show_viewport for other in before)
    return Applied(len(new), len(places), tuple(unmasked), out_of_order)


def _require_applicable(obj: Object, name: str) -> None:
    """Raise InputError for what can be told from the modifier alone."""
    require_editable(obj)
    if name not in obj.modifiers:
        raise InputError("“{name}” has no modifier named {modifier}.", name=obj.name, modifier=name)
    if obj.modifiers[name].type == "ARMATURE":
        raise InputError(
            "{modifier} is what the bones move “{name}” by: applied, it would fix the pose. Leave it on.",
            modifier=name,
            name=obj.name,
        )
    if name not in applicable(obj):
        raise InputError(
            "{modifier} gives “{name}” another shape at every time: applied, it would fix one. Remove it if the "
            "avatar does without.",
            modifier=name,
            name=obj.name,
        )
    if not obj.modifiers[name].show_viewport:
        raise InputError("{modifier} is switched off: show it in the viewport and try again.", modifier=name)
    if is_idle(obj.modifiers[name]):
        raise InputError(idle_message(name, obj.name))


def _keys(obj: Object, progress: Callable[[float], None]) -> Iterator[tuple[str, np.ndarray]]:
    """Name and coordinates of each key of `obj` but the base."""
    keys = obj.data.shape_keys.key_blocks if obj.data.shape_keys else ()
    for number, key in enumerate(keys[1:]):
        progress(number / len(keys))
        yield key.name, coordinates(key.points)


def _masked(obj: Object) -> Iterator[tuple[str, np.ndarray]]:
    """Name of each key of `obj` that a vertex group masks, and the coordinates that are seen at its value 1."""
    base = basis(obj)
    for key in obj.data.shape_keys.key_blocks[1:] if obj.data.shape_keys else ():
        if key.vertex_group in obj.vertex_groups:
            yield key.name, base + _masked_offsets(obj, key)


def _masked_offsets(obj: Object, key: bpy.types.ShapeKey) -> np.ndarray:
    """(V, 3) what `key`, which a vertex group of `obj` masks, adds at its value 1."""
    group = obj.vertex_groups[key.vertex_group].index
    vertices = obj.data.vertices
    of_vertex = (next((g.weight for g in vertex.groups if g.group == group), 0.0) for vertex in vertices)
    weights = np.fromiter(of_vertex, np.float32, len(vertices))
    return weights[:, None] * (coordinates(key.points) - coordinates(key.relative_key.points))


def _unmask(obj: Object, name: str, wanted: np.ndarray) -> bool:
    """Work the vertex group of the key `name` into it, so that it adds the `wanted` (V, 3) offsets; whether there was
    a need: a mirrored half of a face may have no weights of the group, for one."""
    keys = obj.data.shape_keys
    key = keys.key_blocks[name]
    off = np.abs(_masked_offsets(obj, key) - wanted).max(initial=0)
    if off <= _MASK_TOLERANCE * np.abs(wanted).max(initial=0):
        return False
    detach(keys, key)
    key.points.foreach_set("co", (coordinates(key.relative_key.points) + wanted).reshape(-1))
    key.vertex_group = ""
    return True


def _marker(obj: Object) -> tuple[int, dict[str, np.ndarray]] | None:
    """The vertex of the hidden mark (see core.shape_markers) and its (3,) offset in each shape that carries it."""
    offsets = shape_offsets(obj)
    vertex, names = shape_markers.find_marker(offsets)
    return (vertex, {name: offsets[name][vertex] for name in names}) if names else None


def _restore_marker(obj: Object, old: np.ndarray, vertex: int, marks: dict[str, np.ndarray]) -> None:
    """Put the `marks` of `vertex` of the `old` base on the nearest vertex of the new one, if some are lost.

    A vertex that the shapes move otherwise keeps that motion and gets the mark on top.
    """
    offsets = shape_offsets(obj)
    if shape_markers.find_marker(offsets)[1] >= marks.keys():
        return
    base = basis(obj)
    at = int(nearest_to(old[[vertex]], base)[0])
    largest = max(np.linalg.norm(offset) for offset in marks.values())
    moved = any(np.linalg.norm(offsets[name][at]) > largest for name in marks)
    for name, offset in marks.items():
        point = obj.data.shape_keys.key_blocks[name].points[at]
        point.co = base[at] + offset + (offsets[name][at] if moved else 0)


def _put(obj: Object, mesh: bpy.types.Mesh, base: np.ndarray, places: dict[str, np.ndarray]) -> None:
    """Give `obj` the geometry of `mesh`, whose coordinates are `base`, and its keys those of `places`."""
    for material in mesh.materials[len(obj.data.materials) :]:
        obj.data.materials.append(material)
    geometry = bmesh.new()
    try:
        geometry.from_mesh(mesh)
        with quiet():  # Blender warns that there are no keys in the geometry, and makes the keys as long as it is
            geometry.to_mesh(obj.data)
    finally:
        geometry.free()
    if keys := obj.data.shape_keys:
        keys.reference_key.points.foreach_set("co", base.reshape(-1))
    for name, points in places.items():
        keys.key_blocks[name].points.foreach_set("co", points.reshape(-1))


@contextmanager
def _stand_in(obj: Object, name: str) -> Iterator[_StandIn]:
    """The stand-in for `obj` and its modifier `name`, for as long as it is needed."""
    copy = obj.copy()
    copy.data = bpy.data.meshes.new_from_object(obj)  # without keys: Blender miscounts the users of copied ones
    try:
        copy.animation_data_clear()
        copy.data.vertices.foreach_set("co", basis(obj).reshape(-1))
        for key in ("base", "shown"):  # modifiers may go by both, as Corrective Smooth does
            add(copy, key)
        copy.active_shape_key_index, copy.show_only_shape_key = 1, True
        for modifier in list(copy.modifiers):
            if modifier.name != name:
                copy.modifiers.remove(modifier)
        copy.hide_viewport = False
        bpy.context.scene.collection.objects.link(copy)
        yield _StandIn(copy, name, obj.name)
    finally:
        bpy.data.meshes.remove(copy.data)  # and with it the object


@dataclass(frozen=True)
class _StandIn:
    """An object `obj` that has the modifier `modifier` alone and shows one key, in place of the object named `name`."""

    obj: Object
    modifier: str
    name: str

    def evaluated(self, base: np.ndarray, shapes: Shapes) -> dict[str, np.ndarray]:
        """What the modifier makes of each of `shapes`, by name.

        Raises InputError where one of them gets other vertices or faces than `base`.
        """
        expected = None
        out = {}
        for name, places in shapes:
            expected = expected or self._made_of(base)
            out[name], *faces = made = self._made_of(places)
            if len(out[name]) != len(expected[0]):
                raise InputError(
                    "{modifier} gives the shape key {key} of “{name}” {other:,} vertices and the base {count:,}, so it "
                    "cannot be applied: change its settings (such as a merge distance) or that key, and try again.",
                    modifier=self.modifier,
                    key=name,
                    name=self.name,
                    other=len(made[0]),
                    count=len(expected[0]),
                )
            if not all(map(np.array_equal, faces, expected[1:])):
                raise InputError(
                    "{modifier} gives the shape key {key} of “{name}” other faces than the base, so it cannot be "
                    "applied: change its settings or that key, and try again.",
                    modifier=self.modifier,
                    key=name,
                    name=self.name,
                )
        return out

    def carried(self, base: np.ndarray, shapes: Shapes) -> dict[str, np.ndarray]:
        """As `evaluated`, for a modifier of _CARRYING: the vertices that are made of `base`, in each of `shapes`."""
        out: dict[str, np.ndarray] = {}
        attributes = self.obj.data.attributes
        left = iter(shapes)
        while batch := dict(islice(left, _BATCH)):
            slots = {name: _CARRIED.format(number) for number, name in enumerate(batch)}
            for name, slot in slots.items():
                offsets = (batch[name] - base).reshape(-1)
                attributes.new(slot, "FLOAT_VECTOR", "POINT").data.foreach_set("vector", offsets)
            with self._result(base) as mesh:
                new = coordinates(mesh.vertices)
                for name, slot in slots.items():
                    offsets = np.empty(new.size, np.float32)
                    mesh.attributes[slot].data.foreach_get("vector", offsets)
                    out[name] = new + offsets.reshape(-1, 3)
            for slot in slots.values():
                attributes.remove(attributes[slot])
        return out

    def applied(self, base: np.ndarray) -> np.ndarray:
        """Apply the modifier to the stand-in's mesh, which is `base` before; returns (V, 3) what that is after."""
        had_faces = len(self.obj.data.polygons) > 0
        with self._result(base):
            instances = bpy.context.evaluated_depsgraph_get().object_instances
            if any(one.is_instance and one.parent.original == self.obj for one in instances):
                raise InputError(
                    "{modifier} shows instances, which are no part of the mesh of “{name}”: put a node Realize "
                    "Instances at its end and try again.",
                    modifier=self.modifier,
                    name=self.name,
                )
        self.obj.shape_key_clear()
        with bpy.context.temp_override(object=self.obj, active_object=self.obj, selected_objects=[self.obj]):
            try:
                bpy.ops.object.modifier_apply(modifier=self.modifier)
            except RuntimeError as error:
                raise InputError(
                    "{modifier} cannot be applied to “{name}”. Blender says: {reason}",
                    modifier=self.modifier,
                    name=self.name,
                    reason=str(error).strip().removeprefix("Error: "),
                ) from error
        if had_faces and len(self.obj.data.polygons) == 0:
            raise InputError("{modifier} leaves no face of “{name}”.", modifier=self.modifier, name=self.name)
        return coordinates(self.obj.data.vertices)

    def _made_of(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of the mesh that the modifier makes of `places`: coordinates, the vertex of each corner of a face, and the
        first corner of each face."""
        with self._result(places) as mesh:
            corners, firsts = np.empty(len(mesh.loops), np.int32), np.empty(len(mesh.polygons), np.int32)
            mesh.attributes[".corner_vert"].data.foreach_get("value", corners)
            mesh.polygons.foreach_get("loop_start", firsts)
            return coordinates(mesh.vertices), corners, firsts

    @contextmanager
    def _result(self, places: np.ndarray) -> Iterator[bpy.types.Mesh]:
        """The mesh that the modifier makes of `places`."""
        self.obj.active_shape_key.points.foreach_set("co", places.reshape(-1))
        self.obj.data.update()
        evaluated = self.obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
        try:
            yield evaluated.to_mesh()
        finally:
            evaluated.to_mesh_clear()
