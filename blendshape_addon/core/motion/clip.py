"""A clip as pictures over time, and what is read of the face in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..errors import InputError
from ..messages import Message
from .descriptor import Descriptors, describe
from .face import FaceReader, Reading
from .parameters import READER
from .performance import calmest

Progress = Callable[[float, str], None]


class Clip(Protocol):
    """Pictures of the same size, evenly spaced. name: the file's; count: how many; rate: per second; content: a hash of
    what is in the file."""

    name: str
    count: int
    rate: float
    content: str

    def pictures(self) -> Iterator[np.ndarray]:
        """(H, W, 3) uint8, red, green and blue, the top row first. Raises InputError for what cannot be read."""


@dataclass(frozen=True)
class ArrayClip:
    """A clip that lies in memory."""

    name: str
    frames: np.ndarray
    rate: float
    content: str = ""

    @property
    def count(self) -> int:
        return len(self.frames)

    def pictures(self) -> Iterator[np.ndarray]:
        yield from self.frames


def read(clip: Clip, reader: FaceReader, progress: Progress) -> Descriptors:
    """What the face in a clip does. Raises InputError for a clip of one frame and for one in which no face is found."""
    reading = ClipReading(clip, reader)
    for number, picture in enumerate(clip.pictures()):
        progress(number / max(clip.count, 1), Message("reading the face"))
        reading.add(picture)
    return reading.finish()


class ClipReading:
    """Reads a clip picture by picture, for those who get the pictures in their own time."""

    def __init__(self, clip: Clip, reader: FaceReader) -> None:
        if clip.count < 2:
            raise InputError(
                "{file} has one frame only, which shows no motion: give a movie or a folder of pictures.",
                file=clip.name,
            )
        self._clip, self._reader = clip, reader
        self._readings: list[Reading | None] = []
        self._faces, self._turn = 0, 0
        self._size = (0, 0)

    def add(self, picture: np.ndarray) -> None:
        """Read the next (H, W, 3) uint8 picture."""
        number = len(self._readings)
        last = self._readings[-1] if self._readings else None
        found = self._reader.follow(picture, last, self._turn)
        if number % READER.recount == 0:
            if found is None and not any(self._readings):
                found = self._turned(picture)
            self._faces = max(self._faces, len(self._reader.detect(picture, self._turn)))
        self._readings.append(found)
        self._size = picture.shape[1], picture.shape[0]

    def _turned(self, picture: np.ndarray) -> Reading | None:
        """A face that lies on its side or upside down, as in a movie that was not filmed upright; from then on faces
        are looked for at this turn."""
        for turn in (1, 3, 2):
            found = self._reader.follow(picture, None, turn)
            if found is not None:
                self._turn = turn
                return found
        return None

    def finish(self) -> Descriptors:
        """What was read; gazes are against those of the calmest pictures. Raises InputError where no face was found in
        any picture."""
        found = [reading for reading in self._readings if reading is not None]
        if not found:
            raise InputError(
                "No face was found in {file}: a person's face has to look at the camera, well lit, and fill a tenth of "
                "the picture or more; drawn faces cannot be read.",
                file=self._clip.name,
            )
        clip, networks = self._clip, self._reader.networks
        made = describe(self._readings, self._size, clip.rate, self._faces, clip.content, networks)
        calm = [one for number in calmest(made) if (one := self._readings[number]) is not None]
        made.gaze[made.found] = self._reader.away(found, calm or found)
        return made
