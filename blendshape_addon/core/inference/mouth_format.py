"""What the network that reads mouths takes and gives; motion/mouth.py feeds it, training/motion teaches it."""

from __future__ import annotations

from dataclasses import dataclass

from ..vocabulary import ARKIT


@dataclass(frozen=True)
class MouthFormat:
    """A network knows one format only, see `contract`. size: pixels of either side of a crop; reach: its sides in
    distances between the outer corners of the eyes; above: the share of it that lies above the base of the nose.
    features: how many numbers say what a mouth looks like."""

    size: int = 64
    reach: float = 1.1
    above: float = 0.12
    features: int = 128


MOUTH = MouthFormat()
NOSE_BASE = (2, 98, 327)  # where the nose ends below, which the mouth hardly moves
# Landmarks of lips, nose, cheeks and jaw: the person's right one and its mirror image, or one in the middle.
MOUTH_PAIRS = (
    (61, 291), (146, 375), (91, 321), (181, 405), (84, 314), (17, 17), (185, 409), (40, 270), (39, 269), (37, 267),
    (0, 0), (78, 308), (95, 324), (88, 318), (178, 402), (87, 317), (14, 14), (191, 415), (80, 310), (81, 311),
    (82, 312), (13, 13), (2, 2), (4, 4), (98, 327), (48, 278), (50, 280), (205, 425), (207, 427), (187, 411),
    (216, 436), (212, 432), (57, 287), (152, 152), (148, 377), (176, 400), (149, 378), (150, 379), (136, 365),
    (172, 397), (18, 18), (200, 200), (199, 199), (175, 175),
)  # fmt: skip
MOUTH_POINTS = tuple(dict.fromkeys(point for pair in MOUTH_PAIRS for point in pair))
# The units that it reads, in its order.
MOUTH_UNITS = tuple(name for name in ARKIT if name.startswith(("jaw", "mouth", "cheek", "nose")))
