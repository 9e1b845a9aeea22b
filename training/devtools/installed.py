"""The extension as a user has it: its zip installed into a Blender user folder that is thrown away."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from . import package

NAME = f"bl_ext.user_default.{package.ID}"


def install(work: Path, zip_file: Path | None = None) -> None:
    """Start Blender with an empty user folder in `work` and install the extension there: `zip_file`, or one that is
    built of the sources.

    Raises SystemExit when Blender refuses it or the network would not run on the extension's own onnxruntime.
    """
    zip_file = zip_file or package.build(package.this_platform(), work)
    user = work / "blender_user"
    shutil.rmtree(user, ignore_errors=True)
    os.environ["BLENDER_USER_RESOURCES"] = str(user)  # Blender looks at it when it starts
    import bpy

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    import addon_utils  # there once bpy is

    addon_utils.enable("bl_pkg")
    from bl_pkg import bl_extension_cli

    command = ["install-file", "--repo", "user_default", "--enable", str(zip_file)]
    if bl_extension_cli.cli_extension_handler(command) or not addon_utils.check(NAME)[1]:
        raise SystemExit(f"Blender did not install {zip_file}.")
    import onnxruntime

    if user not in Path(onnxruntime.__file__).parents or "blendshape_addon" in sys.modules:
        raise SystemExit(f"onnxruntime comes from {onnxruntime.__file__}: take it out of this environment.")


def press(button: str, progress: Callable[[float, str], None] | None = None) -> Any:
    """Call the operator `vrc_blendshape.<button>` as the panel's button does; returns its `one_avatar.Done`.

    progress(fraction, stage) is called in place of the status bar. Raises SystemExit with the operator's message where
    it refuses.
    """
    import bpy

    job = module("blender.jobs.one_avatar")
    compute, write, done = job.compute, job.write, []

    def computed(avatar: Any, options: Any, status_bar: Any = None) -> Any:
        return compute(avatar, options, progress or status_bar)

    def written(*arguments: Any) -> Any:
        done.append(write(*arguments))
        return done[0]

    job.compute, job.write = computed, written
    try:
        getattr(bpy.ops.vrc_blendshape, button)()
    except RuntimeError as error:
        raise SystemExit(str(error).strip()) from None
    finally:
        job.compute, job.write = compute, write
    return done[0]


def module(name: str) -> ModuleType:
    """A module of the installed extension, such as `core.providers`."""
    return import_module(f"{NAME}.{name}")
