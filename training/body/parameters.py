"""Numbers of reading and fitting bodies, with where each comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


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


@dataclass(frozen=True)
class FitParameters:
    """How a body is fitted. Chosen on rendered bodies, if nothing else is said."""

    macro_step: float = 0.05  # by which a body's change with a macro feature is measured
    target_step: float = 0.2  # the same of a target
    slope_step: float = 1e-4  # the same of what is seen, with any number
    window: int = 256  # pixels across the square in which outlines are compared
    mask: float = 0.5  # from which on a pixel is the person's
    rounds: int = 14  # Gauss-Newton steps …
    landmarks_alone: int = 4  # … of which the first ones see the points of the pose alone
    anew: tuple[int, ...] = (6, 10)  # rounds before which the body is made linear again
    step: float = 0.5  # by which any number changes at most in a round
    # How far numbers are from usual ones: of shapes, in their own unit; of bones that turn, in radians.
    macro_spread: Mapping[str, float] = field(
        default_factory=lambda: {"gender": 0.4, "muscle": 0.25, "weight": 0.35, "height": 0.25}
    )
    known_gender_spread: float = 0.1
    target_spread: float = 0.3
    tight_spread: float = 0.001  # metres that tight clothes are thick
    clothes_spread: float = 0.02  # the same of others …
    clothes_alike: float = 0.008  # … and how far those of trunk, arms and legs are from their mean
    clothes_most: float = 0.08  # metres
    angle_spread: Mapping[str, float] = field(
        default_factory=lambda: {"spine_02": 0.1, "neck_01": 0.2, "calf_l": 0.3, "calf_r": 0.3}
    )
    other_angle_spread: float = 0.6
    landmark_spread: float = 5.0  # pixels of the window that a point of the pose is off
    outline_spread: float = 1.0  # pixels of the window that an outline is off
    outline_doubt: float = 4.0  # from which on more distance counts little: hair, a bag
    outline_count: int = 150  # independent places that an outline counts as
    outline_most: int = 500  # places of an outline that are looked at
    nearest: float = 0.1  # metres before the camera
    frontal: float = 0.5  # cosine of how far a body is turned, from which on limbs are seen as they hang
    limbs: tuple[tuple[str, str, str, str], ...] = (  # bone, the bone at its end, and both points of the pose
        ("upperarm", "lowerarm", "shoulder", "elbow"),
        ("thigh", "calf", "hip", "knee"),
    )


# Points of the pose: the bone that begins there, the bone that carries it, and metres from the one to the other.
LANDMARKS: Mapping[str, tuple[str, str, tuple[float, float, float]]] = {
    f"{point}_{side}": (f"{bone}_{side}", mover.replace("?", side), (0.0, 0.0, 0.0))
    for point, bone, mover in (
        ("shoulder", "upperarm", "spine_03"), ("elbow", "lowerarm", "upperarm_?"), ("wrist", "hand", "lowerarm_?"),
        ("hip", "thigh", "pelvis"), ("knee", "calf", "thigh_?"), ("ankle", "foot", "calf_?"),
    )
    for side in "lr"
}  # fmt: skip


@dataclass(frozen=True)
class SyntheticParameters:
    """People who are made up."""

    macro: Mapping[str, tuple[float, float]] = field(
        default_factory=lambda: {
            "gender": (0.0, 1.0), "muscle": (0.3, 0.75), "weight": (0.2, 0.9), "height": (0.3, 0.7)
        }
    )  # fmt: skip
    target: float = 0.15  # spread of each target
    folders: tuple[str, ...] = ("arms", "buttocks", "hip", "legs", "neck", "pelvis", "stomach", "torso")
    others: int = 15  # features that no fit knows, of these folders
    height: tuple[float, float] = (1.69, 0.07)  # metres: mean and spread of adults …
    man: float = 0.13  # … and by how much men are taller than women
    thickest: float = 0.03  # metres, of clothes
    fold: float = 0.8  # metres, about, between places where uneven clothes are thick …
    folds: int = 3  # … in so many directions
    finer: int = 2  # pixels that each pixel is the mean of, across and down
    skins: tuple[tuple[int, int, int], ...] = ((225, 180, 150), (200, 150, 115), (150, 105, 75), (90, 60, 45))


SYNTHETIC = SyntheticParameters()


@dataclass(frozen=True)
class PhotoParameters:
    """What a photo has to be."""

    most_pixels: int = 25_000_000
    side: int = 1280  # pixels of the longer side that are looked at: the networks see 256 across the person
    least_side: int = 200  # pixels of the shorter side
    blank: float = 4.0  # spread of the brightness of 0 to 255, below which there is nothing to see
    usual_lens: float = (
        0.9  # of the longer side, a focal length that no file says: between a telephone's and a camera's
    )
    least_visible: Mapping[str, float] = field(default_factory=lambda: {"head": 0.5, "feet": 0.3})
    mask: float = 0.5  # from which on a pixel is the person's
    most_turned: float = 50.0  # degrees off the view that was asked for; networks are off by 20 at times
    upright: float = 0.7  # cosine of how far a trunk may be from the vertical of the picture
    behind: tuple[int, int, int, int] = (128, 128, 128, 255)  # what transparent pixels show
    heights: tuple[float, float] = (100.0, 250.0)  # centimetres that people are tall
    unknown_height: float = 1.7  # metres, of a person whose height was not given
    most_outline: float = 4.0  # pixels of the window between outlines, from which on the body is not that person's
    line: tuple[int, int, int] = (60, 255, 90)  # colour of the body's outline


PHOTO = PhotoParameters()
COLOURS = {  # of an avatar's parts, linear: nobody's in particular
    "Body": (0.60, 0.36, 0.25), "Eye_L": (0.85, 0.85, 0.85), "Eye_R": (0.85, 0.85, 0.85),
    "Teeth_Upper": (0.85, 0.83, 0.75), "Teeth_Lower": (0.85, 0.83, 0.75), "Tongue": (0.55, 0.15, 0.15),
    "Lashes": (0.03, 0.02, 0.02),
}  # fmt: skip
PERSON = PersonParameters()
FIT = FitParameters()
