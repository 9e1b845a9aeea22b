"""The numbers of reading a face, by module. Lengths are in eye distances (63 mm on an adult) unless a unit is given.

Where no source is named, a number was tuned on the rigs of training/data/labels.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Spaces:
    """Face space."""

    min_width: float = 0.01  # of an eye or a mouth: one that is less wide is drawn together to a point


@dataclass(frozen=True)
class Reach:
    """What an expression can move."""

    # The part of face space: beside the ears, above the brows, down the neck.
    low: np.ndarray = field(default_factory=lambda: np.array([-1.7, -3.0, -1.8]))
    high: np.ndarray = field(default_factory=lambda: np.array([1.7, 1.6, 1.5]))
    # From the middle of an eye along each axis: its lids.
    lids: np.ndarray = field(default_factory=lambda: np.array([0.4, 0.35, 0.5]))


@dataclass(frozen=True)
class Sealed:
    """Whether the lips are one surface."""

    depth: float = 0.1  # from the seam of the lips, up, down and back, within which lips touch
    width: float = 0.25  # of the mouth's width, on either side of its middle, where they are compared
    min_difference: float = 0.05  # of the lip field over a triangle that runs from lip to lip
    pixels: int = 48  # side of the picture of the lips, which is as wide as they are compared
    hidden: float = 0.01  # behind what the picture shows, from which on a triangle can not be seen
    min_columns: float = 0.5  # share of its columns that hold such a triangle: a flaw joins the lips in few


@dataclass(frozen=True)
class Fields:
    """The lip and lid fields."""

    crease: float = 0.14  # from the edge of a lid to where its field is held
    inner_handicap: float = 0.02  # squared length that a surface which looks back is counted farther away by


@dataclass(frozen=True)
class Pieces:
    """Which pieces of an avatar are of its face, and skin."""

    around: float = 4.0  # from the middle of the eyes within which a face lies
    min_skin_votes: float = 0.18  # share of the landmarks, but for those of eyes, brows and inner lips, on a skin piece


@dataclass(frozen=True)
class MouthPieces:
    """What each piece inside a mouth is; `mouths` stands for half widths of the mouth.

    Tuned on the 48 rigs of tests/core/part_truth.toml.
    """

    # The mouth's box.
    slack: float = 0.15  # that a piece may lie outside the box
    slack_named: float = 0.3  # the same for one that is named teeth or tongue
    rise: float = 0.4  # of that for what lies behind the lips, per its distance: face space leans forward
    width: float = 1.35  # mouths from the middle that a piece reaches
    depth: float = 1.6  # from the seam of the lips back to a piece's middle
    # Rings and other piercings of the lips.
    lip_pixels: int = 64  # side of the picture of the lips
    lip_depth: float = 0.2  # behind the seam to which skin is taken for the lips
    before_lips: float = 0.25  # share of a piece's vertices that lie before the lips
    # Walls of the mouth and gums of both rows.
    pixels: int = 48  # side of the pictures of pieces from above and from below
    wall_slack: float = 0.1  # mouths that a wall may end short of what it holds
    held_area: float = 0.5  # share of a piece, seen from above, that a wall is above and below of
    held_pieces: float = 0.5  # share of the other pieces that it holds
    gum_height: float = 0.8  # share of the height of all single teeth that gums of both rows reach
    gum_drop: float = 0.6  # mouths below the seam, and one above it, that a wall reaches which is alone
    # Tongues without a name.
    tongue_middle: float = 0.3  # mouths from the middle of the mouth to that of a tongue
    tongue_length: float = 1.2  # depth over width of a tongue that is alone
    tongue_min_width: float = 0.3  # of the width of what is around it: a tooth is less wide
    tongue_width: float = 0.85  # of the same, at most: 0.57 to 0.82 on the rigs
    tongue_width_of_two: float = 0.7  # the same where there is one other piece: two rows differ by as much as 0.77
    tongue_min_length: float = 0.5  # of the depth of what is around it: 0.66 to 0.9 on the rigs
    tongue_behind: float = 0.1  # mouths behind the front teeth where a tongue begins
    # Rows of teeth.
    min_single_teeth: int = 8  # pieces from which teeth are taken for single ones, not for two rows
    shared_area: float = 0.1  # of a piece, seen from above, that two pieces share if they are compared there
    bite_slope: float = (
        0.2  # rise of the plane of the bite towards the back: median of the rigs, which lean by 3 to 26°
    )
    front_width: float = 0.5  # mouths beside the middle, within which a piece's front is
    front_depth: float = 0.4  # mouths behind its foremost point, the same
    one_row: float = 0.4  # mouths that a mouth with one row only is counted farther from the seam by


@dataclass(frozen=True)
class EyePieces:
    """What each piece about the eyes is; `eyes` stands for widths of an eye's opening.

    Tuned on the 48 rigs of tests/core/part_truth.toml.
    """

    distance: float = 0.75  # eyes from an eye's middle within which a piece belongs to it
    both_middle: float = 0.1  # from the middle of the face to the middle of a piece that holds both eyes
    both_width: float = 0.9  # least width of such a piece
    both_height: float = 0.3  # from the eyes' height to the middle of such a piece
    height: float = 2.2  # of the opening's width or height, the greater, the greatest height of what belongs to an eye
    depth: float = 1.2  # greatest depth of the same
    sunk: float = 0.2  # behind the lids' edges from which on a piece is inside the head
    covers: float = 0.7  # of the lids' opening, the least height of an eyeball
    middle: float = 0.2  # of the opening's width and height, from its middle to what an eyeball without a name covers
    middle_covered: float = 0.6  # share of nine points there
    before: float = 0.05  # before the lids' edges up to which the middle of an eyeball without a name lies
    twin: float = 0.1  # within which the box of a mirror image lies
    # Pupils, highlights, tear glands.
    highlight_margin: float = 0.05  # that they may reach beside their eye, which covers their middle
    highlight_width: float = 0.6  # of the eye's width at most: a lash is as wide as the lids
    highlight_depth: float = 0.2  # from the front of the eye to their middle
    # Lashes and brows.
    attached_height: float = 1.0  # greatest height of a piece that is named so
    brow_distance: float = 0.35  # from the landmark to the middle of a brow, along each axis
    both_brows_middle: float = 0.1  # from the middle of the face to the middle of a piece that holds both
    both_brows_height: float = 0.25  # from the brows' height to the middle of such a piece
    both_brows_depth: float = 0.3  # the same in depth
    brow_height: float = 0.45  # greatest height of a brow
    brow_depth: float = 0.6  # greatest depth of a brow


@dataclass(frozen=True)
class Slits:
    """The rims of a mouth and of eyes."""

    touch: float = 0.005  # that what touches may overlap
    columns: int = 15  # in which gaps are measured
    margin: float = 0.06  # of the width, that the first and the last column lie from the corners
    corner_columns: int = 3  # columns at either end that say little of whether an eye is open
    min_width: float = 0.05  # between the corners
    min_side: float = 0.15  # of the lip or lid field, on a rim
    height: float = 0.08  # that a rim may lie from the line through its landmarks …
    height_share: float = 0.5  # … or as a share of that line's height: an arch runs farther from its chords
    depth: float = 0.07  # the same in depth: teeth lie behind, lashes before
    depth_share: float = 0.3
    min_vertices: int = 3  # of a rim
    bins: tuple[int, int] = (4, 24)  # columns in which the vertex nearest to the slit is taken for the rim
    bins_per_vertex: float = 0.8  # of the square root of the number of vertices about the rim


@dataclass(frozen=True)
class LidEdges:
    """How the edge of a lid is followed over the mesh from corner to corner."""

    reach: float = 0.8  # of the eye's width or height, the greater, from its middle along each axis, to where edges run
    samples: int = 12  # of the curve between two landmarks
    other_side: float = 0.3  # of the lid field beyond 0, from which on a vertex is of the other lid: corners have less
    length: float = 0.01  # distance from the curve that costs as much as the length of the path alone


@dataclass(frozen=True)
class Irises:
    """What of an eye is its iris; tuned on VRoid's, Seed-san's, MakeHuman's, ICT's and Rocketbox's eyes."""

    disc_width: float = 0.95  # widths of the eye that an iris of its own is narrower than; eyeballs have 0.92 to 1.27
    disc_depth: float = 0.75  # of its height, that an iris of its own is shallower than
    of_ball: float = 0.5  # of an eyeball's radius: the iris's, 12 mm of 24 on an adult
    beside: float = 0.3  # iris radii from the pupil within which the middle of a piece lies that is part of it
    inner: float = 0.7  # iris radii from the pupil within which vertices make the pupil move
    min_inner: int = 3  # of these vertices; with fewer nothing is seen


