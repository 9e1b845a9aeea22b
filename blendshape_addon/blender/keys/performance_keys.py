"""A performance on the timeline: an Action for the shape keys of each mesh, and one for the head and eyes.

What a clip adds to a file carries `MARK`, by which the next clip that drives the same avatar knows and replaces it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import bpy
import numpy as np
from mathutils import Matrix

from ...core.avatar import key_names
from ...core.avatar.hints import Hints, eye_side, is_head
from ...core.errors import InputError
from ...core.messages import Message
from ...core.motion import pose, visemes
from ...core.motion.performance import LOOKS, Performance
from ...core.vocabulary import ARKIT, BLINKS
from ..io import sequencer
from ..io.avatar_objects import root_of
from ..io.mesh_io import Object
from ..io.selection import require_editable
from .animation import curves_in, drivers_of

# Custom property: of an Action, a hash of its keyframes as they were written; of strips and markers, the avatar's name.
MARK = "vrc_blendshape_clip"
_LINEAR = 1  # of a keyframe's interpolation, as foreach_set takes it


@dataclass
class Written:
    """What was keyed. first, last: frames. shapes, missing: names of shapes that a key carries, and that none does.
    visemes: whether the avatar got visemes in place of units. head: name of the bone. eyes: `keys`, `bones`, empty."""

    first: int
    last: int
    shapes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    visemes: bool = False
    head: str = ""
    eyes: str = ""
    notes: list[Message] = field(default_factory=list)


def require_drivable(objects: Sequence[Object]) -> None:
    """Raises InputError where none of the avatar's keys can be driven, where one of its meshes cannot be edited, or
    where the Nonlinear Animation editor holds its actions."""
    if not any(set(_chosen(obj)) & {*ARKIT, *BLINKS, *visemes.SPOKEN} for obj in objects):
        raise InputError(
            "“{name}” has no shape keys that a clip can drive: press Generate Face Tracking (or Generate All) first.",
            name=objects[0].name,
        )
    for obj in objects:
        if obj.data.shape_keys:
            require_editable(obj)
    for owner in (root_of(objects[0]), *(obj.data.shape_keys for obj in objects)):
        if owner and owner.animation_data and owner.animation_data.use_tweak_mode:
            raise InputError(
                "A strip of “{name}” is in tweak mode: leave it (Tab in the Nonlinear Animation editor) and try again.",
                name=objects[0].name,
            )


def write(
    scene: bpy.types.Scene,
    objects: Sequence[Object],
    performance: Performance,
    hints: Hints,
    name: str,
    start: int,
    head: bool,
) -> Written:
    """Key what `performance` of a clip called `name` says on the avatar of `objects`, from frame `start` on.

    hints: which way the avatar looks. head: whether its head is turned. Actions that were there are kept, with a fake
    user, and replaced by new ones; those of a clip that nobody has changed since are removed. Keys that are driven are
    switched on, and seen. Raises InputError as `require_drivable` does.
    """
    require_drivable(objects)
    rate = scene.render.fps / scene.render.fps_base
    frames = np.arange(start, start + max(2, round(float(performance.times[-1]) * rate) + 1))
    at = (frames - start) / rate
    chosen = {obj: _chosen(obj) for obj in objects}
    units = any(set(ARKIT) & set(keys) for keys in chosen.values())
    tracks: Mapping[str, np.ndarray] = performance.units if units else visemes.from_units(performance.units)
    by_bones = not any(set(LOOKS) & set(keys) for keys in chosen.values())
    written = Written(int(frames[0]), int(frames[-1]), visemes=not units, eyes="" if by_bones else "keys")
    if not units and any({*BLINKS[1:]} <= set(keys) for keys in chosen.values()):
        tracks = {shape: values for shape, values in tracks.items() if shape != BLINKS[0]}
    sampled = {shape: np.interp(at, performance.times, values) for shape, values in tracks.items()}
    carried = set()
    done = set()
    for obj, keys in chosen.items():
        mine = {shape: key for shape, key in keys.items() if shape in sampled}
        if mine and obj.data not in done:
            done.add(obj.data)
            carried |= _key_shapes(obj, mine, sampled, frames, name, written)
    written.shapes = [shape for shape in sampled if shape in carried]
    written.missing = [shape for shape in sampled if shape not in carried]
    _turn_bones(objects, performance, hints, name, head, by_bones, frames, at, written)
    for action in map(bpy.data.actions.get, written.actions):
        action[MARK] = _hash(action)
    scene.frame_end = max(scene.frame_end, written.last)
    return written


def add_sound(scene: bpy.types.Scene, sound: str, name: str, avatar: str, written: Written) -> None:
    """Put the sound of a clip beside its keyframes, in the first channel of the sequencer that is free there; nothing
    where the clip has none. avatar: whose clip it is."""
    strips = sequencer.strips(scene)
    channel = sequencer.free_channel(scene, written.first, written.last)
    try:
        strip = strips.new_sound(name, sound, channel, written.first)
    except RuntimeError:  # a movie without sound
        return
    if strip.frame_final_duration <= 1:
        strips.remove(strip)
        return
    strip[MARK] = avatar
    scene.sync_mode = "AUDIO_SYNC"


def remove_of(scene: bpy.types.Scene, avatar: str) -> None:
    """Take the sounds and markers of the clip that drove an avatar before out of a scene."""
    places = [scene.timeline_markers]
    if scene.sequence_editor:
        places.append(sequencer.strips(scene))
    for place in places:
        for one in [one for one in place if one.get(MARK) == avatar]:
            place.remove(one)


def _chosen(obj: Object) -> dict[str, str]:
    """{shape: key} of what a mesh has."""
    keys = obj.data.shape_keys
    return key_names.pick(keys.key_blocks.keys()[1:]) if keys and keys.use_relative else {}


def _key_shapes(
    obj: Object,
    mine: Mapping[str, str],
    sampled: Mapping[str, np.ndarray],
    frames: np.ndarray,
    name: str,
    written: Written,
) -> set[str]:
    """Key the shapes `mine` of a mesh; returns those that were."""
    keys = obj.data.shape_keys
    driven = {driver.data_path for driver in drivers_of(keys)}
    held = [key for key in mine.values() if keys.key_blocks[key].path_from_id("value") in driven]
    if held:
        written.notes.append(
            Message(
                "Left alone, because drivers move them: {names} of “{object}”.", names=", ".join(held), object=obj.name
            )
        )
    free = {shape: key for shape, key in mine.items() if key not in held}
    if not free:
        return set()
    _new_action(keys, f"{name} {obj.name}", written)
    obj.show_only_shape_key = False  # a pinned key hides all others
    for shape, key in free.items():
        block = keys.key_blocks[key]
        before, block.mute = block.value, False
        block.slider_max = max(block.slider_max, float(sampled[shape].max()))
        _fill(keys, block, "value", -1, frames, sampled[shape])
        block.value = before
    return set(free)


def _new_action(owner: bpy.types.ID, name: str, written: Written) -> None:
    """Give `owner` an empty action; the one it had stays in the file, unless a clip made it and nobody changed it."""
    data = owner.animation_data or owner.animation_data_create()
    before, data.action = data.action, None
    if before is not None and not before.users and before.get(MARK) == _hash(before):
        bpy.data.actions.remove(before)
    elif before is not None:
        before.use_fake_user = True
        written.notes.append(Message("The action “{name}” was replaced and is kept in the file.", name=before.name))
    data.action = bpy.data.actions.new(name)
    written.actions.append(data.action.name)


def _hash(action: bpy.types.Action) -> str:
    """Of what an action's keyframes say."""
    digest = hashlib.sha256()
    for curve in curves_in(action):
        points = np.empty(2 * len(curve.keyframe_points), np.float32)
        curve.keyframe_points.foreach_get("co", points)
        ways = np.empty(len(curve.keyframe_points), np.int32)
        curve.keyframe_points.foreach_get("interpolation", ways)
        digest.update(f"{curve.data_path} {curve.array_index}".encode() + points.tobytes() + ways.tobytes())
    return digest.hexdigest()


