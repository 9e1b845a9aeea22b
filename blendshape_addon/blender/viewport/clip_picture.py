"""The clip that drives an avatar, laid beside its head: an empty with the movie, in time with the keyframes."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from ...core.avatar.hints import Hints

_MARK = "vrc_blendshape_clip"  # custom property of the empty
_MOST_FRAMES = 1048574  # that an image may be shown for, Blender's limit
_HEAD, _ASIDE = 4.5, 2.5  # distances between the eyes: how tall the picture is, and from the face to its near edge
_LOW = 0.8  # of the same, by which a head's middle lies below the eyes
_APART = 0.01  # of an avatar's height, by which eyes are apart, or nothing says where they are
_SHARE = 0.25  # of an avatar's height that the picture is tall where nothing says where the eyes are


def find(scene: bpy.types.Scene) -> bpy.types.Object | None:
    """The clip that lies in a scene."""
    return next((obj for obj in scene.objects if obj.type == "EMPTY" and _MARK in obj), None)


def show(
    scene: bpy.types.Scene, picture: Path, is_movie: bool, count: int, rate: float, start: int, hints: Hints,
    vertices: np.ndarray,
) -> bpy.types.Object | None:  # fmt: skip
    """Lay a clip of `count` pictures, `rate` per second, beside an avatar, from frame `start` on, in place of another
    that lies there. picture: the movie, or the first picture of a sequence. vertices: (V, 3), of the avatar, as `hints`
    in the world. None where Blender cannot show it: it needs pictures that are numbered one by one."""
    remove(scene)
    if not is_movie and not all((picture.parent / name).is_file() for name in _names(picture, count)):
        return None
    try:
        image = bpy.data.images.load(str(picture.resolve()))
    except RuntimeError:
        return None
    width, height = (max(side, 1) for side in image.size)  # a sequence tells none
    image.source = "MOVIE" if is_movie else "SEQUENCE"
    empty = bpy.data.objects.new(picture.name, None)
    empty[_MARK] = True
    scene.collection.objects.link(empty)
    empty.empty_display_type, empty.data = "IMAGE", image
    centre, axes, tall = _place(hints, vertices, width / height)
    empty.matrix_world = Matrix(np.block([[axes, centre[:, None]], [np.zeros((1, 3)), np.ones((1, 1))]]).tolist())
    # The longer side is what an empty's display size is.
    empty.empty_display_size = tall * max(width / height, 1.0)
    empty.empty_image_offset = (-0.5, -0.5)
    empty.hide_render, empty.hide_select = True, False
    user = empty.image_user
    user.use_auto_refresh, user.use_cyclic = True, False
    user.frame_start, user.frame_duration = start, _MOST_FRAMES
    _keep_time(scene, empty, count, rate, start, 0 if is_movie else int(_digits(picture)) - 1)
    return empty


def remove(scene: bpy.types.Scene) -> bool:
    """Take the clip out of a scene; whether there was one."""
    empty = find(scene)
    if empty is None:
        return False
    image = empty.data
    bpy.data.objects.remove(empty)
    if image is not None and not image.users:
        bpy.data.images.remove(image)
    return True


def _keep_time(
    scene: bpy.types.Scene, empty: bpy.types.Object, count: int, rate: float, start: int, first: int
) -> None:
    """Blender shows a picture per frame of the scene, whatever the movie's rate: a driver jumps over the others, or
    waits. It is an expression of numbers alone, which runs without the permission to run scripts."""
    share = rate * scene.render.fps_base / scene.render.fps
    curve = empty.driver_add("image_user.frame_offset")
    wanted = f"min(max(floor((frame - {start}) * {share:.9g} + 0.5), 0), {count - 1})"
    curve.driver.type = "SCRIPTED"
    curve.driver.expression = f"{first} + {wanted} - max(frame - {start}, 0)"


def _place(hints: Hints, vertices: np.ndarray, aspect: float) -> tuple[np.ndarray, np.ndarray, float]:
    """(3,) the middle of a picture to the left of an avatar, as its viewer sees it; (3, 3) its axes, in columns right,
    up and towards the viewer; and how tall it is."""
    up = np.array([0.0, 0.0, 1.0]) if hints.up is None else np.asarray(hints.up, float)
    right = np.array([1.0, 0.0, 0.0]) if hints.left is None else np.asarray(hints.left, float)
    axes = np.stack([right, up, np.cross(right, up)], axis=1)
    across, along = vertices @ right, vertices @ up
    height = max(float(np.ptp(along)), 1e-6)
    unit = 0.0 if hints.eyes is None else float(np.linalg.norm(hints.eyes[0] - hints.eyes[1]))
    if unit > _APART * height:
        tall, face = _HEAD * unit, np.mean(hints.eyes, axis=0) - _LOW * unit * up
        return face - right * (_ASIDE * unit + tall * aspect / 2), axes, tall
    tall, middle = _SHARE * height, vertices.mean(0)
    face = middle + up * (along.max() - tall / 2 - middle @ up)
    return face - right * (face @ right - across.min() + tall * aspect / 2), axes, tall


def _digits(picture: Path) -> str:
    """The number at the end of a picture's name, as it stands there."""
    return picture.stem[len(picture.stem.rstrip("0123456789")) :]


def _names(picture: Path, count: int) -> list[str]:
    """Names of `count` pictures from a first one on, as Blender looks for them."""
    digits = _digits(picture)
    if not digits:
        return [""]
    before = picture.stem.removesuffix(digits)
    return [f"{before}{int(digits) + number:0{len(digits)}d}{picture.suffix}" for number in range(count)]
