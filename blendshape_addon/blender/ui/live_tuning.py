"""The shown shape follows the sliders of the tuning; what else was changed waits for Apply."""

from __future__ import annotations

from collections.abc import Sequence

import bpy

from ...core.errors import UserError
from ...core.style.tuning import waiting
from ...core.vocabulary import GROUPS, KNOWN_SHAPES
from .. import session
from ..io.mesh_io import Object
from ..jobs import live
from ..keys import key_blocks
from ..stored import tuning
from ..translations import translate
from ..viewport import preview


def follow(context: bpy.types.Context, name: str) -> None:
    """Called when tuning was changed: of a shape, of a group, or of all where `name` is empty.

    A shape is shown as its own settings are changed; those of a group or of all change the one that is shown.
    """
    state = context.window_manager.vrc_blendshape
    objects = [obj for row in state.objects if (obj := bpy.data.objects.get(row.name))]
    face = bpy.data.objects.get(state.face)
    if face is None or face not in objects or state.running or state.editing_landmarks:
        return
    shape = name if name in KNOWN_SHAPES else state.viseme
    if shape and (name in ("", shape) or shape in GROUPS[name]) and shape in _keys(face):
        try:
            said = live.update(shape)
        except UserError as error:
            said = error.message
        state.tuning_said = translate(said) if said else ""
        state.viseme = shape
        preview.show(objects, preview.mixed(context.scene.vrc_blendshape, {shape: 1.0}))
    count(state, objects, face)


def count(state: bpy.types.PropertyGroup, objects: Sequence[Object], face: Object) -> None:
    """Write to the state which shapes of `face` wait for Apply, and which of those that were made have been edited."""
    ours, made = key_blocks.made_by_us(face), tuning.made_with(face)
    there = _keys(face)
    state.edited = ", ".join(name for name in KNOWN_SHAPES if name in made and name in there and name not in ours)
    try:
        wanted = tuning.read(objects)
    except UserError as error:
        state.waiting, state.changes, state.tuning_said = "", 0, translate(error.message)
        return
    names, state.changes = waiting(wanted, {name: made.get(name, {}) for name in KNOWN_SHAPES if name in ours})
    state.waiting = ", ".join(names)


def _keys(face: Object) -> list[str]:
    keys = face.data.shape_keys
    return keys.key_blocks.keys() if keys else []


def _told(context: bpy.types.Context, name: str) -> None:
    if not bpy.app.background:
        follow(context, name)


def register() -> None:
    session.current().on_tuned = _told
