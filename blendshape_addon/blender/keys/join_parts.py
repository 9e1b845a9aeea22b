"""What a mesh needs before it is joined into the face: weights, UV maps, colours and normals that come through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import bpy
import numpy as np

from ...core.geometry.nearest import nearest
from ...core.messages import Message
from ..io.mesh_io import Object, basis

# Modifiers that change how a surface is lit and nothing else: what they do is kept as custom normals.
_SHADING = ("WEIGHTED_NORMAL", "NORMAL_EDIT")
_SHADING_NODES = ("Smooth by Angle", "Auto Smooth")
# Those of the face that may act on what is joined to it: no vertex is added, lost or moved apart from its neighbours.
_HARMLESS = ("ARMATURE", "SUBSURF", "TRIANGULATE", "UV_PROJECT", "UV_WARP", *_SHADING)
_SAMPLE = 200  # vertices of a mesh that are asked for what lies beside them
_ALIKE = 1e-3  # of a unit normal: what is nearer is the same


def is_shading(modifier: bpy.types.Modifier) -> bool:
    """Whether a modifier changes how a surface is lit and nothing else."""
    if modifier.type == "NODES":
        return modifier.node_group is not None and modifier.node_group.name.startswith(_SHADING_NODES)
    return modifier.type in _SHADING


def obstacle(face: Object, part: Object) -> Message | None:
    """Why `part` cannot be joined to `face` without a loss; None where it can."""
    if not part.visible_get():
        return Message("“{name}” is hidden: show it first.", name=part.name)
    mine, theirs = carrier(face), carrier(part)
    by_modifier = mine is not None and mine[1] == "" and (theirs is None or theirs[0] == mine[0])
    if theirs is not None and theirs != mine and not by_modifier:
        return Message(
            "“{name}” is moved by another armature or bone than “{face}”: give both the same Armature modifier.",
            name=part.name,
            face=face.name,
        )
    shaping = [one for one in part.modifiers if one.type != "ARMATURE" and not is_shading(one)]
    lost = [one for one in shaping if not _twin(one, face)]
    if shaping and not np.allclose(face.matrix_world, part.matrix_world, atol=1e-6):  # they act in local space
        lost = shaping
    if lost:
        names = ", ".join(one.name for one in lost)
        return Message("“{name}” would lose its modifiers ({names}): apply them first.", name=part.name, names=names)
    acting = [one for one in face.modifiers if not _is_harmless(one) and not _twin(one, part)]
    if acting:
        return Message(
            "{names} of “{face}” would act on “{name}” as well: apply them first.",
            names=", ".join(one.name for one in acting),
            face=face.name,
            name=part.name,
        )
    return None


def carrier(obj: Object | None) -> tuple[Object, str] | None:
    """The armature that moves `obj`, and the bone that it hangs on, "" where an Armature modifier moves it; None
    without."""
    while obj is not None:
        for modifier in obj.modifiers:
            if modifier.type == "ARMATURE" and modifier.object:
                return modifier.object, ""
        if obj.parent_type == "BONE" and obj.parent:
            return obj.parent, obj.parent_bone
        obj = obj.parent
    return None


@contextmanager
def at_rest(objects: Iterable[Object]) -> Iterator[None]:
    """The armatures of `objects` in their rest position, which meshes are weighted in."""
    rigs = {found[0].data for obj in objects if (found := carrier(obj))}
    posed = {rig: rig.pose_position for rig in rigs}
    for rig in rigs:
        rig.pose_position = "REST"
    bpy.context.view_layer.update()
    try:
        yield
    finally:
        for rig, position in posed.items():
            rig.pose_position = position
        bpy.context.view_layer.update()


def bind(face: Object, part: Object, matrix: np.ndarray) -> Message | None:
    """Give `part` weights that move it, once it is joined to `face`, as it is moved now; returns what to say of it.

    What hangs on a bone gets that bone; what no bone moves gets the one that moves most of the skin beside it. The
    (4, 4) `matrix` takes the space of `part` to that of `face`.
    """
    mine, theirs = carrier(face), carrier(part)
    if mine is None or mine[1] or (theirs == mine and _weighted(part, mine[0])):
        return None
    bones = mine[0].data.bones
    bone = theirs[1] if theirs else ""
    said = None
    if not bone:
        if _weighted(part, mine[0]):
            return None
        bone = _bone_beside(face, basis(part) @ matrix[:3, :3].T + matrix[:3, 3], bones)
        if not bone:
            return None
        said = Message("“{name}” had no weights: it follows the bone {bone} now.", name=part.name, bone=bone)
    for group in [group for group in part.vertex_groups if group.name in bones]:
        part.vertex_groups.remove(group)
    part.vertex_groups.new(name=bone).add(list(range(len(part.data.vertices))), 1.0, "REPLACE")
    return said


def match_layers(face: Object, part: Object, others: Sequence[Object]) -> None:
    """Let the UV map and the colours that show on `part` have the names of those that show on `face`: layers come
    together by name, and game engines take the first. `others` are all meshes that are joined.

    Materials of theirs follow. A mesh without a layer of colours that the other one has becomes white, as engines draw
    it without.
    """
    mine, theirs = face.data, part.data
    shown = [next((layer.name for layer in mesh.uv_layers if layer.active_render), "") for mesh in (mine, theirs)]
    if all(shown) and shown[0] != shown[1]:
        _rename(theirs.uv_layers, shown[1], shown[0])
        _follow_uv(part, shown[1], shown[0], others)
    shown = [_shown_colour(mesh) for mesh in (mine, theirs)]
    if all(shown) and shown[0] != shown[1]:
        _rename(theirs.color_attributes, shown[1], shown[0])
    for one, other in ((mine, theirs), (theirs, mine)):
        for layer in one.color_attributes:
            if layer.name not in other.attributes:
                added = other.color_attributes.new(layer.name, layer.data_type, layer.domain)
                added.data.foreach_set("color", np.ones(4 * len(added.data), np.float32))


def unify_mask(face: Object, part: Object, group: str) -> None:
    """Put `part`, which a mask of the avatar's tuning leaves alone because it lacks the `group`, into it as a whole."""
    if group in face.vertex_groups and group not in part.vertex_groups:
        part.vertex_groups.new(name=group).add(list(range(len(part.data.vertices))), 1.0, "REPLACE")


