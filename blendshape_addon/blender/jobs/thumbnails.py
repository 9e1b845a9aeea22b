"""Small pictures of every shape for the panel Preview, drawn beside the window one after another.

A timer looks at one shape after the other: what a key and the mesh were when its picture was drawn is kept as a hash,
and where that has changed, a thread draws it anew. Without a window `step` does what the timer would.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import bpy
import bpy.utils.previews
import numpy as np

from ...core.errors import UserError
from ...core.pipeline import Progress
from ...core.vocabulary import KNOWN_SHAPES
from .. import session, settings
from ..io import mesh_io, selection
from ..io.mesh_io import Object
from ..viewport import colours, preview, render
from . import one_avatar
from .thread import Task

SIZE = 96  # pixels across
_PAUSE = 0.02  # seconds between two steps
_LONGEST = 0.005  # seconds of a step in which keys are found to be as they were
_WAIT = 0.3  # seconds after a change
_LATER = 1.0  # seconds until all keys are looked at again, where something changes all the time


class Thumbnails:
    """The pictures of the avatar that is selected."""

    def __init__(self) -> None:
        self._icons = bpy.utils.previews.new()
        self._faces: render.Faces | None = None
        self._mesh = b""  # what the pictures' mesh was
        self._drawn: dict[str, bytes] = {}  # what the key was, by its name
        self._steps: Generator[None, None, None] | None = None
        self._again = False
        self._task: Task | None = None

    def icon(self, name: str) -> int:
        """The icon of a shape's picture, for layouts; 0 where there is none yet, and in a Blender without a window."""
        return self._icons[name].icon_id if name in self._drawn else 0

    def pixels(self, name: str) -> np.ndarray | None:
        """(S, S, 4) sRGB and coverage of a shape's picture, row 0 at the bottom; None where there is none."""
        if name not in self._drawn:
            return None
        return np.array(self._icons[name].image_pixels_float[:], np.float32).reshape(SIZE, SIZE, 4)

    def wake(self) -> None:
        """Look at all shapes again, from the timer; nothing where there is no window."""
        self._again = True
        if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
            bpy.app.timers.register(_tick, first_interval=_WAIT)

    @property
    def at_work(self) -> bool:
        """Whether a look at all shapes has begun and not ended."""
        return self._steps is not None

    def step(self) -> bool:
        """Do a few milliseconds of the work; whether there is more. On the main thread."""
        if self._steps is None:
            if not self._again:
                return False
            self._again, self._steps = False, self._work(bpy.context)
        try:
            next(self._steps)
        except StopIteration:
            self._steps = None
        except _Gone:
            self._steps, self._mesh, self._again = None, b"", True
        return self._steps is not None or self._again

    def clear(self) -> None:
        """Forget all pictures and stop what is being drawn."""
        if self._task:
            self._task.stop()
        self._steps = self._task = self._faces = None
        self._mesh, self._again = b"", False
        self._drawn.clear()

    def close(self) -> None:
        self.clear()
        bpy.utils.previews.remove(self._icons)

    def _work(self, context: bpy.types.Context) -> Generator[None, None, None]:
        shown = context.window_manager.vrc_blendshape
        if shown.running or session.current().spoken or not shown.show_preview:
            return
        try:
            objects = selection.avatar_from_selection(context)
        except UserError:
            return
        names = [name for name in KNOWN_SHAPES if _keys(objects, name)]
        for name in set(self._drawn) - set(names):
            del self._drawn[name]
        if not names:
            return
        avatar = [obj.name for obj in objects]
        mesh = _mesh_hash(objects)
        if mesh != self._mesh:
            yield from self._look(context, objects, mesh)
            self._mesh = mesh
        if self._faces is None:
            return
        began = time.perf_counter()
        for name in names:
            keys = _keys(objects, name)
            fresh = _hash(keys)
            if keys and self._drawn.get(name) != fresh:
                draw = partial(self._faces.draw, preview.Linear.of(objects).shape(name))
                self._put(name, (yield from self._aside(lambda _, draw=draw: draw())))
                self._drawn[name] = fresh
            elif time.perf_counter() - began < _LONGEST:
                continue
            yield
            began = time.perf_counter()
            objects = _again(avatar, mesh)

    def _look(self, context: bpy.types.Context, objects: list[Object], mesh: bytes) -> Generator[None, None, None]:
        """Read the avatar anew, and find its face where it was not found before. mesh: what it is now."""
        self._faces = None
        self._drawn.clear()
        names = [obj.name for obj in objects]
        avatar = mesh_io.read(objects)
        yield
        paint = colours.read(_again(names, mesh), avatar)
        yield
        provider = settings.provider(context)

        def look(progress: Progress) -> render.Faces:
            marks = one_avatar.analysis_of(avatar, provider, progress).face.points
            return render.Faces(avatar, marks, paint, SIZE)

        with suppress(UserError):  # without a face there are no pictures of it; the buttons stay
            self._faces = yield from self._aside(look)

    def _aside(self, work: Callable[[Progress], Any]) -> Generator[None, None, Any]:
        self._task = task = Task(work)
        while not task.done:
            yield
        return task.result()

    def _put(self, name: str, picture: np.ndarray) -> None:
        icon = self._icons[name] if name in self._icons else self._icons.new(name)
        icon.image_size = (SIZE, SIZE)
        icon.image_pixels_float = np.ascontiguousarray(picture[::-1], np.float32).reshape(-1)
        for window in bpy.context.window_manager.windows:
            for area in window.screen.areas:
                for region in area.regions if area.type == "VIEW_3D" else ():
                    if region.type == "UI":
                        region.tag_redraw()


