"""A shape that follows its sliders: made again at once from what is known of the avatar, and written."""

from __future__ import annotations

from dataclasses import replace

import bpy

from ...core.messages import Message, join_messages
from ...core.options import GenerateOptions
from .. import session
from ..io import mesh_io
from ..stored import tuning
from . import one_avatar


def update(shape: str) -> Message | None:
    """Make `shape` again with the present tuning, and with the options that it was made with; only where this session
    made it, the avatar is the same since, and its objects are in object mode.

    Returns why it cannot follow its tuning, None where it does or waits. Raises InputError for tuning that cannot be
    used.
    """
    held = session.current()
    made = held.made_with.get(shape)
    if made is None or not held.analysed:
        return None
    own = next((one for one in made.own if one.shape.name == shape), None)
    if own is not None:
        return Message("{name} is your own key {key}: tuning does not change it.", name=shape, key=own.key)
    (known, _), *_ = held.analysed.values()
    objects = [bpy.data.objects.get(name) for name in known.object_names]
    if None in objects or any(obj.mode != "OBJECT" for obj in objects):
        return None
    avatar = mesh_io.read(objects)
    if avatar.content != known.content:
        return None
    options = replace(made, expressions=(shape,), tuning=tuning.read(objects), existing=without_backups(made))
    result = one_avatar.compute(avatar, options)
    (row,) = result.report["shapes"]
    if not row["ok"]:
        return Message("{name} was left out: {reasons}.", name=shape, reasons=join_messages(row["notes"]))
    done = one_avatar.write(objects, avatar, result, options)
    if done.written.kept:
        return Message("You have edited {name}: it is kept as it is.", name=shape)
    return None


def without_backups(options: GenerateOptions) -> str:
    """What becomes of the creator's keys where shapes are made again: edited ones stay, though `options` replaced."""
    return "keep" if options.existing == "replace" else options.existing
