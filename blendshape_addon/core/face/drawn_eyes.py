"""Eyes drawn on the face: flat pieces that lie on closed skin, with no lids to move, as many toon avatars have.

They close as such artists close them: iris, highlights and lashes are pressed to a line, and the skin behind rests.
Brows over them slide as the network has it, for the coarse skin of such faces has no brows to carry them along.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..avatar.avatar import Avatar
from ..geometry.raster import nearest_pixels, rasterise
from .face_space import eye_centres, point
from .features import Features
from .parameters import DRAWN_EYES
from .parts import Part


@dataclass(frozen=True)
class DrawnEye:
    """The feature vertices (M,) of an eye's pieces and (B,) of its brow's, and its side, l or r."""

    pieces: np.ndarray
    brow: np.ndarray
    side: str


def find(avatar: Avatar, features: Features, skin: np.ndarray) -> list[DrawnEye]:
    """The eyes of this face that are drawn on it: none, one or both. skin: (T, 3) feature triangles."""
    drawn, marks = [], features.landmarks
    for s, centre in zip("lr", eye_centres(marks), strict=True):
        ends = sorted(point(marks, f"eye_{end}_{s}")[0] for end in ("inner", "outer"))
        lids = (point(marks, f"lid_{side}_mid_{s}")[1] for side in ("lower", "upper"))
        box = np.column_stack([ends, list(lids)])
        pieces, brow = _pieces(avatar, features, box, point(marks, f"brow_mid_{s}")[1])
        iris = [piece for piece in pieces if _is_large(features.positions[piece], box, centre)]
        if iris and _is_drawn(avatar, features, skin, np.concatenate(iris), centre, float(np.ptp(box[:, 0]))):
            brow = np.concatenate([np.empty(0, np.int64), *brow])
            drawn.append(DrawnEye(np.concatenate(pieces), brow, s))
    return drawn


def _pieces(
    avatar: Avatar, features: Features, box: np.ndarray, brow: float
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Feature vertices (m,) of each piece that belongs to the eye in the (2, 2) `box`, and to the `brow` above it."""
    eye: list[np.ndarray] = []
    above: list[np.ndarray] = []
    place, number = features.positions[:, :2], avatar.components[features.index]
    middle, size = box.mean(0), np.ptp(box, axis=0)
    near = np.isin(features.part, (Part.ATTACHED, Part.EYE)) & (np.abs(place[:, 0] - middle[0]) < size[0])
    near &= (place[:, 1] > box[0, 1]) & (place[:, 1] < brow + DRAWN_EYES.brow * size[0])
    some = np.flatnonzero(np.isin(number, number[near]))
    some = some[np.argsort(number[some], kind="stable")]
    for mine in np.split(some, np.flatnonzero(np.diff(number[some])) + 1) if len(some) else ():
        low, high = place[mine].min(0), place[mine].max(0)
        x, y = (low + high) / 2
        if abs(x - middle[0]) < DRAWN_EYES.piece * size[0] and y > box[0, 1]:
            (eye if abs(y - middle[1]) < abs(y - brow) else above).append(mine)
    return eye, above


def _is_large(piece: np.ndarray, box: np.ndarray, centre: np.ndarray) -> bool:
    """Whether a piece at (m, 3) reaches over the middle of the eye and is as large as an iris."""
    low, high = piece[:, :2].min(0), piece[:, :2].max(0)
    return bool(
        (low < centre[:2]).all()
        and (high > centre[:2]).all()
        and (high - low > DRAWN_EYES.min_iris * np.ptp(box, 0)).all()
    )


def _is_drawn(
    avatar: Avatar, features: Features, skin: np.ndarray, iris: np.ndarray, centre: np.ndarray, width: float
) -> bool:
    """Whether the iris, (m,) feature vertices, has no hole, as rings of lashes have, and `skin`, (T, 3) triangles, runs
    on close behind it and around it, and nowhere before it."""
    view = (features.positions - centre) / width
    places = view[iris]
    depth = rasterise(view, skin, DRAWN_EYES.pixels).depth

    def sample(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
        column, row = np.clip(nearest_pixels(points, DRAWN_EYES.pixels), 0, DRAWN_EYES.pixels - 1)
        return picture[row, column]

    middle = (places.min(0) + places.max(0)) / 2
    own = features.triangles(avatar, Part.ATTACHED, Part.EYE)
    drawn = rasterise(view, own[np.isin(own, iris).all(1)], DRAWN_EYES.pixels).mask
    filled = sample(drawn, middle + DRAWN_EYES.inside * (places - middle))
    there, around = (
        (places[:, 2] - sample(depth, middle + wider * (places - middle))) * width for wider in (1.0, DRAWN_EYES.around)
    )
    on_skin = (there > -DRAWN_EYES.behind) & (there < DRAWN_EYES.before)
    runs_on = (around > -DRAWN_EYES.behind) & (around < np.inf)
    return bool(
        on_skin.mean() > DRAWN_EYES.on_skin
        and runs_on.mean() > DRAWN_EYES.skin_around
        and filled.mean() > DRAWN_EYES.filled
    )
