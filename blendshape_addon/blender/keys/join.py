"""Meshes that carry keys beside the face, joined into it: VRChat plays visemes and eyelids on one mesh.

Blender's own join brings vertices, materials, groups and attributes together. What it loses is kept here: keys that are
relative to different ones, masked or driven on one of the meshes (join_keys.py), and weights, UV maps and normals
(join_parts.py); whose keys they are; and what is stored with the objects.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import bpy
import numpy as np

from ...core.avatar import key_names
from ...core.errors import InputError
from ...core.messages import Message
from ..io.mesh_io import Object, basis
from ..io.selection import require_editable
from ..stored import joined, landmarks, parts, tuning
from . import inventory, join_keys, join_parts, key_blocks

_log = logging.getLogger(__name__)
_ORIGIN = "vrc_blendshape_origin"  # attribute of vertices for as long as meshes are joined


@dataclass
class Joined:
    """What `join` did. objects: what is left of the avatar's; parts: names of the meshes that were joined; left_out:
    why others were not; notes: what else there is to know."""

    face: Object
    objects: list[Object]
    parts: list[str] = field(default_factory=list)
    left_out: list[Message] = field(default_factory=list)
    notes: list[Message] = field(default_factory=list)


def separate(objects: Sequence[Object]) -> list[Object]:
    """Those of `objects`, an avatar, beside its face whose keys VRChat would play on the face alone: they have keys of
    the same names, which are shapes of the vocabulary under any convention's name and not empty."""
    face = inventory.face_of(objects)
    played = {name for name in _key_names(face) if key_names.recognise(name)}
    return [obj for obj in objects if obj != face and _moves(obj, played)]


def join(objects: Sequence[Object]) -> Joined:
    """Join those of `objects` that are `separate` into the face of the avatar.

    Raises InputError, nothing changed, where the face cannot be edited.
    """
    face = inventory.face_of(objects)
    found = separate(objects)
    done = Joined(face, list(objects))
    joining = []
    for part in found:
        reason = _obstacle(face, part)
        if reason:
            done.left_out.append(reason)
        else:
            joining.append(part)
    if not joining:
        return done
    require_editable(face)
    done.objects = [obj for obj in objects if obj not in joining]
    done.parts = [part.name for part in joining]
    ours = _ours([face, *joining])
    with join_parts.at_rest([face, *joining]):
        _keep_stored(face, joining, done.notes)
        children = _adopt_children(face, joining)
        _join(face, joining, done.notes)
        for child, matrix in children:
            child.matrix_world = matrix
    key_blocks.mark(face, ours)
    face.data.update()
    _log.info("joined %s into %s", ", ".join(done.parts), face.name)
    return done


def summary(done: Joined) -> Message:
    """What was joined, in one sentence."""
    if done.parts:
        return Message("Joined {names} into “{face}”.", names=", ".join(done.parts), face=done.face.name)
    if done.left_out:
        return Message("Nothing was joined into “{face}”.", face=done.face.name)
    return Message("There is nothing to join: no other mesh has shape keys of the face “{face}”.", face=done.face.name)


def _obstacle(face: Object, part: Object) -> Message | None:
    try:
        require_editable(part)
    except InputError as error:
        return error.message
    return join_parts.obstacle(face, part)


