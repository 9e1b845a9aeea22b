"""What the network has to beat: a thin-plate template transfer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from blendshape_addon.core.face_space import FaceSpace, ThinPlate
from blendshape_addon.core.refine import nearest

from .dataset import landmarks_of
from .rigs import Rig


def template_transfer(target: Rig, marks: np.ndarray, templates: Sequence[Rig]) -> dict[str, np.ndarray]:
    """Shapes {name: (V, 3)} for `target` in face space, carried over from the nearest of `templates`.

    The template's neutral and shapes go through one thin-plate warp that takes its landmarks to marks (L, 3, avatar
    space); each target vertex takes the offset of the nearest warped template vertex. Nearest: least landmark residual.
    """
    space = FaceSpace.of(marks)
    goal = space.to_face(marks)

    def own(rig: Rig) -> tuple[FaceSpace, np.ndarray]:
        points = landmarks_of(rig, rig.vertices)
        return FaceSpace.of(points), FaceSpace.of(points).to_face(points)

    template = min(templates, key=lambda rig: float(np.linalg.norm(own(rig)[1] - goal)))
    frame, points = own(template)
    warp = ThinPlate(points, goal, smoothing=0.0)
    before = frame.to_face(template.vertices)
    near = (np.abs(before) < 3).all(1)
    before = before[near]
    after = warp(before)
    where = space.to_face(target.vertices)
    reached = np.flatnonzero((np.abs(where) < 3).all(1))
    match = nearest(after, where[reached], count=1)[0][:, 0]
    out = {}
    for name, offset in template.shapes.items():
        moved = warp(before + offset[near] @ frame.rotation.T / frame.scale) - after
        carried = np.zeros_like(where)
        carried[reached] = moved[match]
        out[name] = carried
    return out
