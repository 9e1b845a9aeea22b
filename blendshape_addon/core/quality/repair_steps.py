"""How faults of a shape are repaired where they are: motion is stopped, clamped, smoothed or held back there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..expressions import TABLE
from ..face.face_space import EYE_DISTANCE_MM
from ..face.slits import COLUMNS
from ..geometry.mesh import both_ways
from ..geometry.smoothing import neighbour_means, relax_flips
from ..refinement import barriers, cleanup, contacts
from .measures import Measures
from .parameters import LIMITS, REPAIRS


@dataclass(frozen=True)
class RepairStep:
    """One way to repair a shape.

    apply(measures, name, offset) changes the (N, 3) face-space `offset` of the shape `name` and returns it, or another.
    place: steps run in this order, the lowest first. splits_seams: it moves the sides of a seam apart, so that seams
    are joined after it.
    """

    apply: Callable[[Measures, str, np.ndarray], np.ndarray]
    place: int
    splits_seams: bool = False


def _stop_stray_motion(measures: Measures, name: str, offset: np.ndarray) -> np.ndarray:
    """Stop what should rest, softly at the border."""
    still, edges = measures.at_rest(TABLE[name]), measures.edges
    offset[still] = 0
    across = edges[still[edges].any(1) & ~still[edges].all(1)]
    ring = np.setdiff1d(across, np.flatnonzero(still))
    near = edges[np.isin(edges, ring).any(1)]
    ends, others = both_ways(near)
    for _ in range(REPAIRS.soften):
        offset[ring] = neighbour_means(ends, others, offset)[ring]
    return offset


def _clamp(measures: Measures, name: str, offset: np.ndarray) -> np.ndarray:
    """Shorten motion that is larger than a face can make."""
    size = np.linalg.norm(offset, axis=1, keepdims=True) * EYE_DISTANCE_MM
    offset *= np.minimum(1, LIMITS.nearly * LIMITS.peak_mm / np.maximum(size, 1e-9))
    return offset


def _unfold(measures: Measures, name: str, offset: np.ndarray) -> np.ndarray:
    """Smooth the motion around triangles that turn over or stretch too far; lids that the shape shuts stay shut."""
    shut = [rim for slit in measures.shut_by(TABLE[name]) for rim in (slit.upper, slit.lower)]

    def folded(tried: np.ndarray, changed: np.ndarray) -> np.ndarray:
        moving = measures.moving(tried)
        return measures.triangles[measures.flips(tried, moving) | measures.stretched(tried, moving)]

    return relax_flips(offset, measures.edges, folded, np.concatenate([np.empty(0, np.int64), *shut]))


def _close_lips(measures: Measures, name: str, offset: np.ndarray) -> np.ndarray:
    """Bring the rims of the lips together by small motions of their own vertices, the next ones half as far: where rims
    are jagged, moving whole lips leaves gaps. Ridge regression (Hoerl & Kennard 1970) of the gaps on the motions."""
    contacts.resolve_contacts(measures.anatomy, offset[None], [name])
    mouth, features = measures.mouth, measures.features
    if not mouth or not TABLE[name].closes_lips:
        return offset
    moved = measures.rest + offset
    rims = np.concatenate([mouth.upper, mouth.lower])
    # The gap in each column is a mean of the heights of the vertices beside it: their weights, one row per vertex.
    weights = np.zeros((len(rims), len(COLUMNS)))
    for number, one in enumerate(np.eye(len(rims))):
        heights = moved.copy()
        heights[:, 1] = 0
        heights[rims, 1] = one
        weights[number] = mouth.gap(heights)
    excess = mouth.gap(moved) - np.minimum(mouth.gap(measures.rest), 0)
    # Seam twins move as one, but the lips that touch in one place do not.
    place = 2 * measures.anatomy.avatar.weld[features.index] + (features.side[:, 0] > 0)
    push = np.zeros(place.max() + 1)
    push[place[rims]] = -weights @ np.linalg.solve(weights.T @ weights + REPAIRS.ridge * np.eye(len(excess)), excess)
    push = push[place]
    # The neighbours of what is pushed follow.
    ends, others = both_ways(measures.edges)
    near = (push[others] != 0) & (push[ends] == 0)
    push += REPAIRS.beside_rim * neighbour_means(ends[near], others[near], push)
    offset[:, 1] += push.astype(offset.dtype)
    return offset


def _push_out(measures: Measures, name: str, offset: np.ndarray) -> np.ndarray:
    """Hold skin before teeth and eyeballs."""
    barriers.push_out(measures.anatomy, offset[None], [name])
    return offset


def _join_seams(measures: Measures, name: str, offset: np.ndarray) -> np.ndarray:
    """Let the sides of each seam move as one."""
    cleanup.join_seams(measures.anatomy, offset[None])
    return offset


def _keep(measures: Measures, name: str, offset: np.ndarray) -> np.ndarray:
    return offset


STOP_STRAY_MOTION = RepairStep(_stop_stray_motion, place=0, splits_seams=True)
CLAMP = RepairStep(_clamp, place=1)
UNFOLD = RepairStep(_unfold, place=2, splits_seams=True)
CLOSE_LIPS = RepairStep(_close_lips, place=3, splits_seams=True)
PUSH_OUT = RepairStep(_push_out, place=4)
JOIN_SEAMS = RepairStep(_join_seams, place=5)
# What is not among the feature vertices has no row in an offset: repair.repair_shape puts it to rest.
STOP_OUTSIDE = RepairStep(_keep, place=6)
