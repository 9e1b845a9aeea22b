"""What every command of the training does when something goes wrong: a sentence and an exit status, no traceback."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from importlib import import_module

from blendshape_addon.core.errors import InputError, UserError

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


def require_least(given: argparse.Namespace, **least: int) -> None:
    """Raises InputError for options that are less than that. An option that was not given may be None."""
    for name, low in least.items():
        value = getattr(given, name)
        if value is not None and value < low:
            raise InputError(f"--{name.replace('_', '-')} is {value}: it must be at least {low}.")


def verb(name: str, verbs: Mapping[str, tuple[str, str]], package: str, arguments: list[str]) -> int | None:
    """Run one of the verbs of `python -m training NAME`, each a module of `package` and what it does; 2 for one that
    does not exist, else what the verb gives."""
    if arguments[:1] in ([], ["-h"], ["--help"]) or arguments[0] not in verbs:
        print(f"usage: python -m training {name} VERB [--help]\n")
        width = max(map(len, verbs)) + 1
        print("\n".join(f"  {verb:{width}} {what}" for verb, (_, what) in verbs.items()))
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    return import_module(f"{package}.{verbs[arguments[0]][0]}").main(arguments[1:])
