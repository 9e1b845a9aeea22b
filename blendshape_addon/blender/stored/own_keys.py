"""Which of a creator's keys is which shape where the creator says so, kept with the object that carries the face."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import bpy

from ...core.vocabulary import ALL_SHAPES
from . import migration
from .migration import OWN

Object = bpy.types.Object
NONE = ""  # in place of a key: none of the creator's is this shape


def read(objects: Iterable[Object]) -> dict[str, str]:
    """Key by shape, NONE for none, of the avatar of `objects`; shapes that nothing is said of are left to names."""
    found: dict[str, str] = {}
    for obj in objects:
        found |= {shape: str(key) for shape, key in migration.read_table(obj, OWN).items() if shape in ALL_SHAPES}
    return found


def keep(objects: Iterable[Object], holder: Object, said: Mapping[str, str]) -> None:
    """Keep what is `said` of the avatar of `objects` with `holder`, in place of what was."""
    for obj in objects:
        migration.remove(obj, OWN)
    migration.put(holder, OWN, dict(said))
