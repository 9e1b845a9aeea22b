"""Updates WindowManager.vrc_blendshape when the selection changes, so that panels need not read meshes."""

from __future__ import annotations

import bpy

from ...core.errors import UserError
from ...core.vocabulary import ALL_SHAPES, GROUPS
from .. import session
from ..io.selection import avatar_from_selection, suggestions
from ..keys import artist_keys, inventory, vrchat_check
from ..stored import migration, own_keys, tuning
from ..stored.migration import MADE
from ..translations import translate
from ..viewport import preview
from . import waiting_tuning

_PAUSE = 0.2  # seconds without a change before the avatar is read again


def refresh(context: bpy.types.Context) -> None:
    """Read the selected avatar and write its state."""
    state = context.window_manager.vrc_blendshape
    state.fingerprint = selection_fingerprint(context)
    state.objects.clear()
    state.groups.clear()
    state.own.clear()
    state.suggestions.clear()
    state.face = state.holder = state.problem = state.newer = state.apart = ""
    state.waiting = state.edited = state.tuning_said = ""
    state.changes = 0
    try:
        objects = avatar_from_selection(context)
    except UserError as error:
        state.problem = translate(error)
        for obj in suggestions(context):
            state.suggestions.add().name = obj.name
        return
    found = inventory.take(objects)
    state.face = found.face.name
    state.holder = tuning.holder(objects, found.face).name
    if newer := migration.newer(migration.blocks_of(objects)):
        state.newer = translate(newer)
    for finding in vrchat_check.apart(objects):
        state.apart = translate(finding.message)
    waiting_tuning.count(state, objects, found.face, found.ours)
    for shape, key in sorted((own_keys.read(objects) | artist_keys.find(objects)).items(), key=_rank):
        row = state.own.add()
        row.name, row.key = shape, key
    for obj in sorted(objects, key=lambda obj: (obj != found.face, obj.name)):
        state.objects.add().name = obj.name
    for group, names in GROUPS.items():
        row = state.groups.add()
        row.name = group
        row.wanted, row.present = len(names), len(names) - len(found.missing(group))
        row.ours = len(found.ours & set(names))
        row.missing = ", ".join(found.missing(group))
        row.empty = ", ".join(name for name in found.empty if name in names)
        row.duplicates = ", ".join(name for name in found.duplicates if name in names)


def _rank(row: tuple[str, str]) -> int:
    return ALL_SHAPES.index(row[0])


def selection_fingerprint(context: bpy.types.Context) -> str:
    """A text, cheap to make, that changes whenever `refresh` would write another state; but for edited coordinates,
    which change in modes other than object mode."""
    active = context.view_layer.objects.active
    keys = getattr(active.data, "shape_keys", None) if active else None
    names = (*(key.name for key in keys.key_blocks), *keys.get(MADE, ())) if keys else ()
    objects = len(context.selected_objects), len(context.view_layer.objects)
    return repr((active and active.name, active and active.mode, *objects, names))


def _later() -> None:
    """Run by a timer: handlers must not write, and many changes need one update."""
    context = bpy.context
    state = context.window_manager.vrc_blendshape
    if not state.running and state.fingerprint != selection_fingerprint(context):
        refresh(context)
        redraw(context)


def redraw(context: bpy.types.Context) -> None:
    """Draw the sidebars again."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


@bpy.app.handlers.persistent
def _changed(*_) -> None:
    if not bpy.app.background and not bpy.app.timers.is_registered(_later):
        bpy.app.timers.register(_later, first_interval=_PAUSE)


def refresh_soon() -> None:
    """Let the timer read the avatar again, whether the selection has changed or not."""
    bpy.context.window_manager.vrc_blendshape.fingerprint = ""
    _changed()


@bpy.app.handlers.persistent
def _undone(*_) -> None:
    refresh_soon()


@bpy.app.handlers.persistent
def _loaded(*_) -> None:
    """A file may have been saved while a job ran."""
    shown = bpy.context.window_manager.vrc_blendshape
    shown.running, shown.editing_landmarks, shown.said = False, "", ""
    shown.problem_shape = shown.problem_check = ""
    shown.left_out.clear()
    session.current().shown = None
    session.current().left_out.clear()
    refresh_soon()


@bpy.app.handlers.persistent
def _saving(*_) -> None:
    """Nothing of a preview goes into the file."""
    preview.stop()


_HANDLERS = {
    "depsgraph_update_post": _changed,
    "undo_post": _undone,
    "redo_post": _undone,
    "load_post": _loaded,
    "save_pre": _saving,
}


def register() -> None:
    for event, handler in _HANDLERS.items():
        getattr(bpy.app.handlers, event).append(handler)
    _changed()


def unregister() -> None:
    for event, handler in _HANDLERS.items():
        getattr(bpy.app.handlers, event).remove(handler)
    if bpy.app.timers.is_registered(_later):
        bpy.app.timers.unregister(_later)
