"""A contact sheet: neutral and every shape, labelled, framed on the face. Drawn in a scene of its own, then removed."""

from __future__ import annotations

import ctypes
import re
import sys
from contextlib import ExitStack
from pathlib import Path

import bpy
import numpy as np

from .job import Done
from .mesh_io import Object

_COLUMNS = 6
_CELL = 320  # pixels
_WIDTH, _HEIGHT = 3.1, 3.6  # of a cell, in eye distances
_LABEL = 0.3
_YAW = np.radians(18)  # from the side a little, so that depth can be judged
_COLOURS = (  # first match of an object's or a material's name
    (r"lash|brow|まつ|眉|マユ", (0.10, 0.07, 0.06)),
    (r"teeth|tooth|歯|ha\b", (0.93, 0.92, 0.86)),
    (r"tongue|舌", (0.75, 0.25, 0.27)),
    (r"eye(?!lid)|iris|pupil|cornea|目|瞳|白目", (0.55, 0.72, 0.92)),
    (r"hair|髪", (0.30, 0.22, 0.18)),
    (r"", (0.86, 0.62, 0.50)),  # skin
)


def sheet(path: Path, done: Done) -> None:
    """Write the PNG picture `path` of what `done` made."""
    from . import files

    head, triangles, colours = _head(done)
    names = ["neutral", *(shape.name for shape in done.generated.shapes)]
    rows = -(-len(names) // _COLUMNS)
    columns = min(_COLUMNS, len(names))
    with ExitStack() as stack:
        scene = _temporary(stack, bpy.data.scenes, "vrc_blendshape_sheet")
        materials = [_material(stack, colour) for _, colour in _COLOURS]
        text = _material(stack, (0.05, 0.05, 0.05))
        offsets = _offsets(done)
        for number, name in enumerate(names):
            place = np.array([number % columns * _WIDTH, -(number // columns) * (_HEIGHT + _LABEL), 0.0])
            positions = head + offsets(number - 1) if number else head
            _add_mesh(stack, scene, positions + place, triangles, colours, materials)
            _add_label(stack, scene, name, place + [0, -_HEIGHT / 2 - _LABEL * 0.72, 3.0], text)
        _add_camera(stack, scene, columns * _WIDTH, rows * (_HEIGHT + _LABEL))
        scene.render.resolution_x = round(columns * _CELL)
        scene.render.resolution_y = round(rows * (_HEIGHT + _LABEL) / _WIDTH * _CELL)
        scene.render.resolution_percentage = 100
        scene.render.image_settings.file_format = "PNG"
        scene.render.filepath = str(path)
        _engine(stack, scene)
        with files.quiet():
            bpy.ops.render.render(write_still=True, scene=scene.name)


def _head(done: Done):
    """(V, 3) vertices seen by the sheet's camera, in eye distances; (T, 3) triangles in the cell; (T,) their colours."""
    face = done.generated.face
    positions = (done.avatar.vertices - _middle(face)) @ _view(face)
    corners = positions[done.avatar.triangles]
    inside = (np.abs(corners[:, :, 0]) < _WIDTH / 2) & (np.abs(corners[:, :, 1]) < _HEIGHT / 2)
    shown = inside.all(1) & (np.abs(corners[:, :, 2]) < 4).all(1)
    colours = np.concatenate([_colours(obj) for obj in done.objects])
    return positions, done.avatar.triangles[shown], colours[shown]


def _offsets(done: Done):
    view = _view(done.generated.face)

    def of(number: int) -> np.ndarray:
        shape = done.generated.shapes[number]
        full = np.zeros_like(done.avatar.vertices)
        full[shape.indices] = shape.deltas @ view
        return full

    return of


def _middle(face) -> np.ndarray:
    points = np.asarray(face.points, float)
    return (points.min(0) + points.max(0)) / 2


def _view(face) -> np.ndarray:
    """(3, 3) to multiply row vectors with: avatar space to the camera's right, up and towards it, in eye distances."""
    left, up, forward = np.asarray(face.frame, float)
    turned = np.stack([np.cos(_YAW) * left - np.sin(_YAW) * forward, up, np.cos(_YAW) * forward + np.sin(_YAW) * left])
    return turned.T / face.eye_distance


def _colours(obj: Object) -> np.ndarray:
    """(T,) index into _COLOURS of each triangle, by the names of its material and its object."""
    mesh = obj.data
    mesh.calc_loop_triangles()
    slot = np.empty(len(mesh.loop_triangles), np.int32)
    mesh.loop_triangles.foreach_get("material_index", slot)
    names = [f"{slot.material.name if slot.material else ''} {obj.name}" for slot in obj.material_slots] or [obj.name]
    kinds = [
        next(i for i, (pattern, _) in enumerate(_COLOURS) if re.search(pattern, name, re.IGNORECASE)) for name in names
    ]
    return np.array(kinds)[np.minimum(slot, len(kinds) - 1)]


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


def _add_mesh(stack, scene, positions, triangles, colours, materials) -> None:
    used, local = np.unique(triangles, return_inverse=True)
    mesh = _temporary(stack, bpy.data.meshes, "vrc_blendshape_sheet")
    mesh.from_pydata(positions[used].tolist(), [], local.reshape(-1, 3).tolist())
    for material in materials:
        mesh.materials.append(material)
    mesh.polygons.foreach_set("material_index", colours.astype(np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(colours), bool))
    _add_object(stack, scene, mesh)


def _add_label(stack, scene, words: str, place: np.ndarray, material) -> None:
    text = _temporary(stack, bpy.data.curves, "vrc_blendshape_sheet", "FONT")
    text.body = words
    text.size = 0.3
    text.align_x = "CENTER"
    text.materials.append(material)
    _add_object(stack, scene, text).location = place


def _add_camera(stack, scene, width: float, height: float) -> None:
    data = _temporary(stack, bpy.data.cameras, "vrc_blendshape_sheet")
    data.type = "ORTHO"
    data.ortho_scale = max(width, height)
    camera = _add_object(stack, scene, data)
    camera.location = ((width - _WIDTH) / 2, (_HEIGHT - height) / 2, 10.0)
    scene.camera = camera


def _engine(stack: ExitStack, scene: bpy.types.Scene) -> None:
    scene.view_settings.view_transform = "Standard"
    if _workbench_runs():
        scene.render.engine = "BLENDER_WORKBENCH"
        shading = scene.display.shading
        shading.light, shading.color_type = "STUDIO", "MATERIAL"
        shading.show_cavity, shading.cavity_type = True, "BOTH"
        shading.background_type, shading.background_color = "VIEWPORT", (0.8, 0.8, 0.8)
        return
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 8
    scene.cycles.device = "CPU"
    world = _temporary(stack, bpy.data.worlds, "vrc_blendshape_sheet")
    world.color = (0.35, 0.35, 0.35)
    scene.world = world
    for angle, strength in ((0.7, 2.5), (-0.9, 0.8)):
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
