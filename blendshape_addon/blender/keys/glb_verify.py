"""Reads a written GLB or VRM file and compares its morph targets with the shape keys in the scene."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ...core.geometry.nearest import nearest
from .. import mesh_objects
from ..io import gltf
from ..io.mesh_io import Object, basis, offsets, root_of
from .key_blocks import moving, not_as_here

_TOLERANCE = 1e-5  # of the largest coordinate: numbers are rounded, and turned into another space
_AXES = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # Blender's to glTF's, y up


def count_keys(path: Path, objects: Sequence[Object]) -> int:
    """How many shape keys of `objects` the GLB or VRM file `path` holds, with the same offsets where vertices can be
    told: all but empty ones.

    Vertices are told by their places, which a file may have in the space of the object, at rest, or in that of its
    armature. Raises InputError if a key is missing or another one than here.
    """
    contents = gltf.read(path)
    count = 0
    for obj in objects:
        wanted = moving(obj)
        if not wanted:
            continue
        targets = _targets(contents, obj.name)
        place = _Places.of(obj, targets) if targets else None
        for key in wanted:
            if key.name not in targets or (place and not place.agree(offsets(obj, key), targets[key.name])):
                raise not_as_here(obj, key)
            count += 1
    return count


class _Places:
    """Which vertices of an object the vertices of its primitives in a file are."""

    def __init__(self, linear: np.ndarray, group: np.ndarray, vertex: np.ndarray, size: float) -> None:
        """linear: (3, 3) from the object's offsets to the file's. group: (V,) number of the place that a vertex of the
        object has. vertex: (n,) a vertex of the object at the place of each vertex of the file. size: the largest
        coordinate."""
        self._linear, self._group, self._vertex, self._size = linear, group, vertex, size

    @classmethod
    def of(cls, obj: Object, targets: dict[str, tuple[np.ndarray, np.ndarray]]) -> _Places | None:
        """Told by the places of vertices; None where the file has them in an unknown space."""
        points, _ = next(iter(targets.values()))
        base = basis(obj).astype(float)
        used = np.zeros(len(base), bool)
        flat = np.empty(len(obj.data.loops), np.int64)
        obj.data.loops.foreach_get("vertex_index", flat)
        used[flat] = True
        _, group = np.unique(base, axis=0, return_inverse=True)
        for matrix in _spaces(obj):
            there = (base @ matrix[:3, :3].T + matrix[:3, 3]) @ _AXES.T
            size = float(np.abs(there).max())
            index, distance = nearest(there[used], points, 1)
            if distance.max() < _TOLERANCE * size:
                return cls(_AXES @ matrix[:3, :3], group.reshape(-1), np.flatnonzero(used)[index[:, 0]], size)
        return None

    def agree(self, here: np.ndarray, target: tuple[np.ndarray, np.ndarray]) -> bool:
        """Whether (V, 3) offsets of the object are those of a target in the file, at every vertex of the file.

        Of vertices at one place any of the offsets will do.
        """
        there, tolerance = target[1], _TOLERANCE * self._size
        turned = here @ self._linear.T
        if (np.abs(turned[self._vertex] - there) <= tolerance).all():
            return True
        low = np.full((self._group.max() + 1, 3), np.inf)
        high = -low
        np.minimum.at(low, self._group, turned)
        np.maximum.at(high, self._group, turned)
        place = self._group[self._vertex]
        return bool((there >= low[place] - tolerance).all() and (there <= high[place] + tolerance).all())


def _spaces(obj: Object) -> Iterator[np.ndarray]:
    """(4, 4) from the object's space to those that exporters write its vertices in."""
    yield np.eye(4)
    for world in (np.array(obj.matrix_world, float), mesh_objects.rest_matrix(obj)):
        yield np.linalg.inv(np.array(root_of(obj).matrix_world, float)) @ world
        yield world


def _targets(contents: gltf.Contents, name: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """{morph target: (n, 3) places and (n, 3) offsets} of the mesh at the node `name`, all its primitives together."""
    document = contents.document
    nodes = [node for node in document.get("nodes", ()) if node.get("name") == name and "mesh" in node]
    if not nodes:
        return {}
    mesh = document["meshes"][nodes[0]["mesh"]]
    parts = [part for part in mesh["primitives"] if part.get("targets")]
    if not parts:
        return {}
    names = (mesh.get("extras") or {}).get("targetNames") or (parts[0].get("extras") or {}).get("targetNames") or ()
    places = np.concatenate([contents.accessor(part["attributes"]["POSITION"]) for part in parts]).astype(float)
    return {
        target: (places, np.concatenate([_offsets(contents, part, number) for part in parts]))
        for number, target in enumerate(names)
    }


def _offsets(contents: gltf.Contents, part: dict, number: int) -> np.ndarray:
    target = part["targets"][number]
    if "POSITION" in target:
        return contents.accessor(target["POSITION"])
    return np.zeros((contents.document["accessors"][part["attributes"]["POSITION"]]["count"], 3), np.float32)
