"""`python -m training VERB …`: each verb is a module with a `main(arguments)`."""

from __future__ import annotations

import os
import sys
from importlib import import_module

from . import commands

VERBS = {
    "prepare": ("data.prepare", "make a dataset of augmented faces from rigs and avatars"),
    "generate": ("generate", "make samples and a dataset of a folder of avatars, with all cores"),
    "train": ("deformer.train", "train the deformer on them"),
    "adapt": ("adaptation.adapt", "teach a deformer an avatar's own style from the keys it has"),
    "export": ("evaluation.export", "write a trained deformer as ONNX with its card"),
    "card": ("evaluation.card_figures", "check a model against its card and show it, or put what was measured on it"),
    "body": ("body.command", "a body from a photo, its measurements and an avatar in its proportions"),
    "motion": ("motion.command", "make and train what drives an avatar from a clip"),
    "portrait": ("portrait.command", "make and train networks that move a picture as a clip moves"),
    "corrective": ("corrective.command", "learn from skinned frames and a better surface what skinning misses"),
    "evaluate": ("evaluation.evaluate", "train without each family in turn and measure on it"),
}


def main(arguments: list[str]) -> int:
    """Run one verb; 2 for one that does not exist or what a user gave wrong, said in a sentence; 130 when stopped; else
    what the verb gives, 0 for nothing."""
    if arguments[:1] in ([], ["-h"], ["--help"]) or arguments[0] not in VERBS:
        print("usage: python -m training VERB [--help]\n")
        print("\n".join(f"  {verb:10} {what}" for verb, (_, what) in VERBS.items()))
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    return commands.run(lambda: import_module(f"training.{VERBS[arguments[0]][0]}").main(arguments[1:]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["prepare"]:  # before numpy is loaded, and as the workers of `generate`
        os.environ.update(commands.ONE_THREAD)
    status = main(sys.argv[1:])
    if "bpy" in sys.modules:  # as a module it may hang in a clean exit
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)
