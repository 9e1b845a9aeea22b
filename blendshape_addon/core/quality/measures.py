"""What can be measured of a shape on a face, each where it is: per triangle, per vertex, per seam.

`Measures` is what depends on the face alone, prepared once for all shapes; `ShapeMeasures` is one shape on it. The
checks grade these numbers. Distances are in millimetres of an adult's face where a name ends in mm, else in eye
distances.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..expressions import TABLE, Expression, Region, Tongue
from ..face.anatomy import FaceAnatomy
from ..face.face_space import EYE_DISTANCE_MM, MIRROR_X, eye_centres, mouth_corners, point
from ..face.features import Features
from ..face.parts import Part
from ..face.slits import COLUMNS, Slit
from ..geometry.mesh import Facing, any3, edges_of, lengths, vertex_normals
from .front_view import SHUT, FrontView, OpenMouth
from .parameters import LIMITS, MEASURING, REGIONS

Amounts = tuple[np.ndarray, np.ndarray]  # (M,) feature vertices, and a figure (M,) at each
_SHORT = 1e-3  # eye distances: an edge that is shorter is a point
_NOWHERE: Amounts = (np.empty(0, np.int64), np.empty(0))


class Measures:
    """What measuring shapes on one face takes, prepared once.

    rest: (N, 3) face-space positions of the feature vertices. triangles: (T, 3) of the skin that shows; lids: (T,)
    bool, those around the eyes. eyelids: by side, `l` or `r`, where the eye opens in the skin. mouth_mm: width of the
    mouth. has_tongue: whether there is a tongue to put out. opens: by shape, how far its style has the lips part, in
    widths of the mouth; none where the style is not known.
    """

    def __init__(self, anatomy: FaceAnatomy, opens: Mapping[str, float] | None = None) -> None:
        features, self.opens = anatomy.features, opens or {}
        self.anatomy, self.features, self.rest = anatomy, features, features.positions
        visible = _visible(features, anatomy.skin)
        self.triangles, self.lids = anatomy.skin[visible], anatomy.skin_on_lids[visible]
        self.mouth = anatomy.mouth
        drawn = {eye.side for eye in anatomy.drawn_eyes}
        self.eyelids = {side: slit for side, slit in anatomy.eyes.items() if side not in drawn}
        self.mouth_mm = EYE_DISTANCE_MM * float(np.linalg.norm(np.subtract(*mouth_corners(features.landmarks))))
        self.has_tongue = bool((features.part == Part.TONGUE).any())
        self._facing = Facing.of(self.rest, self.triangles)
        self._longest = MEASURING.stretch * np.maximum(_edge_lengths(self.rest, self.triangles), 1e-6)
        self._teeth, self._eyes = anatomy.teeth_collider, anatomy.eye_colliders
        self._seams = _Seams(anatomy)
        self._lashes = self._edges_of_lashes()
        self._halves = _Halves(features, anatomy.skin_and_drawn_mouth)
        self._at_rest: dict[tuple[Region, str], np.ndarray] = {}

    @cached_property
    def front(self) -> FrontView:
        """The face as it is seen from the front."""
        return FrontView(self.anatomy)

    @cached_property
    def lips_may_leave_mm(self) -> float:
        """How far closed lips may be from meeting, in millimetres."""
        widest = float(self.mouth.gap(self.rest).max()) * EYE_DISTANCE_MM if self.mouth else 0.0
        return max(LIMITS.lips_mm, LIMITS.lips_share * widest)

    @cached_property
    def edges(self) -> np.ndarray:
        """(K, 2) edges of `triangles`."""
        return edges_of(self.triangles)

    def moving(self, offset: np.ndarray) -> np.ndarray:
        """(T,) bool: the triangles that move."""
        return any3(any3(offset != 0)[self.triangles])

    def flips(self, offset: np.ndarray, moving: np.ndarray) -> np.ndarray:
        """(T,) bool: the triangles, of those that move, that turn over."""
        out = np.zeros(len(self.triangles), bool)
        out[moving] = self._facing.only(moving).flipped(self.rest + offset)
        return out

    def stretched(self, offset: np.ndarray, moving: np.ndarray) -> np.ndarray:
        """(T,) bool: the triangles with an edge that stretches too far and becomes long enough for that to be seen."""
        out = np.zeros(len(self.triangles), bool)
        some = np.flatnonzero(moving)
        edges = _edge_lengths(self.rest + offset, self.triangles.take(some, axis=0))
        visible = edges.max(0) > MEASURING.visible_mm / EYE_DISTANCE_MM
        out[some] = visible & (edges > self._longest.take(some, axis=1)).any(0)
        return out

    def teeth(self, names: Sequence[str], offsets: Sequence[np.ndarray]) -> Iterator[Amounts]:
        """Per shape: vertices (M,) of lips and how many millimetres (M,) they lie behind teeth that they lay before;
        none for rolled lips. Takes many shapes at once, since teeth that move in none of them are drawn once."""
        applies = [self._teeth is not None and not TABLE[name].rolls_lips for name in names]
        held = [offset for offset, yes in zip(offsets, applies, strict=True) if yes]
        behind = self._teeth.penetrations(held) if self._teeth else iter(())
        for yes in applies:
            yield (self._teeth.skin, EYE_DISTANCE_MM * next(behind)) if self._teeth and yes else _NOWHERE

    def eyes(self, offsets: Sequence[np.ndarray]) -> Iterator[Amounts]:
        """Per shape: vertices (M,) of lids and how many millimetres (M,) they lie behind an eyeball that they lay
        before. Takes many shapes at once, as `teeth` does."""
        skin = np.concatenate([_NOWHERE[0], *(eye.skin for eye in self._eyes)])
        behind = [eye.penetrations(offsets) for eye in self._eyes]
        for _ in offsets:
            yield skin, EYE_DISTANCE_MM * np.concatenate([_NOWHERE[1], *map(next, behind)])

    def seams(self, offset: np.ndarray) -> Amounts:
        """Vertices (M,) on seams and how many millimetres (M,) each seam opens there."""
        return self._seams.vertices, EYE_DISTANCE_MM * self._seams.opening(offset)

    def asymmetry(self, offset: np.ndarray, partner: np.ndarray) -> Amounts:
        """Vertices (M,) of the face's front and how many millimetres (M,) the motion around each is from what
        `partner`, (N, 3) offsets of the shape for the other side, does on that side; 0 where the other half has no
        vertex."""
        return self._halves.vertices, EYE_DISTANCE_MM * self._halves.difference(offset, partner)

    def lashes(self, offset: np.ndarray) -> Amounts:
        """Edges (M, 2) of lashes, brows and other attached pieces that move, and by how many times (M,) each becomes
        longer or shorter; eyes that are drawn on the face, which are pressed to a line, left out."""
        moving = (lengths(offset) * EYE_DISTANCE_MM >= LIMITS.moves_mm)[self._lashes].any(1)
        edges = self._lashes[moving]
        before, after = (_lengths_of(positions, edges) for positions in (self.rest, self.rest + offset))
        ratio = np.maximum(after, _SHORT) / before
        return edges, np.maximum(ratio, 1 / ratio)

    def shut_by(self, expression: Expression) -> list[Slit]:
        """Of the `eyelids` those whose lids `expression` is to shut."""
        return [self.eyelids[side] for side in expression.closes_lids if side in self.eyelids]

    def at_rest(self, expression: Expression) -> np.ndarray:
        """(N,) bool: where `expression` should move nothing."""
        key = expression.region, expression.side if expression.region is Region.EYES else ""
        if key not in self._at_rest:
            self._at_rest[key] = self._beyond(*key)
        return self._at_rest[key]

    def _edges_of_lashes(self) -> np.ndarray:
        """(K, 2) edges of the attached pieces, but for those of drawn eyes."""
        edges = edges_of(self.features.triangles(self.anatomy.avatar, Part.ATTACHED))
        drawn = np.zeros(len(self.rest), bool)
        for eye in self.anatomy.drawn_eyes:
            drawn[eye.pieces] = drawn[eye.brow] = True
        return edges[(_lengths_of(self.rest, edges) > _SHORT) & ~drawn[edges].any(1)]

    def _beyond(self, region: Region, side: str) -> np.ndarray:
        x, y = self.rest[:, 0], self.rest[:, 1]
        if region is Region.FACE:
            return np.zeros(len(self.rest), bool)
        if region is Region.MOUTH:
            return y > REGIONS.mouth_below
        if region is Region.BROWS:
            return y < REGIONS.brows_above
        apart = np.linalg.norm(self.rest[:, None] - eye_centres(self.features.landmarks), axis=2)
        far = apart > REGIONS.eye_reach
        if side == "l":
            return far[:, 0] | (x < -REGIONS.nose)
        return far[:, 1] | (x > REGIONS.nose) if side == "r" else far.all(1)


@dataclass(eq=False)
class ShapeMeasures:
    """One shape on one face. Each figure is computed at its first use and kept.

    name: of vocabulary.KNOWN_SHAPES. offset: (N, 3) face space. partner: the offset of the shape for the other side,
    `offset` itself for a shape of both sides; None where there is none. full: made at full strength. outside: (n,) into
    Avatar.vertices, what it moves that is not among the features. twins: names of other visemes that are the same.
    nearest: of the other visemes the one that looks most alike from the front, and how far it is, in mouth widths.
    """

    face: Measures
    name: str
    offset: np.ndarray
    partner: np.ndarray | None = None
    full: bool = True
    outside: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    twins: Sequence[str] = ()
    nearest: tuple[str, float] | None = None

    @property
    def expression(self) -> Expression:
        return TABLE[self.name]

    @property
    def may_rest(self) -> bool:
        """Whether it need not move: silence, and a tongue put out where there is none."""
        return self.expression.silent or self.lacks_tongue

    @property
    def lacks_tongue(self) -> bool:
        """Whether it puts out a tongue that is not there."""
        return self.expression.tongue is Tongue.OUT and not self.face.has_tongue

    @property
    def parts_lips(self) -> bool:
        """Whether it is the full shape of lips that can part: at a share of it lips need not meet or open."""
        return self.full and not self.face.features.sealed

    @cached_property
    def size_mm(self) -> np.ndarray:
        """(N,) how far each vertex moves."""
        return lengths(self.offset) * EYE_DISTANCE_MM

    @property
    def peak_mm(self) -> float:
        return float(self.size_mm.max(initial=0))

    @property
    def moved_vertices(self) -> int:
        return int((self.size_mm > 0).sum())

    @cached_property
    def moving(self) -> np.ndarray:
        """(T,) bool: the triangles that move."""
        return self.face.moving(self.offset)

    @cached_property
    def flips(self) -> np.ndarray:
        """(T,) bool: the triangles that turn over."""
        return self.face.flips(self.offset, self.moving)

    @cached_property
    def stretched(self) -> np.ndarray:
        """(T,) bool: the triangles that stretch too far."""
        return self.face.stretched(self.offset, self.moving)

    @cached_property
    def teeth(self) -> Amounts:
        """See Measures.teeth."""
        return next(self.face.teeth([self.name], [self.offset]))

    @cached_property
    def eyes(self) -> Amounts:
        """See Measures.eyes."""
        return next(self.face.eyes([self.offset]))

    @cached_property
    def seams(self) -> Amounts:
        """See Measures.seams."""
        return self.face.seams(self.offset)

    @cached_property
    def asymmetry(self) -> Amounts:
        """See Measures.asymmetry; none where there is no partner."""
        return _NOWHERE if self.partner is None else self.face.asymmetry(self.offset, self.partner)

    @cached_property
    def lashes(self) -> Amounts:
        """See Measures.lashes."""
        return self.face.lashes(self.offset)

    @property
    def lash_stretch(self) -> float:
        """By how many times MEASURING.lash_share of the edges of lashes and brows become longer or shorter at most; 1
        where hardly any moves."""
        times = self.lashes[1]
        return float(np.quantile(times, MEASURING.lash_share)) if len(times) >= MEASURING.lash_edges else 1.0

    @property
    def at_rest(self) -> np.ndarray:
        """(N,) bool: where it should move nothing."""
        return self.face.at_rest(self.expression)

    @property
    def stray_mm(self) -> float:
        """The mean motion of what should rest."""
        return float(self.size_mm[self.at_rest].mean()) if self.at_rest.any() else 0.0

    @property
    def closing_lids(self) -> list[Slit]:
        """The eyes that it is to shut, of those that open in the skin."""
        return self.face.shut_by(self.expression)

    @cached_property
    def eyes_open(self) -> tuple[float, float]:
        """The share of an eye that a blink leaves open, and LIMITS' of it; of two eyes the one that is more over it.

        It is the share of the eyeball that is seen from the front, or of the opening between the lids where none is.
        """
        face, shares = self.face, [(0.0, LIMITS.eyes_open)]
        for side in self.expression.closes_lids:
            if side in face.eyelids and face.front.shows_eye(side):
                shares.append((face.front.eye_left_open(side, self.offset), LIMITS.eyes_open))
            elif side in face.eyelids:
                left = face.eyelids[side].left_open(face.rest, face.rest + self.offset)
                shares.append((left, LIMITS.lids_open))
        return max(shares, key=lambda share: share[0] / share[1])

    @cached_property
    def open_mouth(self) -> OpenMouth:
        """What a viseme or an emotion shows between the lips, see FrontView.open_mouth."""
        return self.face.front.open_mouth(self.offset) if self.expression.group in ("visemes", "emotions") else SHUT

    @property
    def opening(self) -> float | None:
        """How far the lips part, over what the style asks for; None where it asks for nothing."""
        wanted = self.face.opens.get(self.name, 0.0) * self.face.mouth_mm
        return self.lip_gap_mm / wanted if wanted > 0 else None

    @cached_property
    def lip_gap_mm(self) -> float:
        """See `lip_gap`, and `unclosed` for a shape whose lips meet."""
        face, positions = self.face, self.face.rest + self.offset
        if face.mouth and self.expression.closes_lips:
            return unclosed(face.mouth, face.rest, positions)
        return lip_gap(face.features, positions, face.mouth)


def worst(amounts: Amounts) -> float:
    """The figure that counts of some vertices' figures: one or two that are larger nobody sees."""
    _, figures = amounts
    return float(np.partition(figures, -MEASURING.worst)[-MEASURING.worst]) if len(figures) >= MEASURING.worst else 0.0


