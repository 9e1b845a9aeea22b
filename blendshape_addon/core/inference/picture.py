"""The format of the pictures that the face finder's network takes; detection/views.py draws them, training too."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PictureFormat:
    """A network knows one format only: a change here needs a network that learned on it, see `contract`.

    size: pixels of either side. channels: in their order; depth is in half widths of the picture from the median depth
    of what its middle shows, and clipped to +-`empty`; normals are the picture's right and up; mask is 1 where there is
    something; border is 1 where a neighbouring pixel shows another piece. empty: the depth where there is nothing,
    outside the drawn view too; the other channels are 0 there. middle: the picture's middle is one part in so many of
    either side. cover: share of a pixel from which there is something. face_centre: height of the picture's middle
    above the line between the eyes and face_half_width: its half width on a face, both in eye distances.
    """

    size: int = 96
    channels: tuple[str, ...] = ("depth", "normal x", "normal y", "mask", "border")
    empty: float = -1.5
    middle: int = 3
    cover: float = 0.5
    face_centre: float = -0.4
    face_half_width: float = 1.75


PICTURE = PictureFormat()
