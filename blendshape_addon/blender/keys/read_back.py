"""Compares the keys in a file that was written with those in the scene."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..io.mesh_io import Object
from . import fbx_verify, glb_verify

_READERS = {".fbx": fbx_verify.count_keys, ".glb": glb_verify.count_keys, ".vrm": glb_verify.count_keys}


def count_keys(path: Path, objects: Sequence[Object]) -> int:
    """How many keys of `objects` a written .fbx, .glb or .vrm file holds as they are here; empty ones do not count, and
    a .blend file, which Blender itself wrote, is not looked at.

    Raises InputError if one is missing or another one than here.
    """
    reader = _READERS.get(path.suffix.lower())
    return reader(path, objects) if reader else 0
