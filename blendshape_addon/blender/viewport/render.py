"""A contact sheet: neutral and every shape, labelled, framed on the face. Drawn in a scene of its own, then removed."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import bmesh
import bpy
import numpy as np

from ...core.avatar.avatar import Avatar
from ...core.face.face_space import FaceSpace
from ...core.face.parts import Part, classify
from ...core.shapes import Shape
from ..io import files
from ..io.mesh_io import Object

_COLUMNS = 6
_CELL = 320  # pixels
_SMALL = 150
_WIDTH, _HEIGHT = 2.9, 3.7  # of a cell, in eye distances
_LABEL = 0.3
_YAW = np.radians(18)  # from the side a little, so that depth can be judged
_COLOURS = {
    Part.OTHER: (0.45, 0.42, 0.42),
    Part.SKIN: (1.0, 0.72, 0.58),
    Part.EYE: (0.62, 0.80, 1.0),
    Part.TEETH_UPPER: (1.0, 1.0, 0.92),
    Part.TEETH_LOWER: (0.88, 0.95, 0.80),
    Part.TONGUE: (0.85, 0.25, 0.28),
    Part.MOUTH: (0.80, 0.45, 0.45),
    Part.ATTACHED: (0.12, 0.08, 0.07),
}
_TELLING = ("vrc.v_aa", "vrc.v_pp", "joy", "vrc.blink", "jawOpen", "mouthSmileLeft", "eyeBlinkLeft")


def thumbnail(path: Path, avatar: Avatar, marks: np.ndarray, shapes: Sequence[Shape]) -> None:
    """Write the small JPEG picture `path` of a few of `shapes`; see sheet."""
    by_name = {shape.name: shape for shape in shapes}
    telling = [by_name[name] for name in _TELLING if name in by_name] or shapes
    sheet(path, avatar, marks, telling[:4], _SMALL)


def sheet(path: Path, avatar: Avatar, marks: np.ndarray, shapes: Sequence[Shape], cell: int = _CELL) -> None:
    """Write the picture `path`, JPEG or PNG by its suffix, of `shapes` on `avatar`, whose face has the (L, 3) landmarks
    `marks`; `cell` pixels across for each."""
    space = FaceSpace.of(marks)
    head, triangles, parts = _head(avatar, marks, space)
    names = ["neutral", *(shape.name for shape in shapes)]
    columns = min(_COLUMNS, len(names))
    rows = -(-len(names) // _COLUMNS)
    with ExitStack() as stack:
        scene = _temporary(stack, bpy.data.scenes, "vrc_blendshape_sheet")
        materials = [_material(stack, _COLOURS[part]) for part in Part]
        text = _material(stack, (0.0, 0.0, 0.0))
        for number, name in enumerate(names):
            place = np.array([number % columns * _WIDTH, -(number // columns) * (_HEIGHT + _LABEL), 0.0])
            positions = head + place
            if number:
                shape = shapes[number - 1]
                positions[shape.indices] += _turned(shape.deltas @ space.rotation.T / space.scale)
            _add_mesh(stack, scene, positions, triangles, parts, materials, place)
            _add_label(stack, scene, name, place + [0, -_HEIGHT / 2 - _LABEL * 0.72, 3.0], text)
        _add_camera(stack, scene, columns * _WIDTH, rows * (_HEIGHT + _LABEL))
        scene.render.resolution_x = round(columns * cell)
        scene.render.resolution_y = round(rows * (_HEIGHT + _LABEL) / _WIDTH * cell)
        scene.render.resolution_percentage = 100
        scene.render.image_settings.file_format = "JPEG" if path.suffix.lower() in (".jpg", ".jpeg") else "PNG"
        scene.render.use_file_extension = False  # the name is the one that the report gives
        scene.render.image_settings.quality = 85
        scene.render.image_settings.color_mode = "RGB"
        scene.render.filepath = str(path)
        _engine(stack, scene)
        with files.quiet():
            bpy.ops.render.render(write_still=True, scene=scene.name)


def _head(avatar: Avatar, marks: np.ndarray, space: FaceSpace) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(V, 3) vertices as the camera sees them, in eye distances; (T, 3) triangles within a cell; (T,) Part of each."""
    local = space.to_face(avatar.vertices)
    marks = space.to_face(np.asarray(marks, float))
    positions = _turned(local - (marks.min(0) + marks.max(0)) / 2)
    corners = positions[avatar.triangles]
    reach = np.array([_WIDTH / 2, _HEIGHT / 2, 4.0])
    shown = ((corners.min(1) < reach) & (corners.max(1) > -reach)).all(1)
    triangles = avatar.triangles[shown]
    return positions, triangles, classify(avatar, local, marks)[triangles[:, 0]]


