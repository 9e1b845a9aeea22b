"""A command of the training package, run in a process of its own beside Blender."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import bpy

from ...core.errors import InputError
from ...core.messages import Message
from .. import session
from ..settings import TRAINING_TOOLS_MISSING

# "making faces:  42%|████▏     | 25/60 [00:10<00:14,  2.5face/s]"
_BAR = re.compile(r"^(?P<stage>[\w ]+): +(?P<percent>\d+)%\|.*\[[\d:]+<(?P<left>[\d:?]+)")
_log = logging.getLogger(__name__)
_MAX_LINES = 40  # last lines of output that are stored
# Stages that the progress bars of the tools name, for translation; their other output is not translated.
_STAGES = {
    str(stage): stage
    for stage in (
        Message("starting"),
        Message("reading avatars"),
        Message("making faces"),
        Message("checking faces"),
        Message("learning"),
        Message("fitting the body"),
        Message("reading faces"),
        Message("moving the portrait"),
    )
}


def tools(python: str) -> list[str]:
    """The beginning of a command line of the training tools. Raises InputError, when they are missing.

    python: the Training Python of the preferences.
    """
    if not python:
        raise InputError(TRAINING_TOOLS_MISSING)
    if not Path(python).is_file():
        raise InputError(
            "{path}, the Training Python in the add-on's preferences, is not there. {install}",
            path=python,
            install=TRAINING_TOOLS_MISSING,
        )
    return [python, "-m", "training"]


def blender() -> list[str]:
    """The option by which the tools read avatars in this very Blender."""
    return ["--blender", bpy.app.binary_path or sys.executable]


class Run:
    """A running command. verb: of the tools. stage, fraction (0 to 1) and left (time as text, empty while unknown):
    its progress."""

    def __init__(self, verb: str, line: Sequence[str], stopped: str) -> None:
        """stopped: message for a run that was stopped. Raises InputError when the program cannot be started."""
        self.verb, self._stopped_message = verb, stopped
        self.stage, self.fraction, self.left = _STAGES["starting"], 0.0, ""
        self._lines: list[str] = []
        self._stopped = False
        try:
            self._process = subprocess.Popen(
                line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
        except OSError as error:
            raise InputError(
                "{program} cannot be started ({reason}). {install}",
                program=line[0],
                reason=error.strerror,
                install=TRAINING_TOOLS_MISSING,
            ) from error
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def running(self) -> bool:
        """Whether it runs, or its last output is still to be read."""
        return self._reader.is_alive() or self._process.poll() is None

    @property
    def output(self) -> list[str]:
        """Its last lines but for the bars."""
        return list(self._lines)

    def stop(self) -> None:
        """Ask it to end."""
        self._stopped = True
        self._process.terminate()

    def result(self) -> tuple[bool, str]:
        """Wait for the end; returns whether it succeeded, and its last line."""
        self._reader.join()
        status = self._process.wait()
        if self._stopped:
            return False, self._stopped_message
        if any(line.startswith("ModuleNotFoundError") or "No module named training" in line for line in self._lines):
            return False, TRAINING_TOOLS_MISSING
        return status == 0, self._lines[-1] if self._lines else Message("It ended with {status}.", status=status)

    def _read(self) -> None:
        """Read the output. A progress bar starts with a carriage return, so the newest one has no line end yet."""
        rest = b""
        while chunk := self._process.stdout.read1():
            *lines, rest = re.split(b"[\r\n]", rest + chunk)
            for line in lines:
                self._parse(line)
            if _BAR.match(rest.decode(errors="replace")):
                self._parse(rest)
        self._parse(rest)

    def _parse(self, raw: bytes) -> None:
        line = raw.decode(errors="replace").strip()
        if bar := _BAR.match(line):
            self.stage = _STAGES.get(bar["stage"], bar["stage"])
            self.fraction = int(bar["percent"]) / 100
            self.left = "" if "?" in bar["left"] else bar["left"]
        elif line:
            self._lines = [*self._lines[1 - _MAX_LINES :], line]


def start(verb: str, line: Sequence[str], stopped: str, after: Callable[[bool], None] | None = None) -> Run:
    """Start the one run there may be; `after` is called with whether it ended well, on the main thread.

    verb, stopped: see Run. Raises InputError when one runs already or the program cannot be started.
    """
    training = session.current().training
    if training.run:
        raise InputError("The training tools are at work already: wait for them or cancel what they do.")
    training.run, training.after = Run(verb, line, stopped), after
    training.messages.pop(verb, None)
    _log.info("started %s", " ".join(line))
    return training.run


def follow() -> tuple[bool, str] | None:
    """Watch the run from a timer and return None; without a window wait for it and return its result."""
    if bpy.app.background:
        return end()
    bpy.app.timers.register(watch, persistent=True)
    return None


def watch() -> float | None:
    """A timer's function: seconds until the next look, None once the run has ended."""
    training = session.current().training
    if training.run and not training.run.running:
        end()
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in ("VIEW_3D", "PREFERENCES"):
                area.tag_redraw()
    return 0.3 if training.run else None


def end() -> tuple[bool, str]:
    """Wait for the run, store its message and return Run.result."""
    training = session.current().training
    ended, after = training.run, training.after
    good = False
    try:
        good, training.messages[ended.verb] = ended.result()
        _log.info("%s ended %s: %s", ended.verb, "well" if good else "badly", "\n".join(ended.output))
    finally:
        training.run = training.after = None
        if after:
            after(good)
    return good, training.messages[ended.verb]


def stop() -> None:
    """Ask what runs to end."""
    if run := session.current().training.run:
        run.stop()


def leave() -> None:
    """Stop what runs and wait for its end, when the add-on goes."""
    if bpy.app.timers.is_registered(watch):
        bpy.app.timers.unregister(watch)
    if session.current().training.run:
        stop()
        end()
