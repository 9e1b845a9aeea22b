"""Blender's window from inside: where things are on the screen, and a mouse and keyboard that are real to Blender.

What waits is a generator of seconds: Blender draws and answers in between.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from types import SimpleNamespace

import bpy
import numpy as np

NAME = "bl_ext.user_default.vrchat_blendshape_generator"
PICTURES = "/mnt/ui"
_STEP = 13  # pixels between looks for a button, which is 18 to 20 high
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


clicks: list[str] = []  # what was clicked on purpose, not in search of its place
_found: dict[str, tuple[float, float]] = {}  # where buttons were last: rows keep their places


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


def screen() -> np.ndarray:
    """(H, W, 3) uint8: what is on the screen, the highest row first."""
    taken = subprocess.run(["import", "-window", "root", "-depth", "8", "rgb:-"], capture_output=True, check=True)
    flat = np.frombuffer(taken.stdout, np.uint8)
    window = bpy.context.window_manager.windows[0]
    return flat.reshape(-1, window.width, 3)


def seen(points: np.ndarray, margin: int = 6) -> np.ndarray:
    """(h, w, 3) uint8 of the screen: the box around (n, 2) `points` of the window, pixels from below."""
    window = bpy.context.window_manager.windows[0]
    low, high = points.min(0) - margin, points.max(0) + margin
    top, bottom = window.height - 1 - high[1], window.height - 1 - low[1]
    return screen()[int(top) : int(bottom), int(low[0]) : int(high[0])].astype(int)


def changed(before: np.ndarray, after: np.ndarray) -> float:
    """The share of the pixels of two pictures that differ so that a person sees it."""
    return float((np.abs(after - before).max(2) > 24).mean())


def picture(name: str) -> Waiting:
    """Save what is on the screen, while Blender goes on."""
    taking = subprocess.Popen(["import", "-window", "root", f"{PICTURES}/{name}.png"])
    yield from until(lambda: taking.poll() is not None, "a picture is taken")


def button(
    command: str, across: tuple[float, ...] = (0.5,), top: int | None = None, where: tuple[str, str] = ("UI", "VIEW_3D")
) -> Waiting:
    """Find the button of the sidebar that runs `bpy.ops.<command>…` as a hand would, by going over them, and click it.

    across: where to go down, in widths of the sidebar. top: where to begin, pixels from below. where: kind of another
    region and of its area.
    """
    yield from over(command, across, top, where)
    clicks.append(command)
    mouse("click", 1)
    yield 0.25


def over(
    command: str, across: tuple[float, ...] = (0.5,), top: int | None = None, where: tuple[str, str] = ("UI", "VIEW_3D")
) -> Iterator[float]:
    """As `button`, without the click: the mouse stays over it. Returns its height, pixels from below."""
    side = region(*where)
    step = min(_STEP, side.height // 8)  # some regions are one button high
    rows = range(top or side.y + side.height - step, side.y + step, -step)
    places = [(side.x + x * side.width, y) for y in rows for x in across]
    quick = [(_ANSWER, *place) for place in ([_found[command]] if command in _found else []) + places]
    for answer, x, y in [*quick, *((4 * _ANSWER, *place) for place in places)]:  # a busy machine answers late
        for _ in range(2):  # after the first look it may still be the one before
            move(x, y)
            yield answer
            if not under_mouse(where).startswith(f"bpy.ops.{command}"):
                break
        else:
            _found[command] = x, y
            return y
    raise AssertionError(f"there is no button {command}")


def under_mouse(where: tuple[str, str] = ("UI", "VIEW_3D")) -> str:
    """The Python command of the button under the mouse; empty where there is none."""
    manager = bpy.context.window_manager
    manager.clipboard = ""
    with at(*where):
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


class VRC_TEST_OT_header(bpy.types.Operator):
    """Stands unseen in the header of a sub-panel, so that the mouse finds it without a click."""

    bl_idname = "vrc_test.header"
    bl_label = "Header"
    bl_options = {"INTERNAL"}
    name: bpy.props.StringProperty()

    def execute(self, context):
        return {"CANCELLED"}


def _mark(layout, name: str) -> None:
    layout.operator("vrc_test.header", text="", icon="BLANK1", emboss=False).name = name


class Folds:
    """The sub-panels of the tab, whose headers are marked so that the mouse finds them."""

    def __init__(self) -> None:
        bpy.utils.register_class(VRC_TEST_OT_header)
        self.mark()

    def mark(self) -> None:
        """Mark the headers, of the classes that the add-on has registered just now."""
        panels = module("blender.ui.panels").CLASSES
        for cls in reversed(panels):
            bpy.utils.unregister_class(cls)
        for cls in panels:
            if "HIDE_HEADER" in getattr(cls, "bl_options", ()):
                cls.draw = _with_marked_header(cls.draw, cls.bl_label)
            elif hasattr(cls, "bl_parent_id"):
                cls.draw_header = lambda panel, _: _mark(panel.layout, panel.bl_label)
            bpy.utils.register_class(cls)

    def turn(self, label: str) -> Waiting:
        """Click on the header of a sub-panel, which folds or unfolds it."""
        y = yield from over(f'vrc_test.header(name="{label}")', (0.16, 0.1, 0.22))
        self._open = y
        clicks.append(label)
        side = region("UI")
        yield from click(side.x + 0.7 * side.width, y)
        yield from settled()

    def button(self, command: str, across: tuple[float, ...] = (0.5,)) -> Waiting:
        """Click a button of the sub-panel that was unfolded last; as :func:`button`."""
        yield from button(command, across, self._open - _STEP)


def _with_marked_header(draw: Callable, label: str) -> Callable:
    """`draw` of a panel that draws its own header, the first of `layout.panel_prop`."""

    class Marking:
        def __init__(self, layout) -> None:
            self._layout, self._marked = layout, False

        def __getattr__(self, name: str):
            return getattr(self._layout, name)

        def panel_prop(self, *arguments):
            header, body = self._layout.panel_prop(*arguments)
            if not self._marked:
                _mark(header, label)
            self._marked = True
            return header, body

    def marked(panel, context):
        draw(SimpleNamespace(layout=Marking(panel.layout)), context)

    return marked


_last, longest, stage = time.monotonic(), 0.0, ""
_worked, busiest = time.thread_time(), 0.0


def tick() -> float:
    """A timer's function that sees for how long the main thread did nothing else, and at which stage of a job; and how
    much of that it worked itself, which is what an idle machine would take, however busy this one is."""
    global _last, longest, stage, _worked, busiest
    now, worked = time.monotonic(), time.thread_time()
    if now - _last > longest:
        longest, stage = now - _last, state().stage
    busiest = max(busiest, worked - _worked)
    _last, _worked = now, worked
    return 0.02


def forget_gaps() -> None:
    global _last, longest, stage, _worked, busiest
    _last, longest, stage = time.monotonic(), 0.0, ""
    _worked, busiest = time.thread_time(), 0.0
