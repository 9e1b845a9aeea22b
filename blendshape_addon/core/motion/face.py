"""A person's face in a picture: found by a detector, then followed from frame to frame by its own landmarks.

Three networks are MediaPipe's Face Landmarker (training/motion/convert.py), and the steps between them are its steps:
what is found agrees with MediaPipe's to some thousandths of the distance between the eyes. A fourth one, see `eyes`,
reads where the eyes look and how far they are closed, a fifth one, see `mouth`, what the mouth does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..inference import registry
from ..inference.face_format import FACE, OUTER_EYES, POINTS, SCORED
from ..inference.session import Session, open_session
from .boxes import anchors, candidates, distinct
from .eyes import EyeReader, EyeReading
from .mouth import MouthReader
from .parameters import READER
from .sampling import Region, sample

# What a clip is read with: those of FaceReader, and what the features of mouths mean.
NETWORKS = ("face_detector", "face_landmarks", "face_scores", "gaze", "mouth", "mouth_units")


def networks_of(models: Path | None = None) -> str:
    """A hash of NETWORKS in a folder, the bundled ones if None: features of mouths of one set mean nothing to another.
    Raises ModelError as `registry.load` does."""
    hashes = [str(registry.load(kind, models).card["sha256"]) for kind in NETWORKS]
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


@dataclass(frozen=True)
class Detected:
    """A face that the detector found. low, high: (2,) corners of its box; eyes: (2, 2) the person's right one first;
    all in pixels right and down. score: 0 to 1."""

    low: np.ndarray
    high: np.ndarray
    eyes: np.ndarray
    score: float

    @property
    def region(self) -> Region:
        """What the landmarks are read in."""
        size = float((self.high - self.low).max()) * READER.margin
        return Region((self.low + self.high) / 2, size, _angle(*self.eyes))


@dataclass(frozen=True)
class Reading:
    """A face in one picture. landmarks: (478, 3) pixels right, down and away from the camera, in the order of
    MediaPipe. scores: (52,) in the order of `face_format.SCORES`. tongue: 0 to 1, whether it is out. presence: 0 to 1,
    how sure it is that there is a face. eyes: where they look and how far they are closed. mouth: what it looks
    like, see `MouthReader.read`."""

    landmarks: np.ndarray
    scores: np.ndarray
    tongue: float
    presence: float
    eyes: EyeReading
    mouth: np.ndarray

    @property
    def region(self) -> Region:
        """Where the face is looked for in the next picture."""
        flat = self.landmarks[:, :2]
        low, high = flat.min(0), flat.max(0)
        return Region((low + high) / 2, float((high - low).max()) * READER.margin, _angle(*flat[list(OUTER_EYES)]))


class FaceReader:
    """The five networks. models: their folder, the bundled one if None. networks: see `networks_of`. Raises ModelError
    as `registry.load` does."""

    def __init__(self, models: Path | None = None, provider: str = "auto") -> None:
        self.networks = networks_of(models)
        self._detector, self._landmarks, self._scores = (
            open_session(registry.load(kind, models), provider)
            for kind in ("face_detector", "face_landmarks", "face_scores")
        )
        self._eyes = EyeReader(models, provider)
        self._mouth = MouthReader(models, provider)

    @property
    def sessions(self) -> tuple[Session, ...]:
        return self._detector, self._landmarks, self._scores, *self._eyes.sessions, *self._mouth.sessions

    def detect(self, picture: np.ndarray, turn: int = 0) -> list[Detected]:
        """The faces in a (H, W, 3) uint8 picture that lie on their side by `turn` quarters, clockwise as seen; the
        largest first."""
        height, width = picture.shape[:2]
        whole = Region(np.array([width / 2, height / 2]), float(max(height, width)), turn * np.pi / 2)
        pixels = sample(picture, whole, FACE.detector_size, outside=False)
        boxes, scores = self._detector.run(["boxes", "scores"], {"image": _scaled(pixels, FACE.detector_range)})
        found = []
        likely = candidates(boxes[0], scores[0, :, 0], _ANCHORS, FACE.detector_size, READER.min_score)
        for points, score in distinct(*likely, READER.min_overlap):
            *corners, left, right = whole.to_picture(points[:4])
            found.append(Detected(np.min(corners, 0), np.max(corners, 0), np.array([left, right]), score))
        return sorted(found, key=lambda one: float((one.high - one.low).max()), reverse=True)

    def read(self, picture: np.ndarray, region: Region) -> Reading:
        """The face in a region of a (H, W, 3) uint8 picture."""
        pixels = sample(picture, region, FACE.landmark_size, outside=True)
        landmarks, presence, tongue = self._landmarks.run(
            ["landmarks", "presence", "tongue"], {"image": _scaled(pixels, FACE.landmark_range)}
        )
        inside = landmarks.reshape(POINTS, 3) / FACE.landmark_size
        points = np.concatenate([region.to_picture(inside[:, :2]), inside[:, 2:] * region.size], axis=1)
        scored = _upright(points[list(SCORED), :2], region.angle).astype(np.float32)
        (scores,) = self._scores.run(["scores"], {"points": scored[None]})
        sure = _sigmoid(float(presence.ravel()[0]))
        eyes, mouth = self._eyes.read(picture, points), self._mouth.read(picture, points)
        return Reading(points, scores, float(tongue.ravel()[0]), sure, eyes, mouth)

    def away(self, readings: Sequence[Reading], still: Sequence[Reading]) -> np.ndarray:
        """(N, 2, 2) degrees to the person's left and up by which the left and the right eye of each reading look
        elsewhere than in the still ones, which are of the same person."""
        codes, rest = (np.array([one.eyes.code for one in rows]) for rows in (readings, still))
        return self._eyes.away(codes, np.median(rest, axis=0))

    def follow(self, picture: np.ndarray, last: Reading | None, turn: int = 0) -> Reading | None:
        """The face that was read in the picture before, or else the largest one; None where there is none. turn: as of
        `detect`."""
        if last is not None:
            reading = self.read(picture, last.region)
            if reading.presence >= READER.min_presence:
                return reading
        for detected in self.detect(picture, turn)[:1]:
            reading = self.read(picture, detected.region)
            if reading.presence >= READER.min_presence:
                return reading
        return None


def _angle(left: np.ndarray, right: np.ndarray) -> float:
    """Radians by which the line between two eyes, the picture's left one first, is turned clockwise."""
    across, down = right - left
    return float(np.arctan2(down, across))


def _upright(points: np.ndarray, angle: float) -> np.ndarray:
    """(N, 2) points of a face that is turned by an angle, turned back by as many whole quarters: the network of scores
    knows faces that lean, and none that lie on their side."""
    for _ in range(round(2 * angle / np.pi) % 4):
        points = np.column_stack([points[:, 1], -points[:, 0]])
    return points


def _scaled(pixels: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    low, high = limits
    return (pixels * ((high - low) / 255) + low)[None].astype(np.float32)


def _sigmoid(value: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(value, -80, 80))))


_ANCHORS = anchors(FACE.detector_size, FACE.strides)
