"""How far artists differ: what an error would be that no network could avoid, measured with no network at all.

Units: one rig's own shapes are carried to another by correspondence in canonical space and compared with the other's.
Visemes: each artist's real visemes are written as weights of that artist's units; the other's true units, mixed by
those weights, are compared with the other's true visemes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls
from scipy.spatial import cKDTree

from blendshape_addon.core.vocabulary import ARKIT, MOUTH_UNITS, VISEMES

from ..data.labelled_face import LabelledFace
from ..data.metrics import compare, top1
from ..data.rigs import Rig
from .regions import regions_of

SIDE_GAP = 0.5  # eye distances that two lips or lids lie apart, so that they are never matched with each other
PART_GAP = 10.0  # the same for two kinds of parts
SAME_ARTIST = "itself"  # another face by the same artist: what carrying over costs
BEST = "best of them"  # each unit, and all visemes, from whichever other artist fits best
SPEAKS = 10  # visemes that an artist has to have drawn
RIGS = 2  # of an artist that others are carried to; of each other artist the first is carried


class Fit(NamedTuple):
    """cos over the whole face and over the skin alone, and amplitude (carried over true), of one unit."""

    cos: float
    skin: float
    amplitude: float


def carried(source: LabelledFace, target: LabelledFace) -> np.ndarray:
    """(S, V, 3) the source's shapes on the target's vertices: in canonical space, from the four nearest of its own."""
    ours, theirs = (
        np.concatenate([f.canonical.positions, SIDE_GAP / 2 * f.side, PART_GAP * f.part[:, None]], axis=1)
        for f in (target.features, source.features)
    )
    far, match = cKDTree(theirs).query(ours, k=4)
    weight = 1 / (far + 1e-3) ** 2
    weight /= weight.sum(1, keepdims=True)
    out = np.zeros((len(source.names), *target.vertices.shape), np.float32)
    back = np.linalg.inv(source.features.canonical.to_face)
    for row, offset in zip(out, source.offsets, strict=True):
        canonical = np.einsum("nij,nj->ni", back, offset[source.features.index])
        moved = np.einsum("nk,nkj->nj", weight, canonical[match])
        row[target.features.index] = np.einsum("nij,nj->ni", target.features.canonical.to_face, moved)
    return out


def units(source: tuple[Rig, LabelledFace], target: tuple[Rig, LabelledFace]) -> dict[str, Fit]:
    """How every unit that both artists made fits."""
    seen = ~target[1].hidden
    skin = seen & (regions_of(target[1]) == 0)
    made = dict(zip(source[1].names, carried(source[1], target[1]), strict=True))
    out = {}
    for name, truth in zip(target[1].names, target[1].offsets, strict=True):
        if name in ARKIT and name in made and name in source[0].real & target[0].real:
            whole, outside = (compare(made[name][where], truth[where])["cos"] for where in (seen, skin))
            size = np.linalg.norm(made[name][seen]) / np.linalg.norm(truth[seen])
            out[name] = Fit(whole, outside, float(size))
    return out


def units_row(fits: Sequence[dict[str, Fit]]) -> dict[str, float]:
    """Figures of one line of the table, units of `fits` pooled. rel: with each unit's true amplitude known."""
    names = [name for one in fits for name in one]
    cos, skin, size = np.array([fit for one in fits for fit in one.values()]).T
    mouth = np.isin(names, MOUTH_UNITS)
    low, middle, high = np.quantile(size, (0.1, 0.5, 0.9))
    row = {"cos mouth+jaw": np.median(cos[mouth]), "cos all": np.median(cos), "cos skin": np.median(skin)}
    row |= {name.replace("cos", "rel"): np.sqrt(1 - max(row[name], 0) ** 2) for name in ("cos mouth+jaw", "cos all")}
    row |= {"amplitude": middle, "amplitude 10 %": low, "amplitude 90 %": high}
    return {name: float(value) for name, value in row.items()}