def corner_normals(face: Object, obj: Object, matrix: np.ndarray) -> np.ndarray | None:
    """(C, 3) unit normals of the corners of `obj` in the space of `face`, which (4, 4) `matrix` takes it to, in the
    order of `corner_order`; None where they follow from the surface, or from modifiers that `face` has too."""
    shading = [modifier for modifier in obj.modifiers if is_shading(modifier) and not _twin(modifier, face)]
    if not obj.data.has_custom_normals and not shading:
        return None
    normals = _evaluated_normals(obj, shading) if shading else _normals(obj.data)
    turned = normals @ np.linalg.inv(matrix[:3, :3])
    return (turned / np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-12))[corner_order(obj.data)]


def corner_order(mesh: bpy.types.Mesh) -> np.ndarray:
    """(C,) the corners of `mesh` by polygon, then by vertex: flipping a polygon does not change this order."""
    vertex, polygon = _corners(mesh)
    return np.lexsort((vertex, polygon))


def restore_normals(face: Object, rows: Sequence[np.ndarray], wanted: Sequence[np.ndarray | None]) -> None:
    """Give the corners of `face` the normals `wanted` (C, 3) for each of the meshes that it was joined from, whose
    vertices are `rows` (n,) of its own, where they came out otherwise."""
    if all(normals is None for normals in wanted):
        return
    origin = np.empty(len(face.data.vertices), np.int64)
    for number, mine in enumerate(rows):
        origin[mine] = number
    order = corner_order(face.data)
    owner = origin[_corners(face.data)[0][order]]
    now = _normals(face.data)
    custom = np.zeros_like(now)
    off = 0.0
    for number, normals in enumerate(wanted):
        if normals is not None:
            mine = order[owner == number]
            custom[mine] = normals
            off = max(off, float(np.abs(now[mine] - normals).max(initial=0)))
    if off > _ALIKE:
        face.data.normals_split_custom_set(custom.tolist())


def _is_harmless(modifier: bpy.types.Modifier) -> bool:
    limited = getattr(modifier, "vertex_group", "") and not getattr(modifier, "invert_vertex_group", False)
    return modifier.type in _HARMLESS or is_shading(modifier) or bool(limited and modifier.type != "MASK")


