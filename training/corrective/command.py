"""`python -m training corrective VERB …`: each verb is a module with a `main(arguments)`."""

from __future__ import annotations

from .. import commands

VERBS = {
    "synth": ("synth", "make a body that moves, skinned and as it should be"),
    "train": ("train", "learn what skinning misses"),
    "infer": ("infer", "write corrected meshes, and how far they are off"),
    "evaluate": ("evaluate", "measure models on frames that they did not learn"),
    "compare": ("compare", "measure every kind of model on the same frames"),
    "export": ("export", "write a trained model as ONNX with its card"),
}


def main(arguments: list[str]) -> int | None:
    """Run one verb; 2 for one that does not exist, else what the verb gives."""
    return commands.verb("corrective", VERBS, __package__, arguments)
