"""Shape keys bound to the expressions of a VRM avatar: presets, and ARKit's 52 as custom ones ("perfect sync").

What a creator has bound stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import bpy

from ...core.avatar import key_names
from ...core.vocabulary import ALL_SHAPES, ARKIT
from ..io import vrm
from ..io.mesh_io import Object
from .key_blocks import is_empty

# Presets of VRM 0.x that move the face.
_CLIPS = ("a", "i", "u", "e", "o", "blink", "blink_l", "blink_r", "joy", "angry", "sorrow", "fun")
Keys = list[tuple[Object, str]]  # meshes, each with the name of its key


def bind_all(objects: Sequence[Object], joined: Mapping[str, str] | None = None) -> list[str]:
    """`bind` to the armature of `objects`, with the VRM add-on enabled for it; nothing where either is missing."""
    rig = vrm.armature_of(objects)
    if rig is None:
        return []
    with vrm.addon() as there:
        return bind(rig, objects, joined) if there else []


def bind(rig: Object, objects: Sequence[Object], joined: Mapping[str, str] | None = None) -> list[str]:
    """Bind the keys of `objects` to the expressions of `rig` that have nothing bound; returns names of those that were.

    The VRM add-on must be enabled. Of the keys of one shape the first choice of core.avatar.key_names counts: this
    tool's own before a creator's. joined: names of meshes that are joined into others since the creator bound them, to
    the names of those.
    """
    settings = rig.data.vrm_addon_extension
    if settings.is_vrm0():
        groups = settings.vrm0.blend_shape_master.blend_shape_groups
        for group in groups:
            _follow(group.binds, [bind.mesh for bind in group.binds], joined or {})
        return _bind_clips(groups, _keys(objects))
    expressions = settings.vrm1.expressions
    preset = {name: getattr(expressions.preset, _attribute(name)) for name in _names("vrm1").values()}
    for expression in (*preset.values(), *expressions.custom):
        binds = expression.morph_target_binds
        _follow(binds, [bind.node for bind in binds], joined or {})
    return _bind_expressions(preset, expressions.custom, _keys(objects))


def _bind_expressions(
    preset: Mapping[str, bpy.types.PropertyGroup], custom: bpy.types.bpy_prop_collection, keys: Mapping[str, Keys]
) -> list[str]:
    """Bind expressions of VRM 1.0, whose custom ones have ARKit's own names."""
    bound = []
    there = {one.custom_name.casefold(): one for one in custom}
    for shape, found in keys.items():
        name = _names("vrm1").get(shape) or (shape if shape in ARKIT else "")
        if not name:
            continue
        expression = preset.get(name) or there.get(name.casefold())
        if expression is None:
            expression = custom.add()
            expression.custom_name = name
        if expression.morph_target_binds or expression.material_color_binds or expression.texture_transform_binds:
            continue
        for obj, key in found:
            new = expression.morph_target_binds.add()
            new.node.mesh_object_name, new.index, new.weight = obj.name, key, 1.0
        bound.append(name)
    return bound


def _bind_clips(groups: bpy.types.bpy_prop_collection, keys: Mapping[str, Keys]) -> list[str]:
    """Bind blend shape clips of VRM 0.x, where ARKit's names begin with a capital in the clips that programs play."""
    bound = []
    for shape, found in keys.items():
        name = _names("vrm0").get(shape) or (shape[0].upper() + shape[1:] if shape in ARKIT else "")
        if not name:
            continue
        preset = name.lower() if name.lower() in _CLIPS else "unknown"
        group = next((one for one in groups if preset != "unknown" and one.preset_name == preset), None)
        group = group or next((one for one in groups if one.name.casefold() == name.casefold()), None)
        if group is None:
            group = groups.add()
            group.name, group.preset_name = name, preset
        if group.binds or group.material_values:
            continue
        for obj, key in found:
            new = group.binds.add()
            new.mesh.mesh_object_name, new.index, new.weight = obj.name, key, 1.0
        bound.append(name)
    return bound


def _follow(
    binds: bpy.types.bpy_prop_collection, meshes: Sequence[bpy.types.PropertyGroup], joined: Mapping[str, str]
) -> None:
    """Let those of the `binds` of an expression that name, as `meshes`, one that is joined into another name that.

    One whose key is bound there already goes: the key would be played twice.
    """
    there = {(mesh.mesh_object_name, bind.index) for bind, mesh in zip(binds, meshes, strict=True)}
    double = []
    for number, (bind, mesh) in enumerate(zip(binds, meshes, strict=True)):
        face = joined.get(_gone(mesh))
        if not face:
            continue
        if (face, bind.index) in there:
            double.append(number)
            continue
        mesh.mesh_object_name = face
        there.add((face, bind.index))
    for number in reversed(double):
        binds.remove(number)


def _gone(mesh: bpy.types.PropertyGroup) -> str:
    """The name of what a bind's `mesh` names where that is in no scene any more, else ""; a bind keeps it alive."""
    obj = bpy.data.objects.get(mesh.mesh_object_name)
    if obj is None:
        return mesh.saved_mesh_object_name_to_restore
    return "" if obj.users_scene else obj.name


def _keys(objects: Sequence[Object]) -> dict[str, Keys]:
    """{shape: its keys on `objects` that move anything}, in the order of ALL_SHAPES."""
    found: dict[str, Keys] = {}
    for obj in objects:
        blocks = obj.data.shape_keys.key_blocks if obj.data.shape_keys else {}
        for shape, key in key_names.pick(name for name, block in blocks.items() if not is_empty(block)).items():
            found.setdefault(shape, []).append((obj, key))
    return {shape: found[shape] for shape in ALL_SHAPES if shape in found}


def _names(convention: str) -> dict[str, str]:
    """{shape: name} of a convention of key_names."""
    return {shape: names[0] for shape, names in key_names.conventions()[convention].items()}


def _attribute(name: str) -> str:
    """The add-on's attribute for a preset: blink_left for blinkLeft."""
    return re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", name)
