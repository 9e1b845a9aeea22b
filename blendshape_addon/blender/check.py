"""Would VRChat take the avatar? In grades and sentences for its creator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..core import aliases
from ..core.verdicts import AMBER, GREEN, RED
from ..core.vocabulary import VISEMES
from . import inventory
from .mesh_io import Object, root_of

# Triangles of a whole avatar up to which VRChat gives it a rank on PC (creators.vrchat.com, Performance Ranks).
RANKS = ((32_000, "Excellent"), (70_000, "Good"))


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, its grade (of core.verdicts) and what there is to say."""

    grade: str
    sentence: str


def readiness(objects: Sequence[Object], triangles: int) -> list[Finding]:
    """Whether VRChat takes the avatar of `objects`, which has so many triangles."""
    found = inventory.take(objects)
    out = [Finding(RED, sentence) for sentence in problems(objects)]
    if not out:
        out.append(Finding(GREEN, "All 15 visemes are there, none is empty and no two are the same."))
    out += _dances(found.face)
    out.append(_rank(triangles))
    out.append(_place(found.face))
    return out


def _dances(face: Object) -> list[Finding]:
    keys = face.data.shape_keys
    if keys is None or not set(aliases.written("mmd").values()) & set(keys.key_blocks.keys()):
        return []  # nobody wants MMD worlds
    if face.name == "Body":
        return [Finding(GREEN, "The mesh is named Body, where MMD worlds look for their Japanese names.")]
    return [Finding(AMBER, f"MMD worlds look for their Japanese names on a mesh named Body: rename “{face.name}”.")]


def _place(face: Object) -> Finding:
    root = root_of(face)
    if root.type != "ARMATURE":
        return Finding(AMBER, f"“{face.name}” has no armature, which VRChat needs to move the avatar.")
    above = face.parent
    while above is not None and above != root:
        above = above.parent
    if above is None:
        return Finding(AMBER, f"“{face.name}” is not under its armature “{root.name}”: make that its parent.")
    return Finding(GREEN, f"“{face.name}” is under the armature “{root.name}”.")


def _rank(triangles: int) -> Finding:
    rank = next((rank for most, rank in RANKS if triangles <= most), None)
    if rank:
        return Finding(GREEN, f"{triangles:,} triangles: rank {rank} on PC.")
    return Finding(AMBER, f"{triangles:,} triangles: rank Very Poor on PC, where {RANKS[-1][0]:,} are Good.")


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
