"""`make pictures`: the pictures of README, made of the demo avatars: a talking loop and the shapes of both.

The window's pictures in docs/img are `make test-ui`'s.
"""

from __future__ import annotations

import os
import sys

import bpy
import numpy as np

import blendshape_addon
from blendshape_addon.blender import session
from blendshape_addon.blender.jobs import one_avatar
from blendshape_addon.blender.viewport import colours, render
from blendshape_addon.core.face.face_space import FaceSpace
from blendshape_addon.core.geometry.shading import Portrait
from blendshape_addon.core.motion import speech
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.shapes import Shape
from blendshape_addon.core.vocabulary import BLINKS, EMOTIONS, VISEMES

from . import anime, apng, package, person

IMG = package.ROOT / "docs" / "img"
LOOP = IMG / "loop.png"
_SIZE, _GAP = 300, 8  # pixels of each picture and between the two
_PER_SECOND = 12
_GREY = 4  # levels of brightness that are made one, for a smaller file
_PAPER = np.array([(0.86, 0.89, 0.95), (0.91, 0.93, 0.90)])  # behind each avatar
_YAW = np.radians((14.0, -14.0))  # towards each other
_MIDDLE = np.array([(0.0, 0.18, 0.0), (0.0, -0.1, 0.0)])  # of each picture, from the middle of the eyes, eye distances
_HALF = np.array([1.42, 2.35])  # of each picture's width, eye distances
# Seconds at which the smile rises, is full, begins to fade and is gone; and of each blink: shuts, shut, opens, open.
_SMILE = (4.3, 4.7, 5.9, 6.3)
_BLINKS = ((1.00, 1.10, 1.14, 1.28), (3.30, 3.40, 3.44, 3.58))
_END = 6.4


def main() -> int:
    """Returns 0 if every shape passed its checks, 1 if not."""
    IMG.mkdir(exist_ok=True)
    blendshape_addon.register()
    panels, fine = [], True
    for number, (add, sheet) in enumerate(((anime.add, "shapes_anime.jpg"), (person.add, "shapes_realistic.jpg"))):
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
        objects = add()
        with session.opened():
            done = one_avatar.run(objects, GenerateOptions((*VISEMES, *EMOTIONS, *BLINKS)))
        fine &= done.generated.report["ok"]
        shapes = {shape.name: shape for shape in done.generated.shapes}
        marks = done.generated.face.points
        shown = [shapes[name] for name in (*VISEMES, *EMOTIONS)]
        render.sheet(IMG / sheet, done.objects, done.avatar, marks, shown)
        panels.append(_panel(number, done, shapes))
    gap = np.full((_SIZE, _GAP, 3), 255, np.uint8)
    frames = [np.hstack([left, gap, right]) for left, right in zip(*panels, strict=True)]
    LOOP.write_bytes(apng.encode(frames, _PER_SECOND))
    print(f"Look at {LOOP} and the sheets beside it.")
    return 0 if fine else 1


def _panel(number: int, done: one_avatar.Done, shapes: dict[str, Shape]) -> list[np.ndarray]:
    """The (S, S, 3) uint8 frames of one avatar."""
    space = FaceSpace.of(done.generated.face.points)
    middle, half, turn = _MIDDLE[number], _HALF[number], _YAW[number]
    cos, sin = np.cos(turn), np.sin(turn)
    turned = np.array([(cos, 0, sin), (0, 1, 0), (-sin, 0, cos)])
    view = (space.to_face(done.avatar.vertices) - middle) @ turned / half
    linear = space.rotation.T / space.scale @ turned / half
    paint = colours.read(done.objects, done.avatar)
    portrait = Portrait(view, done.avatar.triangles, paint, _SIZE, done.avatar.weld)
    line = speech.line("en")
    frames = []
    for frame in range(round(_END * _PER_SECOND)):
        seconds = frame / _PER_SECOND
        weights = {**line.weights(seconds), "joy": _hump(seconds, _SMILE)}
        weights["vrc.blink"] = max(_hump(seconds, blink) for blink in _BLINKS)
        indices, offsets = _mixed(weights, shapes, len(view))
        image = portrait.draw(indices, offsets @ linear)
        seen = image[..., 3:]
        colour = image[..., :3] * seen + _PAPER[number] * (1 - seen)
        frames.append((colour * 255 / _GREY).round().clip(0, 255 // _GREY).astype(np.uint8) * _GREY)
    return frames


def _hump(seconds: float, times: tuple[float, float, float, float]) -> float:
    return float(np.interp(seconds, times, (0.0, 1.0, 1.0, 0.0)))


def _mixed(weights: dict[str, float], shapes: dict[str, Shape], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices (n,) and offsets (n, 3) of the vertices that the weighted shapes move, of `count`."""
    total = np.zeros((count, 3))
    for name, weight in weights.items():
        total[shapes[name].indices] += weight * shapes[name].deltas
    moved = np.flatnonzero(total.any(1))
    return moved, total[moved]


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # bpy as a module may hang in a clean exit
