"""A .blend file of a .glb, by the Blender that is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from blendshape_addon.core.errors import InputError

BLENDER = "VRC_BLENDER"
_CONVERTS = """
import bpy
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.import_scene.gltf(filepath={source!r}, disable_bone_shape=True)
bpy.ops.wm.save_as_mainfile(filepath={out!r}, compress=True)
"""


def blender() -> str:
    """The program: the one that VRC_BLENDER names, or the one on the path. Raises InputError where there is none."""
    found = os.environ.get(BLENDER) or shutil.which("blender")
    if not found or not Path(found).is_file():
        raise InputError(
            "A .blend file is written by Blender, which was not found: name its program by {setting}, or write a .glb "
            "file.",
            setting=BLENDER,
        )
    return found


def write(source: Path, out: Path) -> None:
    """Raises InputError where there is no Blender, or it cannot write the file."""
    text = _CONVERTS.format(source=str(source.resolve()), out=str(out.resolve()))
    line = [blender(), "--background", "--factory-startup", "--python-exit-code", "1", "--python-expr", text]
    done = subprocess.run(line, capture_output=True, text=True)
    if done.returncode or not out.is_file():
        said = (done.stderr or done.stdout).strip().splitlines()
        raise InputError("Blender could not write {file}: {reason}", file=out.name, reason=said[-1] if said else "")
