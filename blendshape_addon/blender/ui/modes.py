"""Buttons work in object mode: the mode that Blender is in is left before, and entered again after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import bpy


@dataclass(frozen=True)
class Left:
    """A mode that was left, and the name of the object that it was of."""

    name: str
    mode: str

    def enter(self, context: bpy.types.Context, done: str = "") -> None:
        """Enter the mode again, unless the object is gone or the user has gone on to something else.

        done: what was done in between, to be undone as a step of its own, since those of a mode hold no keys.
        """
        obj = context.view_layer.objects.active
        if self.mode == "OBJECT" or obj is None or obj.name != self.name or obj.mode != "OBJECT":
            return
        if done and not bpy.app.background:
            bpy.ops.ed.undo_push(message=done)
        bpy.ops.object.mode_set(mode=self.mode)


def leave(context: bpy.types.Context) -> Left:
    """Go to object mode, which writes what was edited into the mesh; where Blender cannot, everything stays."""
    obj = context.view_layer.objects.active
    if obj is None or obj.mode == "OBJECT" or not bpy.ops.object.mode_set.poll():
        return Left("", "OBJECT")
    left = Left(obj.name, obj.mode)
    bpy.ops.object.mode_set(mode="OBJECT")
    return left


@contextmanager
def object_mode(context: bpy.types.Context, done: str) -> Iterator[None]:
    """Object mode for as long as the block; done: as in Left.enter."""
    left = leave(context)
    try:
        yield
    finally:
        left.enter(context, done)
