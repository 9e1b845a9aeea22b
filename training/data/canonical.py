"""The canonical face: the symmetric mean of the training rigs' landmarks, one vote a family."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from blendshape_addon.core.face import face_space
from blendshape_addon.core.vocabulary import LANDMARK_MIRROR, LANDMARKS

from . import labels
from .rigs import landmarks_of, load_all


def main() -> None:
    """Write `blendshape_addon/core/canonical_face.json`."""
    families = defaultdict(list)
    for rig in load_all():
        if rig.name in labels.names() and len(rig.shapes) > 40:
            points = landmarks_of(rig, rig.vertices)
            families[rig.family].append(face_space.FaceSpace.of(points).to_face(points))
    mean = np.mean([np.mean(rigs, axis=0) for rigs in families.values()], axis=0)
    mean = (mean + mean[list(LANDMARK_MIRROR)] * [-1, 1, 1]) / 2
    path = Path(face_space.__file__).with_name("canonical_face.json")
    table = {name: [round(float(x), 4) for x in point] for name, point in zip(LANDMARKS, mean, strict=True)}
    path.write_text("{\n" + ",\n".join(f' "{k}": {v}' for k, v in table.items()) + "\n}\n")


if __name__ == "__main__":
    main()
