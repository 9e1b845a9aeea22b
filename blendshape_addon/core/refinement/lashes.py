"""Lashes and eyelines follow the edge of the lid that they grow from, as wholes: they neither crumple nor widen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..face.anatomy import FaceAnatomy
from ..face.parts import Part
from ..face.slits import Slit
from ..geometry.nearest import nearest
from .parameters import LASHES, SKIN


def follow_lids(anatomy: FaceAnatomy, offsets: np.ndarray) -> None:
    """Move the attached pieces that reach the edge of a lid with that edge, in (E, N, 3) face-space offsets, in place.

    Every cross-section of such a piece, from its root on the lid to its tip, moves rigidly with the edge at its root:
    it goes where the edge goes, and turns about the edge's direction as the lid's surface turns there.
    """
    features = anatomy.features
    rest = features.positions
    attached = np.flatnonzero(features.part == Part.ATTACHED)
    edges = list(_edges(anatomy, offsets)) if len(attached) else []
    if not edges:
        return
    places = np.concatenate([edge.places for edge in edges])
    hinges = np.concatenate([edge.hinges for edge in edges])
    directions = np.concatenate([edge.directions for edge in edges])
    motion = np.concatenate([edge.motion for edge in edges], axis=1)
    turn = np.concatenate([edge.turn for edge in edges], axis=1)
    pieces = anatomy.avatar.components[features.index[attached]]
    for piece in np.unique(pieces):
        own = attached[pieces == piece]
        sample, distance = (found[:, 0] for found in nearest(places, rest[own], count=1))
        # A brow, or a line beside the lid, keeps off the edge and follows the skin under it.
        if np.quantile(distance, LASHES.nearest_share) > LASHES.reach:
            continue
        # Roots follow the nearest sample of an edge, and every vertex moves with the roots nearest to it.
        roots = np.flatnonzero(distance <= max(SKIN.rooted, np.quantile(distance, LASHES.rooted_share)))
        index, away = nearest(rest[own[roots]], rest[own], count=LASHES.carriers)
        weight = 1 / (away + LASHES.carrier_softening) ** 2
        weight /= weight.sum(1, keepdims=True)
        carriers = sample[roots][index]
        hinge, direction = (np.einsum("vk,vkc->vc", weight, field[carriers]) for field in (hinges, directions))
        direction /= np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-12)
        angle = np.einsum("vk,evk->ev", weight, turn[:, carriers])
        arm = rest[own] - hinge
        turned = _turned(arm, direction, angle)
        offsets[:, own] = np.einsum("vk,evkc->evc", weight, motion[:, carriers]) + turned - arm


def without_waves(rest: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """(E, V, 3) motion of a piece of (V, 3) face-space vertices that moves, tilts and bends it as `motion` does, and
    waves it nowhere: in least squares a cubic of the way along the piece, and linear across it. What runs over the
    middle of the face is smoothed on each side by itself."""
    out = motion.copy()
    left = rest[:, 0] > 0
    over_middle = (np.abs(rest[left, 0]).max(initial=0) > SKIN.nose) & (
        np.abs(rest[~left, 0]).max(initial=0) > SKIN.nose
    )
    for own in (left, ~left) if over_middle else (np.ones(len(rest), bool),):
        if own.sum() < LASHES.min_smoothed:
            continue
        centred = rest[own] - rest[own].mean(0)
        x, y = centred[:, :2].T / max(float(np.ptp(centred, axis=0).max()), 1e-9)
        basis, _ = np.linalg.qr(np.stack([np.ones(len(x)), x, x**2, x**3, y], 1))
        out[:, own] = basis @ (basis.T @ motion[:, own].astype(np.float64))
    return out


@dataclass(frozen=True)
class _Edge:
    """The edge of one lid in LASHES.samples (S) steps from corner to corner.

    places: (S, 3) on the edge at rest. hinges, directions: (S, 3) smoothed places, and unit vectors along them. motion:
    (E, S, 3) smoothed. turn: (E, S) radians by which the lid's surface turns about `directions`.
    """

    places: np.ndarray
    hinges: np.ndarray
    directions: np.ndarray
    motion: np.ndarray
    turn: np.ndarray


def _edges(anatomy: FaceAnatomy, offsets: np.ndarray) -> Iterator[_Edge]:
    """The edges of the lids whose rims are known."""
    for field, side in enumerate("lr", 1):
        if side in anatomy.eyes:
            slit = anatomy.eyes[side]
            yield _edge(anatomy, offsets, slit, slit.upper, anatomy.features.side[:, field] > 0)
            yield _edge(anatomy, offsets, slit, slit.lower, anatomy.features.side[:, field] < 0)


def _edge(anatomy: FaceAnatomy, offsets: np.ndarray, slit: Slit, rim: np.ndarray, on_lid: np.ndarray) -> _Edge:
    """The edge along `rim`, feature vertices of one lid. on_lid: (N,) bool, the vertices on that lid's side."""
    features = anatomy.features
    rest, skin = features.positions, np.flatnonzero(features.part == Part.SKIN)
    # The rim from corner to corner, with the skin that moves each of its points …
    rim = rim[np.argsort(rest[rim, 0])]
    corner = skin[nearest(rest[skin], slit.corners, count=1)[0][:, 0]]
    movers = np.concatenate([corner[:1], rim, corner[1:]])
    line = np.concatenate([slit.corners[:1], rest[rim], slit.corners[1:]])
    # … in even steps of its length, smoothed along it: a few vertices must not bend a lash where they jut out.
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.linspace(0, length[-1], LASHES.samples)
    step = np.clip(np.searchsorted(length, at, side="right") - 1, 0, len(line) - 2)
    part = ((at - length[step]) / np.maximum(length[step + 1] - length[step], 1e-12))[:, None]
    places = line[step] * (1 - part) + line[step + 1] * part
    motion = offsets[:, movers[step]] * (1 - part) + offsets[:, movers[step + 1]] * part
    smooth = _smoothing(LASHES.smoothed)
    hinges, motion = smooth @ places, smooth @ motion
    directions = np.gradient(hinges, axis=0)
    directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-12)
    # The turn of the surface: how the arms from the edge to the skin beside it turn in the plane across the edge, in
    # least squares over the skin around each sample (the planar case of rigid.rigid).
    lid = skin[on_lid[skin]]
    sample, distance = (found[:, 0] for found in nearest(places, rest[lid], count=1))
    beside = distance < LASHES.beside
    lid, sample = lid[beside], sample[beside]
    before = rest[lid] - places[sample]
    after = before + offsets[:, lid] - motion[:, sample]
    axis = directions[sample]
    across = before - (before * axis).sum(1, keepdims=True) * axis
    sine = np.einsum("evc,vc->ev", after, np.cross(axis, across))
    cosine = np.einsum("evc,vc->ev", after, across)
    around = _smoothing(LASHES.turn_smoothed)[:, sample]
    angle = np.arctan2(sine @ around.T, np.maximum(cosine @ around.T, 1e-9))
    most = np.radians(LASHES.max_turn)
    return _Edge(places, hinges, directions, motion, LASHES.turn_share * np.clip(angle, -most, most))


def _smoothing(width: float) -> np.ndarray:
    """(S, S) rows of weights that average the samples of an edge by a Gaussian of this share of the edge's length."""
    at = np.linspace(0, 1, LASHES.samples)
    weight = np.exp(-(((at[:, None] - at) / width) ** 2) / 2)
    return weight / weight.sum(1, keepdims=True)


def _turned(arm: np.ndarray, axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """(E, V, 3) the (V, 3) arms, turned about (V, 3) unit axes by (E, V) radians (Rodrigues' formula)."""
    sine, cosine = np.sin(angle)[..., None], np.cos(angle)[..., None]
    along = (arm * axis).sum(1, keepdims=True) * axis
    return along + (arm - along) * cosine + np.cross(axis, arm) * sine
