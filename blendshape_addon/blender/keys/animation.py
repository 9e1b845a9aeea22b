"""What drives and animates shape keys."""

from __future__ import annotations

import bpy


def drivers_of(keys: bpy.types.Key) -> list[bpy.types.FCurve]:
    """The drivers of `keys`."""
    return list(keys.animation_data.drivers) if keys.animation_data else []


def curves_of(keys: bpy.types.Key) -> list[bpy.types.FCurve]:
    """The animation curves of `keys`: of its action, and of the actions in its strips."""
    data = keys.animation_data
    if data is None:
        return []
    actions = {data.action, *(strip.action for track in data.nla_tracks for strip in track.strips)} - {None}
    return [curve for action in actions for curve in curves_in(action)]


def curves_in(action: bpy.types.Action) -> list[bpy.types.FCurve]:
    """The animation curves of an action."""
    if hasattr(action, "fcurves"):
        return list(action.fcurves)
    # From 5.0 on, curves lie in layers.
    bags = (bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags)
    return [curve for bag in bags for curve in bag.fcurves]
