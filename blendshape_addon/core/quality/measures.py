"""What can be measured of a shape on a face, each where it is: per triangle, per vertex, per seam.

`quality` judges these numbers; here is what of them depends on the face alone, prepared once for all shapes.
Distances are in millimetres of an adult's face.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..expressions import TABLE
from ..face.anatomy import FaceAnatomy
from ..face.face_space import EYE_DISTANCE_MM, eye_centres, mouth_corners
from ..face.features import Features, on_lids
from ..face.slits import Slit
from ..geometry.mesh import Facing, any3, edges_of, vertex_normals
from ..vocabulary import MOUTH_UNITS, VISEMES

MAX_STRETCH = 6.0
MOVES_MM = 0.3  # from which on a motion is somebody's intention
CELL = 0.1  # eye distances: halves of a face are compared in squares of this size at least
_BROWS_ABOVE, _MOUTH_BELOW, _EYE_REACH = -0.5, 0.3, 1.0  # eye distances from the eyes: where units may act
_NOSE = 0.2  # eye distances from the middle that an eye's motion may reach across
_ABOUT_MOUTH = frozenset((*VISEMES, *MOUTH_UNITS, "cheekPuff", "tongueOut"))
# Which shapes act where; what is named first counts.
_REGIONS = {
    "mouth": _ABOUT_MOUTH.__contains__,
    "brows": lambda name: name.startswith("brow"),
    "both eyes": lambda name: name == "vrc.blink",
    "left eye": lambda name: name.startswith(("eye", "vrc.blink_")) and name.lower().endswith("left"),
    "right eye": lambda name: name.startswith(("eye", "vrc.blink_")),
}


class Measures:
    """(N, 3) face-space offsets of the feature vertices, measured on one face.

    triangles: (T, 3) of the skin that shows, lids: (T,) bool, those around the eyes. mouth: None where it is sealed.
    eyelids: by side, l or r, where the eye opens in the skin.
    """

    def __init__(self, anatomy: FaceAnatomy) -> None:
        features = anatomy.features
        self.features, self.rest = features, features.positions
        self.triangles = _seen(features, anatomy.skin)
        self.lids = on_lids(features, self.triangles)
        self.mouth = anatomy.mouth
        drawn = {eye.side for eye in anatomy.drawn_eyes}
        self.eyelids = {side: slit for side, slit in anatomy.eyes.items() if side not in drawn}
        self.mouth_mm = EYE_DISTANCE_MM * float(np.linalg.norm(np.subtract(*mouth_corners(features.landmarks))))
        self._facing = Facing.of(self.rest, self.triangles)
        self._edges = _edges(self.rest, self.triangles)
        self._teeth, self._eyes = anatomy.teeth_collider, anatomy.eye_colliders
        self._seams = _Seams(anatomy)
        self._halves = _Halves(features, anatomy.skin_and_drawn_mouth)
        self._resting: dict[str, np.ndarray] = {}

    def moving(self, offset: np.ndarray) -> np.ndarray:
        """(T,) bool: the triangles that move."""
        return any3(any3(offset != 0)[self.triangles])

    def flips(self, offset: np.ndarray, moving: np.ndarray) -> np.ndarray:
        """(T,) bool: the triangles, of those that move, that turn over."""
        out = np.zeros(len(self.triangles), bool)
        out[moving] = self._facing.only(moving).flipped(self.rest + offset)
        return out

    def stretched(self, offset: np.ndarray, moving: np.ndarray) -> np.ndarray:
        """(T,) bool: the triangles with an edge that becomes MAX_STRETCH times as long, and long enough to be seen."""
        out = np.zeros(len(self.triangles), bool)
        edges = _edges(self.rest + offset, self.triangles[moving])
        ratio = (edges / np.maximum(self._edges[:, moving], 1e-6)).max(0)
        out[moving] = (edges.max(0) > 1.0 / EYE_DISTANCE_MM) & (ratio > MAX_STRETCH)
        return out

    def teeth(self, names: Sequence[str], offsets: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """For each shape: vertices (M,) of lips and how deep (M,) they lie behind teeth that they lay before; none for
        rolled lips."""
        applies = [self._teeth is not None and not TABLE[name].rolls_lips for name in names]
        held = [offset for offset, yes in zip(offsets, applies, strict=True) if yes]
        behind = self._teeth.penetrations(held) if self._teeth else iter(())
        for yes in applies:
            yield (self._teeth.skin, EYE_DISTANCE_MM * next(behind)) if yes else _NOWHERE

    def eyes(self, offsets: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """For each shape: vertices (M,) of lids and how deep (M,) they lie behind an eyeball that they lay before."""
        skin = np.concatenate([_NOWHERE[0], *(eye.skin for eye in self._eyes)])
        behind = [eye.penetrations(offsets) for eye in self._eyes]
        for _ in offsets:
            yield skin, EYE_DISTANCE_MM * np.concatenate([_NOWHERE[1], *map(next, behind)])

    def seams(self, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Vertices (M,) on seams and how far (M,) each seam opens there."""
        return self._seams.vertices, EYE_DISTANCE_MM * self._seams.opening(offset)

    def asymmetry(self, offset: np.ndarray, partner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Vertices (M,) of the face's front and how far (M,) the motion around each is from what `partner`, (N, 3)
        offsets of the shape for the other side, does on that side; 0 where the other half has no vertex."""
        return self._halves.vertices, EYE_DISTANCE_MM * self._halves.difference(offset, partner)

    def blinking(self, name: str) -> list[Slit]:
        """Of the `eyelids` those that the shape `name` is to shut."""
        return [self.eyelids[side] for side in TABLE[name].closes_lids if side in self.eyelids]

    def eyes_open(self, name: str, offset: np.ndarray) -> float:
        """The share of an eye's opening that a blink leaves, of two eyes the greater; 0 for other shapes."""
        return max((slit.left_open(self.rest, self.rest + offset) for slit in self.blinking(name)), default=0.0)

    def at_rest(self, name: str) -> np.ndarray:
        """(N,) bool: where the shape `name` should move nothing."""
        kind = next((kind for kind, of in _REGIONS.items() if of(name)), "anywhere")
        if kind not in self._resting:
            self._resting[kind] = self._outside_of(kind)
        return self._resting[kind]

    def _outside_of(self, kind: str) -> np.ndarray:
        x, y = self.rest[:, 0], self.rest[:, 1]
        if kind == "anywhere":
            return np.zeros(len(self.rest), bool)
        if kind in ("mouth", "brows"):
            return y > _MOUTH_BELOW if kind == "mouth" else y < _BROWS_ABOVE
        far = np.linalg.norm(self.rest[:, None] - eye_centres(self.features.landmarks), axis=2) > _EYE_REACH
        if kind == "both eyes":
            return far.all(1)
        return far[:, 0] | (x < -_NOSE) if kind == "left eye" else far[:, 1] | (x > _NOSE)


_NOWHERE = np.empty(0, np.int64), np.empty(0)


class _Seams:
    """Vertices that share a place on one surface: cut for UV maps or materials, or where objects meet."""

    def __init__(self, anatomy: FaceAnatomy) -> None:
        avatar, (place, count) = anatomy.avatar, anatomy.places
        shared = np.flatnonzero(count[place] > 1)
        shared = shared[np.argsort(place[shared], kind="stable")]
        starts = np.flatnonzero(np.diff(place[shared], prepend=-1))
        if len(shared):
            # Lips that touch share places as well, but face each other.
            normals = vertex_normals(avatar.vertices, avatar.triangles)[anatomy.features.index[shared]]
            mean = np.add.reduceat(normals, starts) / np.diff(starts, append=len(shared))[:, None]
            one_surface = np.repeat(np.linalg.norm(mean, axis=1) > 0.6, np.diff(starts, append=len(shared)))
            shared = shared[one_surface]
            starts = np.flatnonzero(np.diff(place[shared], prepend=-1))
        self.vertices, self._starts = shared, starts
        self._count = np.diff(starts, append=len(shared))

    def opening(self, offset: np.ndarray) -> np.ndarray:
        """(M,) eye distances between the vertices of each place, for each vertex."""
        if len(self.vertices) == 0:
            return np.empty(0)
        there = offset[self.vertices]
        wide = np.maximum.reduceat(there, self._starts) - np.minimum.reduceat(there, self._starts)
        return np.repeat(np.linalg.norm(wide, axis=1), self._count)


class _Halves:
    """The front of the skin in squares that mirror each other, whatever the mesh."""

    def __init__(self, features: Features, triangles: np.ndarray) -> None:
        chosen = np.zeros(len(features.positions), bool)
        chosen[_seen(features, triangles)] = True
        self.vertices = np.flatnonzero(chosen & (features.normals[:, 2] > 0.1))
        x, y, _ = features.positions[self.vertices].T
        edges = edges_of(triangles)
        length = np.median(np.linalg.norm(np.subtract(*features.positions[edges.T]), axis=1)) if len(edges) else 0.0
        size = max(CELL, 2 * length)
        column, row = np.floor(x / size).astype(int), np.floor(y / size).astype(int)
        width = int(np.abs(column).max(initial=0)) + 1
        row -= row.min(initial=0)
        self._cells = 2 * width * (row.max(initial=0) + 1)
        self._cell = row * 2 * width + width + column
        twin = row * 2 * width + width - 1 - column
        self._twin = twin
        count = np.bincount(self._cell, minlength=self._cells)
        self._count = np.maximum(count, 1)[:, None]
        self._known = count[twin] > 0

    def difference(self, offset: np.ndarray, partner: np.ndarray) -> np.ndarray:
        """(M,) eye distances between the mean motion of each vertex's square and the mirrored one's."""
        own, other = (self._mean(motion[self.vertices]) for motion in (offset, partner))
        apart = np.linalg.norm(own[self._cell] - other[self._twin] * [-1, 1, 1], axis=1)
        return np.where(self._known, apart, 0.0)

    def _mean(self, motion: np.ndarray) -> np.ndarray:
        total = [np.bincount(self._cell, motion[:, axis], self._cells) for axis in range(3)]
        return np.stack(total, 1) / self._count


def _seen(features: Features, triangles: np.ndarray) -> np.ndarray:
    """The triangles outside the mouth: what folds behind the lips of a closed mouth shows nowhere."""
    corners = mouth_corners(features.landmarks)
    x, y, z = (features.positions - corners.mean(0)).T
    inside = (np.abs(x) < np.abs(corners[:, 0] - corners[:, 0].mean()).max()) & (np.abs(y) < 0.45) & (z < -0.02)
    return triangles[~inside[triangles].any(1)]


def _edges(positions: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(3, T) edge lengths."""
    a, b, c = (positions.take(corner, axis=0) for corner in triangles.T)
    return np.sqrt([x * x + y * y + z * z for x, y, z in ((b - a).T, (c - b).T, (a - c).T)])
