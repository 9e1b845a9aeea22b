"""Corrective shapes of one mesh: its motion, the surface that a model or a target has in it, and keys baked of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import bpy
import numpy as np

from ...core.corrective import bake as baking
from ...core.corrective import model as models
from ...core.corrective import range_of_motion
from ...core.corrective.bake import Errors, Key, Poses, Wanted
from ...core.corrective.driver_table import table
from ...core.corrective.drivers import angles
from ...core.corrective.frames import Frames, check_length, check_pair
from ...core.corrective.parameters import BAKE
from ...core.errors import InputError
from ...core.messages import Message
from ..io import mesh_frames, point_cache, rig_motion
from ..io.rig_motion import RigMotion
from ..keys import corrective_keys

Object = bpy.types.Object
_SAME_SIZE = 0.01  # share by which edges may differ from those that a model learned on before frames are scaled
_FAR = 0.08  # of a mesh's diagonal: what is farther from it is no correction
_SAME_SHAPE = 0.15  # spread of that share from which the mesh is another body


@dataclass(frozen=True)
class Source:
    """Where a mesh in motion comes from: an object of the scene, else a path."""

    object: Object | None = None
    path: Path | None = None


@dataclass
class Baked:
    """What was baked. before, after: how far the mesh is from the target. map_before, map_after: (V,) mm, the same of
    each vertex, on average over the frames."""

    keys: list[Key]
    before: Errors
    after: Errors
    map_before: np.ndarray
    map_after: np.ndarray
    notes: list[Message] = field(default_factory=list)

    @property
    def kept(self) -> float:
        """Share of the correction that the keys give, where the mesh moves."""
        return baking.gain_kept(self.before.moving, self.after.moving)


def motion_of(scene: bpy.types.Scene, obj: Object, by_model: bool, frames: Sequence[int] | None = None) -> RigMotion:
    """The motion of the armature of `obj`: over `frames`, else over those of its animation. by_model: where it does not
    move, over a range of motion that its bones' names tell, which a model corrects, too. Raises InputError."""
    rig = rig_motion.require_armature(obj)
    if frames is not None:
        return rig_motion.read(scene, obj, frames)
    if rig_motion.may_move(rig):
        found = rig_motion.read(scene, obj, rig_motion.moving_frames(scene, rig))
        if angles(found.poses.rotations).max() >= BAKE.turn:
            return found
    if by_model:
        return _range_of_motion(obj, rig)
    raise InputError(
        "The armature of “{name}” does not move, so that no frame fits the target: load the animation that the target "
        "is of.",
        name=obj.name,
    )


def further_motion(obj: Object, motion: RigMotion) -> RigMotion | None:
    """A range of motion to bake over beside the animation `motion`, in which joints may always bend together; None
    where the bones' names do not tell one, or where `motion` is it."""
    if not motion.frames:
        return None
    try:
        return _range_of_motion(obj, rig_motion.require_armature(obj))
    except InputError:
        return None


def corrected_by(
    model: models.CorrectiveModel, skinned: Frames, progress: baking.Progress
) -> tuple[np.ndarray, list[Message]]:
    """(F, V, 3) metres: the surface that a model gives for skinned frames, and notes. It needs nothing of Blender.

    Raises InputError for another mesh than the model's and for fewer frames than it looks at.
    """
    positions, edges = skinned.positions, skinned.edges
    model.check_mesh(edges, positions.shape[1])
    check_length(len(positions), model.frames)
    if model.joints:
        raise InputError(
            "The model {name} takes the places of {count} joints, whose bones it does not name: learn one without "
            "joints (--model-type linear or without_joints).",
            name=model.name,
            count=model.joints,
        )
    lengths = [
        np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1) for points in (positions[0], model.rest)
    ]
    ratios = lengths[0] / np.maximum(lengths[1], 1e-9)
    scale = float(np.median(ratios))
    notes = []
    if scale < 1e-6:
        raise InputError(
            "“{name}” is scaled to nothing: give it a scale other than zero and try again.", name=skinned.name
        )
    if float(np.subtract(*np.quantile(ratios / scale, (0.75, 0.25)))) > _SAME_SHAPE:
        notes.append(
            Message(
                "“{name}” has another shape than the mesh that the model {model} learned on: look at the keys closely.",
                name=skinned.name,
                model=model.name,
            )
        )
    scale = 1.0 if abs(scale - 1) < _SAME_SIZE else scale
    corrected = model.correct_all((positions / np.float32(scale)).astype(np.float32), None, progress)
    return corrected * np.float32(scale), notes


def frames_of(
    scene: bpy.types.Scene, source: Source, frames: Sequence[int], like: Object | None, near: np.ndarray | None
) -> Frames:
    """The frames of a source; see mesh_frames.read_path for `like` and `near`. Raises InputError."""
    if source.object is not None:
        return mesh_frames.read_object(scene, source.object, frames)
    if source.path is None:
        raise InputError("No target is chosen: give an object, a folder of OBJ files or a cache file.")
    return mesh_frames.read_path(source.path, like, near)


