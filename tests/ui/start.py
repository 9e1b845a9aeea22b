"""Given to Blender by --python: plays $UI_PLAY step by step from a timer; Blender draws and answers in between."""

import os
import sys
import traceback
from importlib import import_module

import bpy

sys.path.insert(0, "/mnt/repo")
from tests.ui import window

steps = import_module(f"tests.ui.{os.environ['UI_PLAY']}").tell()


def go_on() -> float:
    """Seconds until the next step, as the play wants them."""
    try:
        return next(steps)
    except StopIteration:
        status = 0
    except Exception:
        traceback.print_exc()
        list(window.picture("failed"))
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


bpy.app.timers.register(go_on, first_interval=1.0, persistent=True)
