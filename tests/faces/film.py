"""`python -m tests.faces.film`, with bpy: makes `film.mp4` anew from a rig folder of the training data.

The film shows ICT-FaceKit's neutral head with a painted face in every second pose of training.motion.motions.demo: its
truth.
"""

from __future__ import annotations

from pathlib import Path

from training.motion import motions

FILE = Path(__file__).with_name("film.mp4")
STEP, SIZE = 2, 288
RATE = round(motions.DEMO_RATE / STEP)


def truth() -> list[motions.Motion]:
    """What the face does in each picture."""
    return motions.demo()[::STEP]


def make() -> None:
    from training.data import rigs
    from training.motion import blender_movies as movies
    from training.renders import Scene, people, render

    person = people.person(rigs.load(rigs.data_folder() / "ict" / "generic_neutral"))
    scenes = (
        Scene(person, units=pose.units, gaze=(pose.gaze, pose.gaze), head=pose.head, size=SIZE) for pose in truth()
    )
    movies.encode((render(scene)[0] for scene in scenes), FILE, RATE)


if __name__ == "__main__":
    make()
