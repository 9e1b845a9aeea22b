"""Where the face is in a portrait and in a clip, and the square about it, as the pictures of renders have it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.motion import descriptor
from blendshape_addon.core.motion.descriptor import Descriptors
from blendshape_addon.core.motion.face import OUTER_EYES, FaceReader, Reading
from blendshape_addon.core.motion.performance import DriveOptions, perform

from ..motion.animator import dataset, pictures
from ..motion.animator.conditions import Window
from ..renders.parameters import CAMERA

_CORNERS = 1.43  # distance of the outer corners of the eyes over that of the eyes: 90 and 63 mm
# A face seems drawn whose height and mouth's width, times a factor, are less together in distances of its eyes' outer
# corners; landmarks of MediaPipe's mesh. Of 38 renders, five of six anime heads are so, and nobody of other families.
_HEIGHT, _MOUTH, _FACTOR, _LEAST = (10, 152), (78, 308), 1.5, 2.23
SMALLEST = 32  # pixels of a square's side, with a face of a third of that

Eyes = tuple[tuple[float, float], tuple[float, float]]  # pixels right and down


@dataclass(frozen=True)
class Portrait:
    """picture: (H, W, 4) uint8; left, top, side: of the square about the face, in pixels, which may reach beyond.
    drawn: whether the face seems to be a drawing, beside whose mouth and eyes landmarks lie."""

    picture: np.ndarray
    left: int
    top: int
    side: int
    drawn: bool = False

    @property
    def square(self) -> np.ndarray:
        """(side, side, 4) uint8; beyond the picture's edges it goes on as at them."""
        left, top, right, bottom = self._beyond()
        padded = np.pad(self.picture, ((top, bottom), (left, right), (0, 0)), "edge")
        return padded[self.top + top :, self.left + left :][: self.side, : self.side]

    @property
    def inner(self) -> tuple[bool, bool, bool, bool]:
        """Which sides of the square, left, top, right and bottom, have more of the picture beyond them."""
        height, width = self.picture.shape[:2]
        return self.left > 0, self.top > 0, self.left + self.side < width, self.top + self.side < height

    def with_square(self, square: np.ndarray) -> np.ndarray:
        """The (H, W, 4) picture with another (side, side, 4) square in place of its own."""
        left, top, right, bottom = self._beyond()
        made = self.picture.copy()
        part = square[top : self.side - bottom, left : self.side - right]
        made[max(self.top, 0) :, max(self.left, 0) :][: part.shape[0], : part.shape[1]] = part
        return made

    def _beyond(self) -> tuple[int, int, int, int]:
        """Pixels of the square beyond the picture, at the left, top, right and bottom."""
        height, width = self.picture.shape[:2]
        ends = -self.left, -self.top, self.left + self.side - width, self.top + self.side - height
        left, top, right, bottom = (max(0, end) for end in ends)
        return left, top, right, bottom


def eyes(texts: list[str]) -> Eyes:
    """Places of eyes as options say them. Raises InputError for other texts."""
    try:
        (a, b), (c, d) = (map(float, text.split(",")) for text in texts)
    except ValueError as error:
        raise InputError(
            f"--eyes is {' '.join(texts)}: give two places in pixels, right and down, as --eyes 120,200 180,200."
        ) from error
    return (a, b), (c, d)


def portrait(path: Path, largest: int, eyes: Eyes | None, reader: FaceReader) -> tuple[Portrait, float]:
    """A portrait, and how many times its longer side was reduced to have `largest` pixels at most.

    eyes: where they are, in the file's pixels; None where they are to be found. Raises InputError, in a sentence, for a
    file that cannot be read, and where no face is found, or one that is too small.
    """
    picture = pictures.load_with_alpha(path)
    height, width = picture.shape[:2]
    factor = max(1.0, max(height, width) / largest)
    if factor > 1:
        smaller = max(1, round(width / factor)), max(1, round(height / factor))
        picture = np.asarray(Image.fromarray(picture).resize(smaller, Image.Resampling.BOX))
    if eyes:
        window, drawn = _of_eyes(eyes, factor, picture, path.name), True
    else:
        window, drawn = _found(picture, path.name, reader)
    side = round(window.side)
    if side < SMALLEST:
        raise InputError(
            f"The face in {path.name} is too small: with hair and neck it is {side} pixels wide. Cut the picture to "
            "the face and save it larger."
        )
    left, top = (round(middle - side / 2) for middle in window.centre)
    return Portrait(picture, left, top, side, drawn), factor


