"""What the viewer shows: frames, points on them and curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference.face_format import SCORES
from blendshape_addon.core.motion import pose
from blendshape_addon.core.motion.descriptor import Descriptors

SHOWN = 6  # curves that are shown to begin with
DEGREES = 45.0  # of a head or of eyes, that are as high as 1 of a unit


@dataclass(frozen=True)
class Played:
    """F frames and what was read of them.

    frames: (F, H, W, 3) uint8. times: (F,) seconds. landmarks: (F, 478, 2) and keypoints: (F, K, 2), pixels right and
    down, NaN in frames without a face. curves: by name, (F,), 0 to 1 of units and -1 to 1 of angles, NaN likewise.
    """

    frames: np.ndarray
    times: np.ndarray
    landmarks: np.ndarray
    keypoints: np.ndarray
    curves: dict[str, np.ndarray]

    @property
    def count(self) -> int:
        return len(self.frames)

    @property
    def liveliest(self) -> list[str]:
        """The names of the curves that change most."""
        found = {name: float(np.nanmax(values) - np.nanmin(values)) for name, values in self.curves.items()
                 if np.isfinite(values).any()}  # fmt: skip
        return sorted(found, key=lambda name: -found[name])[:SHOWN]


def of(frames: np.ndarray, descriptors: Descriptors, keypoints: np.ndarray | None = None) -> Played:
    """Frames with their descriptors. keypoints: (F, K, 2) pixels.

    Raises InputError where there are not as many descriptors as frames.
    """
    if descriptors.count != len(frames):
        raise InputError(
            f"The descriptors are of {descriptors.count} frames, but there are {len(frames)}: give those of this clip, "
            "or none, and it is read anew."
        )
    gone = ~descriptors.found
    landmarks = in_pixels(descriptors, frames.shape[1], frames.shape[2])
    curves = {name: descriptors.scores[:, number].astype(float) for number, name in enumerate(SCORES) if name[0] != "_"}
    for side, name in enumerate(("Left", "Right")):
        curves[f"blink{name}"] = descriptors.blink[:, side].astype(float)
    gaze = descriptors.gaze.mean(1) / DEGREES
    turns = np.degrees(pose.to_vectors(np.where(gone[:, None, None], np.eye(3), descriptors.rotation))) / DEGREES
    angles = np.column_stack([gaze, turns])
    curves |= dict(zip(("gazeLeft", "gazeUp", "headPitch", "headYaw", "headRoll"), angles.T.astype(float), strict=True))
    for values in (landmarks, *curves.values()):
        values[gone] = np.nan
    none = np.full((len(frames), 0, 2), np.nan)
    return Played(frames, descriptors.times, landmarks, none if keypoints is None else keypoints, curves)


def in_pixels(descriptors: Descriptors, height: int, width: int) -> np.ndarray:
    """(F, 478, 2) landmarks in the picture, pixels right and down."""
    turned = np.einsum("fkc,fdc->fkd", descriptors.landmarks, descriptors.rotation)[..., :2]
    placed = turned * descriptors.place[:, None, 2:] + descriptors.place[:, None, :2]
    return placed * [height, -height] + [width / 2, height / 2]
