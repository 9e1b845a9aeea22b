"""How far apart visemes look from the front, ours and the artist's, by the measure of the quality check."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from blendshape_addon.core.face.anatomy import FaceAnatomy
from blendshape_addon.core.quality.front_view import FrontView
from blendshape_addon.core.vocabulary import VISEMES

from ..data.labelled_face import LabelledFace
from .run import SILENCE

SPOKEN = tuple(name for name in VISEMES if name != SILENCE)
LEAST = 10  # visemes that an artist has to have drawn for the nearest pair to count


def measure(head: LabelledFace, made: dict[str, np.ndarray], real: frozenset[str]) -> dict:
    """`ours` and `theirs`: distance, in widths of the mouth, and names of the two visemes that look most alike from the
    front; `theirs` is None where the artist drew fewer than LEAST. made: {name: (V, 3)} in face space."""
    view = FrontView(FaceAnatomy(head.avatar, head.features))
    drawn = {n: o for n, o in zip(head.names, head.offsets, strict=True) if n in SPOKEN and n in real}
    return {
        "ours": _nearest(view, {name: made[name] for name in SPOKEN}, head),
        "theirs": _nearest(view, drawn, head) if len(drawn) >= LEAST else None,
    }


def _nearest(view: FrontView, shapes: Mapping[str, np.ndarray], head: LabelledFace) -> dict:
    apart = view.differences([offset[head.features.index] for offset in shapes.values()])
    apart[np.diag_indices(len(apart))] = np.inf
    row, column = np.unravel_index(apart.argmin(), apart.shape)
    names = list(shapes)
    return {"apart": float(apart[row, column]), "pair": [names[row], names[column]]}


def limit(rows: Mapping[str, Mapping], artists: Mapping[str, str]) -> float | None:
    """The median artist's nearest pair, of an artist with several rigs the median; None where nobody drew enough.

    rows: by rig what `measure` gives. artists: whose shapes each rig has.
    """
    by_artist: dict[str, list[float]] = {}
    for rig, row in rows.items():
        if row["theirs"]:
            by_artist.setdefault(artists[rig], []).append(row["theirs"]["apart"])
    return float(np.median([np.median(values) for values in by_artist.values()])) if by_artist else None


def holds(rows: Mapping[str, Mapping], artists: Mapping[str, str]) -> dict[str, bool]:
    """By rig, whether no two of our visemes look more alike than the artist's own nearest pair, or, on a rig without,
    than the median artist's."""
    other = limit(rows, artists)
    return {
        rig: row["ours"]["apart"] >= (row["theirs"]["apart"] if row["theirs"] else other)
        for rig, row in rows.items()
        if row["theirs"] or other is not None
    }
