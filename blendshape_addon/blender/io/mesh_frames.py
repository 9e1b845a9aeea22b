"""A mesh in motion, from an object of the scene, an Alembic or USD cache, a point cache, or a folder of OBJ files."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np

from ...core.corrective.frames import Frames, frames_from_folder
from ...core.errors import InputError
from ..mesh_objects import coordinates
from . import point_cache
from .files import quiet

Object = bpy.types.Object
ALEMBIC, USD, POINTS = (".abc",), (".usd", ".usda", ".usdc", ".usdz"), (".pc2", ".mdd")
_log = logging.getLogger(__name__)
# What files bring into Blender.
_COLLECTIONS = (
    "objects", "meshes", "armatures", "materials", "cache_files", "collections", "cameras", "lights", "curves",
    "images", "actions", "worlds", "textures", "node_groups",
)  # fmt: skip


def read_object(scene: bpy.types.Scene, obj: Object, frames: Iterable[int]) -> Frames:
    """`obj` as its modifiers make it, in the world, over `frames` of the scene.

    Raises InputError where its vertices are not the same ones in every frame, or none at all.
    """
    points, polygons, now = [], None, scene.frame_current
    try:
        for frame in frames:
            scene.frame_set(frame)
            evaluated = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
            if not evaluated.is_evaluated:  # switched off, or of another scene: Blender does not move it
                raise InputError("“{name}” is hidden: show it (Alt H in the 3D view) and try again.", name=obj.name)
            mesh = evaluated.to_mesh()
            try:
                places, found = coordinates(mesh.vertices), _polygons(mesh)
            finally:
                evaluated.to_mesh_clear()
            if polygons is not None and (len(places) != len(points[0]) or not np.array_equal(found[0], polygons[0])):
                raise InputError(
                    "“{name}” has other vertices or polygons in frame {frame} than before: switch off the modifiers "
                    "that change how many there are.",
                    name=obj.name,
                    frame=frame,
                )
            polygons = found
            matrix = np.array(evaluated.matrix_world, np.float32)
            points.append(places @ matrix[:3, :3].T + matrix[:3, 3])
    finally:
        scene.frame_set(now)
    if polygons is None or len(points[0]) == 0 or len(polygons[0]) == 0:
        raise InputError("“{name}” has no faces: choose the mesh that moves.", name=obj.name)
    return checked(Frames(np.stack(points), *polygons, obj.name))


def matrices_of(scene: bpy.types.Scene, obj: Object, frames: Iterable[int]) -> np.ndarray:
    """(F, 4, 4) from the space of `obj` to the world over `frames` of the scene."""
    now, found = scene.frame_current, []
    try:
        for frame in frames:
            scene.frame_set(frame)
            found.append(np.array(obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world, float))
    finally:
        scene.frame_set(now)
    return np.array(found)


def read_path(path: Path, like: Object | None, near: np.ndarray | None = None) -> Frames:
    """The frames of a folder of OBJ files or of a cache file.

    like: the object that a point cache, which holds no polygons, is of. near: (V, 3) places of the first frame of what
    it is compared with, which tell the up axis of OBJ files. Raises InputError for what cannot be read.
    """
    if path.is_dir():
        return _upright(frames_from_folder(path), near)
    suffix = path.suffix.lower()
    if suffix not in (*ALEMBIC, *USD, *POINTS):
        raise InputError(
            "{file} is not a motion this tool can read: give a folder of OBJ files or one of {kinds}.",
            file=path.name,
            kinds=" ".join((*ALEMBIC, *USD, *POINTS)),
        )
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(
            "{file} cannot be opened: {reason}.", file=path.name, reason=error.strerror or error
        ) from error
    if not size:
        raise InputError("{file} is empty: export it again.", file=path.name)
    if suffix in POINTS:
        if like is None:
            raise InputError(
                "{file} holds no polygons: choose the object that it moves as well, or export Alembic.", file=path.name
            )
        matrix = np.array(like.matrix_world, np.float32)
        points = point_cache.read(path) @ matrix[:3, :3].T + matrix[:3, 3]
        if points.shape[1] != len(like.data.vertices):
            raise InputError(
                "{file} moves {count} vertices, and “{name}” has {others}: choose the object that it was made of.",
                file=path.name,
                count=points.shape[1],
                name=like.name,
                others=len(like.data.vertices),
            )
        return checked(Frames(points, *_polygons(like.data), path.name))
    with _imported(path, suffix) as (scene, objects):
        if len(objects) != 1:
            names = ", ".join(f"“{obj.name}”" for obj in objects) or "0"
            raise InputError(
                "{file} holds {names}, and one mesh is needed: export the mesh that moves alone.",
                file=path.name,
                names=names,
            )
        found = read_object(scene, objects[0], range(scene.frame_start, scene.frame_end + 1))
    return Frames(found.positions, found.corners, found.sizes, path.name)


def polygons_of(obj: Object) -> tuple[np.ndarray, np.ndarray]:
    """Corners and sizes, as Frames has them, of the mesh of `obj` without its modifiers."""
    return _polygons(obj.data)


def checked(frames: Frames) -> Frames:
    """`frames`. Raises InputError where a coordinate is not a finite number."""
    bad = np.flatnonzero(~np.isfinite(frames.positions).all((1, 2)))
    if len(bad):
        where = f"frame {bad[0] + 1} of {frames.name}"
        raise InputError("Some places in {where} are no numbers: export this frame again.", where=where)
    return frames


def _polygons(mesh: bpy.types.Mesh) -> tuple[np.ndarray, np.ndarray]:
    corners, sizes = np.empty(len(mesh.loops), np.int32), np.empty(len(mesh.polygons), np.int32)
    mesh.loops.foreach_get("vertex_index", corners)
    mesh.polygons.foreach_get("loop_total", sizes)
    return corners.astype(np.int64), sizes.astype(np.int64)


def _upright(frames: Frames, near: np.ndarray | None) -> Frames:
    """OBJ files do not tell which axis is up: z as Blender has it, or y, which exporters write, whichever is nearer."""
    turned = frames.positions[:, :, [0, 2, 1]] * np.array([1, -1, 1], np.float32)
    if near is not None and near.shape == turned.shape[1:]:
        apart = [float(np.linalg.norm(points[0] - near, axis=1).mean()) for points in (turned, frames.positions)]
        if apart[1] < apart[0]:
            return frames
    return Frames(turned, frames.corners, frames.sizes, frames.name)


@contextmanager
def _imported(path: Path, suffix: str) -> Iterator[tuple[bpy.types.Scene, list[Object]]]:
    """A scene of its own with what `path` holds, for as long as the block, and its meshes. Raises InputError."""
    before = {name: set(getattr(bpy.data, name)) for name in _COLLECTIONS}
    window, scene = bpy.context.window, bpy.data.scenes.new("vrc_blendshape_frames")
    shown = window.scene if window else bpy.context.scene
    try:
        if window:
            window.scene = scene
        try:
            with quiet(), bpy.context.temp_override(scene=scene):
                if suffix in ALEMBIC:
                    bpy.ops.wm.alembic_import(filepath=str(path), as_background_job=False, set_frame_range=True)
                else:
                    bpy.ops.wm.usd_import(filepath=str(path), set_frame_range=True)
        except RuntimeError as error:
            _log.warning("%s cannot be read", path, exc_info=True)
            raise _damaged(path, suffix) from error
        meshes = [obj for obj in scene.objects if obj.type == "MESH" and obj.data.polygons]
        if not scene.objects:
            raise _damaged(path, suffix)
        with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
            yield scene, meshes
    finally:
        if window:
            window.scene = shown
        bpy.data.scenes.remove(scene)
        bpy.data.batch_remove([block for name in _COLLECTIONS for block in set(getattr(bpy.data, name)) - before[name]])


def _damaged(path: Path, suffix: str) -> InputError:
    return InputError("{file} cannot be read: it is damaged or not a {suffix} file.", file=path.name, suffix=suffix)
