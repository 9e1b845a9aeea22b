"""Which Blender reads the avatars."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from blendshape_addon.core.errors import InputError

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
            "Avatars are read in Blender, which is not here: pip install bpy==4.5.*, or name a Blender with --blender."
        )
    found = (program, *(_PYTHON if Path(program).stem.lower().startswith(("python", "pypy")) else _BLENDER))
    try:
        subprocess.run([*found, "import bpy, os; os._exit(0)"], capture_output=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise InputError(f"{program} is no Blender that runs, nor a Python with bpy in it.") from error
    return found
