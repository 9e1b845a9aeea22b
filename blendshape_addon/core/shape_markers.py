"""A hidden mark in every shape, so that exporters and game engines keep all of them, apart from each other.

Unity drops a blend shape whose offsets are all zero, FBX exporters ignore offsets under about 1e-6 of the coordinate,
and VRChat's lip sync stops as a whole when two of its 15 slots hold the same shape. So each shape moves one hidden
vertex by its own amount between 50 and 100 µm, which no eye can see. The amounts stand in shape_markers.toml, by name,
and never change: files that were exported long ago are known again by them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .avatar.avatar import Avatar
from .face.parts import Part
from .geometry.nearest import nearest_to
from .shapes import Shape

AMOUNTS = {  # name of a shape to metres, different for each
    name: micrometres * 1e-6
    for name, micrometres in tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")).items()
}
_FEWEST, _ROUNDING = 3, 0.004  # shapes that make a mark certain; amounts differ by 0.5 % or more
_EYE_DISTANCE = 0.063  # metres, of an adult
_METRIC_EYE_DISTANCES = (0.01, 0.4)  # an avatar whose eyes lie so far apart was modelled in metres


def main_object(avatar: Avatar, points: np.ndarray) -> int:
    """The object (index into avatar.object_names) that most of (L, 3) landmarks lie on: the face itself.

    Where the creator says which vertices are skin of the face, or are none of it, only these, or the others, count.
    """
    candidates = avatar.used
    if avatar.part_override is not None:
        told = avatar.part_override[candidates]
        candidates = candidates[told == Part.SKIN if (told == Part.SKIN).any() else told != Part.OTHER]
    nearest = candidates[nearest_to(points, avatar.vertices[candidates])]
    return int(np.bincount(avatar.object_id[nearest]).argmax())


def with_shape_markers(avatar: Avatar, shapes: Sequence[Shape], face) -> list[Shape]:
    """`shapes`, each with one hidden vertex of the main object (and its seam twins) moved by its own 50-100 µm.

    The vertex is one that no shape moves, where there is one. Amounts are true metres where the avatar is modelled in
    metres, else scaled with the distance between the eyes. `face` has points (L, 3), frame (3, 3) rows right, up,
    forward, and eye_distance in the avatar's own unit.
    """
    own = avatar.object_id == main_object(avatar, face.points)
    own &= np.isin(np.arange(len(own)), avatar.used)  # importers drop vertices of no face
    still = own & ~_moved(avatar, shapes)
    candidates = np.flatnonzero(still if still.any() else own)
    chosen = _most_hidden(avatar, candidates, face)
    twins = np.flatnonzero(avatar.weld == avatar.weld[chosen])
    twins = twins[avatar.object_id[twins] == avatar.object_id[chosen]]
    low, high = _METRIC_EYE_DISTANCES
    unit = 1.0 if low <= face.eye_distance <= high else face.eye_distance / _EYE_DISTANCE
    inwards = -np.asarray(face.frame, float)[2]
    return [_with_marker(shape, twins, inwards * unit * AMOUNTS[shape.name]) for shape in shapes]


def find_markers(offsets: dict[str, np.ndarray]) -> set[str]:
    """Names of the shapes that carry a hidden mark, among {name: (V, 3) offsets} of one object in any unit.

    The mark is one vertex whose motions are to each other as the amounts of the shapes' names; at least three must be.
    """
    names = [name for name in offsets if name in AMOUNTS]
    if len(names) < _FEWEST:
        return set()
    size = np.stack([np.linalg.norm(offsets[name], axis=1) for name in names])
    moved = np.flatnonzero((size > 0).sum(0) >= _FEWEST)
    amount = np.array([AMOUNTS[name] for name in names])[:, None]
    ratio = np.where(size[:, moved] > 0, size[:, moved] / amount, np.nan)
    fits = np.abs(ratio / np.nanmedian(ratio, axis=0) - 1) < _ROUNDING
    votes = fits.sum(0)
    if votes.max(initial=0) < _FEWEST:
        return set()
    return {name for name, fit in zip(names, fits[:, votes.argmax()], strict=True) if fit}


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
        moved[shape.indices[np.any(shape.deltas != 0, axis=1)]] = True
    return moved


def _most_hidden(avatar: Avatar, candidates: np.ndarray, face) -> int:
    """The candidate in the head that lies deepest behind other surface, seen from the least favourable of ten sides.

    Surfaces are splatted as points (vertices, middles of edges and of triangles) into a coarse depth grid a view.
    """
    size = float(face.eye_distance)
    local = (avatar.vertices - np.asarray(face.points, float).mean(0)) @ np.asarray(face.frame, float).T / size
    local = np.clip(local, -_FAR, _FAR)
    near = candidates[np.linalg.norm(local[candidates], axis=1) < 3.0]
    candidates = near if len(near) else candidates
    corners = local[avatar.triangles]
    corners = corners[np.linalg.norm(corners.mean(1), axis=1) < 5.0]
    edges = (corners + np.roll(corners, 1, axis=1)) / 2
    surface = np.concatenate([local[candidates], corners.reshape(-1, 3), corners.mean(1), edges.reshape(-1, 3)])
    depth = np.full(len(candidates), np.inf)
    for view in _VIEWS:
        towards = np.array(view, float) / np.linalg.norm(view)
        across = np.cross(towards, (0.0, 1.0, 0.0) if abs(towards[1]) < 0.9 else (0.0, 0.0, 1.0))
        across /= np.linalg.norm(across)
        column, row = np.floor(surface @ np.stack([across, np.cross(across, towards)], axis=1) / _CELL).T.astype(
            np.int64
        )
        cell = (column - column.min()) * (np.ptp(row) + 1) + row - row.min()
        nearest = np.full(cell.max() + 1, -np.inf)
        along = surface @ towards
        np.maximum.at(nearest, cell, along)
        depth = np.minimum(depth, nearest[cell[: len(candidates)]] - along[: len(candidates)])
    return int(candidates[depth.argmax()])


_CELL = 0.15  # of the depth grid, in eye distances
_FAR = 50.0  # eye distances: what was lost farther away counts as there, which bounds the grid
# Right, up, forward of the face: where somebody may look from.
_VIEWS = (
    (0, 0, 1),
    (1, 0, 0),
    (-1, 0, 0),
    (0, 1, 0),
    (0, -1, 0),
    (0, 0, -1),
    (1, 0, 1),
    (-1, 0, 1),
    (0, 1, 1),
    (0, -1, 1),
)
