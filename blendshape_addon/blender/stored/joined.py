"""Which meshes a face mesh was joined from: their names still say where eyes and teeth are. Kept with the object, and
as an attribute of the mesh's vertices, so that it stays when the mesh is edited."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import bpy
import numpy as np

from . import migration
from .migration import JOINED

Object = bpy.types.Object


def note(obj: Object, names: Sequence[str], rows: Sequence[np.ndarray]) -> None:
    """Keep with `obj` that its vertices `rows` (n,), one array per name, came from meshes of these names."""
    known = list(migration.read_table(obj, JOINED).values())
    number = _numbers(obj)
    for place, mine in enumerate(rows, start=len(known) + 1):
        number[mine] = place
    attribute = obj.data.attributes.get(JOINED) or obj.data.attributes.new(JOINED, "INT", "POINT")
    attribute.data.foreach_set("value", number)
    migration.put(obj, JOINED, {str(place): name for place, name in enumerate([*known, *names], start=1)})


def into(objects: Iterable[Object]) -> dict[str, str]:
    """Names of meshes that were joined into `objects`, each with the name of the one that it is part of now."""
    return {str(name): obj.name for obj in objects for name in migration.read_table(obj, JOINED).values()}


def pieces(obj: Object) -> Iterator[tuple[str, np.ndarray]]:
    """Name and vertices (n,) of what `obj` was joined from; of itself where it was not."""
    names = migration.read_table(obj, JOINED)
    number = _numbers(obj)
    for place in np.unique(number).tolist():
        yield names.get(str(place), obj.name), np.flatnonzero(number == place)


def _numbers(obj: Object) -> np.ndarray:
    """(V,) int32: for each vertex the number of the mesh that it came from, 0 for the object's own."""
    number = np.zeros(len(obj.data.vertices), np.int32)
    attribute = obj.data.attributes.get(JOINED)
    if attribute is not None and (attribute.data_type, attribute.domain) == ("INT", "POINT"):
        attribute.data.foreach_get("value", number)
    return number
