"""The numbers of refinement, by step. Lengths are in eye distances (63 mm on an adult) unless a unit is given.

Where no source is named, a number was tuned on the rigs of training/data/labels.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..expressions import Gaze, Lids, Pupil, Tongue
from ..face.face_space import EYE_DISTANCE_MM


@dataclass(frozen=True)
class Cleanup:
    """What nobody can see."""

    deadzone: float = 0.05 / EYE_DISTANCE_MM  # below 0.05 mm nobody meant a motion, and it becomes zero
    whole: float = 0.30 / EYE_DISTANCE_MM  # from 0.3 mm on a motion is kept whole


@dataclass(frozen=True)
class Skin:
    """The skin beside the nose, and what is attached to skin."""

    nose: float = 0.2  # width over which the motion of one eye fades at the middle of the face
    rooted: float = 0.03  # distance to the skin within which a vertex of a lash or a brow is a root
    rooted_share: float = 0.3  # of a piece's vertices, the nearest ones, that are roots however far away
    carriers: int = 4  # vertices of the skin that carry one vertex
    carrier_softening: float = 1e-3  # added to their distances before weights are taken, 1 / distance²


@dataclass(frozen=True)
class Lashes:
    """How lashes and eyelines follow the edge of a lid; tuned on VRoid's, Seed-san's and MakeHuman's blinks."""

    # A piece whose nearest tenth lies within this of an edge follows it: brows and creases lie at least 0.1 away.
    reach: float = 0.08
    nearest_share: float = 0.1
    rooted_share: float = 0.5  # of a piece's vertices, those nearest to the edge, that are roots
    carriers: int = 8  # roots that carry one vertex
    carrier_softening: float = 0.05  # added to their distances before weights are taken, 1 / distance²
    min_smoothed: int = 16  # vertices of a piece from which on it takes a smooth motion from the skin under it
    samples: int = 65  # of an edge, from corner to corner
    smoothed: float = 0.06  # of an edge's length, the standard deviation over which its motion is averaged
    beside: float = 0.12  # distance from the edge within which the skin tells how the lid turns
    turn_smoothed: float = 0.1  # of an edge's length, the standard deviation over which that turn is averaged
    turn_share: float = 0.5  # of that turn, that lashes take: MakeHuman's artist turns all of it, VRoid's none
    max_turn: float = 60.0  # degrees, of the lid


@dataclass(frozen=True)
class RigidTeeth:
    """The lower teeth, which move as one piece."""

    min_vertices: int = 4  # a rigid motion needs three that are not in a line; one more steadies it


@dataclass(frozen=True)
class SoftMouth:
    """How far what lies in a mouth follows the lips of an anime face, at full softness: as VRoid's artist draws it on
    five faces. Seed-san's artist turns the jaw as little and keeps the tongue's root; the rest does not follow.

    `mouths` stands for half widths of the mouth.
    """

    wider: float = 0.9  # of the share by which the corners part, that teeth and tongue widen
    narrower: float = 0.5  # the same where they come together
    bared: float = 0.12  # mouths that the upper lip rises before the upper teeth rise with it: both artists alike
    middle: float = 0.15  # widths of the mouth beside its middle where the lip's rise is measured
    jaw_turn: float = 0.5  # of the turn of the jaw as it is learned: both turn it by 7 to 9 degrees to open for aa
    tongue_root: float = 0.1  # of the jaw's motion, that the root of the tongue takes
    tongue_tip: float = 0.8  # the same for its tip
    # Widths of the mouth that the upper teeth reach before the line between the lips: up to the first they are a
    # skull's (-0.12 to 0.00 of five artists), from the second on a shell (VRoid's: 0.12 to 0.20).
    shell: tuple[float, float] = (0.03, 0.1)


