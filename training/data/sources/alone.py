"""Work in a Blender of its own, which ends with the process that started it: see `blenders.run`."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

REFUSAL = "refusal"  # in what such a Blender leaves, the key of what is said in place of what was asked for


def run(work: Callable[[], None]) -> None:
    """Do it and end the process, with 1 where the work raises something, whose last line is written.

    Never returns, for bpy may hang in a clean exit.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        work()
        status = 0
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _end_with_parent() -> None:
    sys.stdin.read()  # nothing comes until the other end is closed
    os._exit(1)