def _fill(
    owner: bpy.types.ID, holder: bpy.types.bpy_struct, prop: str, index: int, frames: np.ndarray, values: np.ndarray
) -> None:
    """Keyframes of one property, straight from one to the next. A first one makes the curve, as each Blender has it."""
    holder.keyframe_insert(prop, index=index, frame=float(frames[0]))
    path = holder.path_from_id(prop)
    curve = next(
        curve
        for curve in curves_in(owner.animation_data.action)
        if curve.data_path == path and curve.array_index == max(index, 0)
    )
    still = np.ptp(values) < 1e-4
    frames, values = (frames[:1], values[:1]) if still else (frames, values)
    points = curve.keyframe_points
    points.add(len(frames) - len(points))
    points.foreach_set("co", np.stack([frames, values], axis=1).astype(np.float32).ravel())
    points.foreach_set("interpolation", np.full(len(frames), _LINEAR, np.int32))
    curve.update()


def _turn_bones(
    objects: Sequence[Object],
    performance: Performance,
    hints: Hints,
    name: str,
    head: bool,
    eyes: bool,
    frames: np.ndarray,
    at: np.ndarray,
    written: Written,
) -> None:
    """Key the head's turn, and the eyes' where no shapes carry it."""
    rig = root_of(objects[0])
    if rig.type != "ARMATURE":
        if head:
            written.notes.append(Message("The avatar has no armature: the turn of the head is left out."))
        return
    axes = _axes(hints)
    turns: dict[bpy.types.PoseBone, np.ndarray] = {}
    head_bone = next((bone for bone in rig.pose.bones if is_head(bone.name)), None)
    if head and head_bone:
        turns[head_bone] = _resampled(performance.head, performance.times, at)
        written.head = head_bone.name
    elif head:
        written.notes.append(Message("The armature has no bone called head: the turn of the head is left out."))
    eye_bones = [bone for bone in rig.pose.bones if eye_side(bone.name) and bone.bone.use_deform]
    sides = {eye_side(bone.name): bone for bone in reversed(eye_bones)}
    if eyes and len(sides) == 2:
        across, up = np.radians(_resampled(performance.gaze, performance.times, at)).T
        zero = np.zeros_like(across)
        turned = pose.to_matrices(np.stack([zero, across, zero], 1)) @ pose.to_matrices(np.stack([-up, zero, zero], 1))
        turns |= dict.fromkeys(sides.values(), pose.to_vectors(turned))
        written.eyes = "bones"
    driven = {driver.data_path for driver in drivers_of(rig)}
    held = [bone for bone in turns if bone.path_from_id(_rotation(bone)) in driven]
    if held:
        written.notes.append(
            Message(
                "Left alone, because drivers move them: {names} of “{object}”.",
                names=", ".join(bone.name for bone in held),
                object=rig.name,
            )
        )
        written.head = "" if head_bone in held else written.head
        written.eyes = "" if set(held) - {head_bone} else written.eyes
    turns = {bone: vectors for bone, vectors in turns.items() if bone not in held}
    if turns:
        _new_action(rig, f"{name} {rig.name}", written)
    for bone, vectors in turns.items():
        _key_bone(rig, bone, axes @ pose.to_matrices(vectors) @ axes.T, frames)