@dataclass(frozen=True)
class LipSmoothing:
    """The edges of lips, and how far motion is diffused around lips of few vertices; `mouths` stands for half widths of
    the mouth.

    Tuned on the mouths of VRoid, Seed-san and Rocketbox, seen from the front and from three quarters.
    """

    edge: float = 0.06  # mouths, height of the edge of a lip on either side of its rim; twice that in depth
    reach: float = 2.2  # mouths from the middle of the mouth to where diffusion ends; it fades over the last one
    edges: tuple[float, float] = (0.25, 0.4)  # mouths, mean length of edges from which on, and wholly, it is diffused
    length: float = 0.5  # mouths over which it is diffused …
    most: float = 3.0  # … and the square of that in edges, at most
    rounds: int = 8  # in which it is: a step of more than half an edge would swing
    max_scale: float = 1.6  # factor of what has been diffused, so that the rims move as far as before


@dataclass(frozen=True)
class NewFlips:
    """How many triangles a correction of lids or lips may turn over."""

    share: float = 0.01  # of the triangles that it moves
    share_lips: float = 0.03  # the same where lips meet
    share_lids: float = 0.04  # the same where lids close: an eye that stays open is seen, a few folds are not
    share_shut: float = 0.1  # the same where they would stay open without it; the check's repair unfolds some again
    few: int = 2  # triangles, on top of the share
    ratio: float = 1.35  # times as many as before are never too many


@dataclass(frozen=True)
class LidContact:
    """Where the upper lid comes to lie on the lower one, in columns along the eye."""

    min_overlap: float = 0.008  # of the upper lid over the lower one when the eye is shut
    overlap: float = 0.06  # the same as a share of the opening: artists of 40 rigs have 0.02 to 0.3
    max_overlap: float = 0.03  # the same for any expression that must not close further
    max_scale: float = 2.5  # factor of the lids' own motion, and one over the least factor
    still: float = 0.2  # of the eye's opening; a lid that moves less in a column keeps its motion there
    smoothed_columns: int = 5  # columns over which the factor is averaged
    reach_x: float = 0.75  # widths of the eye from its middle to where scaling begins to fade; at twice that it ends
    reach_y: float = 0.6  # the same, up and down, of its width or height, the greater
    upper_share: float = 0.85  # of what remains open, that the upper lid moves; the lower one moves the rest
    max_open: float = 0.02  # share of the opening that a blink may leave before its folds are smoothed
    max_meet: float = 0.5  # share of the opening above the lower lid, where learned motion may have the lids meet
    sides: float = 0.15  # of the lid field, from which on a vertex is of one lid alone
    rim: float = 0.05  # height beside a rim within which skin is the edge of a lid
    beyond_corner: float = 0.1  # widths of the eye beyond its corners to where that edge runs


@dataclass(frozen=True)
class LipContact:
    """Where lips meet, and where the lower one touches the teeth."""

    max_steps: int = 6  # corrections, for each bends the rims a little
    close: float = 0.001  # distance to what is meant at which these end
    upper_share: float = 0.5  # of a gap, that the upper lip moves; the lower one moves the rest
    upper_share_at_rest: float = 0.2  # the same of a gap that is there at rest …
    ajar: float = 0.03  # … from which on, in eye distances, a mouth is open at rest; wholly from twice as far on
    bite_gap: float = 0.02  # between the lips where the lower one touches the upper teeth
    front_depth: float = 0.12  # behind the foremost vertex of the teeth within which they are front teeth


@dataclass(frozen=True)
class RimShift:
    """How the motion of a rim fades on the skin around it."""

    reach: float = 0.11  # height over which it falls to 1/e
    depth: float = 0.1  # behind the rim from where it fades in depth as well
    negligible: float = 1e-5  # gaps below that need no motion


@dataclass(frozen=True)
class MouthOpening:
    """How far a style may open the mouth of a viseme."""

    max_scale: float = 2.5  # factor of the shape, and one over the least factor
    # Widths of the mouth that aa parts the lips by, where its style says nothing: upper lips may hang over lower ones.
    least: float = 0.12
    min_opening: float = 0.1  # of the opening that is wanted; a shape that opens less is no opening
    middle: float = 0.1  # widths of the mouth beside its middle where the opening is measured


