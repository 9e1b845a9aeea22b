"""What a mouth does, read from a crop of the lower face and landmarks about it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..inference import registry
from ..inference.mouth_format import MOUTH, MOUTH_POINTS, NOSE_BASE
from ..inference.session import Session, open_session
from . import pose
from .sampling import values_at

_FINE = 2  # values of either side of a pixel of a crop, which is their mean: large pictures do not alias


class MouthReader:
    """The network of mouths. models: its folder, the bundled one if None. Raises ModelError as `registry.load` does."""

    def __init__(self, models: Path | None = None, provider: str = "auto") -> None:
        self._network = open_session(registry.load("mouth", models), provider)

    @property
    def sessions(self) -> tuple[Session, ...]:
        return (self._network,)

    def read(self, picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """(U,) values in the order of `mouth_format.MOUTH_UNITS`, which mean something only less those of the same
        person's neutral face: then they are 0 to 1, how much a unit is in effect.

        picture: (H, W, 3) uint8; landmarks: (478, 3) pixels right, down and away from the camera.
        """
        straight, crop = look(picture, landmarks)
        (values,) = self._network.run(["units"], {"crop": crop[None], "points": straight[None]})
        return values[0]


def look(picture: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the network takes of a face: (P, 3) float32 landmarks of MOUTH_POINTS, see `pose.straighten`, and a
    (size, size, 3) float32 crop, 0 to 255, of the lower face, as it is seen from the front. Arguments as of `read`."""
    flip = np.array([1.0, -1.0, -1.0])
    straight, (rotation,), _, (distance,) = pose.straighten(landmarks[None] * flip)
    axes = (rotation[:2, :2] * [[1, -1], [-1, 1]]).T * distance  # the face's right and down, in the picture
    sides = (np.arange(MOUTH.size * _FINE) + 0.5) / (MOUTH.size * _FINE)
    grid = np.stack(np.meshgrid(sides - 0.5, sides - MOUTH.above), axis=-1).reshape(-1, 2) * MOUTH.reach
    at = grid @ axes + landmarks[list(NOSE_BASE), :2].mean(0) - 0.5
    fine = values_at(picture, at, outside=True).reshape(MOUTH.size, _FINE, MOUTH.size, _FINE, 3)
    return straight[0, list(MOUTH_POINTS)].astype(np.float32), fine.mean((1, 3)).round()
