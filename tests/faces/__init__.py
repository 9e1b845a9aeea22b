"""Two small faces with their artist's own ARKit units, CC0, that ship with the tests; see README.md beside this file.

They need numpy alone, so that every environment tests on them, with or without the rigs of training.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.vocabulary import LANDMARKS

FILE = Path(__file__).with_name("proxy.npz")
NAMES = ("proxy", "anime")


@dataclass(frozen=True)
class Face:
    """An avatar whose truth is known.

    avatar: y up, facing +z, in metres. landmarks: (L, 3) true ones. units: ARKit name to (V, 3) offsets that its artist
    made. known: (V,) bool, the vertices whose truth `units` has; pieces that were added by code have none.
    """

    name: str
    avatar: Avatar
    landmarks: np.ndarray
    units: dict[str, np.ndarray]
    known: np.ndarray

    def truth(self, shape: str) -> np.ndarray | None:
        """(V, 3) offsets of a shape that the artist made; None for visemes and emotions, which the artist did not."""
        left, right = self.units["eyeBlinkLeft"], self.units["eyeBlinkRight"]
        blinks = {"vrc.blink": left + right, "vrc.blink_left": left, "vrc.blink_right": right}
        return blinks[shape] if shape in blinks else self.units.get(shape)

    def placed(self, place: np.ndarray) -> Face:
        """The face through a (3, 3) linear map of space."""
        return replace(
            self,
            avatar=replace(self.avatar, vertices=self.avatar.vertices @ place.T),
            landmarks=self.landmarks @ place.T,
            units={name: offsets @ place.T for name, offsets in self.units.items()},
        )


@cache
def load(name: str) -> Face:
    """One of NAMES. It is shared: its arrays are to be read only. Raises KeyError for another name."""
    if name == "proxy":
        return _proxy()
    if name == "anime":
        from . import anime  # which makes a Face

        return anime.of(load("proxy"))
    raise KeyError(name)


def _proxy() -> Face:
    with np.load(FILE, allow_pickle=False) as file:
        data = dict(file)
    vertices = data["vertices"].astype(float)
    units = {}
    for name, offsets in zip(data["units"], data["offsets"], strict=True):
        units[str(name)] = np.zeros_like(vertices)
        units[str(name)][data["moving"]] = offsets
    if tuple(data["landmarks"]) != LANDMARKS:
        raise ValueError(f"{FILE.name} has other landmarks than the vocabulary: make it again (tests/faces/make.py)")
    corners = vertices[data["landmark_vertices"]]
    marks = (corners * data["landmark_weights"].astype(float)[:, :, None]).sum(1)
    avatar = Avatar(
        vertices,
        data["triangles"].astype(np.int32),
        data["part_id"].astype(np.int32),
        tuple(str(name) for name in data["part_names"]),
    )
    return Face("proxy", avatar, marks, units, np.ones(len(vertices), bool))
