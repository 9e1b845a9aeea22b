"""`make demo-drive`: a film with known motion drives both demo avatars.

out/drive/ gets them with their Actions, a moving picture of film and avatars side by side, and how far their faces are
from the film's motion.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable

import bpy
import numpy as np

import blendshape_addon
from blendshape_addon.blender import session
from blendshape_addon.blender.io import clips, files
from blendshape_addon.blender.jobs import drive, one_avatar
from blendshape_addon.blender.viewport import colours
from blendshape_addon.core.face.face_space import FaceSpace
from blendshape_addon.core.geometry.shading import Portrait
from blendshape_addon.core.motion.performance import DriveOptions, Performance, perform
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.vocabulary import ARKIT

from ..motion import motions
from . import anime, apng, package, person

FILM = package.ROOT / "tests" / "faces" / "film.mp4"
OUT = package.ROOT / "out" / "drive"
_PAPER = np.array((0.89, 0.92, 0.93))
_HALF, _MIDDLE = 2.3, np.array((0.0, 0.0, 0.0))  # of each picture: half its width and its middle, eye distances
_GREY = 8  # levels of brightness that are made one, for a smaller file
_EYES_MM, _MOVED_MM = 63.0, 0.5  # an adult's eye distance; motion from which a vertex counts as one that moves


def main() -> int:
    """Returns 0."""
    OUT.mkdir(parents=True, exist_ok=True)
    blendshape_addon.register()
    with clips.open_clip(FILM) as clip:
        film = list(clip.pictures())
        rate = round(clip.rate)
        print(f"Reading the face in {len(film)} pictures …", flush=True)
        descriptors = drive.descriptors_of(clip, None, "auto", lambda fraction, stage: None)
    performance = perform(descriptors, DriveOptions(), FILM.name)
    columns, figures = [[_half(picture) for picture in film]], {}
    for name, add in (("realistic", person.add), ("anime", anime.add)):
        print(f"Driving the {name} avatar …", flush=True)
        frames, figures[name] = _drive(name, add, performance, rate, columns[0][0].shape[0])
        columns.append(frames)
    pictures = [np.hstack(row) // _GREY * _GREY for row in zip(*columns, strict=True)]
    (OUT / "drive.png").write_bytes(apng.encode(pictures, rate))
    (OUT / "figures.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    for name, found in figures.items():
        print(
            f"{name}: {found['mm']:.2f} mm from the film's motion on average where the face moves, on a still face "
            f"{found['still mm']:.2f} mm; cos {found['cos']:.2f}"
        )
    print(f"Look at {OUT / 'drive.png'}")
    return 0


def _half(picture: np.ndarray) -> np.ndarray:
    """A (H, W, 3) uint8 picture of half the size."""
    height, width = picture.shape[:2]
    return picture.reshape(height // 2, 2, width // 2, 2, 3).mean((1, 3)).round().astype(np.uint8)


def _drive(
    name: str, add: Callable[[], list], performance: Performance, rate: int, size: int
) -> tuple[list[np.ndarray], dict[str, float]]:
    """The pictures of an avatar, (size, size, 3) uint8, and how far its face is from what the film's units do to it."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    objects = add()
    with session.opened():
        done = one_avatar.run(objects, GenerateOptions(ARKIT))
    scene, avatar = bpy.context.scene, done.avatar
    scene.render.fps, scene.render.fps_base = rate, 1.0
    drive.write(scene, done.objects, performance, avatar.hints, FILM.name, None, 1, True)
    files.save(OUT / f"{name}.blend", done.objects)
    space = FaceSpace.of(done.generated.face.points)
    linear = space.rotation.T / space.scale / _HALF
    view = (space.to_face(avatar.vertices) - _MIDDLE) / _HALF
    portrait = Portrait(view, avatar.triangles, colours.read(done.objects, avatar), size, avatar.weld)
    frames = []
    for number in range(len(performance.times)):
        scene.frame_set(1 + number)
        offsets = _seen(done.objects) - avatar.vertices
        moved = np.flatnonzero(np.abs(offsets).max(1) > 1e-6)
        image = portrait.draw(moved, offsets[moved] @ linear)
        seen = image[..., 3:]
        frames.append(np.round((image[..., :3] * seen + _PAPER * (1 - seen)).clip(0, 1) * 255).astype(np.uint8))
    return frames, _figures(done, performance, _EYES_MM / space.scale)


def _seen(objects: list[bpy.types.Object]) -> np.ndarray:
    """(V, 3) of what is seen in the current frame, in world space."""
    graph = bpy.context.evaluated_depsgraph_get()
    rows = []
    for obj in objects:
        evaluated = obj.evaluated_get(graph)
        flat = np.empty(len(evaluated.data.vertices) * 3, np.float32)
        evaluated.data.vertices.foreach_get("co", flat)
        rows.append(flat.reshape(-1, 3) @ np.array(obj.matrix_world)[:3, :3].T + np.array(obj.matrix_world)[:3, 3])
    return np.concatenate(rows)


def _figures(done: one_avatar.Done, performance: Performance, mm: float) -> dict[str, float]:
    """Errors in millimetres and the median cosine, over the film's frames, of the avatar's face against its own shapes
    at the film's true units."""
    shapes = {shape.name: shape for shape in done.generated.shapes}
    truth = motions.demo()
    step = len(truth) // len(performance.times)  # the film shows every second pose
    errors, stills, cosines = [], [], []
    for number, pose in enumerate(truth[::step]):
        true, driven = np.zeros_like(done.avatar.vertices), np.zeros_like(done.avatar.vertices)
        for name, shape in shapes.items():
            if not name.startswith("eyeLook"):
                true[shape.indices] += pose.units.get(name, 0.0) * shape.deltas
                if name in performance.units:
                    driven[shape.indices] += performance.units[name][number] * shape.deltas
        moves = np.linalg.norm(true, axis=1) * mm > _MOVED_MM
        if moves.any():
            errors.append(np.linalg.norm(driven - true, axis=1)[moves].mean() * mm)
            stills.append(np.linalg.norm(true, axis=1)[moves].mean() * mm)
            product = np.linalg.norm(true[moves]) * np.linalg.norm(driven[moves])
            cosines.append(float((true[moves] * driven[moves]).sum() / max(product, 1e-12)))
    return {
        "mm": round(float(np.mean(errors)), 3),
        "still mm": round(float(np.mean(stills)), 3),
        "cos": round(float(np.median(cosines)), 3),
        "frames": len(errors),
    }


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # bpy as a module may hang in a clean exit
