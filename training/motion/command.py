"""`python -m training motion VERB …`: each verb is a module with a `main(arguments)`."""

from __future__ import annotations

from .. import commands

VERBS = {
    "clip": ("clip", "film a rig or an avatar whose motion is known"),
    "renders": ("renders", "draw people with exact truth, to train and measure on"),
    "measure-units": ("measure_units", "measure how well each unit is read on renders"),
    "measure-clips": ("measure_clips", "measure how well films of new people who act drive avatars"),
    "figures": ("figures", "write what was measured into docs/drive.md"),
    "evaluate": ("evaluate", "judge what is read of a clip, and a movie that follows it, on one page"),
    "train-gaze": ("train_gaze", "train the network that reads gaze and blinks"),
    "train-mouth": ("train_mouth", "train the network that reads mouths"),
    "animator-data": ("animator.make_data", "draw people who act, to train the animator on"),
    "train-animator": ("animator.train", "train the network that moves a portrait as a clip moves"),
    "train-keypoints": ("train_keypoints", "train a detector of keypoints that nobody labelled"),
    "train-adapter": ("train_adapter", "train a reader of drawn and other faces that are no people"),
    "view": ("viewer.view", "play a clip with what was read of it"),
    "adapt": ("adapt", "read a clip of drawn faces by an adapter"),
    "draw": ("draw", "draw clips of drawn faces with exact truth"),
    "animate": ("animator.animate", "move a portrait as a face in a clip moves"),
    "convert": ("convert", "make the networks that read a person's face from MediaPipe's"),
}


def main(arguments: list[str]) -> int | None:
    """Run one verb; 2 for one that does not exist, else what the verb gives."""
    return commands.verb("motion", VERBS, __package__, arguments)
