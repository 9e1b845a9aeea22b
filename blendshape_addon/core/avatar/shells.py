"""Surfaces that cover another one: outlines of toon shaders, backs of double-sided faces, copies that lie on a mesh.

They are no face of their own. What lies on a surface is put into it, so that it is read once and both move alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..geometry.mesh import connected_components, diagonal, vertex_normals
from .avatar import Avatar
from .parameters import SHELLS


@dataclass(frozen=True)
class _Sheet:
    """A surface: its vertices (n,) and the rows (t,) of its triangles, both ascending, both indices into the avatar."""

    vertices: np.ndarray
    rows: np.ndarray


def collapsed(avatar: Avatar) -> Avatar:
    """`avatar` with every surface that covers another of the same mesh structure put onto that one, and read once.

    Objects cover others whichever way they are turned: the earlier one stays, or that which faces outwards. Pieces of
    an object cover others only where they are turned over, for strands of hair that lie side by side are alike, too.
    """
    kept = np.arange(len(avatar.vertices))
    normals = vertex_normals(avatar.vertices, avatar.triangles)
    for first, second in _pairs(avatar, _objects(avatar)):
        _cover(avatar, normals, first, second, kept, either=True)
    for first, second in _pairs(avatar, _pieces(avatar)):
        _cover(avatar, normals, first, second, kept, either=False)
    moved = kept != np.arange(len(kept))
    if moved.any():
        triangles = avatar.triangles[~moved[avatar.triangles[:, 0]]]
        avatar = replace(avatar, vertices=avatar.vertices[kept], triangles=triangles)
    return avatar.one_sided()


def _cover(avatar: Avatar, normals: np.ndarray, first: _Sheet, second: _Sheet, kept: np.ndarray, either: bool) -> None:
    """Note in `kept` (V,) which vertex each of a covering surface lies on, if one of the two covers the other."""
    a, b = first.vertices, second.vertices
    if (kept[a] != a).any() or (kept[b] != b).any():
        return
    points = avatar.vertices
    if np.sqrt(((points[b] - points[a]) ** 2).sum(1).mean()) > SHELLS.near * diagonal(points[a]):
        return
    alike = (normals[a] * normals[b]).sum(1).mean()
    if abs(alike) < SHELLS.parallel or not (either or alike < 0) or not _same_edges(avatar, first, second):
        return
    if alike < 0 and _volume(avatar, second) > _volume(avatar, first):
        a, b = b, a
    kept[b] = a


def _objects(avatar: Avatar) -> Iterator[_Sheet]:
    owner = avatar.object_id[avatar.triangles[:, 0]]
    for number in range(len(avatar.object_names)):
        yield _Sheet(np.flatnonzero(avatar.object_id == number), np.flatnonzero(owner == number))


def _pieces(avatar: Avatar) -> Iterator[_Sheet]:
    """What edges connect, seams not welded: the numbers of vertices of a copy are in the same order."""
    label = connected_components(len(avatar.vertices), avatar.triangles)
    count = np.bincount(label)
    vertices = np.split(np.argsort(label, kind="stable"), np.cumsum(count)[:-1])
    owner = label[avatar.triangles[:, 0]]
    rows = np.split(np.argsort(owner, kind="stable"), np.cumsum(np.bincount(owner, minlength=len(count)))[:-1])
    for number in np.flatnonzero(count >= SHELLS.least):
        yield _Sheet(vertices[number], rows[number])


def _pairs(avatar: Avatar, sheets: Iterator[_Sheet]) -> Iterator[tuple[_Sheet, _Sheet]]:
    """Those of `sheets`, earlier ones first, that have equal numbers of vertices and triangles and the same place."""
    alike: dict[tuple[int, int], list[_Sheet]] = {}
    for sheet in sheets:
        if len(sheet.rows):
            alike.setdefault((len(sheet.vertices), len(sheet.rows)), []).append(sheet)
    for group in alike.values():
        if 1 < len(group) <= SHELLS.most:
            middles = np.array([avatar.vertices[sheet.vertices].mean(0) for sheet in group])
            reach = SHELLS.near * np.array([diagonal(avatar.vertices[sheet.vertices]) for sheet in group])
            for number, sheet in enumerate(group):
                away = np.linalg.norm(middles[number + 1 :] - middles[number], axis=1)
                for other in np.flatnonzero(away <= reach[number]):
                    yield sheet, group[number + 1 + other]


def _same_edges(avatar: Avatar, first: _Sheet, second: _Sheet) -> bool:
    """Whether most edges are between the same vertices. Diagonals of quads may differ where these are turned over."""
    a, b = (_edges(avatar, sheet) for sheet in (first, second))
    return len(np.intersect1d(a, b, assume_unique=True)) >= SHELLS.same_edges * len(a)


def _edges(avatar: Avatar, sheet: _Sheet) -> np.ndarray:
    """(e,) one number per edge, of its two vertices' numbers in the sheet."""
    corners = np.searchsorted(sheet.vertices, avatar.triangles[sheet.rows])
    ends = np.sort(np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]]), axis=1)
    return np.unique(ends[:, 0].astype(np.int64) * len(sheet.vertices) + ends[:, 1])


def _volume(avatar: Avatar, sheet: _Sheet) -> float:
    """Six times the volume inside; negative where triangles face inwards."""
    corners = avatar.vertices[avatar.triangles[sheet.rows]]
    corners = corners - corners.mean((0, 1))
    return float(np.einsum("ni,ni->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])))
