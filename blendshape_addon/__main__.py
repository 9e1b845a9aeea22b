"""`python -m blendshape_addon`: the command line, with bpy installed as a Python module."""

import os
import sys

from .cli import main

if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # bpy as a module may hang in a clean exit
