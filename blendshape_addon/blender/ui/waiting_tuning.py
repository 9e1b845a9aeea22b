"""Which shapes wait for Apply, because their tuning was changed since they were made."""

from __future__ import annotations

from collections.abc import Sequence

import bpy

from ...core.errors import UserError
from ...core.style.tuning import waiting
from ...core.vocabulary import KNOWN_SHAPES
from ..io.mesh_io import Object
from ..keys import key_blocks
from ..stored import tuning
from ..translations import translate


def count(
    state: bpy.types.PropertyGroup, objects: Sequence[Object], face: Object, ours: set[str] | None = None
) -> None:
    """Write to the state which shapes of `face` wait for Apply, and which of those that were made have been edited.

    ours: key_blocks.made_by_us of the face, where that is known.
    """
    ours, made = key_blocks.made_by_us(face) if ours is None else ours, tuning.made_with(face)
    there = keys_of(face)
    state.edited = ", ".join(name for name in KNOWN_SHAPES if name in made and name in there and name not in ours)
    try:
        wanted = tuning.read(objects)
    except UserError as error:
        state.waiting, state.changes, state.tuning_said = "", 0, translate(error.message)
        return
    names, state.changes = waiting(wanted, {name: made.get(name, {}) for name in KNOWN_SHAPES if name in ours})
    state.waiting = ", ".join(names)


def keys_of(face: Object) -> list[str]:
    """Names of the shape keys of an object."""
    keys = face.data.shape_keys
    return keys.key_blocks.keys() if keys else []
