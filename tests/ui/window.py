"""Blender's window from inside: where things are on the screen, and a mouse and keyboard that are real to Blender.

What waits is a generator of seconds: Blender draws and answers in between.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from importlib import import_module

import bpy

NAME = "bl_ext.user_default.vrchat_blendshape_generator"
PICTURES = "/mnt/ui"
_STEP = 9  # pixels between looks for a button, which is 20 high
_ANSWER = 0.12  # seconds that Blender takes to see where the mouse is

Waiting = Iterator[float]


def module(name: str):
    """A module of the installed extension, such as `blender.ui.state`."""
    return import_module(f"{NAME}.{name}")


def state():
    return bpy.context.window_manager.vrc_blendshape


def area(kind: str = "VIEW_3D"):
    return next((area for area in bpy.context.window_manager.windows[0].screen.areas if area.type == kind), None)


def region(kind: str, of: str = "VIEW_3D"):
    return next(region for region in area(of).regions if region.type == kind)


def at(kind: str = "WINDOW", of: str = "VIEW_3D"):
    """A context in that region."""
    return bpy.context.temp_override(
        window=bpy.context.window_manager.windows[0], area=area(of), region=region(kind, of)
    )


def mouse(*words: object) -> None:
    """`xdotool` with these words, such as "click", 1."""
    subprocess.run(["xdotool", *map(str, words)], check=True)


def move(x: float, y: float) -> None:
    """Put the mouse to a place of the window, pixels from below as Blender counts them."""
    mouse("mousemove", round(x), round(bpy.context.window_manager.windows[0].height - 1 - y))


def click(x: float, y: float) -> Waiting:
    move(x, y)
    yield _ANSWER
    mouse("click", 1)
    yield 0.25


def key(name: str) -> Waiting:
    mouse("key", name)
    yield 0.3


def until(true: Callable[[], object], what: str, seconds: float = 60) -> Waiting:
    """Wait until `true()`. Raises AssertionError with `what` when it is not in time."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        yield 0.05


def settled() -> Waiting:
    """Panels slide to their places over a few redraws: wait for that."""
    for _ in range(6):
        area().tag_redraw()
        yield 0.25


def picture(name: str) -> Waiting:
    """Save what is on the screen, while Blender goes on."""
    taking = subprocess.Popen(["import", "-window", "root", f"{PICTURES}/{name}.png"])
    yield from until(lambda: taking.poll() is not None, "a picture is taken")


def button(command: str, across: tuple[float, ...] = (0.5,), top: int | None = None) -> Waiting:
    """Find the button of the sidebar that runs `bpy.ops.<command>…` as a hand would, by going over them, and click it.

    across: where to go down, in widths of the sidebar. top: where to begin, pixels from below.
    """
    side = region("UI")
    for y in range(top or side.y + side.height - 30, side.y + 10, -_STEP):
        for x in across:
            move(side.x + x * side.width, y)
            yield _ANSWER
            if not under_mouse().startswith(f"bpy.ops.{command}"):
                continue
            yield _ANSWER  # it may still have been the one before
            if under_mouse().startswith(f"bpy.ops.{command}"):
                mouse("click", 1)
                yield 0.25
                return
    raise AssertionError(f"the sidebar has no button {command}")


def under_mouse() -> str:
    """The Python command of the button under the mouse; empty where there is none."""
    manager = bpy.context.window_manager
    manager.clipboard = ""
    with at("UI"):
        if bpy.ops.ui.copy_python_command_button.poll():
            bpy.ops.ui.copy_python_command_button()
    return manager.clipboard


def left_by_the_add_on() -> set[str]:
    """What Blender still has of the add-on: handlers, classes, properties, and operators that wait for the mouse."""
    waiting = {one.bl_idname for one in bpy.context.window_manager.windows[0].modal_operators}
    found = {name for name in waiting | set(dir(bpy.types)) if name.startswith("VRC_BLENDSHAPE")}
    for event in dir(bpy.app.handlers):
        handlers = getattr(bpy.app.handlers, event)
        if isinstance(handlers, list):
            found |= {f"{event}: {one.__qualname__}" for one in handlers if (one.__module__ or "").startswith(NAME)}
    owners = (bpy.types.Object, bpy.types.Scene, bpy.types.WindowManager)
    return found | {f"{owner.__name__}.vrc_blendshape" for owner in owners if hasattr(owner, "vrc_blendshape")}


