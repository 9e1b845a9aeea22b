"""What an export leaves out of modifiers, and which of them do nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import bpy

from ...core.messages import Message

Object = bpy.types.Object
# What a modifier of each kind does nothing without; of several, all are needed.
_NEEDS = {
    "ARMATURE": ("object",), "CURVE": ("object",), "DATA_TRANSFER": ("object",), "HOOK": ("object",),
    "LATTICE": ("object",), "MESH_CACHE": ("filepath",), "MESH_DEFORM": ("object", "is_bound"),
    "LAPLACIANDEFORM": ("is_bind",), "MESH_SEQUENCE_CACHE": ("cache_file",), "NODES": ("node_group",),
    "SHRINKWRAP": ("target",), "SURFACE_DEFORM": ("target", "is_bound"), "VERTEX_WEIGHT_PROXIMITY": ("target",),
    "WARP": ("object_from", "object_to"),
}  # fmt: skip


def is_idle(modifier: bpy.types.Modifier) -> bool:
    """Whether `modifier` does nothing, because what it needs is missing, such as a target that was deleted."""
    if modifier.type == "BOOLEAN":
        return not (modifier.collection if modifier.operand_type == "COLLECTION" else modifier.object)
    if modifier.type == "MASK":
        return not (modifier.armature if modifier.mode == "ARMATURE" else modifier.vertex_group)
    return not all(getattr(modifier, needed) for needed in _NEEDS.get(modifier.type, ()))


@contextmanager
def without_modifiers(objects: Iterable[Object]) -> Iterator[None]:
    """Every modifier but armatures is off on `objects` within the block, as `unexported` says of what is written.

    The VRM add-on applies them to each shape key by itself, which scrambles a key that gets other vertices by that.
    """
    shown = [
        (modifier, place)
        for obj in objects
        for modifier in obj.modifiers
        for place in ("show_viewport", "show_render")
        if modifier.type != "ARMATURE" and getattr(modifier, place)
    ]
    try:
        for modifier, place in shown:
            setattr(modifier, place, False)
        yield
    finally:
        for modifier, place in shown:
            setattr(modifier, place, True)


def unexported(objects: Iterable[Object]) -> list[Message]:
    """Which modifiers that are seen on `objects` are not exported, and which do nothing, in sentences."""
    found = []
    for obj in objects:
        shown = [modifier for modifier in obj.modifiers if modifier.show_viewport]
        idle = [modifier.name for modifier in shown if is_idle(modifier)]
        names = [modifier.name for modifier in shown if modifier.type != "ARMATURE" and modifier.name not in idle]
        if names:
            found.append(
                Message(
                    "Not exported: {names} of “{name}”. Apply what should be in the file under Shape Key Tools, which "
                    "keeps the shape keys, or with --apply on the command line.",
                    names=", ".join(names),
                    name=obj.name,
                )
            )
        if idle:
            found.append(idle_message(", ".join(idle), obj.name))
    return found


def idle_message(modifier: str, name: str) -> Message:
    """What there is to say of a `modifier` of the object `name` that `is_idle`."""
    return Message(
        "{modifier} does nothing on “{name}” as it is, because what it needs (a target, a group, a bind) is missing: "
        "set that, or remove the modifier.",
        modifier=modifier,
        name=name,
    )
