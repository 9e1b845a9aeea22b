"""A shape's faults mended where they are: clamped, smoothed, held back; the rest of the shape stays as it is."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from ..expressions import TABLE
from ..face import slits
from ..face.anatomy import FaceAnatomy
from ..face.face_space import EYE_DISTANCE_MM
from ..geometry.mesh import edges_of
from ..geometry.smoothing import relax_flips
from ..refinement import barriers, cleanup, contacts
from .checks import MAX_PEAK_MM, NEARLY
from .measures import Measures

REPAIRABLE = frozenset(
    ("size", "flips", "lids", "stretch", "teeth", "eyes", "seams", "stray", "outside", "lips close")
)  # fmt: skip
_TEARS = {"seams", "stray", "flips", "lids", "stretch", "lips close"}  # mending these moves the sides of a seam apart
_SOFTEN = 3  # rounds of smoothing where motion was cut off
_RIDGE = 0.1  # what a motion of the rims costs over a gap that stays: lips meet within 0.1 mm and move less than 0.6


def repair(
    anatomy: FaceAnatomy,
    name: str,
    offset: np.ndarray,
    checks: Collection[str],
    measures: Measures | None = None,
) -> np.ndarray:
    """(N, 3) face-space `offset` of the shape `name` with what the `checks` (of MENDABLE) found mended, as far as
    possible. What moves outside the face (`outside`) is not among the feature vertices and left to the caller.

    measures: this face's, if there are any yet.
    """
    measures = measures or Measures(anatomy)
    out = offset.copy()
    edges = edges_of(measures.triangles)
    if "stray" in checks:
        _rest(out, measures.at_rest(name), edges)
    if "size" in checks:
        size = np.linalg.norm(out, axis=1, keepdims=True) * EYE_DISTANCE_MM
        out *= np.minimum(1, NEARLY * MAX_PEAK_MM / np.maximum(size, 1e-9))
    if not {"flips", "lids", "stretch"}.isdisjoint(checks):
        out = relax_flips(out, edges, lambda tried, _: _folded(measures, tried), np.empty(0, np.int64))
    if "lips close" in checks:
        contacts.resolve_contacts(anatomy, out[None], [name])
        if measures.mouth and TABLE[name].closes_lips:
            _close(anatomy, measures, out, edges)
    if not {"teeth", "eyes"}.isdisjoint(checks):
        barriers.push_out(anatomy, out[None], [name])
    if not _TEARS.isdisjoint(checks):
        cleanup.join_seams(anatomy, out[None])
    return out


def _folded(measures: Measures, offset: np.ndarray) -> np.ndarray:
    """(n, 3) triangles that turn over or stretch too far."""
    moving = measures.moving(offset)
    return measures.triangles[measures.flips(offset, moving) | measures.stretched(offset, moving)]


def _close(anatomy: FaceAnatomy, measures: Measures, offset: np.ndarray, edges: np.ndarray) -> None:
    """Bring the rims of the lips together by small motions of their own vertices, the next ones half as far, in place:
    where rims are jagged, moving whole lips leaves gaps. Ridge regression (Hoerl & Kennard 1970) of the gaps on them.
    """
    features, mouth = anatomy.features, measures.mouth
    moved = measures.rest + offset
    rims = np.concatenate([mouth.upper, mouth.lower])
    # The gap in each column is a mean of the heights of the vertices beside it.
    share = np.zeros((len(rims), len(slits.COLUMNS)))
    for number, one in enumerate(np.eye(len(rims))):
        heights = moved.copy()
        heights[:, 1] = 0
        heights[rims, 1] = one
        share[number] = mouth.gap(heights)
    excess = mouth.gap(moved) - np.minimum(mouth.gap(measures.rest), 0)
    place = 2 * anatomy.avatar.weld[features.index] + (features.side[:, 0] > 0)  # seam twins, but not the other lip's
    push = np.zeros(place.max() + 1)
    push[place[rims]] = -share @ np.linalg.solve(share.T @ share + _RIDGE * np.eye(len(excess)), excess)
    push = push[place]
    ends, others = np.concatenate([edges, edges[:, ::-1]]).T
    near = (push[others] != 0) & (push[ends] == 0)
    count = np.bincount(ends[near], minlength=len(push))
    push += 0.5 * np.bincount(ends[near], push[others[near]], len(push)) / np.maximum(count, 1)
    offset[:, 1] += push.astype(offset.dtype)


def _rest(offset: np.ndarray, still: np.ndarray, edges: np.ndarray) -> None:
    """Stop the motion of (N,) `still` vertices, softly at the border, in place."""
    offset[still] = 0
    across = edges[still[edges].any(1) & ~still[edges].all(1)]
    ring = np.setdiff1d(across, np.flatnonzero(still))
    near = edges[np.isin(edges, ring).any(1)]
    ends, others = np.concatenate([near, near[:, ::-1]]).T
    count = np.maximum(np.bincount(ends, minlength=len(offset)), 1)
    for _ in range(_SOFTEN):
        for axis in range(3):
            offset[ring, axis] = (np.bincount(ends, offset[others, axis], len(offset)) / count)[ring]