def lip_gap(features: Features, positions: np.ndarray, mouth: Slit | None) -> float:
    """Millimetres from the lower to the upper lip's rim at the middle of the mouth, 0 when they meet or cross.

    positions: (N, 3) face space. Where the lips cannot be distinguished (a sealed mouth) it is the distance between the
    landmarks' nearest vertices.
    """
    if mouth:
        gap = mouth.gap(positions)[np.abs(COLUMNS - 0.5) < MEASURING.middle].mean()
    else:
        marks = [point(features.landmarks, f"lip_{side}_inner_mid") for side in ("upper", "lower")]
        upper, lower = (((features.positions - mark) ** 2).sum(1).argmin() for mark in marks)
        gap = positions[upper, 1] - positions[lower, 1]
    return float(max(0.0, gap) * EYE_DISTANCE_MM)


def unclosed(mouth: Slit, rest: np.ndarray, positions: np.ndarray) -> float:
    """Millimetres that the lips of (N, 3) `positions` are from meeting where it is worst, apart or through each other
    (what overlaps in the (N, 3) neutral may stay so); the corners left out."""
    excess = mouth.gap(positions) - np.minimum(mouth.gap(rest), 0)
    return float(np.abs(excess[MEASURING.corners : -MEASURING.corners]).max() * EYE_DISTANCE_MM)


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
            one_surface = np.linalg.norm(mean, axis=1) > MEASURING.one_surface
            shared = shared[np.repeat(one_surface, np.diff(starts, append=len(shared)))]
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
        chosen[triangles[_visible(features, triangles)]] = True
        self.vertices = np.flatnonzero(chosen & (features.normals[:, 2] > MEASURING.front))
        x, y, _ = features.positions[self.vertices].T
        edges = edges_of(triangles)
        length = np.median(np.linalg.norm(np.subtract(*features.positions[edges.T]), axis=1)) if len(edges) else 0.0
        size = max(MEASURING.cell, MEASURING.cell_edges * length)
        column, row = np.floor(x / size).astype(int), np.floor(y / size).astype(int)
        width = int(np.abs(column).max(initial=0)) + 1
        row -= row.min(initial=0)
        self._cells = 2 * width * (row.max(initial=0) + 1)
        self._cell = row * 2 * width + width + column
        self._twin = np.arange(self._cells).reshape(-1, 2 * width)[:, ::-1].reshape(-1)  # of each square
        count = np.bincount(self._cell, minlength=self._cells)
        self._count = np.maximum(count, 1)[:, None]
        self._known = count[self._twin] > 0

    def difference(self, offset: np.ndarray, partner: np.ndarray) -> np.ndarray:
        """(M,) eye distances between the mean motion of each vertex's square and the mirrored one's."""
        own = self._mean(offset[self.vertices])
        other = own if partner is offset else self._mean(partner[self.vertices])
        apart = lengths(own - other[self._twin] * MIRROR_X)
        return np.where(self._known, apart, 0.0)[self._cell]

    def _mean(self, motion: np.ndarray) -> np.ndarray:
        total = [np.bincount(self._cell, motion[:, axis], self._cells) for axis in range(3)]
        return np.stack(total, 1) / self._count


def _visible(features: Features, triangles: np.ndarray) -> np.ndarray:
    """(T,) bool: the triangles outside the mouth. What folds behind the lips of a closed mouth shows nowhere."""
    corners = mouth_corners(features.landmarks)
    x, y, z = (features.positions - corners.mean(0)).T
    inside = np.abs(x) < np.abs(corners[:, 0] - corners[:, 0].mean()).max()
    inside &= (np.abs(y) < MEASURING.inside_mouth_height) & (z < -MEASURING.inside_mouth_depth)
    return ~any3(inside[triangles])


def _lengths_of(positions: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(K,) lengths of (K, 2) edges."""
    return lengths(positions[edges[:, 0]] - positions[edges[:, 1]])


def _edge_lengths(positions: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(3, T) edge lengths of (T, 3) triangles."""
    a, b, c = (positions.take(corner, axis=0) for corner in triangles.T)
    return np.sqrt([x * x + y * y + z * z for x, y, z in ((b - a).T, (c - b).T, (a - c).T)])
