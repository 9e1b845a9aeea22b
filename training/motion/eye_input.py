"""What the gaze network is fed: a crop of either eye, the right one mirrored, and landmarks about both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from blendshape_addon.core.motion.face import OUTER_EYES
from blendshape_addon.core.motion.sampling import Region, sample


@dataclass(frozen=True)
class EyeFormat:
    """A network knows one format only. width, height: pixels of a crop; reach: its width in distances between the outer
    corners of the eyes, of which an eye is about a third."""

    width: int = 48
    height: int = 32
    reach: float = 0.52


FORMAT = EyeFormat()
# Landmarks of the left eye: inner and outer corner, three of the upper and three of the lower lid, iris, brow.
LEFT = (362, 263, 384, 386, 388, 381, 374, 390, 473, 282)
RIGHT = (133, 33, 157, 159, 161, 154, 145, 163, 468, 52)
MIDDLE = (168, 4, 10, 152)  # bridge and tip of the nose, forehead, chin: how the head is turned
POINTS = (*LEFT, *RIGHT, *MIDDLE)
COUNT = len(POINTS)


def crops(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(2, height, width, 3) float32, 0 to 255, of the left and the right eye, the right one mirrored, so that the inner
    corner is on the same side. picture: (H, W, 3) uint8; landmarks: (478, 3) pixels."""
    size, angle = _frame(landmarks)
    above = (FORMAT.width - FORMAT.height) // 2
    found = []
    for inner, outer, *_ in (LEFT, RIGHT):
        region = Region(landmarks[[inner, outer], :2].mean(0), FORMAT.reach * size, angle)
        found.append(sample(picture, region, FORMAT.width, outside=True)[above : above + FORMAT.height])
    return np.stack([found[0], found[1][:, ::-1]])


def points(landmarks: np.ndarray) -> np.ndarray:
    """(24, 2) float32 landmarks of POINTS, upright, to the right and down in the picture, from the middle between the
    outer corners of the eyes, in distances between these."""
    size, angle = _frame(landmarks)
    cosine, sine = np.cos(angle), np.sin(angle)
    away = landmarks[list(POINTS), :2] - landmarks[list(OUTER_EYES), :2].mean(0)
    return (away @ np.array([[cosine, -sine], [sine, cosine]]) / size).astype(np.float32)


def _frame(landmarks: np.ndarray) -> tuple[float, float]:
    """Distance between the outer corners of the eyes, pixels, and the angle of the line through them, radians."""
    across, down = landmarks[OUTER_EYES[1], :2] - landmarks[OUTER_EYES[0], :2]
    return float(np.hypot(across, down)), float(np.arctan2(down, across))
