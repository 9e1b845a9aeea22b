"""What each connected piece of an avatar is: skin, eye, teeth, tongue, something attached to the skin, or other.

Geometry decides where it can; names (English and Japanese) decide between likely readings.
"""

from __future__ import annotations

import re
from dataclasses import replace
from enum import IntEnum

import numpy as np

from ..avatar.avatar import Avatar
from ..errors import InputError
from ..geometry.nearest import nearest_to
from ..vocabulary import LANDMARKS
from .face_space import eye_centres, point
from .parameters import PIECES


class Part(IntEnum):
    OTHER = 0  # hair, clothes, body that no expression moves
    SKIN = 1
    EYE = 2
    TEETH_UPPER = 3
    TEETH_LOWER = 4
    TONGUE = 5
    MOUTH = 6  # gums and interiors that hold several of these in one piece
    ATTACHED = 7  # lashes, brows, tear lines: they follow the skin under them


class PartOverride(IntEnum):
    """What a creator can say of vertices: one of Part, or these."""

    NOTHING = -1
    TEETH = -2  # of either row: geometry says which


_NAMES = (
    (Part.ATTACHED, re.compile(r"lash|brow|lacrimal|occlusion|tearline|eye_blend|まつげ|まつ毛|睫|眉", re.I)),
    (Part.EYE, re.compile(r"eye(?!_?lid)|iris|pupil|sclera|cornea|hilight|highlight|目|瞳|眼", re.I)),
    (Part.TONGUE, re.compile(r"^(?!.*gum).*(tongue|舌)", re.I)),
    (Part.MOUTH, re.compile(r"teeth|tooth|gum|mouth|歯|口", re.I)),
    (Part.OTHER, re.compile(r"hair|hat|cloth|wear|glass|髪|服|帽|眼鏡", re.I)),
)


def _named(name: str) -> Part | None:
    return next((part for part, pattern in _NAMES if pattern.search(name)), None)


def shown(avatar: Avatar) -> Avatar:
    """`avatar` without the triangles that its creator says are no part of the face, so that they hide nothing.

    Raises InputError when none is left.
    """
    if avatar.part_override is None or not (avatar.part_override == Part.OTHER).any():
        return avatar
    kept = avatar.triangles[~(avatar.part_override[avatar.triangles] == Part.OTHER).all(1)]
    if len(kept) == 0:
        raise InputError("Every part of this avatar is marked as not of the face: correct that and try again.")
    return replace(avatar, triangles=kept)


