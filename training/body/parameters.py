"""Numbers of reading and fitting bodies, with where each comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PersonParameters:
    """How people are found and read: as MediaPipe 0.10.14 does, if nothing else is said."""

    detector_size: int = 224  # pixels
    strides: tuple[tuple[int, int], ...] = ((8, 2), (16, 2), (32, 6))  # of the detector's grids, with boxes per cell
    min_score: float = 0.5
    min_overlap: float = 0.3  # of two boxes, from which on they are one person
    landmark_size: int = 256  # pixels
    margin: float = 1.25  # of the square that is read, about the circle around a person
    min_presence: float = 0.5
    passes: int = 2  # the second one reads where the first one found the person; a third one changes nothing to see


PERSON = PersonParameters()