def _turned(vectors: np.ndarray) -> np.ndarray:
    """(N, 3) of face space (to the avatar's left, up, forward) to the camera's right, up and towards it."""
    cos, sin = np.cos(_YAW), np.sin(_YAW)
    return vectors @ np.array([(cos, 0, sin), (0, 1, 0), (-sin, 0, cos)])


def _temporary(stack: ExitStack, collection, name: str, *arguments):
    """A new datablock that is removed again when the stack unwinds."""
    block = collection.new(name, *arguments)
    stack.callback(collection.remove, block)
    return block


def _material(stack: ExitStack, colour: tuple) -> bpy.types.Material:
    material = _temporary(stack, bpy.data.materials, "vrc_blendshape_sheet")
    material.diffuse_color = (*colour, 1.0)
    material.roughness = 0.6
    return material


def _add_object(stack: ExitStack, scene: bpy.types.Scene, data) -> Object:
    obj = _temporary(stack, bpy.data.objects, "vrc_blendshape_sheet", data)
    scene.collection.objects.link(obj)
    return obj


def _add_mesh(stack, scene, positions, triangles, parts, materials, place) -> None:
    """A head in its cell around `place`, cut clean at the cell's borders."""
    used, local = np.unique(triangles, return_inverse=True)
    mesh = _temporary(stack, bpy.data.meshes, "vrc_blendshape_sheet")
    mesh.from_pydata(positions[used].tolist(), [], local.reshape(-1, 3).tolist())
    for material in materials:
        mesh.materials.append(material)
    mesh.polygons.foreach_set("material_index", parts.astype(np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(parts), bool))
    cut = bmesh.new()
    cut.from_mesh(mesh)
    for axis, half in ((0, _WIDTH / 2), (1, _HEIGHT / 2)):
        for sign in (-1, 1):
            normal = sign * np.eye(3)[axis]
            everything = [*cut.verts, *cut.edges, *cut.faces]
            bmesh.ops.bisect_plane(
                cut, geom=everything, plane_co=place + half * normal, plane_no=normal, clear_outer=True
            )
    cut.to_mesh(mesh)
    cut.free()
    _add_object(stack, scene, mesh)


def _add_label(stack, scene, words: str, place: np.ndarray, material) -> None:
    text = _temporary(stack, bpy.data.curves, "vrc_blendshape_sheet", "FONT")
    text.body = words
    text.size = 0.3
    text.align_x = "CENTER"
    text.materials.append(material)
    label = _add_object(stack, scene, text)
    label.location = place
    label.visible_shadow = False


def _add_camera(stack, scene, width: float, height: float) -> None:
    data = _temporary(stack, bpy.data.cameras, "vrc_blendshape_sheet")
    data.type = "ORTHO"
    data.ortho_scale = max(width, height)
    camera = _add_object(stack, scene, data)
    camera.location = ((width - _WIDTH) / 2, (_HEIGHT - height) / 2, 10.0)
    scene.camera = camera


def _engine(stack: ExitStack, scene: bpy.types.Scene) -> None:
    scene.view_settings.view_transform = "Standard"
    scene.world = _temporary(stack, bpy.data.worlds, "vrc_blendshape_sheet")
    scene.world.color = (0.6, 0.6, 0.6)
    if _workbench_runs():
        scene.render.engine = "BLENDER_WORKBENCH"
        scene.display.render_aa = "5"
        shading = scene.display.shading
        shading.light, shading.color_type = "STUDIO", "MATERIAL"
        shading.show_cavity, shading.cavity_type = True, "BOTH"
        return
    scene.render.engine = "CYCLES"
    scene.world.color = (0.4, 0.4, 0.4)
    scene.cycles.samples = 8
    scene.cycles.device = "CPU"
    scene.cycles.use_denoising = False  # minutes, on a few cores
    for angle, strength in ((0.7, 1.0), (-0.9, 0.3)):
        light = _temporary(stack, bpy.data.lights, "vrc_blendshape_sheet", "SUN")
        light.energy = strength
        _add_object(stack, scene, light).rotation_euler = (-0.6, angle, 0)


def _workbench_runs() -> bool:
    """Without EGL a Blender with no window aborts, process and all, when Workbench starts."""
    if not bpy.app.background or sys.platform != "linux":
        return True
    try:
        ctypes.CDLL("libEGL.so.1")
    except OSError:
        return False
    return True