@dataclass(frozen=True)
class Symmetry:
    """Which vertices mirror each other."""

    same: float = 0.002  # within which a mirrored vertex lies on its twin: an eighth of a millimetre
    near: float = 0.15  # within which the landmarks' middle may be beside the mesh's
    kept: float = 0.7  # share of the points, the best matched ones, that the plane is fitted to in a round
    band: int = 2000  # vertices about the height of the eyes that are matched
    matched: int = 250  # of these, mirrored and matched in a round
    rounds: int = 10
    late: int = 5  # round from which all of the distance counts, at the latest
    still: float = 1e-6  # of a turn, or an eye distance, that the plane moves in a round when it has come to rest
    min_points: int = 8  # that a plane is fitted to
    facing: float = 0.5  # least cosine between the normals of twins: lips that touch face each other
    fade: int = 4  # edges over which evening out ends at what has no twin


@dataclass(frozen=True)
class DrawnMouths:
    """Mouths that are drawn on the face; `mouth` stands for the mouth's width."""

    pixels: int = 64  # side of the picture of the skin behind
    sunk: float = 0.04  # that a drawn mouth may lie behind the skin; teeth lie deeper
    min_width: float = 0.4  # mouths
    # Mouths from the middle of the mouth along each axis, where all of a drawn mouth lies.
    reach: np.ndarray = field(default_factory=lambda: np.array([0.85, 0.5, 0.7]))
    min_vertices: int = 4
    on_skin: float = 0.8  # share of the vertices that lie on skin: over a hole there is nothing to be drawn on
    columns: int = 9  # in which upper and lower edge are distinguished


