"""A hidden mark in every shape, so that exporters and game engines keep all of them, apart from each other.

Unity drops a blend shape whose offsets are all zero, FBX exporters ignore offsets under about 1e-6 of the coordinate,
and VRChat's lip sync stops as a whole when two of its 15 slots hold the same shape. So each shape moves one hidden
vertex by its own amount between 50 and 100 µm, which no eye can see. The amounts stand in shape_markers.toml, by name,
and never change: files that were exported long ago are known again by them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from .avatar.avatar import Avatar
from .face.face_space import EYE_DISTANCE_MM
from .face.parts import Part
from .geometry.mesh import any3
from .geometry.nearest import nearest_to
from .shapes import Shape

AMOUNTS = {  # name of a shape to metres, different for each
    name: micrometres * 1e-6
    for name, micrometres in tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")).items()
}


@dataclass(frozen=True)
class Markers:
    """How marks are placed and found. Lengths are in eye distances (63 mm on an adult) unless a unit is given."""

    min_shapes: int = 3  # shapes whose mark must be found before any is believed
    rounding: float = 0.004  # share that a mark may be off by; amounts differ by 0.5 % or more
    eye_distance: float = EYE_DISTANCE_MM / 1000  # metres, of an adult
    metric: tuple[float, float] = (0.01, 0.4)  # an avatar whose eyes lie so far apart was modelled in metres
    head: float = 3.0  # from the middle of the landmarks, what lies within is the head
    covers: float = 5.0  # from there too, what lies within may hide something of the head
    cell: float = 0.15  # of the depth grid
    far: float = 50.0  # what was lost farther away counts as there, which bounds the grid
    # Right, up, forward of the face: where somebody may look from.
    views: tuple[tuple[int, int, int], ...] = (
        (0, 0, 1), (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, -1),
        (1, 0, 1), (-1, 0, 1), (0, 1, 1), (0, -1, 1),
    )  # fmt: skip


MARKERS = Markers()


class PlacedFace(Protocol):
    """Where a face is on an avatar, as detection.detect.Face has it.

    points: (L, 3) landmarks; frame: (3, 3), its rows point right, up and forward of the face; eye_distance: in the
    avatar's own unit.
    """

    @property
    def points(self) -> np.ndarray: ...

    @property
    def frame(self) -> np.ndarray: ...

    @property
    def eye_distance(self) -> float: ...


def main_object(avatar: Avatar, points: np.ndarray) -> int:
    """The object (index into avatar.object_names) that most of (L, 3) landmarks lie on: the face itself.

    Where the creator says which vertices are skin of the face, or are none of it, only these, or the others, count.
    """
    candidates = avatar.used
    if avatar.part_override is not None:
        override = avatar.part_override[candidates]
        candidates = candidates[override == Part.SKIN if (override == Part.SKIN).any() else override != Part.OTHER]
    nearest = candidates[nearest_to(points, avatar.vertices[candidates])]
    return int(np.bincount(avatar.object_id[nearest]).argmax())


def with_shape_markers(
    avatar: Avatar, shapes: Sequence[Shape], face: PlacedFace, marked: int | None = None
) -> list[Shape]:
    """`shapes`, each with one hidden vertex of the main object (and its seam twins) moved by its own 50-100 µm.

    marked: the vertex, else one is chosen. Amounts are true metres where the avatar is modelled in metres, else scaled
    with the distance between the eyes.
    """
    chosen = vertex_to_mark(avatar, shapes, face) if marked is None else marked
    twins = np.flatnonzero(avatar.weld == avatar.weld[chosen])
    twins = twins[avatar.object_id[twins] == avatar.object_id[chosen]]
    low, high = MARKERS.metric
    unit = 1.0 if low <= face.eye_distance <= high else face.eye_distance / MARKERS.eye_distance
    inwards = -np.asarray(face.frame, float)[2]
    return [_with_marker(shape, twins, inwards * unit * AMOUNTS[shape.name]) for shape in shapes]


def vertex_to_mark(avatar: Avatar, shapes: Sequence[Shape], face: PlacedFace, before: int | None = None) -> int:
    """A hidden vertex of the main object that none of `shapes` moves, where there is one: that of shapes made `before`,
    so that all of an avatar carry their marks at one, if it is."""
    moved = _moved(avatar, shapes)
    if before is not None and not moved[before]:
        return before
    own = avatar.object_id == main_object(avatar, face.points)
    own &= np.isin(np.arange(len(own)), avatar.used)  # importers drop vertices of no face
    if avatar.copied is not None:
        own &= ~avatar.copied
    still = own & ~moved
    return _most_hidden(avatar, np.flatnonzero(still if still.any() else own), face)


def find_markers(offsets: dict[str, np.ndarray]) -> set[str]:
    """Names of the shapes that carry a hidden mark, see `find_marker`."""
    return find_marker(offsets)[1]


def find_marker(offsets: dict[str, np.ndarray]) -> tuple[int, set[str]]:
    """The vertex of the hidden mark, and names of the shapes that carry it, among {name: (V, 3) offsets} of one object
    in any unit; no names, and -1, where there is none.

    The mark is one vertex whose motions are to each other as the amounts of the shapes' names; at least three must be.
    """
    names = [name for name in offsets if name in AMOUNTS]
    if len(names) < MARKERS.min_shapes:
        return -1, set()
    size = np.stack([np.linalg.norm(offsets[name], axis=1) for name in names])
    moved = np.flatnonzero((size > 0).sum(0) >= MARKERS.min_shapes)
    amount = np.array([AMOUNTS[name] for name in names])[:, None]
    ratio = np.where(size[:, moved] > 0, size[:, moved] / amount, np.nan)
    fits = np.abs(ratio / np.nanmedian(ratio, axis=0) - 1) < MARKERS.rounding
    votes = fits.sum(0)
    if votes.max(initial=0) < MARKERS.min_shapes:
        return -1, set()
    best = votes.argmax()
    return int(moved[best]), {name for name, fit in zip(names, fits[:, best], strict=True) if fit}


def _with_marker(shape: Shape, twins: np.ndarray, offset: np.ndarray) -> Shape:
    """`shape` with the mark on top of what it does with the `twins`: pinned, they would tear the skin around them."""
    indices = np.union1d(shape.indices, twins)
    deltas = np.zeros((len(indices), 3), np.float32)
    deltas[np.searchsorted(indices, shape.indices)] = shape.deltas
    deltas[np.searchsorted(indices, twins)] += offset.astype(np.float32)
    return Shape(shape.name, indices, deltas)


def _moved(avatar: Avatar, shapes: Sequence[Shape]) -> np.ndarray:
    moved = np.zeros(len(avatar.vertices), bool)
    for shape in shapes:
        moved[shape.indices[any3(shape.deltas != 0)]] = True
    return moved


def _most_hidden(avatar: Avatar, candidates: np.ndarray, face: PlacedFace) -> int:
    """The candidate in the head that lies deepest behind other surface, seen from the least favourable of the views.

    The depth grid of a view is coarse: it holds the nearest of points on the surface (vertices, middles of edges and of
    triangles) per cell.
    """
    middle, frame = np.asarray(face.points, float).mean(0), np.asarray(face.frame, float)
    local = (avatar.vertices - middle) @ frame.T / float(face.eye_distance)
    local = np.clip(local, -MARKERS.far, MARKERS.far)
    near = candidates[np.linalg.norm(local[candidates], axis=1) < MARKERS.head]
    candidates = near if len(near) else candidates
    corners = local[avatar.triangles]
    corners = corners[np.linalg.norm(corners.mean(1), axis=1) < MARKERS.covers]
    edges = (corners + np.roll(corners, 1, axis=1)) / 2
    surface = np.concatenate([local[candidates], corners.reshape(-1, 3), corners.mean(1), edges.reshape(-1, 3)])
    depth = np.full(len(candidates), np.inf)
    for view in MARKERS.views:
        # A frame of the view: towards the viewer, and two axes across.
        towards = np.array(view, float) / np.linalg.norm(view)
        across = np.cross(towards, (0.0, 1.0, 0.0) if abs(towards[1]) < 0.9 else (0.0, 0.0, 1.0))
        across /= np.linalg.norm(across)
        axes = np.stack([across, np.cross(across, towards)], axis=1)
        # The nearest point of each cell.
        column, row = np.floor(surface @ axes / MARKERS.cell).T.astype(np.int64)
        cell = (column - column.min()) * (np.ptp(row) + 1) + row - row.min()
        nearest = np.full(cell.max() + 1, -np.inf)
        along = surface @ towards
        np.maximum.at(nearest, cell, along)
        # How far behind it the candidates lie, which are the first points.
        depth = np.minimum(depth, nearest[cell[: len(candidates)]] - along[: len(candidates)])
    return int(candidates[depth.argmax()])
