"""`python -m blendshape_addon`: the command line, with bpy installed as a Python module."""

import contextlib
import os
import sys
import traceback

from . import console
from .cli import main

if __name__ == "__main__":
    status = 1  # Python's own, after a traceback
    try:
        status = main(sys.argv[1:])
    except BaseException:
        with contextlib.suppress(OSError, ValueError):
            traceback.print_exc()
    finally:
        console.flush()
        os._exit(status)  # bpy as a module may hang in a clean exit, after an error too
