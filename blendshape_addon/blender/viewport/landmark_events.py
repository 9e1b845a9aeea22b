"""Mouse and keyboard events while landmarks are moved."""

from __future__ import annotations

import bpy
import numpy as np

from ...core.geometry.camera import Screen
from .events import is_navigation_event, region_under
from .landmark_modal import LandmarkMode

_REACH = 14  # pixels from a landmark, at a user interface scale of 1, within which a click means it
_VIEWS = {f"NUMPAD_{key}" for key in (*range(10), "PERIOD")} | {"HOME"}
_STEP = 1.05  # of size, a notch of the wheel


class LandmarkEventHandler:
    """Turns events into calls of the mode's LandmarkEditor."""

    def __init__(self, mode: LandmarkMode) -> None:
        self._mode = mode
        self._dragged: tuple[int, bpy.types.Region] | None = None
        self._moved_face = False

    def handle(self, context, event) -> str:
        """Handle an event. Returns KEEP or LEAVE to end the mode, PASS_THROUGH for Blender, or RUNNING_MODAL."""
        mode, pressed = self._mode, event.value == "PRESS"
        if self._dragged:
            return self._handle_drag(context, event)
        view = region_under(context, event, "WINDOW")
        if event.type == "MOUSEMOVE" and view:
            reach = _REACH * context.preferences.system.ui_scale
            mode.hovered = _screen(view).pick(mode.editor.landmarks[:, :3], *_within(view, event), reach)
        elif event.type == "LEFTMOUSE" and pressed and view and mode.hovered is not None:
            mode.editor.grab()
            self._dragged = mode.hovered, view
            return "RUNNING_MODAL"
        elif event.type == "ESC" and pressed:
            return "LEAVE"
        elif event.type in ("RET", "NUMPAD_ENTER") and pressed:
            return "KEEP"
        elif event.type == "Z" and pressed and event.ctrl:
            mode.editor.undo()
        elif event.type in ("WHEELUPMOUSE", "WHEELDOWNMOUSE") and event.ctrl:
            mode.editor.grab()
            mode.editor.resize(_STEP if event.type == "WHEELUPMOUSE" else 1 / _STEP)
            return "RUNNING_MODAL"
        return "PASS_THROUGH" if is_navigation_event(context, event) or event.type in _VIEWS else "RUNNING_MODAL"

    def _handle_drag(self, context, event) -> str:
        editor, (index, view) = self._mode.editor, self._dragged
        if event.type == "MOUSEMOVE":
            ray = _screen(view).ray(*_within(view, event))
            self._moved_face = event.ctrl
            if event.ctrl:
                editor.move_all(index, *ray)
            else:
                editor.drag(index, *ray, alone=event.shift)
        elif event.type == "LEFTMOUSE" and event.value == "RELEASE":
            editor.drop()
            if self._moved_face:
                editor.snap_to_surface()
            self._dragged, self._moved_face = None, False
        elif event.type == "ESC" and event.value == "PRESS":
            editor.undo()
            self._dragged, self._moved_face = None, False
        return "RUNNING_MODAL"


def _screen(view: bpy.types.Region) -> Screen:
    return Screen(np.array(view.data.perspective_matrix, float), view.width, view.height)


def _within(view: bpy.types.Region, event) -> tuple[int, int]:
    return event.mouse_x - view.x, event.mouse_y - view.y
