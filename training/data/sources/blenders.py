"""Which Blender reads the avatars, and reading one there."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from blendshape_addon.core.errors import InputError

from . import keyed

ROOT = Path(__file__).resolve().parents[3]
TIMEOUT = 600  # seconds that Blender may take for one file
_PYTHON = ("-c",)
_BLENDER = ("--background", "--factory-startup", "--python-exit-code", "1", "--python-expr")


def command(given: str | None = None) -> tuple[str, ...]:
    """The command that runs a line of Python in Blender, but for that line.

    given: Blender's program, or a Python with bpy in it; None: this Python if it has bpy, else `blender` of the PATH.
    Raises InputError, in a sentence, when it is not there or does not run.
    """
    program = given or (sys.executable if find_spec("bpy") else shutil.which("blender"))
    if program is None:
        raise InputError(
            "Blender reads avatars and movies and is not here: pip install bpy==4.5.*, or name one with --blender."
        )
    found = (program, *(_PYTHON if Path(program).stem.lower().startswith(("python", "pypy")) else _BLENDER))
    try:
        subprocess.run([*found, "import bpy, os; os._exit(0)"], capture_output=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise InputError(f"{program} is no Blender that runs, nor a Python with bpy in it.") from error
    return found


def read(command: Sequence[str], file: Path, place: Path) -> list[keyed.Keyed]:
    """Read an avatar file with what `command` gave, in a process of its own: an importer that crashes or hangs takes
    nothing with it. place: a name for files that are needed on the way. Raises InputError."""
    raw = place.with_name(f"{place.name}.read")
    line = f"from training.data.sources import keyed; keyed.main({str(file.resolve())!r}, {str(raw.resolve())!r})"
    try:
        run(command, line, file.name, raw)
        return keyed.unpack(raw)
    finally:
        raw.unlink(missing_ok=True)


def run(command: Sequence[str], line: str, what: str, made: Path) -> None:
    """Run a line of Python, which ends by `alone.run`, with what `command` gave. what: the name of the file that it is
    about; made: the file that it leaves. Raises InputError where it fails, leaves none, or takes too long."""
    line = f"import sys; sys.path.insert(0, {str(ROOT)!r}); {line}"
    with tempfile.TemporaryFile() as log:
        blender = subprocess.Popen([*command, line], stdin=subprocess.PIPE, stdout=log, stderr=log)
        try:
            status = blender.wait(TIMEOUT)
        except subprocess.TimeoutExpired as error:
            raise InputError(f"{what} kept Blender busy for {TIMEOUT // 60} minutes.") from error
        finally:
            blender.kill()
            blender.stdin.close()
            blender.wait()
        log.seek(0)
        said = log.read().decode(errors="replace").strip().splitlines()
    if status or not made.exists():
        raise InputError(f"{what} makes Blender fail: {said[-1] if said else f'it ended with {status}'}")
