"""Rig folders (see `rigs`), each with the hash of its files and with landmarks where it has no labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from blendshape_addon.core.detection import detect

from .. import labels, rigs
from . import digest_of


def read(path: Path | None, licence: str | None) -> list[rigs.Rig]:
    """Rigs with shapes and a modelled face below `path`, $VRC_BLENDSHAPE_DATA if None; each has its own licence.

    Raises InputError when there is none or one is damaged, FaceNotFound.
    """
    flat = set(labels.all_names()) - set(labels.names())
    return [_complete(rig) for rig in rigs.load_all(path) if rig.name not in flat]


def found(rig: rigs.Rig) -> rigs.Rig:
    """The rig with its landmarks found, as on a creator's avatar. Raises FaceNotFound."""
    avatar = rig.avatar()
    return replace(rig, marks=labels.on_skin(avatar, detect.find(avatar).points))


def _complete(rig: rigs.Rig) -> rigs.Rig:
    rig = replace(rig, digest=digest_of(_files(rig)))
    if rig.name in labels.names():
        return rig
    return found(rig)


def _files(rig: rigs.Rig) -> list[Path]:
    own = [rig.folder / "rig.npz", rig.folder / "meta.json"]
    others = [labels.FOLDER / f"{rig.name}.json", rig.folder.parent / "identity.npz"]
    return own + [file for file in others if file.exists()]
