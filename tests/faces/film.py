"""`python -m tests.faces.film`, with bpy: makes `film.mp4` anew from a rig folder of the training data.

The film shows ICT-FaceKit's neutral head with a painted face in training.motion.synthetic.performance: its truth.
"""

from __future__ import annotations

from pathlib import Path

FILE = Path(__file__).with_name("film.mp4")
COUNT, RATE, SIZE = 50, 12, 288


def make() -> None:
    from training.data import rigs
    from training.data.labelled_face import LabelledFace
    from training.devtools import movies
    from training.motion import synthetic

    actor = synthetic.Actor(LabelledFace.of(rigs.load(rigs.data_folder() / "ict" / "generic_neutral")))
    movies.encode(actor.pictures(synthetic.performance(COUNT, RATE), SIZE), FILE, RATE)


if __name__ == "__main__":
    make()
