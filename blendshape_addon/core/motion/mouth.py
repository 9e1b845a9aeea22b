"""What a mouth does, read from a crop of the lower face and landmarks about it.

One network says what a mouth looks like, another one what it does, from how its looks differ from those of the same
person at rest: which frame is at rest is known only when all are read.
"""

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
    """The network of looks. models: its folder, the bundled one if None. Raises ModelError as `registry.load` does."""

    def __init__(self, models: Path | None = None, provider: str = "auto") -> None:
        self._network = open_session(registry.load("mouth", models), provider)

    @property
    def sessions(self) -> tuple[Session, ...]:
        return (self._network,)

    def read(self, picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """(`MOUTH.features`,) numbers that say what the mouth in a (H, W, 3) uint8 picture looks like, of a face whose
        (478, 3) landmarks, in pixels, `FaceReader` read."""
        points, crop = view(picture, landmarks)
        (features,) = self._network.run(["features"], {"crop": crop[None], "points": points[None]})
        return features[0]


def units(away: np.ndarray, models: Path | None = None) -> np.ndarray:
    """(F, U) how much each unit is in effect, in the order of `mouth_format.MOUTH_UNITS`, 1 wholly, not limited.

    away: (F, `MOUTH.features`) features of a person less those of its neutral face. models: folder of the network, the
    bundled one if None. Raises ModelError as `registry.load` does.
    """
    network = open_session(registry.load("mouth_units", models), "cpu")  # too small for anything else
    return network.run(["units"], {"away": away.astype(np.float32)})[0]


def against(features: np.ndarray, still: np.ndarray, models: Path | None = None) -> np.ndarray:
    """(F, U) as of `units`, of (F, `MOUTH.features`) features against those of the neutral face; (F, 0) where there are
    none. Raises ModelError as `registry.load` does."""
    return units(features - still, models) if features.shape[1] else np.zeros((len(features), 0))


def view(picture: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the network of looks takes of a face: (P, 3) float32 landmarks of MOUTH_POINTS, see `pose.straighten`, and a
    (size, size, 3) float32 crop, 0 to 255, of the lower face, as if it was turned to the camera. Arguments as of
    `MouthReader.read`."""
    straight, (rotation,), _, (distance,) = pose.straighten(landmarks[None] * [1.0, -1.0, -1.0])
    axes = (rotation[:2, :2] * [[1, -1], [-1, 1]]).T * distance  # the face's right and down, in the picture
    sides = (np.arange(MOUTH.size * _FINE) + 0.5) / (MOUTH.size * _FINE)
    grid = np.stack(np.meshgrid(sides - 0.5, sides - MOUTH.above), axis=-1).reshape(-1, 2) * MOUTH.reach
    at = grid @ axes + landmarks[list(NOSE_BASE), :2].mean(0) - 0.5
    fine = values_at(picture, at, outside=True).reshape(MOUTH.size, _FINE, MOUTH.size, _FINE, 3)
    return straight[0, list(MOUTH_POINTS)].astype(np.float32), fine.mean((1, 3)).round()
