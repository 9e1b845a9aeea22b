"""Landmarks that a creator has placed, kept with the object that carries the face: in its own space, so that they move,
are saved and are appended with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import bpy
import numpy as np

from ...core.vocabulary import LANDMARKS
from ..mesh_objects import rest_matrix
from . import migration
from .migration import LANDMARKS as _STORED

Object = bpy.types.Object


def holder(objects: Iterable[Object]) -> Object | None:
    """The one of `objects` that landmarks are kept with; None where none were placed."""
    return next((obj for obj in objects if obj.get(_STORED) is not None), None)


def read(objects: Iterable[Object]) -> np.ndarray | None:
    """(L, 4) as Avatar.manual_landmarks has it, in world space; None where none were placed, or by a
    version with others."""
    obj = holder(objects)
    stored = migration.read_table(obj, _STORED)
    if not set(LANDMARKS) <= stored.keys():
        return None
    return _moved(np.array([stored[name] for name in LANDMARKS], float), rest_matrix(obj))


def keep(objects: Sequence[Object], obj: Object, points: np.ndarray) -> None:
    """Keep (L, 4) `points`, in world space, with `obj` in place of what `objects`, its avatar, had."""
    remove(objects)
    local = _moved(points, np.linalg.inv(rest_matrix(obj)))
    migration.put(obj, _STORED, {name: row.tolist() for name, row in zip(LANDMARKS, local, strict=True)})


def remove(objects: Iterable[Object]) -> bool:
    """Forget what was placed on `objects`; whether there was anything."""
    removed = [migration.remove(obj, _STORED) for obj in objects]
    return any(removed)


def _moved(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return np.column_stack([points[:, :3] @ matrix[:3, :3].T + matrix[:3, 3], points[:, 3]])
