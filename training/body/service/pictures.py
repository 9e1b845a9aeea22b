"""Pictures of requests: checked before anything is queued, and made upright without what else a file says."""

from __future__ import annotations

import base64
import binascii
import io
import tempfile
import threading
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.motion.face import FaceReader

from .. import photo
from ..person import Person, PersonReader

FORMATS = ("JPEG", "PNG", "WEBP")


class PictureCheck:
    """The networks that look at pictures of requests; one picture at a time, for each needs a core."""

    def __init__(self, networks: Path, megabytes: float) -> None:
        self._people, self._faces = PersonReader(networks), FaceReader()
        self._megabytes = megabytes
        self._lock = threading.Lock()

    def read(self, text: str, name: str, side: bool = False) -> photo.Photo:
        """The picture of a base64 text. Raises InputError for one that is none, too large, or does not show a whole
        person from the front with a face, or else from the `side`; it calls the picture by its `name`."""
        data = self._decoded(text, name)
        with self._lock:
            found = _loaded(data, name)
            person = photo.view(found, self._people, side).person
            if not side and not self._faces.detect(_head(found.pixels, person)):
                raise InputError("{file} does not show the person's face.", file=name)
        return found

    def _decoded(self, text: str, name: str) -> bytes:
        if text.startswith("data:"):
            text = text.partition("base64,")[2]
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InputError("{file} is not base64.", file=name) from error
        if len(data) > self._megabytes * 1e6:
            raise InputError("{file} is larger than {most:g} megabytes.", file=name, most=self._megabytes)
        return data


def _loaded(data: bytes, name: str) -> photo.Photo:
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS):
            pass
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError("{file} is no JPEG, PNG or WebP picture.", file=name) from error
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        return photo.load(path)


def _head(pixels: np.ndarray, person: Person) -> np.ndarray:
    """The part of a picture around a person's head, as wide as twice the shoulders: of a whole picture the face
    detector sees 128 pixels across."""
    reach = int(max(np.linalg.norm(person.at("shoulder_l") - person.at("shoulder_r")), 1))
    across, down = person.at("nose").astype(int)
    return pixels[max(0, down - reach) : down + reach, max(0, across - reach) : across + reach]


def encoded(picture: photo.Photo) -> bytes:
    """A PNG file of the pixels and nothing else."""
    data = io.BytesIO()
    Image.fromarray(picture.pixels).save(data, "PNG", compress_level=1)
    return data.getvalue()


def decoded(data: bytes, name: str, focal: float, said_focal: bool) -> photo.Photo:
    """What `encoded` wrote. focal: pixels."""
    with Image.open(io.BytesIO(data)) as image:
        return photo.Photo(name, np.asarray(image.convert("RGB")), focal, said_focal)