@dataclass(frozen=True)
class EyeTurn:
    """How far eyeballs turn, and about what."""

    # Degrees: the means of what the training rigs' artists turn their eyes by.
    angles: dict[Gaze, float] = field(
        default_factory=lambda: {Gaze.IN: 17.5, Gaze.OUT: 19.5, Gaze.UP: 8.5, Gaze.DOWN: 10.5}
    )
    min_roundness: float = 0.5  # depth over height from which a piece is a ball; a flat iris slides on one
    min_vertices: int = 12  # from which a sphere is fitted to a piece
    radius: tuple[float, float] = (0.3, 1.2)  # of a fitted sphere, in widths of the eye's opening
    flat_radius: float = 0.5  # of the sphere that a flat iris slides on, in the same


@dataclass(frozen=True)
class TonguePose:
    """Where the tip of the tongue goes. Artists move it little where it is not seen."""

    shown: float = 0.25  # that it comes out before the lips
    droop: float = 0.3  # of its way forward, that it sinks as it comes out
    # By place: up from the edge of the upper teeth, forward from their front, and how far the tip moves at most.
    tips: dict[Tongue, tuple[float, float, float]] = field(
        default_factory=lambda: {
            Tongue.DENTAL: (-0.02, 0.0, 0.25),
            Tongue.ALVEOLAR: (0.05, -0.10, 0.08),
            Tongue.POSTALVEOLAR: (0.09, -0.25, 0.08),
        }
    )
    tip_quantile: float = 0.95  # of the tongue's z, from which on its vertices are the tip
    front_depth: float = 0.1  # behind the foremost vertex of the upper teeth within which they are front teeth
    teeth_depth: float = 0.1  # behind the seam of the lips where the teeth must be when there are none


@dataclass(frozen=True)
class TongueBends:
    """How far a tongue bends and what form it takes in Unified Expressions; tuned by eye."""

    # Degrees, upwards or to the side: that the tip turns, and that the middle arches.
    angles: dict[Tongue, tuple[float, float]] = field(
        default_factory=lambda: {
            Tongue.UP: (40.0, 0.0),
            Tongue.DOWN: (-40.0, 0.0),
            Tongue.SIDE: (45.0, 0.0),
            Tongue.BEND_DOWN: (-100.0, 35.0),
            Tongue.CURL_UP: (90.0, -30.0),
        }
    )
    twist: float = 75.0  # degrees that the tip turns about the tongue's length
    roll_up: float = 0.55  # of half the tongue's width, that its edges rise
    roll_in: float = 0.35  # of the same, that they come together
    # Across and up, of the cross section at the tip.
    scales: dict[Tongue, tuple[float, float]] = field(
        default_factory=lambda: {Tongue.SQUISH: (0.7, 1.35), Tongue.FLAT: (1.2, 0.65)}
    )


@dataclass(frozen=True)
class Pupils:
    """How far a pupil widens and narrows: an adult's is 2 to 8 mm wide, 4 mm on average, in an iris of 12 mm."""

    scales: dict[Pupil, float] = field(default_factory=lambda: {Pupil.DILATES: 1.8, Pupil.CONSTRICTS: 0.5})


@dataclass(frozen=True)
class DrawnEyes:
    """How eyes move that are drawn on the face, as toon artists move them; tuned by eye."""

    line: float = 0.4  # of the eye's height, above its lower end: where the line of a closed eye lies
    thickness: float = 0.07  # of the eye's height: of that line
    # Of the eye's height, that a unit of the lids closes.
    closes: dict[Lids, float] = field(default_factory=lambda: {Lids.BLINK: 1.0, Lids.SQUINT: 0.3, Lids.WIDE: -0.15})
    max_widening: float = 0.2  # of its height, that an eye grows
    fade: float = 0.15  # around the eye, over which skin that rests comes to move


CLEANUP = Cleanup()
SKIN = Skin()
LASHES = Lashes()
RIGID_TEETH = RigidTeeth()
SOFT_MOUTH = SoftMouth()
LIP_SMOOTHING = LipSmoothing()
NEW_FLIPS = NewFlips()
LID_CONTACT = LidContact()
LIP_CONTACT = LipContact()
RIM_SHIFT = RimShift()
MOUTH_OPENING = MouthOpening()
EYE_TURN = EyeTurn()
TONGUE_POSE = TonguePose()
TONGUE_BENDS = TongueBends()
PUPILS = Pupils()
DRAWN_EYES = DrawnEyes()
