"""Small pictures of the face in one shape after another, and a contact sheet of them. Nothing in the scene is touched,
and drawing may happen on any thread; reading colours and letters, and writing a file, are for the main one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from ...core.avatar.avatar import Avatar
from ...core.errors import OutputError
from ...core.face.face_space import FaceSpace
from ...core.face.parts import Part, classify
from ...core.geometry.shading import Paint, Portrait
from ...core.shapes import Shape
from ...core.vocabulary import ALL_SHAPES
from ..io import files
from ..io.mesh_io import Object
from . import colours
from .letters import Letters

CELL = 180  # pixels
_SMALL = 150
_THREADS = 2  # that draw at a time: numpy leaves the interpreter to others for half of it
_MARGIN = 1.08  # of the box around the landmarks, what a picture shows
_LABEL = 0.3  # of a cell, below it: two lines
ASPECT = 16 / 9  # of a sheet that is made for no window
_YAW = np.radians(18)  # from the side a little, so that depth can be judged
_QUALITY = 85  # of a JPEG file
_PAPER = 0.82  # grey behind faces
# Of a portrait: pixels across; in eye distances, what is in its middle and how far it reaches from there, so that hair
# and shoulders are in it.
_WHOLE, _MIDDLE, _HALF = 512, (0.0, -0.45, 0.0), 2.6
_COLOURS = {
    Part.OTHER: (0.45, 0.42, 0.42),
    Part.SKIN: (1.0, 0.82, 0.74),
    Part.EYE: (0.72, 0.84, 1.0),
    Part.TEETH_UPPER: (1.0, 1.0, 0.92),
    Part.TEETH_LOWER: (0.9, 0.96, 0.85),
    Part.TONGUE: (0.85, 0.35, 0.38),
    Part.MOUTH: (0.75, 0.4, 0.4),
    Part.ATTACHED: (0.2, 0.15, 0.14),
}  # where no material tells a colour
_TELLING = ("vrc.v_aa", "vrc.v_pp", "joy", "vrc.blink", "jawOpen", "mouthSmileLeft", "eyeBlinkLeft")


class Faces:
    """Draws the face of an avatar, from the eyes to the chin."""

    def __init__(self, avatar: Avatar, marks: np.ndarray, paint: Paint | None, size: int) -> None:
        """marks: (L, 3) landmarks. paint: what colours.read returned. size: of a picture, pixels across."""
        space = FaceSpace.of(marks)
        local, marks = space.to_face(avatar.vertices), space.to_face(np.asarray(marks, float))
        low, high = marks.min(0), marks.max(0)
        self._half = float((high - low)[:2].max()) / 2 * _MARGIN
        self._linear = space.rotation.T / space.scale
        paint = paint or _by_part(classify(avatar, local, marks)[avatar.triangles[:, 0]])
        view = self._turned(local - (low + high) / 2)
        self._portrait = Portrait(view, avatar.triangles, paint, size, avatar.weld)
        self.size = size

    def draw(self, shape: Shape | None) -> np.ndarray:
        """(S, S, 4) float32 sRGB and coverage, row 0 at the top, of a shape; of the face at rest for None."""
        if shape is None:
            return self._portrait.draw(np.empty(0, np.int64), np.empty((0, 3)))
        return self._portrait.draw(shape.indices, self._turned(shape.deltas @ self._linear))

    def _turned(self, vectors: np.ndarray) -> np.ndarray:
        """(N, 3) of face space (to the avatar's left, up, forward) to the camera's right, up and towards it."""
        cos, sin = np.cos(_YAW), np.sin(_YAW)
        return vectors @ np.array([(cos, 0, sin), (0, 1, 0), (-sin, 0, cos)]) / self._half


@dataclass(frozen=True)
class Sheet:
    """A contact sheet to be drawn: neutral and `shapes`, `columns` in a row, each with its name below."""

    shapes: Sequence[Shape]
    letters: Letters
    columns: int

    @classmethod
    def of(cls, shapes: Sequence[Shape], aspect: float = ASPECT) -> Sheet:
        """As wide for its height as `aspect`, about. On the main thread."""
        count = len(shapes) + 1
        columns = round(np.sqrt(count * aspect * (1 + _LABEL)))
        names = "".join(shape.name for shape in shapes)
        return cls(shapes, Letters.of(f"neutral{names}"), min(max(columns, 1), count))

    def cell(self, width: int) -> int:
        """Pixels across of a picture, for a sheet that fills `width`: CELL or more, as far as a sheet of ALL_SHAPES has
        pixels."""
        most = CELL * max(1.0, np.sqrt((len(ALL_SHAPES) + 1) / (len(self.shapes) + 1)))
        return int(min(max(CELL, width / self.columns), most))

    def draw(self, faces: Faces, progress: Callable[[float], None] | None = None) -> np.ndarray:
        """The (H, W, 3) picture, 0 to 1, row 0 at the top. progress(fraction) is called after each of its cells and
        may raise what ends the work."""
        size, label = faces.size, round(faces.size * _LABEL)
        rows = -(-(len(self.shapes) + 1) // self.columns)
        page = np.full((rows, size + label, self.columns, size, 3), _PAPER, np.float32)
        shapes = [None, *self.shapes]
        pool = ThreadPoolExecutor(_THREADS)
        try:
            for number, (shape, picture) in enumerate(zip(shapes, pool.map(faces.draw, shapes), strict=True)):
                cell = page[number // self.columns, :, number % self.columns]
                cell[:size] = cell[:size] * (1 - picture[..., 3:]) + picture[..., :3] * picture[..., 3:]
                cell[size:] *= 1 - self.letters.draw(shape.name if shape else "neutral", size, label)[..., None]
                cell[:, :1] = cell[:, -1:] = 1.0
                if progress:
                    progress((number + 1) / len(shapes))
        finally:
            pool.shutdown(cancel_futures=True)
        return page.reshape(rows * (size + label), self.columns * size, 3)


def sheet(
    path: Path, objects: Sequence[Object], avatar: Avatar, marks: np.ndarray, shapes: Sequence[Shape], cell: int = CELL
) -> None:
    """Write the picture `path`, JPEG or PNG by its suffix, of `shapes` on `avatar`, which was read from `objects` and
    whose face has the (L, 3) landmarks `marks`; `cell` pixels across for each."""
    faces = Faces(avatar, marks, colours.read(objects, avatar), cell)
    image = picture(path.stem, pixels(Sheet.of(shapes).draw(faces)))
    write(path, image)
    bpy.data.images.remove(image)


def thumbnail(
    path: Path, objects: Sequence[Object], avatar: Avatar, marks: np.ndarray, shapes: Sequence[Shape]
) -> None:
    """Write the small picture `path` of a few of `shapes`; see sheet."""
    by_name = {shape.name: shape for shape in shapes}
    telling = [by_name[name] for name in _TELLING if name in by_name] or shapes
    sheet(path, objects, avatar, marks, telling[:4], _SMALL)


def portrait(path: Path, avatar: Avatar, marks: np.ndarray, paint: Paint | None) -> None:
    """Write a picture of the face of `avatar` at rest, from the front, with hair and neck; marks: its (L, 3) landmarks;
    paint: what colours.read returned. Raises OutputError when it cannot be written."""
    space = FaceSpace.of(marks)
    local = space.to_face(avatar.vertices)
    paint = paint or _by_part(classify(avatar, local, space.to_face(np.asarray(marks, float)))[avatar.triangles[:, 0]])
    drawn = Portrait((local - _MIDDLE) / _HALF, avatar.triangles, paint, _WHOLE, avatar.weld)
    seen = drawn.draw(np.empty(0, np.int64), np.empty((0, 3)))
    image = picture(path.stem, pixels(_PAPER * (1 - seen[..., 3:]) + seen[..., :3] * seen[..., 3:]))
    write(path, image)
    bpy.data.images.remove(image)


def pixels(page: np.ndarray) -> np.ndarray:
    """(H, W, 4) float32 as an image of Blender has them, row 0 at the bottom, of an (H, W, 3) picture, row 0 at the
    top. On any thread."""
    found = np.ones((*page.shape[:2], 4), np.float32)
    found[..., :3] = page[::-1]
    return found


def picture(name: str, pixels: np.ndarray) -> bpy.types.Image:
    """An image of Blender with (H, W, 4) `pixels`; one of that name and size is drawn over."""
    height, width = pixels.shape[:2]
    image = bpy.data.images.get(name)
    if image is None or tuple(image.size) != (width, height):
        image = bpy.data.images.new(name, width, height, alpha=False)
    image.pixels.foreach_set(pixels.reshape(-1))
    image.update()
    return image


def write(path: Path, image: bpy.types.Image) -> None:
    """Write `image` to `path`, JPEG or PNG by its suffix, whole or not at all. Raises OutputError when it cannot be
    written."""
    files.require_writable(path.parent)
    part = files.unfinished(path)
    image.file_format = "JPEG" if path.suffix.lower() in (".jpg", ".jpeg") else "PNG"
    try:
        image.save(filepath=str(part), quality=_QUALITY)
        part.replace(path)
    except (OSError, RuntimeError) as error:
        raise OutputError("{path} cannot be written: check the folder and the free space.", path=path) from error
    finally:
        part.unlink(missing_ok=True)


def _by_part(parts: np.ndarray) -> Paint:
    """Of (T,) parts of triangles."""
    table = np.ones((max(Part) + 1, 4), np.float32)
    for part, colour in _COLOURS.items():
        table[part, :3] = colour
    return Paint.plain(table[parts])
