"""Both halves of a face made to move alike, where its mesh is symmetric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..avatar.avatar import Avatar
from ..geometry.mesh import edges_of
from ..geometry.nearest import nearest
from .features import Features
from .parts import Part

SAME = 0.002  # eye distances within which a mirrored vertex lies on its twin: an eighth of a millimetre
NEAR = 0.15  # and within which the landmarks' middle may be beside the mesh's
_BAND, _ASKED, _ROUNDS = 2000, 250, 10  # vertices that the plane is fitted to, asked a round, rounds
_FADE = 4  # edges over which evening out ends at what has no twin


@dataclass(frozen=True)
class Mirror:
    """How N feature vertices mirror each other across the plane through `point` with unit `normal`, both (3,).

    twin: (N,) index of the vertex on the other side, itself in the middle and where there is none. share: (N,) float32,
    how far its motion is evened out: 1 amid twins, 0 where there is none.
    """

    point: np.ndarray
    normal: np.ndarray
    twin: np.ndarray
    share: np.ndarray

    def even_out(self, offset: np.ndarray, other: np.ndarray) -> np.ndarray:
        """(N, 3) the mean of `offset` and the mirror image of `other`, the offset of the same shape on the other side;
        as far as `share` goes."""
        mirrored = other[self.twin]
        mirrored = mirrored - 2 * np.outer(mirrored @ self.normal, self.normal)
        return (offset + self.share[:, None] * ((offset + mirrored) / 2 - offset)).astype(np.float32)


def even_out(mirror: Mirror, offsets: np.ndarray, pairs: Sequence[tuple[int, int]]) -> None:
    """Make (E, N, 3) offsets mirror each other, shape by shape of `pairs`, in place; a shape of both sides is its own
    partner."""
    if not mirror.share.any():
        return
    for one, other in pairs:
        made = mirror.even_out(offsets[one], offsets[other])
        if one != other:
            offsets[other] = mirror.even_out(offsets[other], offsets[one])
        offsets[one] = made


def find(avatar: Avatar, features: Features) -> Mirror:
    """The mesh's own middle, near that of the landmarks, and the vertices that are mirror images of each other."""
    _, first, place = np.unique(avatar.weld[features.index], return_index=True, return_inverse=True)
    place = place.reshape(-1)
    points, normals = features.positions[first], features.normals[first]
    point, normal = _plane(points[features.part[first] == Part.SKIN], normals[features.part[first] == Part.SKIN])
    images = points - 2 * np.outer((points - point) @ normal, normal)
    twin = _meeting(points, images)
    turned = normals - 2 * np.outer(normals @ normal, normal)
    # Lips that touch lie within each other's reach, but face each other.
    good = (twin >= 0) & ((turned * normals[twin]).sum(1) > 0.5) & (twin[twin] == np.arange(len(points)))
    twin = np.where(good, twin, np.arange(len(points)))
    share = _faded(good, edges_of(_triangles(avatar, features, place)))
    return Mirror(point, normal, first[twin][place], np.minimum(share, share[twin])[place])


def _plane(points: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A point and the normal of the plane that (P, 3) `points` mirror across best, starting from x = 0.

    Point-to-plane iterations (Chen & Medioni 1992, "Object modelling by registration of multiple range images") over a
    band of one height, which is about its own mirror image.
    """
    point, normal = np.zeros(3), np.array([1.0, 0.0, 0.0])
    chosen = np.argsort(np.abs(points[:, 1]), kind="stable")[:_BAND]
    points, normals = points[chosen], normals[chosen]
    asked = np.arange(0, len(points), max(1, len(points) // _ASKED))
    for number in range(_ROUNDS if len(points) >= 8 else 0):
        images = points[asked] - 2 * np.outer((points[asked] - point) @ normal, normal)
        near = nearest(points, images, count=1)[0][:, 0]
        apart = images - points[near]
        length = np.linalg.norm(apart, axis=1)
        kept = length <= min(NEAR, np.quantile(length, 0.7))
        if kept.sum() < 8:
            break
        # Late, when vertices meet their twins, all of the distance counts; before, that along the normal.
        rows = np.tile(np.eye(3), (kept.sum(), 1, 1)) if number >= _ROUNDS // 2 else normals[near[kept]][:, None, :]
        # With r = p - point the image p - 2 (r·n) n changes by -2 [(r·dn) n + (r·n) dn] with the normal n, and by 2 n
        # times what the point moves along it.
        side, up = _across(normal)
        arm = points[asked[kept]] - point
        height = arm @ normal
        change = np.stack(
            [-2 * (np.outer(arm @ axis, normal) + np.outer(height, axis)) for axis in (side, up)]
            + [np.tile(2 * normal, (len(arm), 1))],
            axis=-1,
        )
        system = (rows @ change).reshape(-1, 3)
        wanted = -(rows @ apart[kept][:, :, None]).reshape(-1)
        step = np.linalg.lstsq(system, wanted, rcond=None)[0]
        normal = normal + step[0] * side + step[1] * up
        normal /= np.linalg.norm(normal)
        point = point + step[2] * normal
    return point, normal


def _across(normal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors at right angles to `normal`, which is about x, and to each other."""
    side = np.cross([0.0, 0.0, 1.0], normal)
    side /= np.linalg.norm(side)
    return side, np.cross(normal, side)


def _meeting(points: np.ndarray, images: np.ndarray) -> np.ndarray:
    """(P,) the index of the one of (P, 3) `points` that lies nearest to each image, -1 where none is within SAME.

    By cells of that size: refine.nearest, which has no bound, takes three times as long on a dense mesh.
    """
    low = np.minimum(points.min(0), images.min(0)) - 2 * SAME
    count = np.floor((np.maximum(points.max(0), images.max(0)) - low) / SAME).astype(np.int64) + 3
    stride = np.array([count[1] * count[2], count[2], 1])
    cells = np.floor((points - low) / SAME).astype(np.int64) @ stride
    order = np.argsort(cells, kind="stable")
    sorted_cells = cells[order]
    home = np.floor((images - low) / SAME).astype(np.int64) @ stride
    best, nearest = np.full(len(images), -1), np.full(len(images), SAME)
    steps = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), -1).reshape(-1, 3) @ stride
    for step in steps:
        at = np.searchsorted(sorted_cells, home + step)
        while True:  # a cell as small as this holds a vertex or two
            inside = np.flatnonzero((at < len(order)) & (sorted_cells[np.minimum(at, len(order) - 1)] == home + step))
            if len(inside) == 0:
                break
            candidate = order[at[inside]]
            distance = np.linalg.norm(points[candidate] - images[inside], axis=1)
            closer = distance < nearest[inside]
            best[inside[closer]], nearest[inside[closer]] = candidate[closer], distance[closer]
            at = np.where(np.isin(np.arange(len(at)), inside), at + 1, len(order))
    return best


def _triangles(avatar: Avatar, features: Features, place: np.ndarray) -> np.ndarray:
    """(T, 3) triangles of the features, by place."""
    local = np.full(len(avatar.vertices), -1)
    local[features.index] = place
    triangles = local[avatar.triangles]
    return triangles[(triangles >= 0).all(1)]


def _faded(good: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(P,) float32: 1 where (P,) `good`, falling to 0 over a few edges towards what is not."""
    share = good.astype(np.float32)
    ends, others = np.concatenate([edges, edges[:, ::-1]]).T
    for _ in range(_FADE):
        least = share.copy()
        np.minimum.at(least, ends, share[others] + np.float32(1 / _FADE))
        share = least
    return share
