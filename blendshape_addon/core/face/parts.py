"""What each connected piece of an avatar is: skin, eye, teeth, tongue, something attached to the skin, or other.

Geometry decides where it can; names (English and Japanese) decide where it leaves several parts possible.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..avatar.avatar import Avatar
from ..errors import InputError
from ..geometry.nearest import nearest_to
from ..geometry.raster import nearest_pixels, rasterise
from ..vocabulary import LANDMARKS
from . import eye_parts, mouth_parts
from .face_space import point
from .mouth_parts import Lips
from .parameters import MOUTH_PIECES, PIECES
from .part_names import Part, PartOverride, named
from .pieces import Pieces

__all__ = ["Part", "PartOverride", "classify", "shown"]


# Landmarks that say nothing of what is skin: lashes, brows and teeth lie as near to them.
_NEAR_OTHERS = ("lid", "eye", "brow", "lip_upper_inner", "lip_lower_inner")


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
    pieces = Pieces.read(avatar, vertices)
    part = _guessed(avatar, pieces, landmarks)[pieces.of]
    if avatar.part_override is None:
        return part
    part = np.where(avatar.part_override >= 0, avatar.part_override, part).astype(np.int8)
    teeth = np.flatnonzero(avatar.part_override == PartOverride.TEETH)
    numbers, which = np.unique(pieces.of[teeth], return_inverse=True)
    part[teeth] = mouth_parts.rows(pieces, numbers, Lips.of(landmarks))[which]
    return part


def _guessed(avatar: Avatar, pieces: Pieces, landmarks: np.ndarray) -> np.ndarray:
    """(P,) int8 of Part: skin where the landmarks lie, then what lies in the mouth, then what lies about the eyes."""
    part = np.full(len(pieces.size), int(Part.OTHER), np.int8)
    skin = _skin_pieces(avatar, pieces, landmarks)
    part[skin] = Part.SKIN
    near = (
        (pieces.low < PIECES.around).all(1)
        & (pieces.high > -PIECES.around).all(1)
        & (np.bincount(pieces.of[avatar.used], minlength=len(part)) > 0)
    )
    rest = np.flatnonzero(near & ~skin)
    lips = Lips.of(landmarks)
    inside = _inside_mouth(pieces, rest, landmarks, lips)
    piercings = inside & _before_skin(pieces, rest, np.isin(pieces.of, np.flatnonzero(skin)), inside, lips)
    inside &= ~piercings
    part[rest[piercings]] = Part.ATTACHED
    part[rest[inside]] = mouth_parts.classify(pieces, rest[inside], lips)
    others = rest[~inside & ~piercings]
    part[others] = eye_parts.classify(pieces, others, landmarks)
    return part


def _skin_pieces(avatar: Avatar, pieces: Pieces, landmarks: np.ndarray) -> np.ndarray:
    """(P,) bool: the pieces that landmarks lie on. What the creator says is no part of the face is none of them, nor is
    what is named as hair or clothes as long as there is another."""
    region = avatar.used[np.abs(pieces.vertices[avatar.used]).max(1) < PIECES.around]
    if avatar.part_override is not None:
        region = region[avatar.part_override[region] != Part.OTHER]
    votes = np.zeros(len(pieces.size))
    if len(region) == 0:
        return votes > 0
    chosen = [i for i, name in enumerate(LANDMARKS) if not name.startswith(_NEAR_OTHERS)]
    nearest = region[nearest_to(landmarks[chosen], pieces.vertices[region])]
    votes += np.bincount(pieces.of[nearest], minlength=len(votes))
    worn = np.array([named(name) == Part.OTHER for name in pieces.names])
    if (votes[~worn] >= PIECES.min_skin_votes * len(chosen)).any():
        votes[worn] = 0
    enough = votes >= PIECES.min_skin_votes * len(chosen)
    return enough if enough.any() else votes > 0  # a face in many pieces


def _inside_mouth(pieces: Pieces, some: np.ndarray, landmarks: np.ndarray, lips: Lips) -> np.ndarray:
    """(M,) bool: the pieces among (M,) `some` that lie between the lips and the throat."""
    names = [named(pieces.names[p]) for p in some]
    slack = np.where(
        [name in (Part.MOUTH, Part.TONGUE) for name in names], MOUTH_PIECES.slack_named, MOUTH_PIECES.slack
    )
    low, high = pieces.low[some], pieces.high[some]
    chin_drop = lips.seam[1] - point(landmarks, "chin_under")[1]
    roof = max(chin_drop, point(landmarks, "nose_base")[1] - lips.seam[1])
    behind = np.maximum(lips.seam[2] - pieces.centre[some, 2], 0)
    slack_above = slack + MOUTH_PIECES.rise * behind
    return (
        (np.maximum(-low[:, 0], high[:, 0]) < MOUTH_PIECES.width * lips.half + slack)
        & (high[:, 1] < lips.seam[1] + roof + slack_above)
        & (low[:, 1] > lips.seam[1] - chin_drop - slack)
        & (high[:, 2] < lips.seam[2] + slack)
        & (pieces.centre[some, 2] > lips.seam[2] - MOUTH_PIECES.depth)
    )


def _before_skin(pieces: Pieces, some: np.ndarray, skin: np.ndarray, wanted: np.ndarray, lips: Lips) -> np.ndarray:
    """(M,) bool: the pieces among the `wanted` of (M,) `some` that lie before the lips in part, such as a ring."""
    out = np.zeros(len(some), bool)
    if not wanted.any():
        return out
    scale = MOUTH_PIECES.width * lips.half + MOUTH_PIECES.slack_named
    place = (pieces.vertices - lips.seam) / scale
    picture = rasterise(place, pieces.triangles[skin[pieces.triangles].all(1)], MOUTH_PIECES.lip_pixels)
    for m in np.flatnonzero(wanted):
        own = place[pieces.of == some[m]]
        column, row = nearest_pixels(own, MOUTH_PIECES.lip_pixels)
        drawn = (np.minimum(column, row) >= 0) & (np.maximum(column, row) < MOUTH_PIECES.lip_pixels)
        depth = np.full(len(own), np.inf)
        depth[drawn] = picture.depth[row[drawn], column[drawn]]
        # Only the skin about the lips counts: through an open mouth its wall is seen behind the teeth.
        lip = (depth * scale > -MOUTH_PIECES.lip_depth) & np.isfinite(depth)
        out[m] = (lip & (own[:, 2] > depth)).mean() > MOUTH_PIECES.before_lips
    return out
