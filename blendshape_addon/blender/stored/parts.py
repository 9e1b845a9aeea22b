"""Which parts of an avatar are what: as recognised, and as its creator corrected it. Both are kept with the objects.

A part is an object, or, where an object has several materials, what one of them covers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import bpy
import numpy as np

from ...core.avatar.avatar import Avatar
from ...core.face.parts import Part, PartOverride
from ...core.pipeline import FaceAnalysis
from . import migration
from .migration import OVERRIDES, PARTS

Object = bpy.types.Object
AUTO = "AUTO"
# What a creator can say. The order is that of the menu.
CHOICES = {
    "FACE": Part.SKIN,
    "EYE": Part.EYE,
    "TEETH": PartOverride.TEETH,
    "TEETH_UPPER": Part.TEETH_UPPER,
    "TEETH_LOWER": Part.TEETH_LOWER,
    "TONGUE": Part.TONGUE,
    "MOUTH": Part.MOUTH,
    "ATTACHED": Part.ATTACHED,
    "OTHER": Part.OTHER,
}
WHOLE = "/"  # stands for the material of an object whose materials are not distinguished
_MIXED = 0.2  # share of a part's vertices from which it is said to be something as well


def correct(obj: Object, material: str, choice: str) -> None:
    """Remember with `obj` what its creator says that a part is: one of CHOICES, or AUTO to take that back."""
    choices = corrections(obj)
    choices.pop(material, None)
    if choice != AUTO:
        choices[material] = choice
    migration.put(obj, OVERRIDES, choices)


def corrections(obj: Object) -> dict[str, str]:
    """Material, or WHOLE, to one of CHOICES: what the creator said of `obj`."""
    return migration.read_table(obj, OVERRIDES)


def recognised(obj: Object) -> dict[str, str]:
    """Material, or WHOLE, to names of Part, comma-separated, the likeliest first; empty before `note`."""
    return migration.read_table(obj, PARTS)


def overrides(obj: Object) -> np.ndarray:
    """(V,) int8: what the creator says of each vertex of `obj`, as Avatar.part_override has it."""
    out = np.full(len(obj.data.vertices), PartOverride.NOTHING, np.int8)
    corrected = corrections(obj)
    for material, vertices in _parts(obj) if corrected else ():
        if corrected.get(material) in CHOICES:
            out[vertices] = CHOICES[corrected[material]]
    return out


def note(objects: Sequence[Object], avatar: Avatar, analysis: FaceAnalysis) -> None:
    """Keep with each of `objects`, which `avatar` was read from, what its parts were recognised as."""
    part = np.full(len(avatar.vertices), Part.OTHER, np.int8)
    part[analysis.anatomy.features.index] = analysis.anatomy.features.part
    for number, obj in enumerate(objects):
        own = part[avatar.object_id == number]
        migration.put(obj, PARTS, {material: _summary(own[vertices]) for material, vertices in _parts(obj)})


def _parts(obj: Object) -> Iterator[tuple[str, np.ndarray]]:
    """Material, or WHOLE, and the vertices of each part of `obj`."""
    mesh = obj.data
    slot = np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("material_index", slot)
    names = {int(s): _material(obj, int(s)) for s in np.unique(slot)}
    if len(set(names.values())) < 2:
        yield WHOLE, np.arange(len(mesh.vertices))
        return
    corners = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", corners)
    size = np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("loop_total", size)
    corner_slot = np.repeat(slot, size)
    for name in dict.fromkeys(names.values()):
        mine = [s for s, other in names.items() if other == name]
        yield name, np.unique(corners[np.isin(corner_slot, mine)])


def _material(obj: Object, slot: int) -> str:
    material = obj.material_slots[slot].material if slot < len(obj.material_slots) else None
    return material.name if material else WHOLE


def _summary(part: np.ndarray) -> str:
    """What (n,) vertices are, by their number. A body is far more than the face that is in it: OTHER comes last."""
    of_face = part[part != Part.OTHER]
    count = np.bincount(of_face, minlength=len(Part))
    order = [p for p in np.argsort(-count) if count[p] > _MIXED * len(of_face)]
    return ",".join(Part(int(p)).name for p in order) or Part.OTHER.name
