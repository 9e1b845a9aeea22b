"""What every command of the training does when something goes wrong: a sentence and an exit status, no traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable

from blendshape_addon.core.errors import UserError

# Linear algebra on one thread: sums over several are taken in another order, and what is made differs in its last bits.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)


def run(command: Callable[[], int | None]) -> int:
    """Run a command: 2 for what a user gave wrong, a library that is missing or a disk that does not take it, 130 when
    it was stopped, else what it gives, 0 for nothing."""
    try:
        return command() or 0
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("training", "blendshape_addon"):
            raise
        print(f"{error.name} is missing: pip install -r tests/requirements/training.txt", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped: what was finished is kept; the same command goes on from there.", file=sys.stderr)
        return 130
    except OSError as error:
        where = f"{error.filename} cannot be read or written" if error.filename else "A file cannot be read or written"
        print(f"{where} ({error.strerror or error}): check the folder and the free space.", file=sys.stderr)
        return 2
