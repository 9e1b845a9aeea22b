"""A motion descriptor as the row of numbers that the animator is told, and its mirror image.

The row says what a face does and where it is in its window, see `Window`; what the animator gets is the difference of
two rows, of a driver's frame and of the driver's still face, so that whose face it is drops out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from blendshape_addon.core.inference.eye_format import LEFT, MIDDLE, RIGHT
from blendshape_addon.core.inference.face_format import SCORES
from blendshape_addon.core.motion import pose
from blendshape_addon.core.motion.descriptor import Descriptors

# Landmarks of MediaPipe's mesh: of the person's right half, their twins of the left half, and those between. Beside the
# eyes, the outer and the inner edge of the lips, the brows and the jaw.
_RIGHT = (*RIGHT, 61, 40, 37, 91, 84, 78, 81, 88, 178, 70, 105, 107, 172)
_LEFT = (*LEFT, 291, 270, 267, 321, 314, 308, 311, 318, 402, 300, 334, 336, 397)
_BETWEEN = (*MIDDLE, 0, 13, 14, 17)
LANDMARKS = (*_RIGHT, *_LEFT, *_BETWEEN)
# What brings a usual change to the order of 1: eye distances, radians, sides of the window, degrees.
_LANDMARK, _TURN, _PLACE, _GAZE = 8.0, 3.0, 10.0, 1 / 15
# Columns of the row: scores, landmarks, rotation vector, place and logarithm of the size, gaze, blinks.
_SIZES = (len(SCORES), 3 * len(LANDMARKS), 3, 3, 4, 2)
SIZE = sum(_SIZES)
_ENDS = np.cumsum(_SIZES)
# Columns with a name: scores, the parts of the rotation vector about the face's axes, and the place in the window.
COLUMNS = {name: n for n, name in enumerate(SCORES)}
COLUMNS |= {name: int(_ENDS[1]) + n for n, name in enumerate(("pitch", "yaw", "roll", "right", "down", "size"))}


@dataclass(frozen=True)
class Window:
    """The square of a picture that the animator sees. centre: pixels right and down; side: pixels."""

    centre: tuple[float, float]
    side: float


# Of the window beside the face: its side and how far its middle lies below the eyes, in distances between the outer
# corners of the eyes, so that hair and chin are in it and the head has room to move.
_SIDE, _BELOW = 2.5, 0.3


def window(descriptors: Descriptors, size: tuple[int, int]) -> Window:
    """The window of a clip of (width, height) pictures: where the face is in half of the frames in which it is found,
    so that it stays when the head moves."""
    width, height = size
    right, up, across = np.median(descriptors.place[descriptors.found], axis=0) * height
    return Window((width / 2 + float(right), height / 2 - float(up) + _BELOW * float(across)), _SIDE * float(across))


def rows(descriptors: Descriptors, seen: Window, size: tuple[int, int]) -> np.ndarray:
    """(F, SIZE) float32 of a clip of (width, height) pictures; rows of frames without a face mean nothing."""
    width, height = size
    place = descriptors.place * height
    across = np.where(descriptors.found, place[:, 2], 1.0)
    where = np.stack(
        [
            (width / 2 + place[:, 0] - seen.centre[0]) / seen.side,
            (height / 2 - place[:, 1] - seen.centre[1]) / seen.side,
            np.log(across / seen.side),
        ],
        axis=1,
    )
    rotation = np.where(descriptors.found[:, None, None], descriptors.rotation, np.eye(3))
    count = descriptors.count
    parts = (
        descriptors.scores,
        descriptors.landmarks[:, list(LANDMARKS)].reshape(count, -1) * _LANDMARK,
        pose.to_vectors(rotation.astype(float)) * _TURN,
        where * _PLACE,
        descriptors.gaze.reshape(count, 4) * _GAZE,
        descriptors.blink,
    )
    return np.concatenate(parts, axis=1).astype(np.float32)


def _mirror() -> tuple[np.ndarray, np.ndarray]:
    """Of the mirrored face: which column each is taken from, and by what it is multiplied."""
    swapped = {"Left": "Right", "Right": "Left"}
    order, signs = [], []
    for name in SCORES:
        side = next((side for side in swapped if name.endswith(side)), None)
        order.append(SCORES.index(name.removesuffix(side) + swapped[side] if side else name))
        signs.append(1.0)
    half = len(_RIGHT)
    twins = (*range(half, 2 * half), *range(half), *range(2 * half, len(LANDMARKS)))
    for twin in twins:
        order += [_ENDS[0] + 3 * twin + axis for axis in range(3)]
        signs += [-1.0, 1.0, 1.0]
    order += range(_ENDS[1], _ENDS[3])
    signs += [1.0, -1.0, -1.0, -1.0, 1.0, 1.0]  # rotation vector: nodding stays; place: right is left
    first = int(_ENDS[3])
    order += [first + 2, first + 3, first, first + 1, first + 5, first + 4]
    signs += [-1.0, 1.0, -1.0, 1.0, 1.0, 1.0]
    return np.array(order, int), np.array(signs, np.float32)


_ORDER, _SIGNS = _mirror()


def mirrored(values: np.ndarray) -> np.ndarray:
    """(..., SIZE) rows, or differences of rows, of the mirrored pictures."""
    return values[..., _ORDER] * _SIGNS


def places(row: Tensor) -> Tensor:
    """(N, L, 2) where the landmarks of (N, SIZE) rows are in the window, right and down from its upper left corner, in
    its sides: turned, scaled and moved as the rows say, in parallel projection."""
    count = len(row)
    landmarks = row[:, _ENDS[0] : _ENDS[1]].reshape(count, -1, 3) / _LANDMARK
    vector, place = row[:, _ENDS[1] : _ENDS[2]] / _TURN, row[:, _ENDS[2] : _ENDS[3]] / _PLACE
    x, y, z = vector.unbind(1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).view(count, 3, 3)
    turned = landmarks @ torch.linalg.matrix_exp(cross).mT
    flat = turned[:, :, :2] * place[:, 2:].exp()[:, None] * turned.new_tensor([1.0, -1.0])
    return 0.5 + place[:, None, :2] + flat
