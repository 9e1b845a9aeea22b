"""A person in a picture as SMPL's body: found by HMR 2.0, measured at rest, and written as an avatar."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data.sources.anny import Bone
from . import glb, smpl
from .inference import HMR2Inference, Prediction
from .measurements.extractor import measure
from .parameters import COLOURS, PHOTO

NEUTRAL = "neutral"
_TAIL = 0.05  # metres that a bone without a child is long


@dataclass(frozen=True)
class SmplPerson:
    """prediction: what HMR says. model: of SMPL. scale: what the body is multiplied by, so that it is as tall as it
    should be. centimetres: of each measurement, of the scaled body."""

    prediction: Prediction
    model: smpl.Smpl
    scale: float
    centimetres: dict[str, float]

    def rest(self) -> tuple[np.ndarray, np.ndarray]:
        """(6890, 3) vertices and (24, 3) joints at rest in metres, y up, facing +z, soles on the ground."""
        points, joints = self.model.body(self.prediction.betas)
        ground = np.array([0, points[:, 1].min(), 0])
        return (points - ground) * self.scale, (joints - ground) * self.scale


def find(engine: HMR2Inference, picture: np.ndarray, height: float | None, gender: str | None) -> SmplPerson:
    """The largest person of a (H, W, 3) uint8 picture. height: metres; None: of a person of usual height. gender: of
    `inference.GENDERS`; None: neutral. Raises InputError where there is no person or no file for the gender."""
    prediction = engine.predict(picture, gender or NEUTRAL)
    model = engine.model(gender or NEUTRAL)
    found = measure(model.measured(prediction.betas))
    scale = 100 * (height or PHOTO.unknown_height) / found["height"]
    return SmplPerson(prediction, model, scale, {name: value * scale for name, value in found.items()})


def write_avatar(path: Path, person: SmplPerson) -> None:
    """The body at rest, skinned to SMPL's joints, as .glb; SMPL has no eyes, teeth or tongue."""
    model, (points, heads) = person.model, person.rest()
    bones = {}
    for number, name in enumerate(smpl.NAMES):
        children = np.flatnonzero(model.parent == number)
        tail = heads[children[0]] if len(children) else heads[number] + [0, _TAIL, 0]
        index = np.flatnonzero(model.weight[:, number] > 0)
        parent = smpl.NAMES[model.parent[number]] if number else None
        bones[name] = Bone(parent, heads[number], tail, index, model.weight[index, number])
    glb.write(path, points, model.triangles, np.zeros(len(points), int), {"Body": COLOURS["Body"]}, bones)
