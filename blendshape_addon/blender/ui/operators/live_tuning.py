"""The shown shape follows the sliders of the tuning; what else was changed waits for Apply."""

from __future__ import annotations

import bpy

from ....core.errors import UserError
from ....core.vocabulary import GROUPS, KNOWN_SHAPES
from ... import session
from ...jobs import live
from ...translations import translate
from ...viewport import preview
from .. import waiting_tuning


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
    if shape and (name in ("", shape) or shape in GROUPS[name]) and shape in waiting_tuning.keys_of(face):
        try:
            said = live.update(shape)
        except UserError as error:
            said = error.message
        state.tuning_said = translate(said) if said else ""
        state.viseme = shape
        preview.show(objects, preview.mixed(context.scene.vrc_blendshape, {shape: 1.0}))
    waiting_tuning.count(state, objects, face)


def _told(context: bpy.types.Context, name: str) -> None:
    if not bpy.app.background:
        follow(context, name)


def register() -> None:
    session.current().on_tuned = _told
