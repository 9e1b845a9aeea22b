"""Reads a written FBX file and compares its shape keys with those in the scene."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ..io.mesh_io import Object, coordinates, offsets
from .key_blocks import moving, not_as_here

_TOLERANCE = 2e-6  # of the largest coordinate: exporters drop half of that, and numbers are rounded


def count_keys(path: Path, objects: Sequence[Object]) -> int:
    """How many shape keys of `objects` the FBX file `path` holds with the same offsets: all but empty ones.

    Raises InputError if one is missing or another one than here.
    """
    found = {(model, shape): (indices, moved) for model, shape, indices, moved in _shapes(path)}
    count = 0
    for obj in objects:
        for key in moving(obj):
            missing = offsets(obj, key)
            indices, there = found.get((obj.name, key.name), ([], 0))
            missing[indices] -= there
            if np.abs(missing).max() > _TOLERANCE * np.abs(coordinates(key.relative_key.points)).max():
                raise not_as_here(obj, key)
            count += 1
    return count


def _shapes(path: Path) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    """Object, shape, vertices (n,) and offsets (n, 3) of each shape in an FBX file."""
    from io_scene_fbx import parse_fbx  # of the exporter, which is on once a file was written

    top = {element.id: element.elems for element in parse_fbx.parse(str(path))[0].elems}
    elements = {element.props[0]: element for element in top[b"Objects"] if element.props}
    parents: dict[int, list[int]] = {}
    for kind, child, parent in (link.props[:3] for link in top[b"Connections"]):
        if kind == b"OO":
            parents.setdefault(child, []).append(parent)
    for identity, element in elements.items():
        if element.id != b"Geometry" or element.props[2] != b"Shape":
            continue
        above = [identity]
        for _ in ("channel", "blend shape", "mesh", "model"):
            above = [parent for child in above for parent in parents.get(child, ())]
        data = {part.id: part.props[0] for part in element.elems if part.props}
        moved = np.array(data[b"Vertices"]).reshape(-1, 3)
        for model in above:
            yield _name(elements[model]), _name(element), np.array(data[b"Indexes"]), moved


def _name(element) -> str:
    return element.props[1].split(b"\x00\x01")[0].decode()
