"""The canonical face: the symmetric mean of the training rigs' landmarks, one vote per family.

python -m training.data.canonical    writes blendshape_addon/core/face/canonical_face.json
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from blendshape_addon.core.face import face_space
from blendshape_addon.core.vocabulary import LANDMARK_MIRROR, LANDMARKS

from .rigs import Rig, labelled, landmarks_of

COMPLETE = 40  # shapes that a rig has more of, or it is no complete face


def canonical_landmarks(rigs: Sequence[Rig]) -> np.ndarray:
    """(L, 3) face-space mean of the landmarks of complete rigs, as of one rig per family, alike on both sides."""
    families = defaultdict(list)
    for rig in rigs:
        if len(rig.shapes) > COMPLETE:
            points = landmarks_of(rig, rig.vertices)
            families[rig.family].append(face_space.FaceSpace.of(points).to_face(points))
    mean = np.mean([np.mean(rigs, axis=0) for rigs in families.values()], axis=0)
    return (mean + mean[list(LANDMARK_MIRROR)] * [-1, 1, 1]) / 2


def write(mean: np.ndarray, path: Path) -> None:
    """Write (L, 3) landmarks as the core reads them."""
    table = {name: [round(float(x), 4) for x in point] for name, point in zip(LANDMARKS, mean, strict=True)}
    path.write_text("{\n" + ",\n".join(f' "{k}": {v}' for k, v in table.items()) + "\n}\n")


if __name__ == "__main__":
    write(canonical_landmarks(labelled()), Path(face_space.__file__).with_name("canonical_face.json"))
