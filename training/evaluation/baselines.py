"""What the network has to beat: a thin-plate template transfer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from blendshape_addon.core.face.face_space import FaceSpace
from blendshape_addon.core.geometry.nearest import nearest
from blendshape_addon.core.geometry.thin_plate import ThinPlate

from ..data.labelled_face import LabelledFace


def template_transfer(
    target: LabelledFace, marks: np.ndarray, templates: Sequence[LabelledFace]
) -> dict[str, np.ndarray]:
    """Shapes {name: (V, 3)} for `target`, carried over from the nearest of `templates`.

    The template's neutral and shapes go through one thin-plate warp that takes its landmarks to the target's, marks
    (L, 3); each target vertex takes the offset of the nearest warped template vertex. Nearest: least landmark residual.
    """
    space = FaceSpace.of(marks)
    goal, where = space.to_face(marks), space.to_face(target.vertices)
    template = min(templates, key=lambda head: float(np.linalg.norm(head.marks - goal)))
    near = (np.abs(template.vertices) < 3).all(1)
    before = template.vertices[near]
    warp = ThinPlate(template.marks, goal, smoothing=0.0)
    after = warp(before)
    reached = np.flatnonzero((np.abs(where) < 3).all(1))
    match = nearest(after, where[reached], count=1)[0][:, 0]
    out = {}
    for name, offset in zip(template.names, template.offsets, strict=True):
        carried = np.zeros_like(where)
        carried[reached] = space.vectors_to_avatar((warp(before + offset[near]) - after)[match])
        out[name] = carried
    return out
