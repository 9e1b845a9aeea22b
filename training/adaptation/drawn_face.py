"""A face that an artist drew shapes for, at some of its vertices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from blendshape_addon.core.face import features
from blendshape_addon.core.face.features import Features
from blendshape_addon.core.style import recipe_file, recipes
from blendshape_addon.core.style.recipes import Style

from ..data.rigs import Rig, landmarks_of


@dataclass(frozen=True)
class DrawnFace:
    """A rig on its labelled landmarks, and N random vertices of its shown parts. pick: (N,) feature vertices. style:
    the preset that suits its proportions. truth: {condition: (N, 3)} the artist's own shapes that move, face space."""

    features: Features
    pick: np.ndarray
    style: Style
    truth: dict[str, np.ndarray]

    @staticmethod
    def of(rig: Rig, vertices: int) -> DrawnFace:
        """At most so many `vertices` of a rig, the same ones each time."""
        found = features.compute(rig.avatar(), landmarks_of(rig, rig.vertices))
        shown = np.flatnonzero(~np.isin(rig.part_id[found.index], rig.hidden_parts))
        rng = np.random.default_rng(0)
        pick = np.sort(rng.choice(shown, min(vertices, len(shown)), replace=False))
        turn = found.space.rotation.T / found.space.scale
        truth = {name: rig.shapes[name][found.index[pick]] @ turn for name in rig.shapes if name in rig.real}
        style = recipes.pick(recipe_file.load(), "auto", found.landmarks)
        return DrawnFace(found, pick, style, {name: offsets for name, offsets in truth.items() if offsets.any()})
