"""Where eyes look and how far they are closed, read from a crop of either eye and landmarks about both.

How far an eye has turned is seen best beside another picture of the same person, who looks at the camera (Liu, Yu,
Funes Mora and Odobez, "A Differential Approach for Gaze Estimation", 2018): each picture gives a code of numbers, and
two codes give the angle between where they look.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..inference import registry
from ..inference.eye_format import EYE_POINTS, EYES, LEFT, RIGHT
from ..inference.session import Session, open_session
from .sampling import Region, sample

_OUTER = [RIGHT[1], LEFT[1]]  # corners of the eyes, the picture's left one first


@dataclass(frozen=True)
class EyeReading:
    """gaze: (2, 2) degrees to the person's left and up against the head, of the left and the right eye, as far as one
    picture tells. blink: (2,) how far each eye is closed, 0 to 1. code: (2, C) what `EyeReader.away` takes."""

    gaze: np.ndarray
    blink: np.ndarray
    code: np.ndarray


class EyeReader:
    """The network of gaze and blinks. models: its folder, the bundled one if None. Raises ModelError as
    `registry.load` does."""

    def __init__(self, models: Path | None = None, provider: str = "auto") -> None:
        self._network = open_session(registry.load("gaze", models), provider)

    @property
    def sessions(self) -> tuple[Session, ...]:
        return (self._network,)

    def read(self, picture: np.ndarray, landmarks: np.ndarray) -> EyeReading:
        """The eyes of a face in a (H, W, 3) uint8 picture whose (478, 3) landmarks, in pixels, `FaceReader` read."""
        found = look(self._network, crops(picture, landmarks)[None], points(landmarks)[None])
        return EyeReading(*(values[0] for values in found))

    def away(self, codes: np.ndarray, still: np.ndarray) -> np.ndarray:
        """(N, 2, 2) degrees to the person's left and up by which the left and the right eye look elsewhere than in a
        still picture. codes: (N, 2, C) of readings; still: (2, C), of one of the same person or a mean of several."""
        return away(self._network, codes, np.broadcast_to(still, codes.shape))


def look(network: Session, eyes: np.ndarray, around: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gaze (N, 2, 2), blink (N, 2) and code (N, 2, C), see `EyeReading`, of (N, 2, H, W, 3) `crops` and (N, 24, 2)
    `points`."""
    none = np.zeros((1, 2, EYES.code), np.float32)
    gaze, blink, code = network.run(
        ["gaze", "blink", "code"],
        {"eyes": eyes.astype(np.float32), "points": around.astype(np.float32), "codes": none, "still": none},
    )
    return gaze, blink, code


def away(network: Session, codes: np.ndarray, still: np.ndarray) -> np.ndarray:
    """(N, 2, 2), see `EyeReader.away`, of (N, 2, C) codes against as many still ones."""
    (found,) = network.run(
        ["away"],
        {
            "eyes": np.zeros((1, 2, EYES.height, EYES.width, 3), np.float32),
            "points": np.zeros((1, len(EYE_POINTS), 2), np.float32),
            "codes": codes.astype(np.float32),
            "still": still.astype(np.float32),
        },
    )
    return found


def crops(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(2, height, width, 3) float32, 0 to 255, of the left and the right eye, the right one mirrored, so that the inner
    corner is on the same side. picture: (H, W, 3) uint8; landmarks: (478, 3) pixels."""
    size, angle = _frame(landmarks)
    above = (EYES.width - EYES.height) // 2
    found = []
    for inner, outer, *_ in (LEFT, RIGHT):
        region = Region(landmarks[[inner, outer], :2].mean(0), EYES.reach * size, angle)
        found.append(sample(picture, region, EYES.width, outside=True)[above : above + EYES.height])
    return np.stack([found[0], found[1][:, ::-1]])


def points(landmarks: np.ndarray) -> np.ndarray:
    """(24, 2) float32 landmarks of EYE_POINTS, upright, to the right and down in the picture, from the middle between
    the outer corners of the eyes, in distances between these."""
    size, angle = _frame(landmarks)
    cosine, sine = np.cos(angle), np.sin(angle)
    away = landmarks[list(EYE_POINTS), :2] - landmarks[_OUTER, :2].mean(0)
    return (away @ np.array([[cosine, -sine], [sine, cosine]]) / size).astype(np.float32)


def _frame(landmarks: np.ndarray) -> tuple[float, float]:
    """Distance between the outer corners of the eyes, pixels, and the angle of the line through them, radians."""
    across, down = landmarks[_OUTER[1], :2] - landmarks[_OUTER[0], :2]
    return float(np.hypot(across, down)), float(np.arctan2(down, across))