def _resampled(values: np.ndarray, times: np.ndarray, at: np.ndarray) -> np.ndarray:
    return np.stack([np.interp(at, times, column) for column in values.T], axis=1)


def _axes(hints: Hints) -> np.ndarray:
    """(3, 3) the avatar's left, up and forward as columns; of one that faces -Y where its bones do not tell."""
    if hints.left is None or hints.up is None:
        return np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    return np.stack([hints.left, hints.up, np.cross(hints.left, hints.up)], axis=1)


def _rotation(bone: bpy.types.PoseBone) -> str:
    """The property that turns a bone in its own way."""
    return {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}.get(
        bone.rotation_mode, "rotation_euler"
    )


def _key_bone(rig: Object, bone: bpy.types.PoseBone, rotations: np.ndarray, frames: np.ndarray) -> None:
    """Key (F, 3, 3) rotations in world space on a bone, on top of its rest pose, in its own way of rotating."""
    rest = np.array((rig.matrix_world @ bone.bone.matrix_local).to_3x3().normalized())
    local = [Matrix(matrix) for matrix in rest.T @ rotations @ rest]
    if bone.rotation_mode == "QUATERNION":
        rows = [matrix.to_quaternion() for matrix in local]
        for earlier, later in pairwise(rows):
            later.make_compatible(earlier)
    elif bone.rotation_mode == "AXIS_ANGLE":
        rows = [(quaternion.angle, *quaternion.axis) for quaternion in (matrix.to_quaternion() for matrix in local)]
    else:
        rows = []
        for matrix in local:
            rows.append(matrix.to_euler(bone.rotation_mode, *rows[-1:]))
    values = np.array([tuple(row) for row in rows])
    for index in range(values.shape[1]):
        _fill(rig, bone, _rotation(bone), index, frames, values[:, index])
