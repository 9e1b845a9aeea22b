"""VRM files through the VRM add-on: the creator's own where that is enabled, else the one that the extension brings.

The add-on keeps expressions, spring bones, look-at, humanoid bones and licence with the armature, as its property
`vrm_addon_extension`; without the add-on they stay in .blend files, but cannot be read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import addon_utils
import bpy

from ...core.errors import InputError
from ...core.messages import Message
from . import gltf
from .mesh_io import Object, root_of
from .modifiers import without_modifiers

_MODULE = "io_scene_vrm"  # of the wheel bpy-vrm-format
_DATA = "vrm_addon_extension"
_CONFIRMED = "BLENDER_VRM_AUTOMATIC_LICENSE_CONFIRMATION"  # the add-on asks in a window otherwise
_SHOWN = 3  # reasons of a refusal that are told
# Of the add-on's own options, while a file is written: the objects that are given, and nothing else.
_OPTIONS = {"export_only_selections": True, "export_invisibles": True, "export_lights": False}


def is_vrm(path: Path) -> bool:
    """Whether a glTF file has settings of VRM 0.x or 1.0. Raises OSError, ValueError for a damaged one."""
    extensions = gltf.document(path).get("extensions")
    return isinstance(extensions, dict) and bool({"VRM", "VRMC_vrm"} & extensions.keys())


def has_settings(objects: Sequence[Object]) -> bool:
    """Whether the armature of `objects` carries settings of VRM, whether the add-on is enabled or not."""
    rig = armature_of(objects)
    if rig is None:
        return False
    stored = getattr(rig.data, "bl_system_properties_get", lambda: None)()  # from Blender 5.0 on
    return _DATA in (rig.data.keys() if stored is None else stored.keys())


def armature_of(objects: Sequence[Object]) -> Object | None:
    """The armature that moves most of `objects`; None if there is none."""
    rigs = [root for root in map(root_of, objects) if root.type == "ARMATURE"]
    return max(rigs, key=rigs.count, default=None)


@contextmanager
def addon() -> Iterator[bool]:
    """Whether the VRM add-on is there within the block: what was not enabled before is enabled for it.

    Without a window it stays enabled: nobody else would enable it, nor see its panels.
    """
    if hasattr(bpy.types, "EXPORT_SCENE_OT_vrm"):
        yield True
        return
    there = find_spec(_MODULE) is not None and addon_utils.enable(_MODULE, default_set=True) is not None
    try:
        yield there
    finally:
        if there and not bpy.app.background:
            addon_utils.disable(_MODULE, default_set=True)


def load(path: Path) -> None:
    """Import a VRM file with its settings; the add-on must be enabled. Raises RuntimeError where it cannot."""
    before = os.environ.get(_CONFIRMED)
    os.environ[_CONFIRMED] = "true"
    try:
        done = bpy.ops.import_scene.vrm(
            filepath=str(path), set_shading_type_to_material_on_import=False, enable_mtoon_outline_preview=False
        )
    finally:
        if before is None:
            del os.environ[_CONFIRMED]
        else:
            os.environ[_CONFIRMED] = before
    if done != {"FINISHED"}:
        raise RuntimeError(f"the VRM add-on says {done}")


def licence_remarks(path: Path) -> list[Message]:
    """A sentence where a VRM file's licence forbids to change it."""
    extensions = gltf.document(path)["extensions"]
    old, new = (_table(_table(extensions.get(name)).get("meta")) for name in ("VRM", "VRMC_vrm"))
    if "_ND" not in str(old.get("licenseName")) and new.get("modification") != "prohibited":
        return []
    return [Message("The licence of {file} allows nobody but its author to change it.", file=path.name)]


def _table(value: object) -> dict:
    """A value of a JSON document that should be an object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def save(path: Path, objects: Sequence[Object], together: Sequence[Object], name: str) -> None:
    """Write the avatar of the meshes `objects`, `together` with what they hang on, with its settings.

    Humanoid bones are assigned by their names where they are not, and an avatar without a name gets `name`.
    Raises InputError where the avatar is none of VRM.
    """
    rigs = {root for root in map(root_of, objects) if root.type == "ARMATURE"}
    if len(rigs) != 1:
        raise InputError(
            "A .vrm file holds one avatar with an armature, and there are {count} armatures: write a .glb or .blend "
            "file instead.",
            count=len(rigs),
        )
    (rig,) = rigs
    with addon() as there:
        if not there:
            raise InputError("The VRM add-on is missing: install “VRM format” in Blender's Get Extensions.")
        try:
            _write(path, rig, together, name)
        except (AttributeError, TypeError) as error:  # what the add-on has is not what is asked of it
            raise InputError("The VRM add-on that is enabled is too old: update it in Get Extensions.") from error


def _write(path: Path, rig: Object, together: Sequence[Object], name: str) -> None:
    """`save` with the add-on enabled. Raises AttributeError or TypeError where it is of another age than 4.10."""
    _assign_bones(rig)
    _name(rig, name)
    with _options(), without_modifiers(together), bpy.context.temp_override(selected_objects=list(together)):
        if problems := _problems(rig):
            raise InputError(
                "“{name}” cannot be written as VRM: {problems}", name=rig.name, problems=" ".join(problems[:_SHOWN])
            )
        done = bpy.ops.export_scene.vrm(
            filepath=str(path), use_addon_preferences=True, armature_object_name=rig.name, ignore_warning=True
        )
    if done != {"FINISHED"}:
        raise RuntimeError(f"the VRM add-on says {done}")


def _assign_bones(rig: Object) -> None:
    settings = rig.data.vrm_addon_extension
    if settings.is_vrm0():
        if not settings.vrm0.humanoid.bones_are_correctly_assigned():
            bpy.ops.vrm.assign_vrm0_humanoid_human_bones_automatically(armature_object_name=rig.name)
    elif not settings.vrm1.humanoid.human_bones.bones_are_correctly_assigned():
        bpy.ops.vrm.assign_vrm1_humanoid_human_bones_automatically(armature_object_name=rig.name)


def _name(rig: Object, name: str) -> None:
    """Give an avatar that has no name in its settings `name`."""
    settings = rig.data.vrm_addon_extension
    if settings.is_vrm0():
        settings.vrm0.meta.title = settings.vrm0.meta.title or name
    else:
        settings.vrm1.meta.vrm_name = settings.vrm1.meta.vrm_name or name


class _Errors(list):
    """Takes what the add-on's validator finds, in place of a collection of Blender's."""

    def add(self) -> SimpleNamespace:
        self.append(SimpleNamespace())
        return self[-1]


def _problems(rig: Object) -> list[str]:
    """Why the add-on would refuse to write `rig`, in its own sentences."""
    found = _Errors()
    bpy.types.VRM_OT_model_validate.detect_errors(bpy.context, found, rig.name, execute_migration=True)
    return [one.message for one in found if one.severity == 0]


@contextmanager
def _options() -> Iterator[None]:
    """Let the add-on write what it is given; the creator's own options come back after the block."""
    package = bpy.types.EXPORT_SCENE_OT_vrm.__module__.rpartition(".exporter.")[0]
    preferences = bpy.context.preferences.addons[package].preferences
    before = {name: getattr(preferences, name) for name in _OPTIONS}
    try:
        for name, value in _OPTIONS.items():
            setattr(preferences, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(preferences, name, value)