def _twin(modifier: bpy.types.Modifier, other: Object) -> bool:
    """Whether `other` has a modifier that does the same."""
    return any(_settings(one) == _settings(modifier) for one in other.modifiers if one.type == modifier.type)


def _settings(modifier: bpy.types.Modifier) -> dict[str, object]:
    skipped = {"name", "persistent_uid", "execution_time", "is_active", "show_expanded", "use_pin_to_last"}
    found = {
        prop.identifier: getattr(modifier, prop.identifier)
        for prop in modifier.bl_rna.properties
        if prop.identifier not in skipped and prop.type != "COLLECTION" and not prop.is_readonly
    }
    arrays = {name: tuple(value) for name, value in found.items() if isinstance(value, bpy.types.bpy_prop_array)}
    found |= arrays
    if modifier.type == "NODES":
        found |= {name: str(modifier[name]) for name in modifier.keys()}  # noqa: SIM118, no dictionary
    return found


def _weighted(obj: Object, rig: Object) -> bool:
    """Whether bones of `rig` have weights on `obj`."""
    of_bones = {group.index for group in obj.vertex_groups if group.name in rig.data.bones}
    return bool(of_bones) and any(
        element.group in of_bones and element.weight > 0 for vertex in obj.data.vertices for element in vertex.groups
    )


def _bone_beside(face: Object, points: np.ndarray, bones: bpy.types.ArmatureBones) -> str:
    """The bone that most moves the vertices of `face` nearest to (n, 3) `points` in its space; "" where none does."""
    some = points[:: max(1, len(points) // _SAMPLE)]
    beside = nearest(basis(face).astype(float), some.astype(float), 1)[0]
    share: dict[int, float] = {}
    for number in np.unique(beside).tolist():
        for element in face.data.vertices[number].groups:
            share[element.group] = share.get(element.group, 0.0) + element.weight
    names = {group.index: group.name for group in face.vertex_groups if group.name in bones}
    share = {names[group]: weight for group, weight in share.items() if group in names}
    return max(share, key=share.__getitem__, default="")


def _rename(layers, old: str, new: str) -> None:
    if new in layers:
        layers[new].name = f"{new}.2"
    layers[old].name = new


def _shown_colour(mesh: bpy.types.Mesh) -> str:
    index = mesh.color_attributes.render_color_index
    return mesh.color_attributes[index].name if 0 <= index < len(mesh.color_attributes) else ""


def _follow_uv(part: Object, old: str, new: str, others: Sequence[Object]) -> None:
    """Let nodes that name the UV map `old` name it `new`, in materials of `part` that no mesh but `others` uses."""
    meshes = {obj.data for obj in others}
    elsewhere = {
        slot.material for obj in bpy.data.objects if obj.type == "MESH" and obj.data not in meshes
        for slot in obj.material_slots
    }  # fmt: skip
    for material in {slot.material for slot in part.material_slots} - elsewhere - {None}:
        for node in material.node_tree.nodes if material.node_tree else ():
            if getattr(node, "uv_map", None) == old:
                node.uv_map = new


def _evaluated_normals(obj: Object, shading: Sequence[bpy.types.Modifier]) -> np.ndarray:
    """(C, 3) normals of the corners after the modifiers `shading` alone."""
    shown = {modifier: modifier.show_viewport for modifier in obj.modifiers}
    for modifier in shown:
        modifier.show_viewport = shown[modifier] and modifier in shading
    try:
        evaluated = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
        return _normals(evaluated.data)
    finally:
        for modifier, visible in shown.items():
            modifier.show_viewport = visible


def _normals(mesh: bpy.types.Mesh) -> np.ndarray:
    flat = np.empty(3 * len(mesh.loops), np.float32)
    mesh.corner_normals.foreach_get("vector", flat)
    return flat.reshape(-1, 3)


def _corners(mesh: bpy.types.Mesh) -> tuple[np.ndarray, np.ndarray]:
    """(C,) vertex and (C,) polygon of every corner."""
    vertex = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", vertex)
    size = np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("loop_total", size)
    return vertex, np.repeat(np.arange(len(size)), size)
