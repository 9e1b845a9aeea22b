"""What the networks that read a person's face take and give; motion/face.py feeds them, training converts them."""

from __future__ import annotations

from dataclasses import dataclass

from ..vocabulary import ARKIT

POINTS = 478  # 468 of the face and 5 of either iris
OUTER_EYES = (33, 263)  # outer corners, the person's right one, which is the picture's left one, first
# The landmarks that the network of scores takes, in its order.
SCORED = (
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78, 80,
    81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153,
    154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251,
    263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318,
    321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382, 384, 385, 386,
    387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473, 474, 475, 476, 477,
)  # fmt: skip
# What it scores, in its order: the first is how still the face is; there is no tongueOut.
SCORES = ("_neutral", *sorted(name for name in ARKIT if name != "tongueOut"))


@dataclass(frozen=True)
class FaceFormat:
    """A network knows one format only, see `contract`. Pictures are (1, size, size, 3), red, green and blue.

    detector_size, landmark_size: pixels of either side. detector_range, landmark_range: what black and white are.
    strides: of the detector's grids, in pixels, with the number of boxes per place. keypoints: of each box, the eyes
    first.
    """

    detector_size: int = 128
    detector_range: tuple[float, float] = (-1.0, 1.0)
    strides: tuple[tuple[int, int], ...] = ((8, 2), (16, 6))
    keypoints: int = 6
    landmark_size: int = 256
    landmark_range: tuple[float, float] = (0.0, 1.0)


FACE = FaceFormat()
