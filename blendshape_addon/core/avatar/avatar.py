"""The avatar as arrays: what the core sees of any file, any rig, any topology."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ..errors import InputError
from ..geometry.mesh import connected_components, diagonal, weld_points
from .hints import Hints
from .parameters import AVATAR


@dataclass(frozen=True)
class Avatar:
    """All mesh objects of one avatar in one space (any axes, any unit), concatenated.

    vertices: (V, 3) float64, base shape. triangles: (T, 3) int32 into vertices.
    object_id: (V,) int32 into object_names. hints: what bones, keys and names tell about the face.
    part_override: (V,) int8, what the creator says that vertices are (see parts.PartOverride); None where nothing was
    said. manual_landmarks: (L, 4) landmarks that the creator has put in their places, each with a confidence from 0 to
    1; else None. copied: (V,) bool, the vertices that only mirror others of their object and hold no shapes themselves;
    None where there are none.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    object_id: np.ndarray
    object_names: tuple[str, ...]
    hints: Hints = field(default_factory=Hints)
    part_override: np.ndarray | None = None
    manual_landmarks: np.ndarray | None = None
    copied: np.ndarray | None = None

    def __post_init__(self) -> None:
        if len(self.triangles) == 0:
            raise InputError("The mesh has no faces: select the avatar's face mesh and try again.")
        if not np.isfinite(self.vertices).all():
            raise InputError(
                "The mesh has coordinates that are not numbers (NaN or infinite): "
                "repair it (Mesh > Clean Up) and try again."
            )

    def one_sided(self) -> Avatar:
        """This avatar with the first alone of triangles that cover each other, as the backs of double-sided ones do.

        Normals of the two would cancel each other; vertices of those that are left out stay, welded to the others.
        """
        corners = np.sort(self.weld[self.triangles], axis=1)
        order = np.lexsort(corners.T)  # stable: the first of the same come first
        corners = corners[order]
        again = order[1:][(corners[1:] == corners[:-1]).all(1)]
        return replace(self, triangles=np.delete(self.triangles, again, axis=0)) if len(again) else self

    @cached_property
    def content(self) -> str:
        """A hash of everything that shapes are made from: the same for two avatars only if these are the same."""
        digest = hashlib.sha1(repr((self.object_names, self.hints)).encode())
        for array in (self.vertices, self.triangles, self.object_id, self.part_override, self.manual_landmarks):
            digest.update(b"none" if array is None else np.ascontiguousarray(array).data)
        return digest.hexdigest()

    @cached_property
    def used(self) -> np.ndarray:
        """(U,) int64: the vertices that have triangles, ascending."""
        used = np.zeros(len(self.vertices), bool)
        used[self.triangles] = True
        return np.flatnonzero(used)

    @cached_property
    def size(self) -> float:
        """How large the avatar is: the diagonal of the box around the corners of its triangles.

        A share of AVATAR.trimmed at either end of each axis is left out, and so are vertices without triangles: what
        was lost far away says nothing about the avatar.
        """
        return diagonal(np.quantile(self.vertices[self.used], [AVATAR.trimmed, 1 - AVATAR.trimmed], axis=0))

    @cached_property
    def weld(self) -> np.ndarray:
        """(V,) int64: for each vertex the index of the welded point that it shares with its seam twins.

        Vertices are one point when they lie within MESH.weld of the avatar's size of each other, so UV and material
        seams that cut a surface do not cut what is computed on it.
        """
        return weld_points(self.vertices, self.size)

    @cached_property
    def components(self) -> np.ndarray:
        """(V,) int64: number of the connected piece (through welded triangles) that a vertex belongs to."""
        welded = self.weld[self.triangles]
        return connected_components(self.weld.max() + 1, welded)[self.weld]
