"""Would VRChat take the shape keys that an avatar has? In sentences for its creator."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.vocabulary import VISEMES
from . import inventory
from .mesh_io import Object


def problems(objects: Sequence[Object]) -> list[str]:
    """One sentence for each thing that would break lip sync or be lost on export; empty when all is well.

    Groups of keys other than visemes count only once the mesh has one of them.
    """
    found = inventory.take(objects)
    missing = found.missing("visemes")
    if missing == list(VISEMES):
        return [f"“{found.face.name}” has no visemes yet: press Generate Visemes."]
    sentences = []
    if missing:
        sentences.append(f"“{found.face.name}” lacks {', '.join(missing)}: VRChat needs all 15 visemes.")
    if found.empty:
        sentences.append(
            f"{', '.join(found.empty)} would be lost on export, because they move nothing: generate them again."
        )
    for name, twin in found.twins.items():
        sentences.append(f"{name} is the same shape as {twin}, which stops lip sync in VRChat: generate them again.")
    return sentences