class VRC_TEST_OT_count_timers(bpy.types.Operator):
    """Counts the events of the window's timers, which Blender does not list."""

    bl_idname = "vrc_test.count_timers"
    bl_label = "Count Timers"
    seen = 0

    def invoke(self, context, event):
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context, event):
        type(self).seen += event.type == "TIMER"
        return {"PASS_THROUGH"}


def timer_runs() -> Iterator[float]:
    """Whether a timer of an operator makes an event within half a second."""
    VRC_TEST_OT_count_timers.seen = 0
    bpy.utils.register_class(VRC_TEST_OT_count_timers)
    with at():
        bpy.ops.vrc_test.count_timers("INVOKE_DEFAULT")
    for _ in range(10):
        yield 0.05
        if VRC_TEST_OT_count_timers.seen:
            break
    bpy.utils.unregister_class(VRC_TEST_OT_count_timers)  # which ends it
    return VRC_TEST_OT_count_timers.seen > 0


class Folds:
    """The sub-panels of the tab, which are found by clicking where their headers may be."""

    def __init__(self) -> None:
        self._drawn: set[str] = set()
        self._places: dict[str, int] = {}
        panels = module("blender.ui.panels").CLASSES
        self._names = {cls.bl_label: cls.__name__ for cls in panels if hasattr(cls, "bl_parent_id")}
        for cls in panels:
            if cls.__name__ in self._names.values():
                cls.draw = self._noting(cls.__name__, cls.draw)

    def unfold(self, label: str) -> Waiting:
        """Click on the header of a sub-panel; all are folded before. Raises AssertionError where it does not open."""
        name, side = self._names[label], region("UI")
        top = self._places[name] if name in self._places else (yield from self._bottom())
        for y in range(top, side.y + 10, -_STEP):
            opened = yield from self._press(y)
            self._places |= dict.fromkeys(opened, y)
            if name in opened:
                self._open = y
                return
            if opened:
                yield from self._click(y)
        raise AssertionError(f"the tab has no sub-panel {label}")

    def button(self, command: str, across: tuple[float, ...] = (0.5,)) -> Waiting:
        """Click a button of the sub-panel that is open; as :func:`button`."""
        yield from button(command, across, self._open)

    def fold(self) -> Waiting:
        """Close the one that was opened last."""
        yield from self._click(self._open)

    def _press(self, y: int) -> Iterator[float]:
        """Click there; which panels are open then."""
        yield from self._click(y)
        self._drawn.clear()
        region("UI").tag_redraw()
        yield 0.2
        return set(self._drawn)

    def _click(self, y: int) -> Waiting:
        side = region("UI")
        yield from click(side.x + 0.6 * side.width, y)

    def _bottom(self) -> Iterator[float]:
        """Just below the last button of the main panel."""
        side, lowest = region("UI"), None
        for y in range(side.y + side.height - 30, side.y + 10, -_STEP):
            move(side.x + 0.8 * side.width, y)
            yield _ANSWER
            with at("UI"):
                if bpy.ops.ui.copy_data_path_button.poll() or bpy.ops.ui.copy_python_command_button.poll():
                    lowest = y
            if lowest and y < lowest - 5 * _STEP:
                break
        return lowest - 2 * _STEP

    def _noting(self, name: str, draw: Callable) -> Callable:
        def noted(panel, context):
            self._drawn.add(name)
            draw(panel, context)

        return noted


_last, longest, stage = time.monotonic(), 0.0, ""


def tick() -> float:
    """A timer's function that sees for how long the main thread did nothing else, and at which stage of a job."""
    global _last, longest, stage
    now = time.monotonic()
    if now - _last > longest:
        longest, stage = now - _last, state().stage
    _last = now
    return 0.02


def forget_gaps() -> None:
    global _last, longest, stage
    _last, longest, stage = time.monotonic(), 0.0, ""