def best_units(fits: Sequence[dict[str, Fit]]) -> dict[str, Fit]:
    """Each unit from whichever artist fits it best."""
    return {name: max(one[name] for one in fits if name in one) for name in {name for one in fits for name in one}}


def recipes(face: LabelledFace) -> dict[str, np.ndarray]:
    """Weights of the face's own units, (units,), that come nearest to each of its visemes (least squares, none < 0)."""
    rows = [n for n, name in enumerate(face.names) if name in ARKIT]
    moving = np.flatnonzero(face.offsets[rows].any((0, 2)) & ~face.hidden)
    basis = face.offsets[rows][:, moving].reshape(len(rows), -1).T.astype(float)
    names = [face.names[n] for n in rows]
    out = {}
    for name, offset in zip(face.names, face.offsets, strict=True):
        if name in VISEMES:
            weights, _ = nnls(basis, offset[moving].reshape(-1).astype(float))
            out[name] = np.array([weights[names.index(unit)] if unit in names else 0.0 for unit in ARKIT])
    return out


def visemes(mixes: dict[str, np.ndarray], target: LabelledFace) -> dict[str, float]:
    """cos and top-1 of an artist's recipes over the target's true units, against the target's true visemes."""
    seen = ~target.hidden
    truth = {name: offset[seen] for name, offset in zip(target.names, target.offsets, strict=True)}
    made = {}
    for name, weights in mixes.items():
        if name in truth:
            made[name] = sum(w * truth[unit] for unit, w in zip(ARKIT, weights, strict=True) if w and unit in truth)
    made = {name: np.asarray(shape) for name, shape in made.items() if np.ndim(shape) == 2}
    goals = {name: truth[name] for name in made}
    cos = [compare(made[name], goals[name])["cos"] for name in made]
    return {"cos": float(np.median(cos)), "top-1": top1(made, goals)}


def measure(rigs: Sequence[tuple[Rig, LabelledFace]]) -> dict:
    """Both tables as {"units": {artist: {source: figures}}, "visemes": {rig: {rig: figures}}}, and under "shapes" the
    best cos by unit of each artist. An artist who is alone has none."""
    table: dict = {"units": {}, "visemes": {}, "shapes": {}}
    by_artist: dict[str, list[tuple[Rig, LabelledFace]]] = {}
    for pair in rigs:
        own = by_artist.setdefault(pair[0].facts.artist, [])
        if len(set(ARKIT) & set(pair[1].names)) > 20 and len(own) < RIGS:
            own.append(pair)
    for artist, targets in by_artist.items():
        rows: dict[str, list] = {}
        best = []
        for target in targets:
            same = [pair for pair in targets if pair[0] is not target[0]]
            others = {other: units(pairs[0], target) for other, pairs in by_artist.items() if pairs and other != artist}
            for name, fit in [*others.items(), *((SAME_ARTIST, units(pair, target)) for pair in same)]:
                rows.setdefault(name, []).append(fit)
            best.append(best_units(list(others.values())))
        if any(best):
            table["units"][artist] = {name: units_row(fits) for name, fits in rows.items()} | {BEST: units_row(best)}
            names = dict.fromkeys(name for one in best for name in one)
            table["shapes"][artist] = {
                name: float(np.mean([one[name].cos for one in best if name in one])) for name in names
            }
    speakers = [
        pair for pairs in by_artist.values() for pair in pairs
        if len(set(VISEMES) & set(pair[1].names) & pair[0].real) >= SPEAKS
    ]  # fmt: skip
    for source in speakers:
        mixes = recipes(source[1])
        for target in speakers:
            table["visemes"].setdefault(target[0].name, {})[source[0].name] = visemes(mixes, target[1])
    for artist, rows in table["units"].items():
        fits = [
            [table["visemes"][t.name][s.name] for s, _ in speakers if s.facts.artist != artist]
            for t, _ in speakers
            if t.facts.artist == artist
        ]
        for figure in ("cos", "top-1"):
            if fits and all(fits):
                rows[BEST][f"{figure} visemes"] = float(np.mean([max(fit[figure] for fit in own) for own in fits]))
    return table
