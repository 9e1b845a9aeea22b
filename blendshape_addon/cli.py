"""The command line, for `python -m blendshape_addon`; `blender -b --command vrc_blendshape` goes to the same place,
:mod:`.blender.jobs.command_line`. Exit status: see :mod:`.options`.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import console
from .core.errors import InputError, UserError
from .options import BAD_INPUT, CHECK_FAILED, OK, STOPPED, parse

__all__ = ["BAD_INPUT", "CHECK_FAILED", "OK", "STOPPED", "main"]


def main(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit status."""
    console.prepare()
    try:
        import bpy  # noqa: F401
    except ModuleNotFoundError:
        return _without_blender(arguments)
    from .blender.jobs import command_line

    return command_line.main(arguments)


def _without_blender(arguments: Sequence[str]) -> int:
    """Say what is wrong with the arguments, or else that Blender is missing."""
    try:
        parse(arguments)
        raise InputError(
            "Blender's Python module is not installed: run `pip install bpy`, "
            "or use `blender -b --command vrc_blendshape generate …` instead."
        )
    except UserError as error:
        console.say(error, error=True)
        return BAD_INPUT
    except SystemExit as end:  # argparse, after --help
        return int(end.code or 0)
