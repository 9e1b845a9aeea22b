"""The strips of a scene's sequencer."""

from __future__ import annotations

import bpy


def strips(scene: bpy.types.Scene) -> bpy.types.bpy_prop_collection:
    """The strips of a scene's sequencer, which is made where there is none."""
    editor = scene.sequence_editor or scene.sequence_editor_create()
    return editor.strips if hasattr(editor, "strips") else editor.sequences  # the former from Blender 4.4 on


def free_channel(scene: bpy.types.Scene, first: int, last: int) -> int:
    """The lowest channel in which no strip lies between two frames."""
    found = strips(scene)
    taken = {strip.channel for strip in found if strip.frame_final_start <= last and strip.frame_final_end >= first}
    return next(number for number in range(1, len(taken) + 2) if number not in taken)
