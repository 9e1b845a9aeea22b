"""The numbers of finding a face, by step. Lengths are in eye distances (63 mm on an adult) unless a unit is given.

Where no source is named, a number was tuned on the rigs of training/data/labels. How a face fills the network's picture
is part of what the network learned on, see inference/picture.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Scores:
    """Scores (0 to 1) at which decisions are made."""

    found: float = 0.6  # below, there is no face
    hinted: float = 0.25  # the same, where bones, keys or names place eyes and mouth just there
    mentionable: float = 0.1  # below, the best match is not worth a word in the message
    sure: float = 0.8  # from here on no other orientation is tried
    unclear: float = 0.6  # mean confidence of a feature's landmarks below which the message names the feature
    # A face's nose is in front and its chin below its eyes; where either is not so, its score counts less.
    nose_behind: float = 0.05  # that the nose's tip may lie behind the middle of all landmarks
    eyes_to_chin: tuple[float, float] = (0.4, 4.0)  # height of the eyes above the chin
    implausible: float = 0.5  # factor of the score
    order_power: int = 3  # of the share of features that are in order, by which the score is multiplied


@dataclass(frozen=True)
class Search:
    """The coarse search: head-sized windows of one picture per direction."""

    pixels: int = 640  # side of the picture of the whole avatar
    half_width: float = 0.51  # of that picture, in the larger of the avatar's width and height: a margin of 2 %
    min_logit: float = -3.0  # of a window that is looked at again
    # Half widths of windows, in heights of what is shown: from a tall body's head to a head alone.
    scales: np.ndarray = field(default_factory=lambda: 0.07 * 1.5 ** np.arange(6))
    below_top: tuple[float, ...] = (1.1, 1.75)  # window centres below the top, in half widths: hair and hats take room
    off_middle: float = 0.3  # half widths from the picture's middle from which the middle is tried too
    below_head: float = 0.5  # heights above the head's joint that a chin may lie below the joint
    batch: int = 32  # crops per run of the network: bounds the memory


@dataclass(frozen=True)
class Refinement:
    """The second look: windows centred on, and aligned with, the face that was seen."""

    candidates: int = 4  # windows looked at again, most likely first
    passes: int = 3
    pixels: int = 192  # side of the picture of a face
    # Views of a pass: yaw (radians), half width in window half widths, roll (radians).
    views: tuple[tuple[float, float, float], ...] = ((0.0, 1.0, 0.0),)
    last_views: tuple[tuple[float, float, float], ...] = ((0.0, 1.0, 0.0), (0.3, 0.92, 0.06), (-0.3, 1.1, -0.06))
    min_scale: float = 1e-3  # of the avatar's size: an eye distance below is none
    depth_weight: float = 0.3  # what depth counts of what the picture plane counts when views are fused
    agreement: float = 0.12  # spread of a landmark between views at which the score falls to 1/e
    tolerance: float = 0.08  # error within which a landmark counts as right, for its confidence


@dataclass(frozen=True)
class Hinting:
    """When bones, keys and names are believed."""

    eyes_to_mouth: tuple[float, float] = (0.3, 2.5)  # from eyes to mouth on any face that hints may describe
    near: float = 0.45  # that an eye or a mouth may lie off its hint
    facing: float = 0.8  # cosine of the angle between the face's forward and the skeleton's


@dataclass(frozen=True)
class Guessing:
    """Proportions of a face that cannot be made out."""

    body_ratio: float = 3.0  # height over depth from which there is a body below the head
    heads_per_body: float = 7.0  # heights of the head that a body is high: an artist's rule for adults
    eye_distance: float = 0.3  # in heights of the head
    min_head: float = 1e-3  # of the avatar's size that a head is high at least
    nose_strip: float = 0.35  # half width of the strip at the middle in which the nose is looked for


@dataclass(frozen=True)
class Projecting:
    """Points brought onto a surface."""

    reach: float = 0.2  # that a landmark may lie beside its surface
    depth_weight: float = 0.35  # what depth counts of what the picture plane counts: networks guess it worse
    skin_votes: int = 12  # landmarks on a piece that make it skin; an eye has eight around it


@dataclass(frozen=True)
class Snapping:
    """Landmarks moved to edges that the mesh has. Eye widths and mouth half widths are those of the landmarks."""

    pixels: int = 96  # side of the picture of a mouth
    passes: int = 2  # looks at the eyes: the second where landmarks were far off in the first
    around: float = 1.5  # of the face's middle in which eyes and mouth are looked for
    eye_pixels: int = 124  # the same of an eye
    eye_window: float = 1.1  # half width of the picture of an eye, in eye widths
    eye_around: float = 2.0  # half widths of that picture from its middle, within which what is drawn has a corner
    beside: float = 0.3  # widths of the visible eyeball that a corner may lie beside it
    # Of the eye's width that a visible eyeball takes up where the lids' edges have no relief: less is an iris on white.
    min_width: float = 0.72
    min_area: float = 0.024  # share of the picture that a visible eyeball fills
    max_move: float = 0.16  # that a landmark may move: more is no correction but another feature
    corner_rows: int = 3  # pixels above or below the eyeball's end that an eye corner may lie
    max_pixels: float = 3.0  # from the edge to the nearest pixel of skin
    mouth_window: float = 1.5  # half width of the picture of a mouth, in mouth half widths
    mouth_around: float = 0.8  # of the mouth's middle in which skin is taken into the lips' field, at least
    jump: float = 0.1  # of the field that is +1 on the upper and -1 on the lower lip: less is skin that is stretched
    slit: float = 0.12  # up or down from the line between the lips that their slit may lie
    deep: float = 0.15  # behind that line from which a surface is the mouth's inside
    min_slit: float = 1 / 3  # of the mouth's width that a slit is wide
    slit_end: int = 5  # columns at an end of a slit, over which its jump is followed to where it is gone
    beyond_slit: float = 6.0  # columns that this may lie beyond the slit
    crease: int = 2  # rows above and below, in which a mouth's corner lies as deep as the skin does
    thin: float = 0.05  # height of a lip, at least
    max_corner: float = 0.5  # mouth half widths that a mouth corner may move


# The landmarks of a lid and their share of the way from the inner to the outer corner, as they were labelled.
LID_POINTS = (("in", 0.25), ("mid", 0.5), ("out", 0.75))


@dataclass(frozen=True)
class EyeRims:
    """The edges of the lids by the relief of the skin around an eye. Lengths are in half widths of the picture of an
    eye (1.1 eye widths) unless a unit is given; angles of rays and steps along them are samples."""

    rays: int = 72
    steps: int = 60  # along a ray, from the eye's middle to the picture's border
    hole: float = 2.0  # how deep a hole in the skin counts
    neighbour: int = 3  # steps from a sample to those that it stands out before
    sharp: float = 0.035  # that it stands out before both together on an edge that is as sharp as counts
    outward: float = 0.5  # of that, the most that counts of what it stands out before the farther one
    hollow: float = 0.5  # of that score, at most, that a hollow takes away
    far: float = 0.15  # score that a sample on the picture's border loses: the lids' is the first edge from the middle
    over_eye: float = 0.3  # score that a sample loses over what is seen of the eye: that lies within the edges
    bend: float = 0.03  # score that the path loses per squared step from one ray to the next
    jump: int = 3  # steps from one ray to the next, at most
    min_score: float = 0.75  # mean sharpness over the rays; openings of the rigs have 0.9 to 1, closed skin up to 0.4
    tip: float = 0.05  # of the width, that lies behind a corner's tip and has its height
    # Widths between the outer corner and what is seen of the eye, from which on that is an iris before white skin:
    # irises of the rigs have 0.1 to 0.25, eyeballs at most 0.06.
    white: float = 0.085
    off: float = 0.06  # eye distances in the median, from which on landmarks are not believed beside it


@dataclass(frozen=True)
class Brows:
    """Brow landmarks moved along pieces that are the brows. Lengths in eye distances; measured on the six rigs of two
    anime artists whose brows are pieces, which reach 0.03 to 0.07 past the painted brow at either end."""

    distance: float = 0.4  # from the landmark to the middle of a brow, as seen from the front
    above_lid: float = 0.1  # of the middle of a brow: lashes, and lines of a double lid, lie lower
    min_width: float = 0.3
    min_shape: float = 1.2  # width over height, at least: strands of hair hang
    # Share from the piece's inner to its outer end.
    points: tuple[tuple[str, float], ...] = (("brow_inner", 0.08), ("brow_mid", 0.5), ("brow_outer", 0.92))
    column: float = 0.12  # of the width, to either side of a landmark: the vertices whose middle height it takes
    depth_weight: float = 0.3  # of distances between piece and skin
    reach: float = 0.15  # from the piece to the skin, depth weighted


@dataclass(frozen=True)
class ManualLandmarks:
    """Landmarks that a creator has put in their places."""

    on_mesh: float = 0.7  # share of the landmarks that have to lie on the mesh
    around: float = 3.0  # of the landmarks in which an editor looks for surfaces
    confidence: float = 1.0  # of a landmark that was moved by hand


SCORES = Scores()
SEARCH = Search()
REFINEMENT = Refinement()
HINTING = Hinting()
GUESSING = Guessing()
PROJECTING = Projecting()
SNAPPING = Snapping()
EYE_RIMS = EyeRims()
BROWS = Brows()
MANUAL_LANDMARKS = ManualLandmarks()
