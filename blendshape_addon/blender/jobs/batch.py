"""Many avatar files, each in a process of its own: a crash or a hang in one loses that file only.

Each child process runs this same command line on one file. The name of its report is a hash of everything that the
result depends on. A file counts as finished when its report exists, so a stopped run can be continued by any machine.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PureWindowsPath

import bpy

from ...core.inference.registry import models_folder
from ...core.messages import Message
from ..io import files
from ..translations import translate

_log = logging.getLogger(__name__)
RECORDS = ".batch"  # in the output folder: reports, thumbnails and the logs of crashes
_PACKAGE = Path(__file__).resolve().parents[2]


@dataclass
class Job:
    """One avatar file. settings: the child's other arguments; depends_on: digest of them and of this tool; debug:
    whether the child writes a debug log, which goes into this process's.

    entries: report entries, there when it was done; done_before: an earlier run did it.
    """

    source: Path
    target: Path
    output: Path
    settings: Sequence[str]
    depends_on: str
    sheet: Path | None = None
    debug: bool = False
    entries: list[dict] = field(default_factory=list)
    done_before: bool = False

    @cached_property
    def record(self) -> Path:
        """The child's report. Reads the whole input file for its name."""
        place = self.target.relative_to(self.output).as_posix()
        everything = "\n".join([place, self.depends_on, _digest(self.source)])
        return self.output / RECORDS / f"{hashlib.sha256(everything.encode()).hexdigest()[:24]}.json"

    @property
    def thumbnail(self) -> Path:
        return self.record.with_suffix(".jpg")

    @property
    def log(self) -> Path:
        return self.record.with_suffix(".log")

    @property
    def debug_log(self) -> Path:
        return self.record.with_suffix(".debug.log")

    def read(self) -> None:
        """Read the entries from the record; none if it is missing or incomplete."""
        try:
            self.entries = json.loads(self.record.read_text(encoding="utf-8"))["avatars"]
        except (OSError, ValueError, LookupError):
            self.entries = []

    @property
    def finished(self) -> bool:
        """Whether the record and the output files exist, so that the job need not run again."""

        def is_there(entry: dict) -> bool:
            if "error" in entry:
                return not entry.get("passing")
            drawn = PureWindowsPath(entry.get("sheet", "")).name  # by a machine that may see other folders
            return self.target.is_file() and (not self.sheet or self.sheet.with_name(drawn or "?").is_file())

        return bool(self.entries) and all(map(is_there, self.entries))

    def clear(self) -> None:
        """Remove unfinished files of a child that was ended early."""
        files.clear_unfinished(self.target)
        files.clear_unfinished(self.record)


def run(jobs: Sequence[Job], at_once: int, minutes: float, again: bool, on_done: Callable[[Job, float], None]) -> None:
    """Do every job, `at_once` at a time, none longer than `minutes`, and fill in its entries.

    again: do finished ones too. on_done(job, seconds_left) is called after each. Raises KeyboardInterrupt when the user
    or the system asks to stop: running jobs are ended, finished ones stay.
    """
    waiting, running, done = deque(jobs), {}, 0
    began = time.monotonic()
    with _stopped_by_signals():
        try:
            while waiting or running:
                while waiting and len(running) < at_once:
                    job = waiting.popleft()
                    job.read()
                    if job.finished and not again:
                        job.done_before = True
                        on_done(job, _seconds_left(began, done, len(waiting) + len(running)))
                    else:
                        running[_start(job)] = job, time.monotonic() + minutes * 60
                for process, (job, latest) in list(running.items()):
                    late = time.monotonic() > latest
                    if process.poll() is None and not late:
                        continue
                    _end(process, job)
                    job.read()
                    if not job.entries:
                        reason = translate(_reason(job, process.returncode, minutes if late else None))
                        job.entries = [{"input": str(job.source), "ok": False, "error": reason, "crashed": True}]
                    del running[process]
                    done += 1
                    on_done(job, _seconds_left(began, done, len(waiting) + len(running)))
                time.sleep(0.05)
        finally:
            for process, (job, _) in running.items():
                _end(process, job)


