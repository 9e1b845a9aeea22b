"""Both halves of a face made to move alike, where its mesh is symmetric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..avatar.avatar import Avatar
from ..geometry.mesh import all3, both_ways, edges_of
from ..geometry.nearest import nearest, nearest_within
from .features import Features
from .parameters import SYMMETRY
from .parts import Part


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
        mirrored = other[self.twin] @ (np.eye(3) - 2 * np.outer(self.normal, self.normal))
        return (offset + self.share[:, None] * ((offset + mirrored) / 2 - offset)).astype(np.float32)


def even_out(mirror: Mirror, offsets: np.ndarray, pairs: Sequence[tuple[int, int]]) -> None:
    """Make (E, N, 3) offsets mirror each other, shape by shape of `pairs`, in place; a shape of both sides is its own
    partner."""
    if not mirror.share.any():
        return
    for one, other in pairs:
        even = mirror.even_out(offsets[one], offsets[other])
        if one != other:
            offsets[other] = mirror.even_out(offsets[other], offsets[one])
        offsets[one] = even


def find(avatar: Avatar, features: Features) -> Mirror:
    """The mesh's own middle, near that of the landmarks, and the vertices that are mirror images of each other."""
    # Seam twins share a place; each place is treated once.
    _, first, place = np.unique(avatar.weld[features.index], return_index=True, return_inverse=True)
    place = place.reshape(-1)
    points, normals = features.positions[first], features.normals[first]
    point, normal = _plane(points[features.part[first] == Part.SKIN], normals[features.part[first] == Part.SKIN])
    # The mirror image p - 2 ((p - point)·n) n of each place, and the place that it lies on.
    images = points - 2 * np.outer((points - point) @ normal, normal)
    twin = nearest_within(points, images, SYMMETRY.same)
    turned = normals - 2 * np.outer(normals @ normal, normal)
    # Twins are each other's, and face alike: lips that touch lie on each other's images, but face each other.
    facing = (turned * normals[twin]).sum(1) > SYMMETRY.facing
    good = (twin >= 0) & facing & (twin[twin] == np.arange(len(points)))
    twin = np.where(good, twin, np.arange(len(points)))
    share = _faded(good, edges_of(_triangles(avatar, features, place)))
    return Mirror(point, normal, first[twin][place], np.minimum(share, share[twin])[place])


def _plane(points: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A point and the normal of the plane that (P, 3) `points` mirror across best, starting from x = 0.

    normals: (P, 3). Point-to-plane iterations (Chen & Medioni 1992, "Object modelling by registration of multiple range
    images") over a band of one height, which is about its own mirror image.
    """
    point, normal = np.zeros(3), np.array([1.0, 0.0, 0.0])
    chosen = np.argsort(np.abs(points[:, 1]), kind="stable")[: SYMMETRY.band]
    points, normals = points[chosen], normals[chosen]
    some = np.arange(0, len(points), max(1, len(points) // SYMMETRY.matched))
    late = False
    for number in range(SYMMETRY.rounds if len(points) >= SYMMETRY.min_points else 0):
        # Match the images of some points with the nearest points; those that match worst are left out.
        images = points[some] - 2 * np.outer((points[some] - point) @ normal, normal)
        near = nearest(points, images, count=1)[0][:, 0]
        apart = images - points[near]
        length = np.linalg.norm(apart, axis=1)
        kept = length <= min(SYMMETRY.near, np.quantile(length, SYMMETRY.kept))
        if kept.sum() < SYMMETRY.min_points:
            break
        # What of the distance counts: at first that along the surface's normal, so that images slide over the surface;
        # late, when vertices meet their twins, all of it.
        rows = np.tile(np.eye(3), (kept.sum(), 1, 1)) if late else normals[near[kept]][:, None, :]
        # The image p - 2 (r·n) n with r = p - point changes by -2 [(r·dn) n + (r·n) dn] with the normal n, of which dn
        # has two degrees of freedom, and by 2 n times what the point moves along it: (K, 3, 3) derivatives.
        side, up = _across(normal)
        arm = points[some[kept]] - point
        height = arm @ normal
        change = np.stack(
            [-2 * (np.outer(arm @ axis, normal) + np.outer(height, axis)) for axis in (side, up)]
            + [np.tile(2 * normal, (len(arm), 1))],
            axis=-1,
        )
        # Least squares of what is left of the distances (Gauss-Newton).
        system = (rows @ change).reshape(-1, 3)
        wanted = -(rows @ apart[kept][:, :, None]).reshape(-1)
        step = np.linalg.lstsq(system, wanted, rcond=None)[0]
        normal = normal + step[0] * side + step[1] * up
        normal /= np.linalg.norm(normal)
        point = point + step[2] * normal
        still = np.abs(step).max() < SYMMETRY.still
        if late and still:
            break
        late = late or still or number + 1 >= SYMMETRY.late
    return point, normal


def _across(normal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors at right angles to `normal`, which is about x, and to each other."""
    side = np.cross([0.0, 0.0, 1.0], normal)
    side /= np.linalg.norm(side)
    return side, np.cross(normal, side)


def _triangles(avatar: Avatar, features: Features, place: np.ndarray) -> np.ndarray:
    """(T, 3) triangles of the features, by place."""
    local = np.full(len(avatar.vertices), -1)
    local[features.index] = place
    triangles = local[avatar.triangles]
    return triangles[all3(triangles >= 0)]


def _faded(good: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(P,) float32: 1 where (P,) `good`, falling to 0 over a few edges towards what is not."""
    share = good.astype(np.float32)
    ends, others = both_ways(edges)
    for _ in range(SYMMETRY.fade):
        least = share.copy()
        np.minimum.at(least, ends, share[others] + np.float32(1 / SYMMETRY.fade))
        share = least
    return share
