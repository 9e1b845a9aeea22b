"""`corrective bake` of the command line: corrective keys on the mesh of one avatar file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

import bpy
import numpy as np

from ... import console
from ...core.corrective import model as models
from ...core.corrective.frames import Frames
from ...core.errors import InputError
from ...core.messages import Message
from ...options import OK
from ..io import files, mesh_frames, point_cache, rig_motion, selection
from ..io.rig_motion import RigMotion
from ..translations import translate
from . import corrective

Object = bpy.types.Object
_OUTPUTS = (".blend", ".fbx", ".glb")


def run(options: argparse.Namespace) -> int:
    """Bake as `options` say, write the output and what belongs to it; returns the exit status.

    Raises UserError, and nothing is written, where the keys cannot be made.
    """
    _check_paths(options)
    model = models.load(options.model, options.provider) if options.model else None
    progress = console.Progress(options.input.name)
    notes = files.load(options.input, settings=options.output.suffix.lower() == ".blend")
    scene = bpy.context.scene
    obj = _mesh(options, model)
    frames = range(options.frames[0], options.frames[1] + 1) if options.frames else None
    motion = corrective.motion_of(scene, obj, model is not None, frames)
    if options.cache and not motion.frames:
        raise InputError("“{name}” has no animation to write to {file}.", name=obj.name, file=options.cache.name)
    if not motion.frames:
        notes.append(Message("The file holds no motion: the keys are baked over a range of motion of people's limbs."))
    skinned, more = corrective.skinned_frames(obj, motion), None
    if model is None:
        corrected = corrective.target_of(scene, obj, motion, skinned, corrective.Source(path=options.target))
    else:
        corrected, said = corrective.corrected_by(
            model, skinned, lambda fraction: progress(0.4 * fraction, "correcting frames")
        )
        notes += said
        if further := corrective.further_motion(obj, motion):
            frames = corrective.skinned_frames(obj, further)
            more = (
                further.poses,
                corrective.corrected_by(
                    model, frames, lambda fraction: progress(0.4 + 0.2 * fraction, "correcting frames")
                )[0],
            )
    baked = corrective.bake(
        motion, skinned, corrected, options.keys, options.poses,
        lambda fraction: progress(0.6 + 0.4 * fraction, "choosing key poses"), more,
    )  # fmt: skip
    corrective.write(obj, baked)
    notes += baked.notes
    _write(options, obj, motion, corrected, baked, notes)
    _say(options, obj, baked, notes)
    return OK


def _check_paths(options: argparse.Namespace) -> None:
    """Raises InputError or OutputError, before any work, for what cannot be written."""
    if options.output.suffix.lower() not in _OUTPUTS:
        raise InputError(
            "{file} cannot be written: give the output one of {kinds}.",
            file=options.output.name,
            kinds=" ".join(_OUTPUTS),
        )
    if options.cache and options.cache.suffix.lower() != ".pc2":
        raise InputError(
            "{file} cannot be written: give the output one of {kinds}.", file=options.cache.name, kinds=".pc2"
        )
    for path in (options.output, options.drivers, options.cache, options.report):
        if path:
            files.require_writable(path.parent)


def _mesh(options: argparse.Namespace, model: models.CorrectiveModel | None) -> Object:
    """The object to bake on. Raises InputError where none or several fit."""
    avatars = selection.avatars_of_scene(bpy.context, options.input.name)
    meshes = [obj for avatar in avatars for obj in avatar]
    if options.mesh:
        named = [obj for obj in meshes if obj.name == options.mesh]
        if not named:
            raise InputError("There is no mesh named “{name}”.", name=options.mesh)
        return named[0]
    skinned = [obj for obj in meshes if rig_motion.armature_of(obj)]
    if not skinned:
        rig_motion.require_armature(meshes[0])
    fitting = [obj for obj in skinned if model is None or _fits(obj, model)]
    if not fitting:
        largest = max(skinned, key=lambda obj: len(obj.data.vertices))
        model.check_mesh(_edges(largest), len(largest.data.vertices))
    if len(fitting) > 1:
        names = ", ".join(obj.name for obj in fitting)
        raise InputError("Several meshes could be meant: say which with --mesh, one of {names}.", names=names)
    return fitting[0]


def _fits(obj: Object, model: models.CorrectiveModel) -> bool:
    count = len(obj.data.vertices)
    return count == model.vertices and models.topology(_edges(obj), count) == model.topology


def _edges(obj: Object) -> np.ndarray:
    return Frames(np.empty((0, len(obj.data.vertices), 3), np.float32), *mesh_frames.polygons_of(obj)).edges


def _write(
    options: argparse.Namespace,
    obj: Object,
    motion: RigMotion,
    corrected: np.ndarray,
    baked: corrective.Baked,
    notes: list[Message],
) -> None:
    """Write the output and what is asked for beside it."""
    suffix = options.output.suffix.lower()
    objects = [member for avatar in selection.avatars_of_scene(bpy.context, options.input.name) for member in avatar]
    objects = [member for member in objects if rig_motion.armature_of(member) == rig_motion.armature_of(obj)]
    files.save(options.output, objects)
    if suffix != ".blend":
        notes += files.left_out(objects)
        if not options.drivers:
            notes.append(
                Message(
                    "{file} holds the keys and not their drivers: give --drivers TABLE.json to set them up in Unity.",
                    file=options.output.name,
                )
            )
    if options.drivers:
        files.write_text(options.drivers, corrective.driver_table(obj, baked))
    if options.cache:
        matrices = mesh_frames.matrices_of(bpy.context.scene, obj, motion.frames)
        points = point_cache.local(motion.moved_points(corrected), matrices)
        point_cache.write(options.cache, points, motion.frames[0])
    if options.report:
        files.write_text(options.report, json.dumps(_entry(options, obj, baked, notes), indent=2) + "\n")


def _entry(
    options: argparse.Namespace, obj: Object, baked: corrective.Baked, notes: Sequence[Message]
) -> dict[str, object]:
    return {
        "ok": True,
        "input": str(options.input),
        "output": str(options.output),
        "mesh": obj.name,
        "keys": [key.name for key in baked.keys],
        "before_mm": {name: round(value, 4) for name, value in vars(baked.before).items()},
        "after_mm": {name: round(value, 4) for name, value in vars(baked.after).items()},
        "kept": round(baked.kept, 3),
        "notes": [translate(note) for note in notes],
    }


def _say(options: argparse.Namespace, obj: Object, baked: corrective.Baked, notes: Sequence[Message]) -> None:
    console.say(f"{options.input} → {options.output}: {obj.name}: {len(baked.keys)} corrective keys")
    console.say(f"  {'key':<32}{'bone':<24}{'mm at most':>11}{'vertices':>10}")
    for key in baked.keys:
        peak = float(np.linalg.norm(key.offsets, axis=1).max()) * 1000
        console.say(f"  {key.name:<32}{key.driver.bone:<24}{peak:>11.2f}{len(key.indices):>10}")
    console.say(f"  {'mm from the surface':<24}{'mean':>9}{'q95':>9}{'where it moves':>16}{'at rest':>9}")
    for label, one in (("before", baked.before), ("after", baked.after)):
        console.say(f"  {label:<24}{one.mean:>9.3f}{one.q95:>9.3f}{one.moving:>16.3f}{one.resting:>9.3f}")
    console.say(f"  kept of the correction where it moves: {baked.kept:.0%}")
    for note in notes:
        console.say(f"  note: {translate(note)}")
