"""How each viseme moves the landmarks of mouth and chin, as its artist drew it and as the product makes it.

Both are read off the labelled landmarks, so the same points are followed in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from blendshape_addon.core.vocabulary import LANDMARK_INDEX, LANDMARKS, VISEMES

from ..data.labelled_face import LabelledFace
from ..data.rigs import Rig, landmarks_of

# Both corners of the mouth, twelve points of the lips' rims and borders, and two of the chin.
NAMES = tuple(name for name in LANDMARKS if name.startswith(("mouth_corner", "lip_", "chin_")))
_INDEX = [LANDMARK_INDEX[name] for name in NAMES]
Motions = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Speaker:
    """One rig's mouth. artist: whose shapes it has. toon: it is drawn as one. preset: the style that the product made;
    empty where it found no face.

    rest: (16, 3) NAMES in face space, in widths of the mouth. theirs: viseme to its (16, 3) motion in the same unit, of
    what the artist drew as such; ours: of all visemes, none where no face was found.
    """

    rig: str
    artist: str
    preset: str
    toon: bool
    rest: np.ndarray
    theirs: Motions
    ours: Motions

    @staticmethod
    def of(rig: Rig, head: LabelledFace, shapes: Motions, preset: str) -> Speaker:
        """The speaker of `rig`, which is `head` in face space. shapes: (V, 3) that the product made, there too."""
        rest = head.marks[_INDEX]
        width = float(np.linalg.norm(rest[NAMES.index("mouth_corner_l")] - rest[NAMES.index("mouth_corner_r")]))
        drawn = {
            name: offset[_INDEX] / width
            for name, offset in zip(head.names, head.mark_offsets, strict=True)
            if name in VISEMES and name in rig.real
        }
        made = {name: landmarks_of(rig, shapes[name])[_INDEX] / width for name in VISEMES if name in shapes}
        return Speaker(rig.name, rig.facts.artist, preset, rig.facts.toon, rest / width, drawn, made)

    def point(self, name: str, motion: np.ndarray) -> np.ndarray:
        """(3,) where one of NAMES is under a (16, 3) `motion`."""
        return (self.rest + motion)[NAMES.index(name)]


def mean_motions(speakers: Iterable[Speaker]) -> dict[str, Motions]:
    """By artist and viseme, the mean (16, 3) motion over the artist's rigs."""
    rows: dict[str, dict[str, list[np.ndarray]]] = {}
    for speaker in speakers:
        for name, motion in speaker.theirs.items():
            rows.setdefault(speaker.artist, {}).setdefault(name, []).append(motion)
    return {artist: {name: np.mean(motions, axis=0) for name, motions in own.items()} for artist, own in rows.items()}
