"""Which region of a 3D view the mouse is over, and which events may pass to Blender during a modal operator."""

from __future__ import annotations

import bpy

_NAVIGATION = {
    "MOUSEMOVE", "INBETWEEN_MOUSEMOVE", "MIDDLEMOUSE", "WHEELUPMOUSE", "WHEELDOWNMOUSE", "WHEELINMOUSE",
    "WHEELOUTMOUSE", "TRACKPADPAN", "TRACKPADZOOM", "MOUSEROTATE", "MOUSESMARTZOOM", "NDOF_MOTION",
}  # fmt: skip


def is_navigation_event(context, event) -> bool:
    """Whether an event moves the view, or clicks into the sidebar, where the Cancel button is; edits have to wait."""
    if event.type in _NAVIGATION:
        return True
    return event.type == "LEFTMOUSE" and region_under(context, event, "UI") is not None


def region_under(context, event, kind: str) -> bpy.types.Region | None:
    """The region of a 3D view under the cursor, if it is of this kind. Sidebars and headers may overlap the view."""
    found = [
        region
        for area in context.screen.areas
        if area.type == "VIEW_3D"
        for region in area.regions
        if 0 <= event.mouse_x - region.x < region.width and 0 <= event.mouse_y - region.y < region.height
    ]
    over = [region for region in found if region.type != "WINDOW"] or found
    return next((region for region in over if region.type == kind), None)
