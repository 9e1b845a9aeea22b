"""Movie files, written by Blender."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import bpy
import numpy as np


def encode(
    pictures: Iterable[np.ndarray], file: Path, rate: int, quality: str = "HIGH", container: str = "MPEG4"
) -> None:
    """Write (H, W, 3) uint8 pictures as a movie (H.264), so many per second; quality, container: as Blender calls
    them."""
    with tempfile.TemporaryDirectory() as folder:
        names = [_save(picture, Path(folder) / f"{number:05d}.png") for number, picture in enumerate(pictures)]
        scene = bpy.data.scenes.new("encode")
        editor = scene.sequence_editor_create()
        strips = editor.strips if hasattr(editor, "strips") else editor.sequences  # the former from Blender 4.4 on
        strip = strips.new_image("pictures", str(Path(folder) / names[0]), 1, 1)
        for name in names[1:]:
            strip.elements.append(name)
        strip.frame_final_duration = len(names)
        render = scene.render
        render.resolution_x, render.resolution_y = strip.elements[0].orig_width, strip.elements[0].orig_height
        render.resolution_percentage, render.fps = 100, rate
        scene.frame_start, scene.frame_end = 1, len(names)
        scene.view_settings.view_transform = "Standard"
        if hasattr(render.image_settings, "media_type"):  # from Blender 5.0 on
            render.image_settings.media_type = "VIDEO"
        render.image_settings.file_format = "FFMPEG"
        render.ffmpeg.format, render.ffmpeg.codec, render.ffmpeg.constant_rate_factor = container, "H264", quality
        render.filepath, render.use_file_extension = str(file.resolve()), False
        try:
            bpy.ops.render.render(animation=True, scene=scene.name)
        finally:
            bpy.data.scenes.remove(scene)


def _save(picture: np.ndarray, file: Path) -> str:
    """Write a picture as a PNG file; returns its name."""
    height, width = picture.shape[:2]
    image = bpy.data.images.new(file.stem, width, height)
    pixels = np.ones((height, width, 4), np.float32)
    pixels[..., :3] = picture[::-1] / np.float32(255)
    image.pixels.foreach_set(pixels.ravel())
    image.filepath_raw, image.file_format = str(file), "PNG"
    image.save()
    bpy.data.images.remove(image)
    return file.name
