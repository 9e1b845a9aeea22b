"""A spoken line on the timeline: keyframes of the visemes, and a strip with its sound."""

from __future__ import annotations

from collections.abc import Sequence

import bpy

from ...core.errors import InputError
from ...core.motion.speech import Line
from ...core.vocabulary import VISEMES
from ..io import sequencer
from ..io.mesh_io import Object
from ..io.selection import require_editable
from .animation import curves_of, drivers_of


def add(scene: bpy.types.Scene, objects: Sequence[Object], line: Line, start: int) -> int:
    """Put `line` on the timeline from frame `start` on; returns its last frame.

    Playback is set to follow the sound, and the scene's end moves where the line is longer. Raises InputError, nothing
    changed, where a viseme has a driver or keyframes in that range already, or where a mesh cannot be edited.
    """
    keyframes = line.keyframes(scene.render.fps / scene.render.fps_base)
    last = start + max(points[-1][0] for points in keyframes.values())
    keyed = [
        obj for obj in objects if obj.data.shape_keys and set(VISEMES) & set(obj.data.shape_keys.key_blocks.keys())
    ]
    for obj in keyed:
        require_editable(obj)
        _require_room(obj, start, last)
    for obj in keyed:
        _write(obj.data.shape_keys, keyframes, start)
    _add_sound(scene, line, start, last)
    scene.sync_mode = "AUDIO_SYNC"
    scene.frame_end = max(scene.frame_end, last)
    return last


def _names(obj: Object) -> list[str]:
    return obj.data.shape_keys.key_blocks.keys()


def _require_room(obj: Object, start: int, last: int) -> None:
    keys = obj.data.shape_keys
    paths = {_path(name): name for name in VISEMES if name in keys.key_blocks}
    for driver in drivers_of(keys):
        if driver.data_path in paths:
            raise InputError(
                "The key {key} of “{name}” has a driver, which keyframes would not move: remove the driver first.",
                key=paths[driver.data_path], name=obj.name,
            )  # fmt: skip
    for curve in curves_of(keys):
        frames = [point.co.x for point in curve.keyframe_points]
        if curve.data_path in paths and any(start <= frame <= last for frame in frames):
            raise InputError(
                "The key {key} has keyframes between the frames {start} and {last} already: go to a frame where "
                "there is room.",
                key=paths[curve.data_path], start=start, last=last,
            )  # fmt: skip


def _write(keys: bpy.types.Key, keyframes: dict[str, list[tuple[int, float]]], start: int) -> None:
    for name in VISEMES:
        key = keys.key_blocks.get(name)
        if key is None:
            continue
        before, key.mute = key.value, False
        for frame, value in keyframes.get(name, ()):
            key.value = value
            key.keyframe_insert("value", frame=start + frame)
        key.value = before
    paths = {_path(name) for name in keyframes}
    last = max(points[-1][0] for points in keyframes.values())
    for curve in curves_of(keys):
        if curve.data_path in paths:
            for point in curve.keyframe_points:
                if start <= point.co.x <= start + last:
                    point.interpolation = "LINEAR"
            curve.update()


def _add_sound(scene: bpy.types.Scene, line: Line, start: int, last: int) -> None:
    """A strip in the first channel that is free there; the sound is packed, for the add-on's files may move."""
    channel = sequencer.free_channel(scene, start, last)
    strip = sequencer.strips(scene).new_sound(line.text, str(line.sound), channel, start)
    strip.sound.pack()


def _path(name: str) -> str:
    return f'key_blocks["{bpy.utils.escape_identifier(name)}"].value'
