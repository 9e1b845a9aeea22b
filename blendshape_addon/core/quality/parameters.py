"""The numbers of the quality check. Lengths are in millimetres of an adult's face, or in eye distances (63 mm on one).

Where no source is named, a number was tuned on the rigs of training/data/labels.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a shape may do at most, or must do at least.

    Shares of triangles are of those that move. Artists' own shapes turn over 0.4 % of them, 3.0 % at the lips of
    mouthClose, which rolls them over the open jaw, and 3.5 % on a closing lid.
    """

    nearly: float = 0.75  # of a limit, from which on a shape is amber
    # The largest motion of a vertex. Artists' jawOpen moves 40 to 48 mm, VALID's shouts 45 to 56, which is still green.
    peak_mm: float = 75.0
    flipped: float = 0.01  # share of the triangles beside the lids that turn over; twice the artists'
    flipped_over_open_jaw: float = 0.03  # the same for mouthClose; the artists'
    flipped_lids: float = 0.065  # share of the triangles on the lids; a coarse head has a row of triangles more
    flipped_count: int = 6  # that many triangles may turn over, whatever their share
    stretched: float = 0.02  # share of the triangles that stretch more than Measuring.stretch times
    stretched_count: int = 2  # that many triangles may, whatever their share
    behind_mm: float = 3.0  # how deep skin may lie behind teeth or an eyeball
    seam_mm: float = 0.5  # the widest split of a seam
    stray_mm: float = 0.6  # mean motion of what should rest
    outside: int = 100  # vertices beyond the feature vertices that move
    asymmetry: float = 0.5  # of the shape's largest motion, by which its halves may differ
    asymmetry_mm: float = 1.0  # by which they may differ in any case
    # By which the edges of lashes and brows become longer or shorter, see Measuring.lash_share; artists' blinks and
    # emotions reach 1.9 (VRoid's; Seed-san's 1.35, MakeHuman's 1.4).
    lashes: float = 2.0
    # Share of what shows of an eyeball from the front that a blink may leave; artists leave 0.055 at most.
    eyes_open: float = 0.08
    lids_open: float = 0.25  # share of the opening between lids that a blink may leave, where no eyeball shows
    opening: float = 0.7  # share of the opening that the style asks for; the share of a median artist that is aimed at
    # Share of a wide open mouth that upper teeth may fill; artists' vowels and emotions reach 0.17, a wide nn 0.57, and
    # pieces that are mistaken for them and never move fill 0.9.
    teeth_fill: float = 0.7
    # Share of a wide open mouth that may show nothing or the back of a surface; artists' reach 0.09 but for heads that
    # have no inner mouth.
    hole: float = 0.3
    # Mouth widths that the nearest other viseme must be away, see front_view.FrontView.differences; the nearest pair of
    # any artist is Vitruvian's DD and kk at 0.0084, of the median artist 0.015.
    alike: float = 0.008
    moves_mm: float = 0.3  # from which on a motion is somebody's intention
    lips_mm: float = 0.3  # how far closed lips may be from meeting
    # The same of how far they are apart at rest where it is widest: 0.6 mm of a muzzle that is open by 10 mm.
    lips_share: float = 0.06
    mouth_open: float = 0.08  # of the width of the mouth, that an open one opens at least


@dataclass(frozen=True)
class Measuring:
    """How a shape is measured."""

    full: float = 0.99  # intensity from which on a shape is taken for the full one
    stretch: float = 6.0  # times its length from which on an edge stretches too far
    visible_mm: float = 1.0  # length of an edge from which on its stretching is seen
    lash_share: float = 0.95  # of the edges of lashes and brows that move, the share that is stretched no more
    lash_edges: int = 8  # fewer of these say nothing
    worst: int = 3  # the third largest of some vertices' amounts counts: one or two nobody sees
    near_peak: float = 0.5  # share of the largest amount, from which on a vertex is shown as part of the fault
    cell: float = 0.1  # eye distances; halves of a face are compared in squares of this size at least
    cell_edges: float = 2.0  # lengths of a median edge of the skin; and of this size at least
    front: float = 0.1  # z of the unit normal from which on skin is of the front of a face
    one_surface: float = 0.6  # length of the mean unit normal from which on a seam's sides are of one surface
    corners: int = 3  # columns at each corner of a slit that are left out: rims say little there
    middle: float = 0.1  # of the width of a mouth, on each side of its middle, where its opening is measured
    # Eye distances of what lies inside a closed mouth: up and down from the corners, and how far behind them.
    inside_mouth_height: float = 0.45
    inside_mouth_depth: float = 0.02


@dataclass(frozen=True)
class Front:
    """How a face is seen from the front. Lengths are in widths of the mouth unless another unit is named."""

    mouth_size: int = 48  # pixels across the picture of a mouth
    mouth_half: float = 0.7  # half of its width
    mouth_drop: float = 0.2  # of its centre below the corners, for the jaw drops
    wide_open: float = 0.13  # squares of the width between the lips of a mouth in which one looks for teeth and holes
    eye_size: int = 32  # pixels across the picture of an eye
    eye_half: float = 0.6  # half of its width, of the wider of the eye's width and height
    eye_pixels: int = 20  # of an eyeball that the neutral shows; of fewer nothing is said
    margin: float = 1.5  # halves of a picture within which triangles lie at rest that a shape may move into it
    reach: float = 0.9  # from the middle of the mouth, across and up, of the skin whose motion is compared
    behind: float = 0.5  # the same behind its corners: the back of a head is none of it


@dataclass(frozen=True)
class Regions:
    """Where an expression may move a face, in eye distances from the middle between the eyes or from an eye."""

    brows_above: float = -0.5  # height from which on brows move
    mouth_below: float = 0.3  # height up to which the mouth moves
    eye_reach: float = 1.0  # distance from the eye that moves
    nose: float = 0.2  # distance from the middle plane that an eye's motion may reach across


@dataclass(frozen=True)
class Repairs:
    """How faults are repaired."""

    soften: int = 3  # rounds of smoothing at the border where motion was stopped
    # What a motion of the lips' rims costs over a gap that stays: lips meet within 0.1 mm and move less than 0.6.
    ridge: float = 0.1
    beside_rim: float = 0.5  # of a rim vertex's motion, that its neighbours follow
    # Strengths that are tried next: a blink at 0.9 is nearly shut, one at 0.75 shows up to a fifth of the eye; a shape
    # that is torn at half of it is none.
    weaker: tuple[float, ...] = (0.95, 0.9, 0.85, 0.75, 0.5)
    silent: float = 0.01  # intensity below which a shape is meant to move nothing


LIMITS = Limits()
MEASURING = Measuring()
FRONT = Front()
REGIONS = Regions()
REPAIRS = Repairs()
