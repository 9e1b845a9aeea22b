"""Are the loose pieces in mouth and eyes told rightly? What each is, its artist's own shapes say.

A piece inside the mouth that follows an opening jaw is of the lower row, the tongue or the floor; one that stays is of
the upper row or the palate. A piece between the lids that a blink leaves where it is belongs to the eye, and one before
it that follows the lid is a lash. The walls of the mouth may be either row's.
"""

from __future__ import annotations

import numpy as np

from blendshape_addon.core.face.face_space import point
from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.geometry.mesh import connected_components, weld_points

from ..data.labelled_face import LabelledFace
from .blinks import RING

RIGHT = {
    "upper mouth": (Part.TEETH_UPPER, Part.MOUTH),
    "lower mouth": (Part.TEETH_LOWER, Part.TONGUE, Part.MOUTH),
    "eye": (Part.EYE,),
    "lash": (Part.ATTACHED,),
}
JAW = ("jawOpen", "vrc.v_aa")  # the first that the rig has
FOLLOWS, STAYS = 0.5, 0.2  # of the motion of the chin, or of the lid; what lies between says nothing
LEAST = 12  # vertices: what is smaller is nothing that one sees
ON_LID = 0.2  # of the eye's height above its lowest point, up to which the middle of a lower lash lies
EYE_SHARE = 0.5  # of a piece's vertices that lie between the lids
# Mouth widths, across, up, back and forward of the middle of the inner lips, that a piece in a mouth lies within.
MOUTH_BOX = (0.75, 1.0, 1.8, 0.2)


def measure(head: LabelledFace) -> list[dict[str, str]]:
    """Of each piece in mouth and eyes that its artist's shapes tell of: truth, of RIGHT, and part, what the product
    takes it for with labelled landmarks."""
    shapes = dict(zip(head.names, head.offsets, strict=True))
    part = np.full(len(head.vertices), int(Part.OTHER))
    part[head.features.index] = head.features.part
    weld = weld_points(head.vertices)
    piece = connected_components(int(weld.max()) + 1, weld[head.triangles])[weld]
    skin = np.unique(piece[part == Part.SKIN], return_counts=True)
    used = np.unique(head.triangles)
    out = []
    for number in np.unique(piece[used]):
        own = np.flatnonzero((piece == number) & ~head.hidden)
        if len(own) < LEAST or number == skin[0][skin[1].argmax()]:
            continue
        truth = _at_eye(head, own, shapes) or _in_mouth(head, own, shapes)
        if truth:
            counts = np.bincount(part[own])
            out.append({"truth": truth, "part": Part(int(counts.argmax())).name})
    return out


def told(rows: list[dict[str, str]]) -> tuple[int, int]:
    """How many of the pieces that `measure` gave are told rightly, and how many there are."""
    return sum(Part[row["part"]] in RIGHT[row["truth"]] for row in rows), len(rows)


def _in_mouth(head: LabelledFace, own: np.ndarray, shapes: dict[str, np.ndarray]) -> str:
    corners = np.stack([point(head.marks, f"mouth_corner_{side}") for side in "lr"])
    width, middle = np.linalg.norm(corners[0] - corners[1]), corners.mean(0)
    front = point(head.marks, "lip_upper_inner_mid")[2]
    places = (head.vertices[own] - [*middle[:2], front]) / width
    low, high = places.min(0), places.max(0)
    across, up, back, forward = MOUTH_BOX
    inside = (low > [-across, -up, -back]).all() and (high < [across, up, forward]).all()
    jaw = next((shapes[name] for name in JAW if name in shapes), None)
    if not inside or jaw is None or head.vertices[own, 1].max() > point(head.marks, "nose_tip")[1]:
        return ""
    chin = head.mark_offsets[head.names.index(next(n for n in JAW if n in shapes))]
    return _by_motion(jaw[own], np.linalg.norm(point(chin, "lip_lower_inner_mid")), "lower mouth", "upper mouth")


def _at_eye(head: LabelledFace, own: np.ndarray, shapes: dict[str, np.ndarray]) -> str:
    for side, name in (("l", "vrc.blink_left"), ("r", "vrc.blink_right")):
        ring = np.stack([point(head.marks, f"{mark}_{side}") for mark in RING])
        low, high = ring.min(0), ring.max(0)
        wide = high[0] - low[0]
        places = head.vertices[own]
        near = (np.abs(places - (low + high) / 2) < 1.2 * wide).all()
        between = ((places[:, :2] > low[:2] - 0.1 * wide) & (places[:, :2] < high[:2] + 0.1 * wide)).all(1).mean()
        if near and between > EYE_SHARE and name in shapes:
            height = (places[:, 1].mean() - low[1]) / (high[1] - low[1])
            # What stays on the lower lid is its lash, and what stays before the lids may be hair.
            behind = places[:, 2].mean() < ring[:, 2].mean() and height > ON_LID
            whole = float(np.linalg.norm(shapes[name], axis=1).max())
            return _by_motion(shapes[name][own], whole, "lash", "eye" if behind else "")
    return ""


def _by_motion(motion: np.ndarray, whole: float, moves: str, stays: str) -> str:
    share = float(np.linalg.norm(motion, axis=1).mean() / max(whole, 1e-9))
    return moves if share > FOLLOWS else stays if share < STAYS else ""
