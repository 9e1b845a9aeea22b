"""Where eyes look, from their irises between the corners of the lids."""

from __future__ import annotations

import numpy as np

from .parameters import PERFORMANCE

# Landmarks of the iris's middle and of the inner and outer corner, of the person's left and right eye.
EYES = {"Left": (473, 362, 263), "Right": (468, 133, 33)}


def directions(landmarks: np.ndarray) -> np.ndarray:
    """(F, 2, 2) degrees to the person's left and up, of the left and the right eye.

    landmarks: (F, 478, 3) normalised ones, see `descriptor`. An eye that looks forward has its iris between its
    corners, as far as the face has no habits of its own: compare with a frame that looks at the camera.
    """
    found = []
    for iris, inner, outer in EYES.values():
        middle = (landmarks[:, inner] + landmarks[:, outer]) / 2
        away = (landmarks[:, iris] - middle)[:, :2] / PERFORMANCE.eye_radius
        found.append(np.degrees(np.arcsin(away.clip(-1, 1))) * PERFORMANCE.gaze_gain)
    return np.stack(found, axis=1)
