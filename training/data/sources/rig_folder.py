"""Rig folders (see `rigs`), each with the hash of its files: those that networks learn from by their labels, or the
others with landmarks found."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from blendshape_addon.core.detection import detect
from blendshape_addon.core.errors import FaceNotFound, InputError

from .. import labels, rigs
from . import digest_of


def read(path: Path | None, licence: str | None) -> list[rigs.Rig]:
    """The rigs below `path` that networks learn shapes from (`rigs.labelled`), $VRC_BLENDSHAPE_DATA if None; each has
    its own licence.

    Raises InputError when there is none or one is damaged.
    """
    found = _hashed(rigs.labelled(path))
    if not found:
        raise InputError(
            f"No rig below {path or rigs.data_folder()} has labels: `--source found` finds landmarks itself."
        )
    return found


def read_others(path: Path | None, licence: str | None) -> list[rigs.Rig]:
    """The other rigs with shapes and a modelled face below `path`, their landmarks found as on a creator's avatar.

    One whose face is not found is named on stderr with the reason and left out. Raises InputError when none is left or
    one is damaged.
    """
    learned = rigs.learned(path)
    out = []
    for rig in map(rigs.load, (folder for folder in rigs.folders(path) if folder not in learned)):
        if rig.shapes and rig.facts.face and not rig.facts.flat:
            try:
                out.append(with_landmarks(rig))
            except FaceNotFound as reason:
                print(f"{rig.family}/{rig.name} is left out: {reason}", file=sys.stderr)
    if not out:
        raise InputError(
            f"No rig below {path or rigs.data_folder()} has shapes and a face that is found, beside those that "
            "`--source rigs` reads."
        )
    return _hashed(out)


def with_landmarks(rig: rigs.Rig) -> rigs.Rig:
    """The rig with its landmarks found, as on a creator's avatar. Raises FaceNotFound."""
    avatar = rig.avatar()
    return replace(rig, marks=labels.on_skin(avatar, detect.find(avatar).points))


def _hashed(found: Sequence[rigs.Rig]) -> list[rigs.Rig]:
    return [replace(rig, digest=digest_of(_files(rig))) for rig in found]


def _files(rig: rigs.Rig) -> list[Path]:
    own = [rig.folder / "rig.npz", rig.folder / "meta.json"]
    others = [labels.FOLDER / f"{rig.name}.json", rig.folder.parent / "identity.npz"]
    return own + [file for file in others if file.exists()]
