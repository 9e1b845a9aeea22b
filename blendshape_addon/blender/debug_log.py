"""What the add-on does, written to a file for bug reports: off until the preferences or the command line ask for it.

Every module logs through Python's logging under the package's own name. Lines are English. The home folder is written
as ~, since a report goes to others; names of avatars, objects and the folders below it stay.
"""

from __future__ import annotations

import logging
import platform
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np

from ..core.errors import OutputError
from . import session
from .settings import PACKAGE

MAX_BYTES = 2 << 20  # of a log that is added to; a larger one begins anew
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_root = logging.getLogger(PACKAGE)
_log = logging.getLogger(__name__)


def path() -> Path:
    """The file that the switch in the preferences writes."""
    return Path(bpy.utils.user_resource("DATAFILES")) / "vrc_blendshape" / "debug.log"


def start(file: Path) -> logging.Handler:
    """Add what is done from now on to `file`. Raises OutputError when it cannot be written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        anew = file.is_file() and file.stat().st_size > MAX_BYTES
        handler = logging.FileHandler(file, mode="w" if anew else "a", encoding="utf-8")
    except OSError as error:
        raise OutputError("{path} cannot be written: check the folder and the free space.", path=file) from error
    handler.setFormatter(_Formatter(_FORMAT))
    _root.addHandler(handler)
    _root.setLevel(logging.DEBUG)
    _log.info("%s", versions())
    return handler


def stop(handler: logging.Handler) -> None:
    """Write no more to the file of `handler`."""
    _root.removeHandler(handler)
    handler.close()
    if not is_on():
        _root.setLevel(logging.NOTSET)


def is_on() -> bool:
    """Whether anything is logged to a file."""
    return any(isinstance(handler, logging.FileHandler) for handler in _root.handlers)


@contextmanager
def written_to(file: Path | None) -> Iterator[None]:
    """Log to `file`, if it is one, for as long as the block. Raises OutputError when it cannot be written."""
    if file is None:
        yield
        return
    handler = start(file)
    try:
        yield
    finally:
        stop(handler)


def switch(on: bool) -> None:
    """Follow the switch in the preferences. Raises OutputError when the file cannot be written."""
    held = session.current()
    if on and held.log is None:
        held.log = start(path())
    elif not on and held.log is not None:
        stop(held.log)
        held.log = None


def versions() -> str:
    """What the add-on runs on, in a line."""
    try:
        import onnxruntime

        runtime = onnxruntime.__version__
    except ImportError:
        runtime = "missing"
    return (
        f"add-on {_version()}, Blender {bpy.app.version_string}, Python {platform.python_version()}, "
        f"numpy {np.__version__}, onnxruntime {runtime}, {platform.platform()} {sys.byteorder}"
    )


def _version() -> str:
    """From the manifest: inside the installed extension, or at the top of the repository."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package, package.parent):
        manifest = folder / "blender_manifest.toml"
        if manifest.is_file():
            return tomllib.loads(manifest.read_text(encoding="utf-8"))["version"]
    return "unknown"


class _Formatter(logging.Formatter):
    """Writes the user's home folder as ~, in tracebacks too."""

    def format(self, record: logging.LogRecord) -> str:
        home = str(Path.home())
        return super().format(record).replace(home, "~") if len(home) > 1 else super().format(record)
