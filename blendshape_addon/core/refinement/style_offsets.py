"""What a style says of the offsets themselves: how far lips part, and how far visemes reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..expressions import TABLE
from ..face.anatomy import FaceAnatomy
from ..face.face_space import canonical_landmarks, mouth_corners
from ..face.features import Features
from ..face.parts import Part
from ..face.slits import COLUMNS
from .parameters import MOUTH_OPENING


def keep_near_mouth(
    features: Features,
    offsets: np.ndarray,
    names: Sequence[str],
    reach: tuple[float, float] | None,
    chosen: np.ndarray | None = None,
) -> None:
    """Fade (E, N, 3) offsets of visemes beyond `reach` of the mouth, in place; teeth and tongue follow the lips.

    reach: across and up from the middle of the mouth, in eye distances of the canonical face; None: nothing fades.
    chosen: numbers of the feature vertices that the offsets are of; None: all.
    """
    if reach is None:
        return
    mouth = mouth_corners(canonical_landmarks()).mean(0)
    chosen = np.arange(len(features.index)) if chosen is None else chosen
    away = (((features.canonical.positions[chosen] - mouth)[:, :2] / reach) ** 2).sum(1)
    share = np.exp(-(away**2) / 2).astype(np.float32)
    share[np.isin(features.part[chosen], (Part.TEETH_LOWER, Part.TONGUE, Part.MOUTH))] = 1
    offsets[[TABLE[name].group == "visemes" for name in names]] *= share[:, None]


def end_behind_face(
    features: Features, offsets: np.ndarray, behind: float | None, chosen: np.ndarray | None = None
) -> None:
    """Fade (E, N, 3) offsets to 0 `behind` eye distances behind the rearmost landmark, from half of that on; in place.

    behind: None: nothing fades. chosen: as of `keep_near_mouth`.
    """
    if behind is None:
        return
    depth = features.landmarks[:, 2].min() - features.positions[:, 2][slice(None) if chosen is None else chosen]
    offsets *= np.clip(2 - 2 * depth / behind, 0, 1).astype(np.float32)[:, None]


def open_mouth(
    anatomy: FaceAnatomy, offsets: np.ndarray, names: Sequence[str], shares: Mapping[str, float]
) -> dict[str, float]:
    """Scale (E, N, 3) face-space offsets so that the lips part by a share of the mouth's width at the middle; in place.

    shares: by expression; the others of `names` stay, but for one that opens the mouth and opens it less than
    MOUTH_OPENING.least, and so does a shape that hardly parts the lips by itself. Returns what those that changed were
    multiplied by.
    """
    mouth = anatomy.mouth
    scales: dict[str, float] = {}
    if not mouth:
        return scales
    rest, middle = anatomy.features.positions, np.abs(COLUMNS - 0.5) < MOUTH_OPENING.middle
    width, most = np.linalg.norm(mouth.corners[1] - mouth.corners[0]), MOUTH_OPENING.max_scale
    for name, offset in zip(names, offsets, strict=True):
        share = shares.get(name, MOUTH_OPENING.least if TABLE[name].opens_mouth else 0.0)
        if not share:
            continue
        before, after = (mouth.gap(positions)[middle].mean() for positions in (rest, rest + offset))
        wanted = share * width
        if after - before > MOUTH_OPENING.min_opening * wanted and (name in shares or after < wanted):
            scales[name] = float(np.clip((wanted - before) / (after - before), 1 / most, most))
            offset *= np.float32(scales[name])
    return scales
