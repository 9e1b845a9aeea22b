"""Motion descriptors: what a face does in a clip, told apart from whose face it is and where it was filmed.

A descriptor file (`.npz`) holds them, so that a clip is read once; docs/formats.md has its arrays.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..inference.face_format import POINTS, SCORES
from ..inference.mouth_format import MOUTH
from . import pose
from .face import Reading

VERSION = 3


@dataclass(frozen=True)
class Descriptors:
    """F frames.

    times: (F,) seconds. found: (F,) whether there is a face; the rest is 0 where not. landmarks: (F, 478, 3), in the
    head's own axes (x to the person's left, y up, z forward), from the middle between the eyes, in distances between
    the outer corners of the eyes. rotation: (F, 3, 3) of the head against the camera. place: (F, 3) of the head: right
    and up of the picture's middle and the distance between the eyes' outer corners, in heights of the picture. scores:
    (F, 52) in the order of `face_format.SCORES`, 0 to 1. mouth: (F, 128) what it looks like, see
    `mouth.MouthReader.read`, or (F, 0) where it was not read. tongue: (F,) 0 to 1. gaze: (F, 2, 2) degrees to the
    person's left and up, of the left and the right eye. blink: (F, 2) how far either is closed, 0 to 1. presence: (F,)
    how sure the reader is. faces: the most that were seen at once. content: the clip's hash. networks: which read
    it, see `face.networks_of`; empty where that was not noted.
    """

    times: np.ndarray
    found: np.ndarray
    landmarks: np.ndarray
    rotation: np.ndarray
    place: np.ndarray
    scores: np.ndarray
    mouth: np.ndarray
    tongue: np.ndarray
    gaze: np.ndarray
    blink: np.ndarray
    presence: np.ndarray
    faces: int
    content: str
    networks: str = ""

    @property
    def count(self) -> int:
        return len(self.times)


def describe(
    readings: Sequence[Reading | None],
    size: tuple[int, int],
    rate: float,
    faces: int,
    content: str,
    networks: str = "",
) -> Descriptors:
    """Descriptors of readings, None where there is no face, in pictures of a (width, height), so many per second."""
    count = len(readings)
    found = np.array([reading is not None for reading in readings], bool)
    there = [reading for reading in readings if reading is not None]
    width, height = size
    points = np.array([reading.landmarks for reading in there]).reshape(-1, POINTS, 3)
    points = (points - [width / 2, height / 2, 0]) * [1, -1, -1]
    landmarks, rotation, middle, across = pose.straighten(points)
    scores = np.array([reading.scores for reading in there]).reshape(-1, len(SCORES))

    def spread(values: np.ndarray) -> np.ndarray:
        rows = np.zeros((count, *values.shape[1:]), np.float32)
        rows[found] = values
        return rows

    return Descriptors(
        times=np.arange(count) / rate,
        found=found,
        landmarks=spread(landmarks),
        rotation=spread(rotation),
        place=spread(np.concatenate([middle[:, :2], across[:, None]], axis=1) / height),
        scores=spread(scores),
        mouth=spread(np.array([reading.mouth for reading in there]).reshape(-1, MOUTH.features)),
        tongue=spread(np.array([reading.tongue for reading in there])),
        gaze=spread(np.array([reading.eyes.gaze for reading in there]).reshape(-1, 2, 2)),
        blink=spread(np.array([reading.eyes.blink for reading in there]).reshape(-1, 2)),
        presence=spread(np.array([reading.presence for reading in there])),
        faces=faces,
        content=content,
        networks=networks,
    )


def to_bytes(descriptors: Descriptors) -> bytes:
    """What a descriptor file holds."""
    file = io.BytesIO()
    np.savez_compressed(file, version=VERSION, **asdict(descriptors))
    return file.getvalue()


def load(path: Path) -> Descriptors:
    """Descriptors of a file. Raises InputError for one that holds none, damaged ones, or those of another version."""
    refusal = InputError(
        "{file} holds no motion descriptors of this version: delete it, and drive --descriptors makes it anew from the "
        "clip.",
        file=path.name,
    )
    try:
        with np.load(path, allow_pickle=False) as stored:
            if int(stored["version"]) != VERSION:
                raise refusal
            values = {field.name: stored[field.name] for field in fields(Descriptors)}
    except OSError as error:
        raise InputError(
            "{file} cannot be opened: {reason}.", file=path.name, reason=error.strerror or error
        ) from error
    except (KeyError, ValueError, TypeError, zipfile.BadZipFile, EOFError) as error:  # TypeError: an .npy file
        raise refusal from error
    count = values["times"].size
    shapes = {"landmarks": (POINTS, 3), "rotation": (3, 3), "place": (3,), "scores": (len(SCORES),), "gaze": (2, 2)}
    shapes |= {"times": (), "found": (), "tongue": (), "presence": (), "blink": (2,)}
    if any(values[name].shape != (count, *shape) for name, shape in shapes.items()):
        raise refusal
    if not all(values[name].dtype.kind in "bf" and np.isfinite(values[name]).all() for name in (*shapes, "mouth")):
        raise refusal
    if values["mouth"].shape not in ((count, MOUTH.features), (count, 0)):
        raise refusal
    notes = {name: str(values[name]) for name in ("content", "networks")}
    return Descriptors(**{**values, **notes, "faces": int(values["faces"])})
