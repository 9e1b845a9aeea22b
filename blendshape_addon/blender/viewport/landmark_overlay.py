"""Draws landmarks over the 3D view: those that are being moved, or those stored with the avatar if they are shown."""

from __future__ import annotations

import blf
import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from ...core.geometry.camera import Screen
from ...core.messages import Message
from ...core.vocabulary import LANDMARK_MIRROR, LANDMARKS
from .. import session
from ..stored import landmarks
from ..translations import translate

_COLOURS = {
    "brow": (0.95, 0.65, 0.2), "forehead": (0.95, 0.65, 0.2), "eye": (0.2, 0.75, 1.0), "lid": (0.2, 0.75, 1.0),
    "nose": (0.95, 0.9, 0.3), "lip": (1.0, 0.35, 0.55), "mouth": (1.0, 0.35, 0.55),
    "cheek": (0.45, 0.9, 0.45), "jaw": (0.45, 0.9, 0.45), "chin": (0.45, 0.9, 0.45),
}  # fmt: skip
_RADIUS, _RADIUS_HOVERED, _RIM = 5.0, 7.5, 2.0  # pixels at a user interface scale of 1
_UNSURE, _MANUAL = (0.9, 0.1, 0.1), (1.0, 1.0, 1.0)  # rims: nothing sure, put there by hand; black where found surely
_TEXT = 14
_CIRCLE = np.linspace(0, 2 * np.pi, 17)


def register() -> None:
    if not bpy.app.background:
        add()


def unregister() -> None:
    state = session.current()
    if state.overlay is not None:
        bpy.types.SpaceView3D.draw_handler_remove(state.overlay, "WINDOW")
        state.overlay = None


def add() -> None:
    """Draw landmarks in the 3D views from now on."""
    session.current().overlay = bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL")


def label(name: str) -> Message:
    """A landmark's name in words: `lid_upper_in_l` is “lid upper in, left”."""
    stem, _, side = name.rpartition("_")
    if side == "l":
        return Message("{point}, left", point=Message(stem.replace("_", " ")))
    if side == "r":
        return Message("{point}, right", point=Message(stem.replace("_", " ")))
    return Message(name.replace("_", " "))


def discs(points: np.ndarray, at: np.ndarray, hovered: int | None, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Corners (n, 2) in pixels of triangles, and their colours (n, 4): a disc in a rim for each of (L, 4) `points`, at
    (L, 3) `at` on the screen. The one that is `hovered` and the one opposite are larger."""
    corners, colours = [], []
    grown = {hovered, LANDMARK_MIRROR[hovered]} if hovered is not None else ()
    for i in np.flatnonzero(np.isfinite(at).all(1)):
        radius = scale * (_RADIUS_HOVERED if i in grown else _RADIUS)
        sure = points[i, 3]
        rim = _MANUAL if sure == 1 else np.array(_UNSURE) * (1 - sure)
        for size, colour in ((radius + _RIM * scale, rim), (radius, _COLOURS[LANDMARKS[i].split("_")[0]])):
            ring = at[i, :2] + size * np.column_stack([np.cos(_CIRCLE), np.sin(_CIRCLE)])
            fan = np.stack([np.broadcast_to(at[i, :2], ring[1:].shape), ring[:-1], ring[1:]], axis=1)
            corners.append(fan.reshape(-1, 2))
            colours.append(np.tile([*colour, 1.0], (3 * len(fan), 1)))
    return np.concatenate(corners or [np.empty((0, 2))]), np.concatenate(colours or [np.empty((0, 4))])


def _draw() -> None:
    context = bpy.context
    mode = session.current().landmark_mode
    if mode:
        points, hovered = mode.editor.landmarks, mode.hovered
    else:
        state = context.window_manager.vrc_blendshape
        objects = (bpy.data.objects.get(row.name) for row in state.objects) if state.show_landmarks else ()
        points, hovered = landmarks.read(obj for obj in objects if obj), None
    if points is None:
        return
    region, scale = context.region, context.preferences.system.ui_scale
    screen = Screen(np.array(context.region_data.perspective_matrix, float), region.width, region.height)
    at = screen.project(points[:, :3])
    corners, colours = discs(points, at, hovered, scale)
    shader = gpu.shader.from_builtin("FLAT_COLOR")
    vertices = {"pos": np.column_stack([corners, np.zeros(len(corners))]).tolist(), "color": colours.tolist()}
    batch_for_shader(shader, "TRIS", vertices).draw(shader)
    if hovered is not None:
        _write(translate(label(LANDMARKS[hovered])), at[hovered, 0] + 12 * scale, at[hovered, 1] + 8 * scale, scale)
    if mode:
        for line, text in enumerate(reversed(mode.hints)):
            _write(text, 20 * scale, (20 + 1.6 * _TEXT * line) * scale, scale)


def _write(text: str, x: float, y: float, scale: float) -> None:
    font = 0
    blf.size(font, _TEXT * scale)
    blf.enable(font, blf.SHADOW)
    blf.shadow(font, 3, 0, 0, 0, 0.9)
    blf.color(font, 1, 1, 1, 1)
    blf.position(font, x, y, 0)
    blf.draw(font, text)
    blf.disable(font, blf.SHADOW)