def _join(face: Object, joining: Sequence[Object], notes: list[Message]) -> None:
    """Join the meshes themselves, and their keys."""
    everything = [face, *joining]
    for part in joining:  # what is the base on the face is a key of its own there
        for key in part.data.shape_keys.key_blocks[1:]:
            if key.name == face.data.shape_keys.reference_key.name:
                key.name = f"{key.name}.{part.name}"
    to_face = np.linalg.inv(np.array(face.matrix_world, float))
    matrices = [to_face @ np.array(obj.matrix_world, float) for obj in everything]
    sets = [join_keys.read(obj, matrix) for obj, matrix in zip(everything, matrices, strict=True)]
    normals = [join_parts.corner_normals(face, obj, matrix) for obj, matrix in zip(everything, matrices, strict=True)]
    groups = join_keys.bake_masks(sets)
    active = face.active_shape_key_index
    for part in joining:
        join_keys.add_missing(face, part)
        if differing := join_keys.set_otherwise(face, part):
            notes.append(
                Message(
                    "Keys that were set otherwise on “{name}” have the values of “{face}” now: {keys}.",
                    name=part.name,
                    face=face.name,
                    keys=", ".join(differing),
                )
            )
        if part.data.shape_keys.animation_data and part.data.shape_keys.animation_data.action:
            notes.append(Message("The animation of keys on “{name}” is not carried over.", name=part.name))
    join_keys.move_drivers(face, joining)
    for part, matrix in zip(joining, matrices[1:], strict=True):
        if said := join_parts.bind(face, part, matrix):
            notes.append(said)
        base = basis(part)
        part.shape_key_clear()
        part.data.vertices.foreach_set("co", base.reshape(-1))
        if np.linalg.det(matrix[:3, :3]) < 0:
            part.data.flip_normals()  # as it is drawn now
        join_parts.match_layers(face, part, everything)
    names = [part.name for part in joining]
    rows = _merge(everything)
    joined.note(face, names, rows[1:])
    join_keys.write(face, rows, sets, groups)
    join_parts.restore_normals(face, rows, normals)
    face.active_shape_key_index = active


def _merge(everything: Sequence[Object]) -> list[np.ndarray]:
    """Blender's join of all into the first; returns which vertices (n,) of it each of them is now."""
    for number, obj in enumerate(everything):
        origin = obj.data.attributes.new(_ORIGIN, "INT", "POINT")
        origin.data.foreach_set("value", np.full(len(obj.data.vertices), number, np.int32))
    face = everything[0]
    with bpy.context.temp_override(
        active_object=face, object=face, selected_objects=everything, selected_editable_objects=everything
    ):
        bpy.ops.object.join()
    origin = face.data.attributes[_ORIGIN]
    number = np.empty(len(face.data.vertices), np.int32)
    origin.data.foreach_get("value", number)
    face.data.attributes.remove(origin)
    return [np.flatnonzero(number == which) for which in range(len(everything))]


def _keep_stored(face: Object, joining: Sequence[Object], notes: list[Message]) -> None:
    """Keep with `face` what the creator said of the avatar and what is stored with one of `joining`."""
    everything = [face, *joining]
    placed = landmarks.read(everything)
    if placed is not None:
        landmarks.keep(everything, face, placed)
    holder = tuning.holder(everything, face)
    if holder != face:
        tuning.move(holder, face)
    for part in joining:
        for group in tuning.mask_groups(face):
            join_parts.unify_mask(face, part, group)
        said = parts.corrections(part)
        for material, choice in said.items():
            covered = [slot.material.name for slot in part.material_slots if slot.material]
            covered = [name for name in covered if name not in face.data.materials]
            for name in covered if material == parts.WHOLE else {material}.intersection(covered):
                parts.correct(face, name, choice)
        if said and not any(slot.material for slot in part.material_slots):
            notes.append(
                Message("What you said of “{name}” in Parts of the Avatar has to be said again.", name=part.name)
            )


def _adopt_children(face: Object, joining: Sequence[Object]) -> list[tuple[Object, object]]:
    """Let what hangs on `joining` hang on `face`; returns each with the world matrix that it had."""
    found = [(child, child.matrix_world.copy()) for part in joining for child in part.children if child not in joining]
    for child, matrix in found:
        child.parent, child.parent_type = face, "OBJECT"
        child.matrix_world = matrix
    return found


def _ours(everything: Sequence[Object]) -> set[str]:
    """Names of keys that are this tool's on every mesh that has them."""
    made = {obj: key_blocks.made_by_us(obj) for obj in everything}
    return {
        name
        for names in made.values()
        for name in names
        if all(name in made[obj] or name not in _key_names(obj) for obj in everything)
    }


def _key_names(obj: Object) -> list[str]:
    keys = obj.data.shape_keys
    return [key.name for key in keys.key_blocks if key != keys.reference_key] if keys else []


def _moves(obj: Object, names: set[str]) -> bool:
    """Whether `obj` has a key of one of `names` that is not empty."""
    here = [name for name in _key_names(obj) if name in names]
    return any(not key_blocks.is_empty(obj.data.shape_keys.key_blocks[name]) for name in here)