def classify(avatar: Avatar, vertices: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(V,) int8 of Part: what the creator says, else what geometry and names say.

    vertices: (V, 3) and landmarks: (L, 3) in face space. Vertices without triangles are OTHER unless the creator says.
    """
    part = _guessed(avatar, vertices, landmarks)
    if avatar.part_override is None:
        return part
    part = np.where(avatar.part_override >= 0, avatar.part_override, part).astype(np.int8)
    seam = point(landmarks, "lip_upper_inner_mid", "lip_lower_inner_mid")[1]
    teeth = np.flatnonzero(avatar.part_override == PartOverride.TEETH)
    for piece in np.unique(avatar.components[teeth]):
        row = teeth[avatar.components[teeth] == piece]
        upper = vertices[row, 1].mean() > seam
        part[row] = Part.TEETH_UPPER if upper else Part.TEETH_LOWER
    return part


def _guessed(avatar: Avatar, vertices: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    pieces = avatar.components
    count = pieces.max() + 1
    low, high = np.full((count, 3), np.inf), np.full((count, 3), -np.inf)
    np.minimum.at(low, pieces, vertices)
    np.maximum.at(high, pieces, vertices)
    size = np.bincount(pieces, minlength=count)
    mean = np.stack([np.bincount(pieces, vertices[:, k], count) for k in range(3)], 1) / size[:, None]
    first = np.unique(pieces, return_index=True)[1]
    of_object = [_named(name) for name in avatar.object_names]
    names = [of_object[number] for number in avatar.object_id[first]]

    part = np.array([Part.OTHER] * count, dtype=np.int8)
    skin = _skin_pieces(avatar, vertices, landmarks, count)
    part[skin] = Part.SKIN
    eyes = eye_centres(landmarks)
    eye_width = np.linalg.norm(point(landmarks, "eye_inner_l") - point(landmarks, "eye_outer_l"))
    seam = point(landmarks, "lip_upper_inner_mid", "lip_lower_inner_mid")
    mouth_half = 0.5 * float(np.linalg.norm(point(landmarks, "mouth_corner_l") - point(landmarks, "mouth_corner_r")))
    chin_drop = seam[1] - point(landmarks, "chin_under")[1]
    near = (
        (low < PIECES.around).all(1)
        & (high > -PIECES.around).all(1)
        & (np.bincount(pieces[avatar.used], minlength=count) > 0)
    )
    for p in np.flatnonzero(near & ~skin):
        extent, centre = high[p] - low[p], (high[p] + low[p]) / 2
        slack = PIECES.slack_named if names[p] in (Part.MOUTH, Part.TONGUE) else PIECES.slack
        inside_mouth = (
            max(-low[p][0], high[p][0]) < PIECES.mouth_width * mouth_half + slack
            and high[p][1] < seam[1] + chin_drop + slack
            and low[p][1] > seam[1] - chin_drop - slack
            and high[p][2] < seam[2] + slack
            and centre[2] > seam[2] - PIECES.mouth_depth
        )
        near_eye = np.abs(centre[None, :2] - eyes[:, :2]).max(1).min() < PIECES.eye_distance * eye_width
        both_eyes = (
            abs(centre[0]) < PIECES.both_eyes_middle
            and extent[0] > PIECES.both_eyes_width
            and abs(centre[1] - eyes[0, 1]) < PIECES.both_eyes_height
        )
        of_eye = extent[1] < PIECES.eye_height * eye_width and extent[2] < PIECES.eye_depth
        if inside_mouth:
            part[p] = _mouth_part(names[p], mean[p], extent, low[p], high[p], seam, mouth_half)
        elif names[p] == Part.ATTACHED and extent[1] < PIECES.attached_height:
            part[p] = Part.ATTACHED
        elif (near_eye or both_eyes) and of_eye:
            lids = np.stack([point(landmarks, f"lid_{v}_mid_{s}") for v in ("upper", "lower") for s in "lr"])
            opening = abs(lids[:2, 1].mean() - lids[2:, 1].mean())
            covers = low[p][1] < eyes[0, 1] < high[p][1] and extent[1] > PIECES.eye_covers * opening
            behind = mean[p][2] < lids[:, 2].mean() - PIECES.eye_behind and extent[1] > PIECES.eye_min_height
            eyeball = names[p] == Part.EYE or (behind and names[p] != Part.ATTACHED)
            part[p] = Part.EYE if covers and eyeball else Part.ATTACHED
        elif _is_brow(centre, extent, landmarks) and names[p] != Part.OTHER:
            part[p] = Part.ATTACHED
    _sort_teeth(part, mean, size)
    # Pupils and highlights lie wholly before an eye and are small; a lash is as wide as the lids.
    for eye in np.flatnonzero(part == Part.EYE):
        margin = PIECES.pupil_margin
        within = (low[:, :2] > low[eye, :2] - margin).all(1) & (high[:, :2] < high[eye, :2] + margin).all(1)
        within &= (high - low)[:, 0] < PIECES.pupil_width * (high - low)[eye, 0]
        within &= np.abs(mean[:, 2] - high[eye, 2]) < PIECES.pupil_depth
        part[within & (part == Part.ATTACHED)] = Part.EYE
    return part[pieces]


def _sort_teeth(part: np.ndarray, mean: np.ndarray, size: np.ndarray) -> None:
    """Where every tooth is a piece of its own: upper or lower by the plane on which the two rows bite, which rises
    towards the back, so that no one height parts them. part: (P,), changed; mean: (P, 3) and size: (P,) of pieces."""
    teeth = np.flatnonzero((part == Part.TEETH_UPPER) | (part == Part.TEETH_LOWER))
    if len(teeth) < PIECES.min_single_teeth:
        return
    system = np.stack([np.ones(len(teeth)), mean[teeth, 2]], 1) * np.sqrt(size[teeth])[:, None]
    height, slope = np.linalg.lstsq(system, mean[teeth, 1] * np.sqrt(size[teeth]), rcond=None)[0]
    upper = mean[teeth, 1] > height + slope * mean[teeth, 2]
    part[teeth] = np.where(upper, Part.TEETH_UPPER, Part.TEETH_LOWER)


def _skin_pieces(avatar: Avatar, vertices: np.ndarray, landmarks: np.ndarray, count: int) -> np.ndarray:
    """(count,) bool: the pieces that landmarks lie on, those where lashes or brows may float left out."""
    region = avatar.used[np.abs(vertices[avatar.used]).max(1) < PIECES.around]
    votes = np.zeros(count)
    if len(region) == 0:
        return votes > 0
    chosen = [i for i, name in enumerate(LANDMARKS) if not name.startswith(("lid", "eye", "brow"))]
    nearest = region[nearest_to(landmarks[chosen], vertices[region])]
    votes += np.bincount(avatar.components[nearest], minlength=count)
    enough = votes >= PIECES.min_skin_votes * len(chosen)
    return enough if enough.any() else votes > 0  # a face in many pieces


def _is_brow(centre: np.ndarray, extent: np.ndarray, landmarks: np.ndarray) -> bool:
    brows = np.stack([point(landmarks, f"brow_mid_{s}") for s in "lr"])
    near = np.abs(centre - brows).max(1).min() < PIECES.brow_distance
    both = (
        abs(centre[0]) < PIECES.both_brows_middle
        and abs(centre[1] - brows[0, 1]) < PIECES.both_brows_height
        and abs(centre[2] - brows[0, 2]) < PIECES.both_brows_depth
    )
    return bool((near or both) and extent[1] < PIECES.brow_height and extent[2] < PIECES.brow_depth)


def _mouth_part(
    name: Part | None,
    mean: np.ndarray,
    extent: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    seam: np.ndarray,
    half: float,
) -> Part:
    """Gums reach far above and below the seam, a tongue is longer than wide, teeth hug an arch on one side."""
    if name == Part.TONGUE:
        return Part.TONGUE
    if high[1] - seam[1] > half and seam[1] - low[1] > PIECES.gum_drop * half:
        return Part.MOUTH
    if extent[2] > PIECES.tongue_length * extent[0] and extent[2] > half:
        return Part.TONGUE
    return Part.TEETH_UPPER if mean[1] > seam[1] + PIECES.upper_teeth * half else Part.TEETH_LOWER
