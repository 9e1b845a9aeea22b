"""Two spaces that make faces alike: *face space* (a similarity) and *canonical space* (a thin-plate warp).

Face space: origin between the eyes, x to the avatar's own left, y up, z forward, eye distance 1.
Canonical space: landmarks lie where the canonical face has them, so a lip corner is at one place on every avatar.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ..geometry.thin_plate import ThinPlate
from ..vocabulary import LANDMARK_INDEX, LANDMARKS
from .parameters import SPACES

EYE_DISTANCE_MM = 63.0  # an adult's, so that figures in mm mean the same on every avatar
LOCAL_SCALE = (0.25, 4.0)  # the warp may not magnify by more than this anywhere; deformers learned with it
MIRROR_X = np.array([-1.0, 1.0, 1.0], np.float32)  # takes a vector of face space to its mirror image


def point(points: np.ndarray, *names: str) -> np.ndarray:
    """(3,) mean of the named landmarks of (L, 3) points."""
    return points[[LANDMARK_INDEX[name] for name in names]].mean(0)


def eye_centres(points: np.ndarray) -> np.ndarray:
    """(2, 3) centres of the left and the right eye's opening."""
    return np.stack([point(points, f"eye_inner_{s}", f"eye_outer_{s}") for s in "lr"])


def mouth_corners(points: np.ndarray) -> np.ndarray:
    """(2, 3) the left and the right corner of the mouth."""
    return np.stack([point(points, f"mouth_corner_{s}") for s in "lr"])


def crushed(points: np.ndarray) -> bool:
    """Whether (L, 3) face-space landmarks have an eye or a mouth of no width, as on a mesh drawn together there."""
    ends = (f"{end}_{s}" for s in "lr" for end in ("eye_inner", "eye_outer"))
    eyes = np.stack([point(points, name) for name in ends]).reshape(2, 2, 3)
    pairs = np.concatenate([eyes, mouth_corners(points)[None]])
    return bool((np.linalg.norm(pairs[:, 0] - pairs[:, 1], axis=1) < SPACES.min_width).any())


@dataclass(frozen=True)
class FaceSpace:
    """The similarity from avatar space to face space. rotation: (3, 3), rows x, y, z in avatar space."""

    origin: np.ndarray
    rotation: np.ndarray
    scale: float

    @staticmethod
    def of(points: np.ndarray) -> FaceSpace:
        """From (L, 3) landmarks in avatar space."""
        left, right = eye_centres(points)
        origin = (left + right) / 2
        across = [points[LANDMARK_INDEX[f"{n}_l"]] - points[LANDMARK_INDEX[f"{n}_r"]]
                  for n in ("eye_inner", "eye_outer", "mouth_corner", "nose_wing", "brow_outer")]  # fmt: skip
        # x: the mean direction across five pairs of landmarks; y: from the mouth to the eyes, at right angles to it.
        x = np.sum([a / (np.linalg.norm(a) + 1e-12) for a in across], axis=0)
        x /= np.linalg.norm(x)
        y = origin - point(points, "mouth_corner_l", "mouth_corner_r")
        y -= x * (x @ y)
        y /= np.linalg.norm(y)
        return FaceSpace(origin, np.stack([x, y, np.cross(x, y)]), float(np.linalg.norm(left - right)))

    def to_face(self, positions: np.ndarray) -> np.ndarray:
        """(N, 3) avatar space to (N, 3) face space."""
        return (positions - self.origin) @ self.rotation.T / self.scale

    def vectors_to_avatar(self, vectors: np.ndarray) -> np.ndarray:
        """(..., 3) vectors of face space to avatar space."""
        return vectors @ self.rotation * self.scale


@cache
def canonical_landmarks() -> np.ndarray:
    """(L, 3) landmarks of the canonical face in face space: the symmetric mean of the first training rigs.

    It stays as it is when rigs or labels change, for the shipped networks learned in its space.
    """
    table = json.loads((Path(__file__).parent / "canonical_face.json").read_text())
    return np.array([table[name] for name in LANDMARKS])


def _knots(landmarks: np.ndarray) -> np.ndarray:
    """(K, 3) points that the warp goes through: the inner lips count as one line, for they nearly touch, and a warp
    that parts them would fold between them."""
    points = {name: landmarks[i] for name, i in LANDMARK_INDEX.items()}
    for end in ("mid", "l", "r"):
        points[f"lip_upper_inner_{end}"] = (points[f"lip_upper_inner_{end}"] + points.pop(f"lip_lower_inner_{end}")) / 2
    return np.stack(list(points.values()))


@dataclass(frozen=True)
class Canonical:
    """Where vertices lie on the canonical face, and how its motion is carried back.

    positions: (N, 3) canonical coordinates. to_face: (N, 3, 3) turns a canonical offset into a face-space offset.
    """

    positions: np.ndarray
    to_face: np.ndarray

    @staticmethod
    def of(vertices: np.ndarray, landmarks: np.ndarray) -> Canonical:
        """vertices: (N, 3), landmarks: (L, 3), both in face space."""
        mean, landmarks = _knots(canonical_landmarks()), _knots(landmarks)
        positions = ThinPlate(landmarks, mean)(vertices)
        back = ThinPlate(mean, landmarks).jacobian(positions)
        left, size, right = np.linalg.svd(back)
        size = np.clip(size, *LOCAL_SCALE)
        # A fold of the warp would turn motion inside out: keep the rotation proper.
        left[:, :, 2] *= np.sign(np.linalg.det(left) * np.linalg.det(right))[:, None]
        return Canonical(positions, (left * size[:, None, :]) @ right)