def tool(models: Path | None, recipes: Path | None, model: Path | None = None) -> str:
    """Digest of the code, the models' cards (which hold the models' own hashes) and the user's recipes and deformer, if
    any."""
    code = [*_PACKAGE.rglob("*.py"), *(_PACKAGE / "core").rglob("*.toml"), *(_PACKAGE / "core").rglob("*.json")]
    digest = hashlib.sha256()
    own = [file for file in (recipes, model and model.with_suffix(".toml")) if file]
    for file in [*sorted(code), *sorted((models or models_folder()).glob("*.toml")), *own]:
        digest.update(file.read_bytes() if file.is_file() else b"")
    return digest.hexdigest()


def command() -> list[str]:
    """The beginning of a child's command line: Blender itself, or Python where Blender is a module of it."""
    if bpy.app.binary_path:
        return [bpy.app.binary_path, "-b", "--command", "vrc_blendshape", "generate"]
    return [sys.executable, "-m", _PACKAGE.name, "generate"]


def _digest(source: Path) -> str:
    """SHA-256 of a file, and of the files that a .gltf is made of. Empty when it cannot be read."""
    try:
        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
        if source.suffix.lower() == ".gltf":
            content = json.loads(source.read_bytes())
            for part in (*content.get("buffers", ()), *content.get("images", ())):
                beside = source.parent / part.get("uri", "data:")
                digest.update(beside.read_bytes() if beside.is_file() else b"")
    except (OSError, ValueError, AttributeError):
        return ""
    return digest.hexdigest()


def _start(job: Job) -> subprocess.Popen:
    job.record.parent.mkdir(parents=True, exist_ok=True)
    job.record.unlink(missing_ok=True)
    job.clear()
    arguments = [str(job.source), "--output", str(job.target), "--report", str(job.record),
                 "--thumbnail", str(job.thumbnail), *job.settings]  # fmt: skip
    if job.sheet:
        arguments += ["--sheet", str(job.sheet)]
    if job.debug:
        job.debug_log.unlink(missing_ok=True)
        arguments += ["--log", str(job.debug_log)]
    path = os.pathsep.join(filter(None, [str(_PACKAGE.parent), os.environ.get("PYTHONPATH")]))
    # In a group of its own a child does not get the user's Ctrl-C: stopping it is for `run`.
    apart: dict = {"start_new_session": True}
    if sys.platform == "win32":
        apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    with job.log.open("wb") as log:
        return subprocess.Popen(
            [*command(), *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env=None if bpy.app.binary_path else os.environ | {"PYTHONPATH": path}, **apart,
        )  # fmt: skip


def _end(process: subprocess.Popen, job: Job) -> None:
    """Stop the child if it still runs; keep its log only where it left no report."""
    process.kill()
    process.wait()
    job.clear()
    if job.debug_log.is_file():
        said = job.debug_log.read_text(encoding="utf-8", errors="replace")
        _log.info("%s, exit status %s:\n%s", job.source, process.returncode, said.rstrip())
        job.debug_log.unlink()
    if job.record.is_file():
        job.log.unlink(missing_ok=True)


def _reason(job: Job, status: int, minutes: float | None) -> Message:
    """Why there is no report."""
    log = Message("what it said last is in {path}", path=job.log)
    if minutes is not None:
        return Message(
            "{file} was given up after {minutes:g} minutes: raise --time-limit if it is very large; {log}.",
            file=job.source.name,
            minutes=minutes,
            log=log,
        )
    if status == -9:  # SIGKILL, which has no name on Windows
        return Message(
            "{file} was stopped by the system, mostly for want of memory: try fewer --jobs; {log}.",
            file=job.source.name,
            log=log,
        )
    cause = signal.Signals(-status).name if status < 0 else Message("status {number:#x}", number=status & 0xFFFFFFFF)
    return Message(
        "{file} made Blender crash ({cause}): open it in Blender and export it again; {log}.",
        file=job.source.name,
        cause=cause,
        log=log,
    )


def _seconds_left(began: float, done: int, todo: int) -> float:
    """Seconds that `todo` more jobs will take at the pace of this run; NaN before its first job is done."""
    return (time.monotonic() - began) / done * todo if done else float("nan")


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Raise KeyboardInterrupt at Ctrl-C, which Blender would handle itself, and at SIGTERM."""

    def stop(*_) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)  # Blender's own, not set from Python, is None
