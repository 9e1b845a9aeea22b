"""Clips as Blender reads them: movies that its sequencer plays, and folders of pictures."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import bpy
import numpy as np

from ...core.errors import InputError
from ...core.messages import Message
from . import mp4, sequencer
from .files import quiet

MOVIES = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".ogv", ".gif")
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tga", ".tif", ".tiff", ".webp")
LARGEST = 1280  # pixels of a picture's longer side that are read; a face needs some 200
FOLDER_RATE = 30.0  # pictures per second of a folder, which does not say
_FROZEN = 0.5  # seconds for which a camera's pictures are never the same to the last bit
_AT_ONCE = 4  # frames that are drawn by the sequencer at a time


def open_clip(path: Path) -> MovieClip | FolderClip:
    """The clip in a movie file or a folder of pictures, or the sequence that a picture is of, whose names differ by a
    number. Raises InputError where it is none, or cannot be read."""
    if path.is_dir():
        return FolderClip(path)
    if path.suffix.lower() in PICTURES and len(sequence := _sequence(path)) > 1:
        return FolderClip(path.parent, sequence)
    if not path.is_file():
        raise InputError("{file} does not exist: give a movie or a folder of pictures.", file=path)
    if path.suffix.lower() in PICTURES:
        raise InputError(
            "{file} is one picture, which shows no motion: give a movie or a folder of pictures.", file=path.name
        )
    if path.suffix.lower() not in MOVIES:
        raise InputError(
            "{file} is no clip that this tool can read: give a movie ({kinds}) or a folder of pictures.",
            file=path.name,
            kinds=" ".join(MOVIES),
        )
    return MovieClip(path)


class FolderClip:
    """The pictures of a folder in the order of the numbers in their names. sound, notes, picture: as of a movie."""

    is_movie = False

    def __init__(self, path: Path, inside: list[Path] | None = None) -> None:
        """inside: the pictures, all of the folder if None."""
        inside = _pictures(path) if inside is None else inside
        if not inside:
            raise InputError("The folder {path} holds no pictures ({kinds}).", path=path, kinds=" ".join(PICTURES))
        self._files = sorted(inside, key=_natural)
        self.picture = self._files[0]
        self.name, self.count, self.rate, self.sound = path.name, len(self._files), FOLDER_RATE, None
        self.notes: list[Message] = []
        self.content = _hash(self._files)

    def pictures(self) -> Iterator[np.ndarray]:
        """(H, W, 3) uint8, one after another. Raises InputError for one that is damaged or of another size."""
        size = None
        for file in self._files:
            picture = _load(file)
            size = size or picture.shape
            if picture.shape != size:
                raise InputError(
                    "{file} has another size than the pictures before it: save all pictures of the folder in one size.",
                    file=file.name,
                )
            yield picture

    def close(self) -> None:
        """Nothing is kept open."""


class MovieClip:
    """A movie file, drawn by the sequencer of a scene of its own, which `close` removes.

    sound: the file, which may have some. picture: the file, or the first picture of a folder. notes: for the user.
    """

    is_movie = True

    def __init__(self, path: Path) -> None:
        self.name, self.content, self.sound, self.picture = path.name, _hash([path]), path, path
        self.notes: list[Message] = []
        self._scene = bpy.data.scenes.new("vrc_blendshape_clip")
        try:
            with quiet():
                strip = sequencer.strips(self._scene).new_movie("clip", str(path.resolve()), 1, 1)
            element = strip.elements[0]
            self.count, self.rate = strip.frame_duration, float(element.orig_fps or 0)
            width, height = element.orig_width, element.orig_height
            if self.rate <= 0 or width <= 0 or height <= 0 or self.count < 1:
                raise InputError(
                    "{file} cannot be read as a movie: it is damaged, or of a kind that Blender does not know; convert "
                    "it to H.264 in an .mp4 file.",
                    file=path.name,
                )
            if mp4.uneven(path):
                self.notes.append(
                    Message(
                        "The pictures of {file} are not evenly spaced in time, as phones film: it is read at "
                        "{rate:.3g} per second.",
                        file=path.name,
                        rate=self.rate,
                    )
                )
            scale = min(1.0, LARGEST / max(width, height))
            strip.transform.scale_x = strip.transform.scale_y = scale
            self._prepare(max(2, round(width * scale)), max(2, round(height * scale)))
        except BaseException:
            self.close()
            raise

    def _prepare(self, width: int, height: int) -> None:
        """Let the scene draw the strip as it is, a pixel to a pixel, in files that numpy reads."""
        render = self._scene.render
        render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, 100
        render.use_sequencer, render.use_compositing, render.dither_intensity = True, False, 0.0
        render.use_overwrite, render.use_placeholder, render.use_file_extension = True, False, True
        render.use_stamp = False
        if hasattr(render.image_settings, "media_type"):  # from Blender 5.0 on
            render.image_settings.media_type = "IMAGE"
        render.image_settings.file_format, render.image_settings.color_mode = "BMP", "RGB"
        self._scene.view_settings.view_transform = "Standard"
        self._scene.view_settings.look = "None"
        self._scene.view_settings.exposure, self._scene.view_settings.gamma = 0.0, 1.0

    def pictures(self) -> Iterator[np.ndarray]:
        """(H, W, 3) uint8, one after another. Of a file that ends early Blender repeats the last picture; then there is
        a note about it afterwards."""
        before, same = None, 0
        with tempfile.TemporaryDirectory(prefix="vrc_blendshape_") as folder:
            for first in range(1, self.count + 1, _AT_ONCE):
                last = min(first + _AT_ONCE - 1, self.count)
                self._scene.frame_start, self._scene.frame_end = first, last
                self._scene.render.filepath = str(Path(folder) / "f_")
                with quiet():
                    bpy.ops.render.render(animation=True, scene=self._scene.name)
                for file in sorted(Path(folder).glob("f_*.bmp"), key=_natural):
                    picture = _bitmap(file.read_bytes())
                    same = same + 1 if before is not None and np.array_equal(picture, before) else 0
                    before = picture
                    yield picture
                    file.unlink()
        if same >= max(_FROZEN * self.rate, 2):
            self.notes.append(
                Message(
                    "The last {count} pictures of {file} are all the same: the file seems to be cut off. "
                    "Copy it from the camera again.",
                    count=same,
                    file=self.name,
                )
            )

    def close(self) -> None:
        """Remove the scene."""
        if self._scene is not None:
            bpy.data.scenes.remove(self._scene)
            self._scene = None

    def __enter__(self) -> MovieClip:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _bitmap(data: bytes) -> np.ndarray:
    """(H, W, 3) uint8 of a Windows bitmap of 24 bits as Blender writes it: rows from below, each filled up to four
    bytes, blue first."""
    start = int.from_bytes(data[10:14], "little")
    width, height = (int.from_bytes(data[at : at + 4], "little") for at in (18, 22))
    rows = np.frombuffer(data, np.uint8, offset=start).reshape(height, -1)[:, : width * 3]
    return np.ascontiguousarray(rows.reshape(height, width, 3)[::-1, :, ::-1])


def _load(file: Path) -> np.ndarray:
    """(H, W, 3) uint8 of a picture file, made smaller where it is large."""
    image = None
    try:
        image = bpy.data.images.load(str(file.resolve()))
        width, height = image.size
        if not width or not height:
            raise RuntimeError("no pixels")
        if max(width, height) > LARGEST:
            scale = LARGEST / max(width, height)
            image.scale(max(2, round(width * scale)), max(2, round(height * scale)))
            width, height = image.size
        values = np.empty(width * height * image.channels, np.float32)
        image.pixels.foreach_get(values)
        pixels = values.reshape(height, width, image.channels)[::-1]
        colours = pixels[..., :3] if image.channels >= 3 else pixels[..., :1].repeat(3, axis=2)
        return np.ascontiguousarray(np.round(colours.clip(0, 1) * 255).astype(np.uint8))
    except RuntimeError as error:
        raise InputError("{file} cannot be read as a picture: it is damaged.", file=file.name) from error
    finally:
        if image is not None:
            bpy.data.images.remove(image)


def _pictures(folder: Path) -> list[Path]:
    return [file for file in folder.iterdir() if file.suffix.lower() in PICTURES and not file.name.startswith(".")]


def _sequence(file: Path) -> list[Path]:
    """The pictures beside a file whose names differ from its own by numbers alone."""
    if not file.is_file():
        return []
    pattern = re.sub(r"\d+", "#", file.name)
    return [other for other in _pictures(file.parent) if re.sub(r"\d+", "#", other.name) == pattern]


def _natural(file: Path) -> list[tuple[int, str]]:
    """A key that sorts f2 before f10."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", file.name.lower())]


def _hash(files: list[Path]) -> str:
    """SHA-256 over what is in files, in their order. Raises InputError for one that cannot be read."""
    digest = hashlib.sha256()
    for file in files:
        try:
            with file.open("rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
        except OSError as error:
            raise InputError(
                "{file} cannot be opened: {reason}.", file=file.name, reason=error.strerror or error
            ) from error
    return digest.hexdigest()
