"""Errors of vertices as colours of the mesh, in Solid mode of the 3D views, and what was shown before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import bpy
import numpy as np

from ...core.errors import InputError
from .. import session
from ..keys import corrective_keys

if TYPE_CHECKING:
    from ..jobs.corrective import Baked

Object = bpy.types.Object
NAME = "Corrective Error"
_RAMP = np.array([(0.02, 0.05, 0.4), (0.0, 0.45, 0.6), (0.1, 0.7, 0.1), (0.95, 0.8, 0.0), (0.85, 0.05, 0.0)])


def colours(errors: np.ndarray, most: float) -> np.ndarray:
    """(V, 4) linear colours from blue, no error, to red, `most` and more, of (V,) errors."""
    place = np.clip(errors / max(most, 1e-9), 0, 1) * (len(_RAMP) - 1)
    low = np.minimum(place.astype(int), len(_RAMP) - 2)
    share = (place - low)[:, None]
    return np.column_stack([(1 - share) * _RAMP[low] + share * _RAMP[low + 1], np.ones(len(errors))])


def baked_on(obj: Object) -> Baked | None:
    """What was baked on `obj` last; None where its keys are not there any more."""
    baked = session.current().corrective.get(obj.name)
    if baked is None or not {key.name for key in baked.keys} <= set(corrective_keys.present(obj)):
        return None
    return baked


def show(context: bpy.types.Context, obj: Object, errors: np.ndarray, most: float) -> None:
    """Colour the vertices of `obj` by their (V,) errors. Raises InputError where they are of another mesh."""
    mesh = obj.data
    if len(mesh.vertices) != len(errors):
        raise InputError("“{name}” was changed since its keys were baked: bake again.", name=obj.name)
    attribute = mesh.color_attributes.get(NAME)
    if attribute is None:
        before = mesh.color_attributes.active_color
        attribute = mesh.color_attributes.new(NAME, "FLOAT_COLOR", "POINT")
        session.current().error_maps[obj.name] = before.name if before else ""
    attribute.data.foreach_set("color", colours(errors, most).astype(np.float32).reshape(-1))
    mesh.color_attributes.active_color = attribute
    mesh.update()
    for shading in _shadings(context):
        if shading.color_type != "VERTEX":
            session.current().shown_colours.setdefault(shading.as_pointer(), shading.color_type)
            shading.color_type = "VERTEX"


def hide(context: bpy.types.Context, obj: Object) -> bool:
    """Take the colours off `obj` and show the views as before; whether there were any."""
    mesh = obj.data
    attribute = mesh.color_attributes.get(NAME)
    if attribute is None:
        return False
    mesh.color_attributes.remove(attribute)
    before = mesh.color_attributes.get(session.current().error_maps.pop(obj.name, ""))
    if before:
        mesh.color_attributes.active_color = before
    mesh.update()
    if not session.current().error_maps:
        for shading in _shadings(context):
            shading.color_type = session.current().shown_colours.pop(shading.as_pointer(), shading.color_type)
    return True


def is_shown(obj: Object) -> bool:
    """Whether `obj` has the colours."""
    return NAME in obj.data.color_attributes


def _shadings(context: bpy.types.Context) -> Iterator[bpy.types.View3DShading]:
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                yield area.spaces.active.shading
