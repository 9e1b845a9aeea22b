"""Rig folders (`rigs`), those with labelled landmarks, each with the hash of its files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from .. import labels, rigs
from . import digest_of


def read(path: Path | None, licence: str | None) -> list[rigs.Rig]:
    """Labelled rigs with shapes below `path`, $VRC_BLENDSHAPE_DATA if None; each has its own licence.

    Raises FileNotFoundError when there is none.
    """
    found = [rig for rig in rigs.load_all(path) if rig.name in labels.names()]
    return [replace(rig, digest=digest_of(_files(rig))) for rig in found]


def _files(rig: rigs.Rig) -> list[Path]:
    own = [rig.folder / "rig.npz", rig.folder / "meta.json", labels.FOLDER / f"{rig.name}.json"]
    identity = rig.folder.parent / "identity.npz"
    return [*own, identity] if identity.exists() else own
