"""What the network that reads gaze and blinks takes; motion/eyes.py feeds it, training/motion teaches it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EyeFormat:
    """A network knows one format only, see `contract`. width, height: pixels of a crop; reach: its width in distances
    between the outer corners of the eyes, of which an eye is about a third. code: how many numbers tell what an eye
    looks like, from which the gaze is read against another picture of the same person."""

    width: int = 48
    height: int = 32
    reach: float = 0.52
    code: int = 32


EYES = EyeFormat()
# Landmarks of an eye: inner and outer corner, three of the upper and three of the lower lid, iris, brow.
LEFT = (362, 263, 384, 386, 388, 381, 374, 390, 473, 282)
RIGHT = (133, 33, 157, 159, 161, 154, 145, 163, 468, 52)
MIDDLE = (168, 4, 10, 152)  # bridge and tip of the nose, forehead, chin: how the head is turned
EYE_POINTS = (*LEFT, *RIGHT, *MIDDLE)
