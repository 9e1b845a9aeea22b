"""Would VRChat take the shape keys that an avatar has? In sentences for its creator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core.vocabulary import GROUPS, VISEMES
from .mesh_io import Object, basis, coordinates

_SMALLEST = 1e-6  # of the coordinate: FBX exporters drop what is smaller


def problems(objects: Sequence[Object]) -> list[str]:
    """One sentence for each thing that would break lip sync or be lost on export; empty when all is well.

    Looked at is the object with most visemes: VRChat takes them from one mesh. Groups of keys other than visemes count
    only once the mesh has one of them.
    """
    face = max(objects, key=lambda obj: len(_keys(obj).keys() & set(VISEMES)))
    keys = _keys(face)
    found = []
    missing = [name for name in VISEMES if name not in keys]
    if missing == list(VISEMES):
        return [f"“{face.name}” has no visemes yet: press Generate Visemes."]
    if missing:
        found.append(f"“{face.name}” lacks {', '.join(missing)}: VRChat needs all 15 visemes.")
    base = basis(face)
    names = [name for group in GROUPS.values() for name in group if name in keys]
    targets = {name: coordinates(keys[name].points) for name in names}
    tolerance = _SMALLEST * np.abs(base)
    empty = [name for name in names if not (np.abs(targets[name] - base) > tolerance).any()]
    if empty:
        found.append(f"{', '.join(empty)} would be lost on export, because they move nothing: generate them again.")
    seen: dict[bytes, str] = {}
    for name in VISEMES:
        if name in targets and name not in empty:
            twin = seen.setdefault(targets[name].tobytes(), name)
            if twin != name:
                found.append(
                    f"{name} is the same shape as {twin}, which stops lip sync in VRChat: generate them again."
                )
    return found


def _keys(obj: Object) -> dict:
    keys = obj.data.shape_keys
    return dict(keys.key_blocks.items()) if keys else {}
