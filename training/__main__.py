"""`python -m training VERB …`: each verb is a module with a `main(arguments)`."""

from __future__ import annotations

import os
import sys
from importlib import import_module

from blendshape_addon.core.errors import UserError

VERBS = {
    "prepare": ("prepare", "make a dataset of augmented faces from rigs and avatars"),
    "generate": ("generate", "make samples and a dataset of a folder of avatars, with all cores"),
    "train": ("train", "train the deformer on them"),
    "export": ("export", "write a trained deformer as ONNX with its card"),
    "evaluate": ("evaluate", "train without each family in turn and measure on it"),
}


def main(arguments: list[str]) -> int:
    """Run one verb; 2 for one that does not exist or what a user gave wrong, said in a sentence; 130 when stopped; else
    what the verb gives, 0 for nothing."""
    if arguments[:1] in ([], ["-h"], ["--help"]) or arguments[0] not in VERBS:
        print("usage: python -m training VERB [--help]\n")
        print("\n".join(f"  {verb:9} {what}" for verb, (_, what) in VERBS.items()))
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    try:
        status = import_module(f"training.{VERBS[arguments[0]][0]}").main(arguments[1:])
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
    return status or 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    if "bpy" in sys.modules:  # as a module it may hang in a clean exit
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)