@dataclass(frozen=True)
class DrawnEyes:
    """Eyes that are drawn on the face; `eye` stands for the eye's width."""

    pixels: int = 64  # side of the pictures of iris and skin
    behind: float = 0.02  # that a piece may lie behind the skin
    before: float = 0.15  # that it may lie before the skin
    around: float = 1.25  # times as far from its middle as a piece's vertices, there is skin that is not before it
    # Of the eye's width and of its height, that an iris covers.
    min_iris: np.ndarray = field(default_factory=lambda: np.array([0.3, 0.5]))
    brow: float = 0.5  # eyes above the brow's landmark up to where its pieces lie
    piece: float = 0.7  # eyes beside the middle of the eye, where the middle of its pieces lies
    inside: float = 0.5  # share of the way from the middle of an iris to its vertices where it has no hole
    on_skin: float = 0.95  # share of the iris's vertices that lie on skin
    skin_around: float = 0.9  # share of the directions in which skin runs on
    filled: float = 0.9  # share of the directions in which the iris has no hole


@dataclass(frozen=True)
class Colliders:
    """What skin is held before; `mouth` and `eye` stand for the width of the mouth and of the eye."""

    teeth_gap: float = 0.006  # kept between teeth and lips
    # Eye distances behind the corners of the mouth to which skin is lips. Deeper it is floor and walls of the mouth,
    # which are not seen and lie beside and under the teeth (0.3 and more on VALID's faces).
    lip_depth: float = 0.25
    teeth_window: float = 0.65  # mouths, half the width of the window in which teeth are seen
    teeth_skin: float = 1.5  # of that half width: skin that is held
    eye_gap: float = 0.012  # kept between eyeball and lids: lids are coarse and the eyeball is round
    eye_skin: float = 1.2  # eyes from the eye's middle: skin that is held
    outward: float = 0.2  # least z of the normals of that skin: the lining of lids lies against the eyeball


SPACES = Spaces()
REACH = Reach()
SEALED = Sealed()
FIELDS = Fields()
PIECES = Pieces()
MOUTH_PIECES = MouthPieces()
EYE_PIECES = EyePieces()
SLITS = Slits()
LID_EDGES = LidEdges()
IRISES = Irises()
SYMMETRY = Symmetry()
DRAWN_MOUTH = DrawnMouths()
DRAWN_EYES = DrawnEyes()
COLLIDERS = Colliders()