def register() -> None:
    session.current().thumbnails = Thumbnails()
    for event, handler in _HANDLERS.items():
        getattr(bpy.app.handlers, event).append(handler)


def unregister() -> None:
    for event, handler in _HANDLERS.items():
        getattr(bpy.app.handlers, event).remove(handler)
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    session.current().thumbnails.close()


def _tick() -> float | None:
    thumbnails = session.current().thumbnails
    if not thumbnails.step():
        return None
    return _PAUSE if thumbnails.at_work else _LATER


@bpy.app.handlers.persistent
def _changed(*_) -> None:
    if not bpy.app.background:
        session.current().thumbnails.wake()


@bpy.app.handlers.persistent
def _loaded(*_) -> None:
    session.current().thumbnails.clear()
    _changed()


_HANDLERS = {"depsgraph_update_post": _changed, "undo_post": _changed, "redo_post": _changed, "load_post": _loaded}


class _Gone(Exception):
    """The avatar is no longer as it was when the work on it began."""


def _again(names: Sequence[str], mesh: bytes) -> list[Object]:
    """The objects of these names, which undo may have replaced between two steps. Raises _Gone where one is missing or
    they are not as they were."""
    objects = [bpy.data.objects.get(name) for name in names]
    if None in objects or _mesh_hash(objects) != mesh:
        raise _Gone
    return objects


def _keys(objects: Sequence[Object], name: str) -> list[bpy.types.ShapeKey]:
    keys = (obj.data.shape_keys for obj in objects)
    return [block.key_blocks[name] for block in keys if block and name in block.key_blocks]


def _hash(keys: Sequence[bpy.types.ShapeKey]) -> bytes:
    """Of what the keys of one name move."""
    told = hashlib.sha1()
    for key in keys:
        told.update(mesh_io.coordinates(key.points).tobytes())
        told.update(mesh_io.coordinates(key.relative_key.points).tobytes())
        told.update(key.vertex_group.encode())
    return told.digest()


def _mesh_hash(objects: Sequence[Object]) -> bytes:
    """Of what the avatar looks like with no shape on, wherever it stands."""
    told = hashlib.sha1()
    first = objects[0].matrix_world.translation
    for obj in objects:
        seen = [(key.name, key.value) for key in mesh_io.seen_keys(obj)]
        apart = [round(value, 5) for value in obj.matrix_world.translation - first]
        turn = [round(value, 5) for row in obj.matrix_world.to_3x3() for value in row]
        told.update(mesh_io.basis(obj).tobytes())
        told.update(repr((obj.name, seen, apart, turn, len(obj.data.polygons))).encode())
    return told.digest()
