"""The faces that ship with the tests as rigs of training."""

from __future__ import annotations

from blendshape_addon.core.vocabulary import ARKIT
from tests import faces
from training.data import labels, rigs
from training.data.rigs import Rig
from training.data.sources import sums


def rig(name: str) -> Rig:
    """One of `faces.NAMES`, without an identity basis; the artist's units, and visemes and emotions as sums of them."""
    face = faces.load(name)
    avatar = face.avatar
    return Rig(
        name=name, family=name, folder=faces.FILE.parent, vertices=avatar.vertices, triangles=avatar.triangles,
        part_id=avatar.object_id, part_names=avatar.object_names, shapes=sums.completed(face.units),
        real=frozenset(ARKIT) | {"vrc.blink_left", "vrc.blink_right"}, hidden_parts=(), licence="CC0",
        marks=labels.on_skin(avatar, face.landmarks),
    )  # fmt: skip


def present(*folders: str) -> list[str]:
    """Those of the shared rigs, by folder, that are there."""
    return [name for name in folders if (rigs.data_folder() / name / "rig.npz").exists()]


def load(name: str) -> Rig:
    """A face that ships with the tests by its name, or a shared rig by its folder."""
    return rig(name) if name in faces.NAMES else rigs.load(rigs.data_folder() / name)
