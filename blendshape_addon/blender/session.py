"""What the add-on remembers from `register` to `unregister`, or while the command line runs: the one global object.

Whatever else is global in the add-on is constant. Data that is kept with an avatar lies in :mod:`.stored`, what panels
show on WindowManager.vrc_blendshape (`ui/properties.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from ..core.inference import probe

if TYPE_CHECKING:
    from ..core.avatar.avatar import Avatar
    from ..core.motion.descriptor import Descriptors
    from ..core.options import GenerateOptions
    from ..core.pipeline import FaceAnalysis
    from ..core.shapes import Shape
    from .jobs.corrective import Baked
    from .jobs.thread import Task
    from .jobs.thumbnails import Thumbnails
    from .jobs.training_process import Run
    from .viewport.landmark_modal import LandmarkMode
    from .viewport.problem_view import ShownProblem
    from .viewport.speaking import Spoken


@dataclass
class Training:
    """The training tools beside Blender.

    run: the command that runs. after: called with whether it ended well. messages: verb to the message of its last run.
    """

    run: Run | None = None
    after: Callable[[bool], None] | None = None
    messages: dict[str, str] = field(default_factory=dict)


@dataclass
class BackgroundTask:
    """The work of a button that runs beside a window, and the window manager's timer that looks at it."""

    task: Task
    timer: bpy.types.Timer


@dataclass
class Session:
    """probes: which providers work here. analysed: (content, provider, models folder) of the avatar that was
    analysed last to that avatar and its analysis. made_with: the options that each of its shapes was last made
    with. on_tuned: called with the name of the shape or the group that tuning was changed of, empty for all.
    landmark_mode: there while landmarks are moved. spoken: there while the preview speaks. overlay: the draw
    handler of the 3D views. log: where the debug log goes while it is on. commands: Blender's handles of registered
    commands. left_out: name of a shape that was left out to its avatar and the shape. shown: what Show Me changed,
    there until Go Back. thumbnails: pictures of the shapes, there while the add-on is registered. clip: what was
    read last of a clip that drove an avatar. corrective: name of a mesh to what was baked on it last. error_maps: name
    of a mesh that shows its errors to the colours that were active before; shown_colours: of a view's shading, by its
    place in memory, to what it showed.
    """

    probes: probe.ProbeCache
    analysed: dict[tuple[str, str, Path | None], tuple[Avatar, FaceAnalysis]] = field(default_factory=dict)
    made_with: dict[str, GenerateOptions] = field(default_factory=dict)
    on_tuned: Callable[[bpy.types.Context, str], None] | None = None
    training: Training = field(default_factory=Training)
    background: BackgroundTask | None = None
    landmark_mode: LandmarkMode | None = None
    spoken: Spoken | None = None
    overlay: object | None = None
    log: logging.Handler | None = None
    commands: list[object] = field(default_factory=list)
    left_out: dict[str, tuple[Avatar, Shape]] = field(default_factory=dict)
    shown: ShownProblem | None = None
    thumbnails: Thumbnails | None = None
    clip: Descriptors | None = None
    corrective: dict[str, Baked] = field(default_factory=dict)
    error_maps: dict[str, str] = field(default_factory=dict)
    shown_colours: dict[int, str] = field(default_factory=dict)


_current: Session | None = None


def begin() -> Session:
    """Start the session. Raises RuntimeError where there is one."""
    global _current
    if _current:
        raise RuntimeError("the add-on is registered already")
    _current = Session(probe.ProbeCache(Path(bpy.utils.user_resource("CONFIG"))))
    probe.cache = _current.probes
    return _current


def end() -> None:
    """Forget everything. Whoever put a timer, a handler or a process into the session has ended it before."""
    global _current
    _current = None
    probe.cache = probe.ProbeCache()


def current() -> Session:
    """The session. Raises RuntimeError where there is none."""
    if _current is None:
        raise RuntimeError("the add-on is not registered")
    return _current


def exists() -> bool:
    """Whether there is a session."""
    return _current is not None


@contextmanager
def opened() -> Iterator[Session]:
    """The session that there is, else one for as long as the block: for the command line, which registers nothing."""
    if _current:
        yield _current
        return
    try:
        yield begin()
    finally:
        end()
