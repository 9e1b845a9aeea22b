"""`python -m training VERB …`: each verb is a module with a `main(arguments)`."""

from __future__ import annotations

import sys
from importlib import import_module

VERBS = {
    "prepare": ("dataset", "make augmented instances of the rigs"),
    "train": ("train", "train the deformer on them"),
    "export": ("export", "write a trained deformer as ONNX with its card"),
    "evaluate": ("evaluate", "train without each family in turn and measure on it"),
}


def main(arguments: list[str]) -> int:
    """Run one verb; 2 for one that does not exist."""
    if arguments[:1] in ([], ["-h"], ["--help"]) or arguments[0] not in VERBS:
        print("usage: python -m training VERB [--help]\n")
        print("\n".join(f"  {verb:9} {what}" for verb, (_, what) in VERBS.items()))
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    import_module(f"training.{VERBS[arguments[0]][0]}").main(arguments[1:])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
