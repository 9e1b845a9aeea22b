"""Movie files, written and read by Blender, in it or in one of its own beside another Python."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import bpy
import numpy as np

from blendshape_addon.core.errors import UserError

from ..data.sources import alone


def encode(
    pictures: Iterable[np.ndarray], file: Path, rate: float, quality: str = "HIGH", container: str = "MPEG4"
) -> None:
    """Write (H, W, 3) uint8 pictures as a movie (H.264), so many per second; quality, container: as Blender calls
    them."""
    with tempfile.TemporaryDirectory() as folder:
        for number, picture in enumerate(pictures):
            _save(picture, Path(folder) / f"{number:05d}.png")
        encode_folder(Path(folder), file, rate, None, quality, container)


def encode_folder(
    folder: Path, file: Path, rate: float, sound: Path | None, quality: str = "HIGH", container: str = "MPEG4"
) -> None:
    """The same of the .png files of a folder in the order of their names; sound: a file whose sound goes along, as far
    as the pictures reach, if it has any."""
    names = sorted(path.name for path in folder.glob("*.png"))
    scene = bpy.data.scenes.new("encode")
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences  # the former from Blender 4.4 on
    render = scene.render
    render.fps = max(1, round(rate))
    render.fps_base = render.fps / rate
    strip = strips.new_image("pictures", str(folder / names[0]), 1, 1)
    for name in names[1:]:
        strip.elements.append(name)
    strip.frame_final_duration = len(names)
    render.resolution_x, render.resolution_y = strip.elements[0].orig_width, strip.elements[0].orig_height
    render.resolution_percentage = 100
    scene.frame_start, scene.frame_end = 1, len(names)
    scene.view_settings.view_transform = "Standard"
    if hasattr(render.image_settings, "media_type"):  # from Blender 5.0 on
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.ffmpeg.format, render.ffmpeg.codec, render.ffmpeg.constant_rate_factor = container, "H264", quality
    if sound is not None:
        _add_sound(strips, sound)
        render.ffmpeg.audio_codec = "AAC"
    render.filepath, render.use_file_extension = str(file.resolve()), False
    try:
        bpy.ops.render.render(animation=True, scene=scene.name)
    finally:
        bpy.data.scenes.remove(scene)


def _add_sound(strips: bpy.types.bpy_prop_collection, file: Path) -> None:
    with suppress(RuntimeError):  # Blender finds no sound in it
        strips.new_sound("sound", str(file.resolve()), 2, 1)


def encode_alone(folder: str, file: str, rate: float, sound: str | None) -> None:
    """`encode_folder` in a Blender of its own, which then ends."""
    alone.run(lambda: encode_folder(Path(folder), Path(file), rate, Path(sound) if sound else None))


def decode_alone(file: str, raw: str) -> None:
    """Write the pictures of a clip one after another into the file RAW and what they are into RAW.json, in a Blender of
    its own, which then ends."""
    alone.run(lambda: _decode(Path(file), Path(raw)))


def _decode(file: Path, raw: Path) -> None:
    from blendshape_addon.blender.io import clips

    about: dict[str, object] = {}
    try:
        clip = clips.open_clip(file)
        shape, count = (0, 0, 0), 0
        with raw.open("wb") as out:
            for picture in clip.pictures():
                shape, count = picture.shape, count + 1
                out.write(picture.tobytes())
        about = {"shape": [count, *shape], "rate": clip.rate, "notes": [str(note) for note in clip.notes]}
        clip.close()
    except UserError as error:
        about = {alone.REFUSAL: str(error)}
    raw.with_name(f"{raw.name}.json").write_text(json.dumps(about), encoding="utf-8")


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
