"""People in a picture: found by a detector, the largest one read: points of the body, and which pixels are its own.

The networks are MediaPipe's Pose Landmarker, and the steps between them are its steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.motion.boxes import anchors, candidates, distinct
from blendshape_addon.core.motion.sampling import Region, sample

from .networks import FOLDER, open_network
from .parameters import PERSON

# Points of the pose, as MediaPipe numbers them; sides are the person's own.
POINTS = {
    "nose": 0, "eye_l": 2, "eye_r": 5, "ear_l": 7, "ear_r": 8, "shoulder_l": 11, "shoulder_r": 12, "elbow_l": 13,
    "elbow_r": 14, "wrist_l": 15, "wrist_r": 16, "hip_l": 23, "hip_r": 24, "knee_l": 25, "knee_r": 26, "ankle_l": 27,
    "ankle_r": 28, "heel_l": 29, "heel_r": 30, "toe_l": 31, "toe_r": 32,
}  # fmt: skip
COUNT = 33
_ALL = 39  # with those that only say where the person is: the middle of the hips, and a point on a circle around it
_MIDDLE, _EDGE = 33, 34


@dataclass(frozen=True)
class Detected:
    """A person that the detector found. low, high: (2,) corners of the box of the upper body; middle: (2,) of the hips;
    edge: (2,) on a circle around the whole person, right above the middle of one who stands; all in pixels right and
    down. score: 0 to 1."""

    low: np.ndarray
    high: np.ndarray
    middle: np.ndarray
    edge: np.ndarray
    score: float

    @property
    def size(self) -> float:
        """Pixels across the whole person."""
        return 2 * float(np.linalg.norm(self.edge - self.middle))

    @property
    def region(self) -> Region:
        return _around(self.middle, self.edge)


@dataclass(frozen=True)
class Person:
    """A person in one picture.

    points: (33, 3) pixels right, down and away from the camera. visible: (33,) 0 to 1. world: (33, 3) metres right,
    down and away from the middle of the hips, of a body of common size. mask: (H, W) 0 to 1, which pixels are the
    person. presence: 0 to 1. region: the square of the picture around the person.
    """

    points: np.ndarray
    visible: np.ndarray
    world: np.ndarray
    mask: np.ndarray
    presence: float
    region: Region

    def at(self, name: str) -> np.ndarray:
        """(2,) pixels of a point of POINTS."""
        return self.points[POINTS[name], :2]


class PersonReader:
    """Both networks. folder: where they are. Raises InputError where they are not."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._detector = open_network("pose_detector", folder)
        self._landmarks = open_network("pose_landmarks", folder)

    def detect(self, picture: np.ndarray) -> list[Detected]:
        """The people in a (H, W, 3) uint8 picture, the largest first."""
        height, width = picture.shape[:2]
        whole = Region(np.array([width / 2, height / 2]), float(max(height, width)))
        pixels = sample(picture, whole, PERSON.detector_size, outside=False)
        image = (pixels / 127.5 - 1)[None].astype(np.float32)
        boxes, scores = self._detector.run(["boxes", "scores"], {"image": image})
        found = []
        likely = candidates(boxes[0], scores[0, :, 0], _ANCHORS, PERSON.detector_size, PERSON.min_score)
        for points, score in distinct(*likely, PERSON.min_overlap):
            low, high, middle, edge, *_ = whole.to_picture(points)
            found.append(Detected(low, high, middle, edge, score))
        return sorted(found, key=lambda one: one.size, reverse=True)

    def read(self, picture: np.ndarray) -> Person:
        """The largest person in a (H, W, 3) uint8 picture. Raises InputError where there is none."""
        found = self.detect(picture)
        if not found:
            raise InputError("No person detected in image.")
        person = self._read(picture, found[0].region)
        for _ in range(PERSON.passes - 1):
            person = self._read(picture, person.region)
        if person.presence < PERSON.min_presence:
            raise InputError("No person detected in image.")
        return person

    def _read(self, picture: np.ndarray, region: Region) -> Person:
        """The person in a region, and where it is looked for next."""
        pixels = sample(picture, region, PERSON.landmark_size, outside=True)
        image = (pixels / 255)[None].astype(np.float32)
        landmarks, presence, mask, world = self._landmarks.run(
            ["landmarks", "presence", "mask", "world"], {"image": image}
        )
        rows = landmarks.reshape(_ALL, 5)
        inside = rows[:, :3] / PERSON.landmark_size
        points = np.concatenate([region.to_picture(inside[:, :2]), inside[:, 2:] * region.size], axis=1)
        cosine, sine = np.cos(region.angle), np.sin(region.angle)
        turn = np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]])
        return Person(
            points[:COUNT],
            _sigmoid(np.minimum(rows[:COUNT, 3], rows[:COUNT, 4])),
            world.reshape(_ALL, 3)[:COUNT] @ turn,
            _laid_over(_sigmoid(mask[0, :, :, 0]), region, picture.shape[:2]),
            float(presence.ravel()[0]),
            _around(points[_MIDDLE, :2], points[_EDGE, :2]),
        )


def _around(middle: np.ndarray, edge: np.ndarray) -> Region:
    """The square around a person."""
    right, down = edge - middle
    return Region(middle, 2 * PERSON.margin * float(np.hypot(right, down)), float(np.arctan2(right, -down)))


def _laid_over(mask: np.ndarray, region: Region, shape: tuple[int, int]) -> np.ndarray:
    """(H, W) values of a region's (S, S) mask, linear between its pixels; 0 beyond it."""
    height, width = shape
    down, across = np.mgrid[:height, :width]
    away = np.stack([across.ravel(), down.ravel()], 1) - region.centre
    cosine, sine = np.cos(region.angle), np.sin(region.angle)
    inside = (away @ np.array([[cosine, -sine], [sine, cosine]]) / region.size + 0.5) * len(mask)
    first = np.floor(inside).astype(int)
    share = inside - first
    out = np.zeros(len(away))
    last = len(mask) - 1
    for right in (0, 1):
        for below in (0, 1):
            x, y = first[:, 0] + right, first[:, 1] + below
            weight = np.abs(1 - right - share[:, 0]) * np.abs(1 - below - share[:, 1])
            known = (x >= 0) & (x <= last) & (y >= 0) & (y <= last)
            out += np.where(known, mask[y.clip(0, last), x.clip(0, last)] * weight, 0)
    return out.reshape(shape)


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(values, -80, 80)))


_ANCHORS = anchors(PERSON.detector_size, PERSON.strides)