def _of_eyes(eyes: Eyes, factor: float, picture: np.ndarray, name: str) -> Window:
    left, right = (np.array(eye) / factor for eye in eyes)
    height, width = picture.shape[:2]
    for eye in (left, right):
        if not (0 <= eye[0] < width and 0 <= eye[1] < height):
            raise InputError(f"--eyes gives a place that is not in {name}: count its pixels from the upper left.")
    if right[0] - left[0] < 1:
        raise InputError("--eyes gives the eye at the left of the picture first, then the one at the right.")
    return _window((left + right) / 2, float(np.linalg.norm(right - left)))


def _found(picture: np.ndarray, name: str, reader: FaceReader) -> tuple[Window, bool]:
    told = dataset.describe(on_ground(picture, (255, 255, 255))[None], reader)
    if not told.found.all():
        raise InputError(
            f"No face was found in {name}: it has to look at the camera, well lit. Drawn faces are mostly not found: "
            "say where the eyes are, as --eyes 120,200 180,200."
        )
    turned = (told.landmarks[0] @ told.rotation[0].T)[:, :2]
    height, mouth, eyes = (float(np.linalg.norm(turned[a] - turned[b])) for a, b in (_HEIGHT, _MOUTH, OUTER_EYES))
    drawn = height + _FACTOR * mouth < _LEAST * eyes
    return window(told, picture.shape[1], picture.shape[0]), drawn


def window(told: Descriptors, width: float, height: float) -> Window:
    """The square about a face, where it is in half of the pictures in which it was found."""
    right, up, across = np.median(told.place[told.found], axis=0) * height
    return _window(np.array([width / 2 + right, height / 2 - up]), float(across) / _CORNERS)


def _window(eyes: np.ndarray, apart: float) -> Window:
    """eyes: (2,) the middle between them; apart: their distance; pixels."""
    return Window((float(eyes[0]), float(eyes[1]) - CAMERA.centre[1] * apart), 2 * CAMERA.half * apart)


@dataclass(frozen=True)
class Driver:
    """What drives a portrait in F frames. window: the square about the face. shown: (F,) number of the frame that each
    shows: where no face was read, the last one before with a face stands still. neutral: number of the frame whose face
    is neutral."""

    window: Window
    shown: np.ndarray
    neutral: int


def read(frames: np.ndarray, reader: FaceReader, watched: Callable[[range], Iterable[int]] = iter) -> Descriptors:
    """What is read of (F, H, W, 3) uint8 frames, each followed from the one before."""
    readings: list[Reading | None] = []
    for number in watched(range(len(frames))):
        readings.append(reader.follow(frames[number], readings[-1] if readings else None))
    height, width = frames.shape[1:3]
    return descriptor.describe(readings, (width, height), 1.0, 1, "")


def driver(name: str, told: Descriptors, width: float, height: float, neutral: int | None = None) -> Driver:
    """How a clip drives that `told` was read of. neutral: number, from 1, of the neutral frame; found if None.

    Raises InputError where a face is found in fewer than two frames or the neutral one is none of these.
    """
    count = len(told.found)
    if told.found.sum() < 2:
        raise InputError(f"A face was found in {told.found.sum()} of the {count} frames of {name}: give two or more.")
    if neutral is not None and not 1 <= neutral <= count:
        raise InputError(f"--neutral is {neutral}: give a number from 1 to {count}.")
    rest = perform(told, DriveOptions(None if neutral is None else neutral - 1), name).neutral
    shown = np.maximum.accumulate(np.where(told.found, np.arange(count), np.argmax(told.found)))
    return Driver(window(told, width, height), shown, rest)


def cut(frames: np.ndarray, driver: Driver, size: int) -> np.ndarray:
    """(F, size, size, 3) uint8 of the window of the frames that are shown."""
    return np.stack([dataset.cropped(frames[one], driver.window, size) for one in driver.shown])


def on_ground(picture: np.ndarray, ground: tuple[int, int, int]) -> np.ndarray:
    """(H, W, 3) uint8 of a (H, W, 4) picture laid on a colour."""
    if picture[..., 3].min() == 255:
        return picture[..., :3]
    alpha = picture[..., 3:].astype(np.float32) / 255
    return (picture[..., :3] * alpha + np.float32(ground) * (1 - alpha)).round().astype(np.uint8)
