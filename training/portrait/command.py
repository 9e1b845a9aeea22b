"""`python -m training portrait VERB …`: each verb is a module with a `main(arguments)`."""

from __future__ import annotations

from .. import commands

VERBS = {
    "prepare": ("background", "make the network that takes people off their backgrounds, once"),
    "synth": ("synth", "draw people with exact flow, pose and gaze, to train on"),
    "train-base": ("train_base", "train the network that moves a portrait"),
    "train-hr": ("train_hr", "train what gives it twice the resolution"),
    "train-student": ("train_student", "train a quick network that knows some people by heart"),
    "export": ("export", "write one of these as ONNX, which is quicker still"),
    "animate": ("animate", "move a portrait as a clip does"),
    "offer": ("offer", "show Talking Portrait in the add-on's panel, if a network meets its bars"),
    "evaluate": ("evaluate", "measure a network on people that it never saw"),
}


def main(arguments: list[str]) -> int | None:
    """Run one verb, see `commands.verb`."""
    return commands.verb("portrait", VERBS, __package__, arguments)
