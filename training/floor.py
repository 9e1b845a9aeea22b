"""How far artists differ: what an error would be that no network could avoid, measured with no network at all.

Units: one rig's own shapes are carried to another by correspondence in canonical space and compared with the other's.
Visemes: each artist's real visemes are written as weights of that artist's units; the other's true units, mixed by
those weights, are compared with the other's true visemes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import nnls
from scipy.spatial import cKDTree

from blendshape_addon.core.vocabulary import ARKIT, MOUTH_UNITS, VISEMES

from .heads import Head
from .metrics import compare, top1
from .rigs import Rig

SIDE = 0.5  # eye distances that two lips or lids lie apart, so that they are never matched with each other
PARTS = 10.0  # and two kinds of parts
BEST = "best of them"  # each unit, and all visemes, from whichever artist of another family fits best


def carried(source: Head, target: Head) -> np.ndarray:
    """(S, V, 3) the source's shapes on the target's vertices: in canonical space, from the four nearest of its own."""
    ours, theirs = (
        np.concatenate([f.canonical.positions, SIDE / 2 * f.side, PARTS * f.part[:, None]], axis=1)
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


def units(source: tuple[Rig, Head], target: tuple[Rig, Head]) -> dict[str, tuple[float, float]]:
    """cos and amplitude (carried over true) of every unit that both artists made."""
    seen = ~target[1].hidden
    made = dict(zip(source[1].names, carried(source[1], target[1]), strict=True))
    out = {}
    for name, truth in zip(target[1].names, target[1].offsets, strict=True):
        if name in ARKIT and name in made and name in source[0].real & target[0].real:
            size = np.linalg.norm(made[name][seen]) / np.linalg.norm(truth[seen])
            out[name] = compare(made[name][seen], truth[seen])["cos"], float(size)
    return out


def units_row(pairs: Sequence[dict[str, tuple[float, float]]]) -> dict[str, float]:
    """Figures of one line of the table, units of `pairs` pooled. rel: with each unit's true amplitude known."""
    both = [pair for one in pairs for pair in one.items()]
    cos = np.array([c for _, (c, _) in both])
    size = np.array([s for _, (_, s) in both])
    mouth = np.array([name in MOUTH_UNITS for name, _ in both])
    low, high = np.quantile(size, (0.1, 0.9))
    return {
        "cos mouth+jaw": float(np.median(cos[mouth])),
        "cos all": float(np.median(cos)),
        "rel mouth+jaw": float(np.sqrt(1 - np.median(np.maximum(cos[mouth], 0)) ** 2)),
        "rel all": float(np.sqrt(1 - np.median(np.maximum(cos, 0)) ** 2)),
        "amplitude": float(np.median(size)),
        "amplitude 10 %": float(low),
        "amplitude 90 %": float(high),
    }


def best_units(pairs: Sequence[dict[str, tuple[float, float]]]) -> dict[str, tuple[float, float]]:
    """Each unit from whichever artist fits it best."""
    names = {name for one in pairs for name in one}
    return {name: max(one[name] for one in pairs if name in one) for name in names}


def recipes(head: Head) -> dict[str, np.ndarray]:
    """Weights of the head's own units, (units,), that come nearest to each of its visemes (least squares, none < 0)."""
    rows = [n for n, name in enumerate(head.names) if name in ARKIT]
    moving = np.flatnonzero(head.offsets[rows].any((0, 2)) & ~head.hidden)
    basis = head.offsets[rows][:, moving].reshape(len(rows), -1).T.astype(float)
    names = [head.names[n] for n in rows]
    out = {}
    for name, offset in zip(head.names, head.offsets, strict=True):
        if name in VISEMES:
            weights, _ = nnls(basis, offset[moving].reshape(-1).astype(float))
            out[name] = np.array([weights[names.index(unit)] if unit in names else 0.0 for unit in ARKIT])
    return out


def visemes(mixes: dict[str, np.ndarray], target: Head) -> dict[str, float]:
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


def measure(rigs: Sequence[tuple[Rig, Head]]) -> dict:
    """Both tables as {"units": {target: {source: figures}}, "visemes": {…}}, families in place of rigs for units."""
    table: dict = {"units": {}, "visemes": {}}
    artists = [pair for pair in rigs if len(set(ARKIT) & set(pair[1].names)) > 20]
    for family in dict.fromkeys(rig.family for rig, _ in artists):
        rows: dict[str, list] = {}
        best = []
        for target in (pair for pair in artists if pair[0].family == family):
            sources = [pair for pair in artists if pair[0].family != family]
            found = [units(source, target) for source in sources]
            best.append(best_units(found))
            for source, one in zip(sources, found, strict=True):
                rows.setdefault(source[0].family, []).append(one)
        table["units"][family] = {name: units_row(pairs) for name, pairs in rows.items()}
        table["units"][family][BEST] = units_row(best)
    speakers = [pair for pair in artists if len(set(VISEMES) & set(pair[1].names) & pair[0].real) > 10]
    for source in speakers:
        mixes = recipes(source[1])
        for target in speakers:
            table["visemes"].setdefault(target[0].name, {})[source[0].name] = visemes(mixes, target[1])
    for family, rows in table["units"].items():
        tops = [
            max(table["visemes"][t.name][s.name]["top-1"] for s, _ in speakers if s.family != family)
            for t, _ in speakers
            if t.family == family and any(s.family != family for s, _ in speakers)
        ]
        if tops:
            rows[BEST]["top-1"] = float(np.mean(tops))
    return table


def show(table: dict) -> None:
    """Print both tables."""
    print("\nThe floor: one artist's units on another's face, no network")
    print(f"  {'onto':10} {'from':14} {'cos':>5} {'all':>5} {'rel':>5} {'all':>5}  amplitude (10 % to 90 %)")
    for target, sources in table["units"].items():
        for source, row in sources.items():
            values = "{cos mouth+jaw:5.2f} {cos all:5.2f} {rel mouth+jaw:5.2f} {rel all:5.2f}".format(**row)
            spread = "{amplitude:5.2f} ({amplitude 10 %:.2f} to {amplitude 90 %:.2f})".format(**row)
            print(f"  {target:10} {source:14} {values}  {spread}")
    print("  cos and rel of mouth and jaw units, then of all; rel as if each unit's amplitude were known")
    print("The floor of visemes: one artist's recipes over the other's own true units")
    for target, sources in table["visemes"].items():
        for source, row in sources.items():
            print(f"  {target:16} {source:16} cos {row['cos']:.2f}  top-1 {row['top-1']:.0%}")
