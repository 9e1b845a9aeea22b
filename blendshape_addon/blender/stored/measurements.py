"""What was measured of the person in a photo, kept with the armature of the body that was made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import bpy

from . import migration
from .migration import MEASURED


@dataclass(frozen=True)
class Measured:
    """centimetres: by name, in the order in which they are shown. relative: whether they are only right if the person
    is as tall as the first says. picture: name of the image that shows the body's outline over the photo."""

    centimetres: Mapping[str, float]
    relative: bool
    picture: str


def keep(rig: bpy.types.Object, measured: Measured) -> None:
    """Keep what was measured with `rig`."""
    value = {"cm": dict(measured.centimetres), "relative": measured.relative, "picture": measured.picture}
    migration.put(rig, MEASURED, value)


def read(rig: bpy.types.Object | None) -> Measured | None:
    """What is kept with `rig`; None where nothing is, or where a newer version keeps it otherwise."""
    value = migration.read_table(rig, MEASURED)
    if not isinstance(value.get("cm"), dict):
        return None
    return Measured(value["cm"], bool(value.get("relative")), str(value.get("picture", "")))


def of(obj: bpy.types.Object | None) -> Measured | None:
    """What was measured of the person whose body `obj`, an armature or a mesh on it, is of; None for anything else."""
    return (read(obj) or read(obj.find_armature()) or read(obj.parent)) if obj is not None else None