def skinned_frames(obj: Object, motion: RigMotion) -> Frames:
    """`obj` as linear skinning moves it."""
    return Frames(motion.mesh.skinned(motion.poses), *mesh_frames.polygons_of(obj), obj.name)


def target_of(scene: bpy.types.Scene, obj: Object, motion: RigMotion, skinned: Frames, source: Source) -> np.ndarray:
    """(F, V, 3) metres: the true surface of `obj` in the frames of its motion. Raises InputError where it is none."""
    # A point cache is in the object's space, and so does not hold how the armature moves as a whole.
    whole = source.path is None or source.path.suffix.lower() not in mesh_frames.POINTS
    near = motion.moved_points(skinned.positions[:1])[0]
    target = frames_of(scene, source, motion.frames, obj, near)
    check_pair(skinned, target)
    return (motion.still(target.positions) if whole else target.positions).astype(np.float32)


def require_near(mesh: str, skinned: np.ndarray, corrected: np.ndarray) -> None:
    """Raises InputError where (F, V, 3) corrected frames of the object `mesh` are too far off the skinned ones to be of
    the same motion."""
    away = float(np.linalg.norm(corrected - skinned, axis=2).mean())
    if away > _FAR * float(np.linalg.norm(np.ptp(skinned[0], axis=0))):
        raise InputError(
            "The target is {away:.0f} cm off “{name}” on average: it is of another motion, of another size or does not "
            "stand where the mesh does.",
            away=away * 100,
            name=mesh,
        )


def bake(
    motion: RigMotion,
    skinned: Frames,
    corrected: np.ndarray,
    count: int,
    wanted: Sequence[Wanted],
    progress: baking.Progress,
    more: tuple[Poses, np.ndarray] | None = None,
) -> Baked:
    """Up to `count` corrective keys of a motion; more: see core's bake. It needs nothing of Blender.

    Raises InputError as core's bake does.
    """
    require_near(skinned.name, skinned.positions, corrected)
    keys = baking.bake(motion.mesh, motion.poses, corrected, count, wanted, progress, more)
    keyed = baking.keyed(motion.mesh, motion.poses, keys)
    before, after = (baking.errors(points, corrected, skinned.positions) for points in (skinned.positions, keyed))
    maps = [np.linalg.norm(points - corrected, axis=2).mean(0) * 1000 for points in (skinned.positions, keyed)]
    return Baked(keys, before, after, maps[0], maps[1])


def write(obj: Object, baked: Baked) -> None:
    """Put baked keys on `obj`; from then on they have the names that they got there. Raises InputError before anything
    is changed."""
    rig = rig_motion.require_armature(obj)
    names = corrective_keys.write(obj, rig, baked.keys)
    baked.keys = [replace(key, name=name) for name, key in zip(names, baked.keys, strict=True)]
    if rig_motion.preserves_volume(obj):
        baked.notes.append(
            Message(
                "The Armature modifier of “{name}” has Preserve Volume, which Unity has not: switch it off to see the "
                "keys as they will be.",
                name=obj.name,
            )
        )


def driver_table(obj: Object, baked: Baked | None) -> str:
    """The drivers of the corrective keys on `obj`, as JSON; baked: what was baked on it, as far as that is known.

    Raises InputError where it has none.
    """
    keys = corrective_keys.read(obj)
    if not keys:
        raise InputError("“{name}” has no corrective keys: press Bake Corrective Keys first.", name=obj.name)
    errors = (baked.before, baked.after) if baked else None
    return table(obj.name, rig_motion.require_armature(obj).name, keys, errors)


def bake_animation(obj: Object, points: np.ndarray, matrices: np.ndarray, first: int, path: Path) -> None:
    """Write (F, V, 3) points in the world as a point cache, which `obj` follows from frame `first` on. matrices: (F, 4,
    4) of `obj`. Raises OutputError."""
    point_cache.write(path, point_cache.local(points, matrices), first)
    point_cache.play(obj, path, first)


def _range_of_motion(obj: Object, rig: Object) -> RigMotion:
    mesh, world = rig_motion.mesh_at_rest(obj, rig), np.array(rig.matrix_world, float)
    rests = np.array([world @ np.array(bone.matrix_local, float) for bone in rig.data.bones])
    holding = mesh.skin.weights.max(0) > 0
    rest = range_of_motion.Rest(rig_motion.bone_names(rig), rig_motion.parents_of(rig), rests, holding)
    poses: Poses = range_of_motion.poses(rest)
    return RigMotion(mesh, poses, np.tile(np.eye(4), (poses.count, 1, 1)), ())
