"""Which shapes an avatar has already, and which of them are empty or duplicates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import bpy

from ...core.avatar.face_names import face_rank
from ...core.face.parts import Part
from ...core.vocabulary import GROUPS, KNOWN_SHAPES, VISEMES
from ..io.mesh_io import Object, basis, coordinates
from ..stored import parts
from . import key_blocks


@dataclass
class Inventory:
    """Names of vocabulary.KNOWN_SHAPES, in order. face: the object that VRChat would take visemes from.

    empty: keys that move nothing an exporter would keep. duplicates: visemes, each with an earlier one
    of the same shape. ours: keys that this tool made and nobody has edited since.
    """

    face: Object
    present: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    duplicates: dict[str, str] = field(default_factory=dict)
    ours: set[str] = field(default_factory=set)

    def missing(self, group: str) -> list[str]:
        """The shapes of a group of vocabulary.GROUPS that the avatar lacks."""
        return [name for name in GROUPS[group] if name not in self.present]


def face_of(objects: Sequence[Object]) -> Object:
    """The object with most visemes, else most shapes, else the one that was recognised as skin, else the one that is
    called a face, else the active."""
    return max(objects, key=_rank)


def take(objects: Sequence[Object]) -> Inventory:
    """The shapes on the face, see `face_of`: VRChat takes visemes from one mesh."""
    face = face_of(objects)
    keys = _keys(face)
    found = Inventory(face, [name for name in KNOWN_SHAPES if name in keys], ours=key_blocks.made_by_us(face))
    base = basis(face)
    by_target: dict[bytes, str] = {}
    for name in found.present:
        target = coordinates(keys[name].points)
        if key_blocks.is_still(target, base):
            found.empty.append(name)
        elif name in VISEMES:
            first = by_target.setdefault(target.tobytes(), name)
            if first != name:
                found.duplicates[name] = first
    return found


def _rank(obj: Object) -> tuple:
    names = _keys(obj).keys()
    recognised = Part.SKIN.name in ",".join(parts.recognised(obj).values())
    active = obj == bpy.context.view_layer.objects.active
    return len(names & set(VISEMES)), len(names & set(KNOWN_SHAPES)), recognised, face_rank(obj.name), active


def _keys(obj: Object) -> dict:
    keys = obj.data.shape_keys
    return dict(keys.key_blocks.items()) if keys else {}
