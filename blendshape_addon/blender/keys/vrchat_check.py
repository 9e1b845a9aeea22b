"""Would VRChat take the avatar? In grades and messages for its creator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...core.avatar import key_names
from ...core.messages import Message
from ...core.quality.checks import AMBER, GREEN, RED
from ...core.vocabulary import VISEMES
from ..io.mesh_io import Object, root_of
from . import inventory

# Triangles of a whole avatar up to which VRChat gives it a rank on PC (creators.vrchat.com, Performance Ranks).
RANKS = ((32_000, "Excellent"), (70_000, "Good"))


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, its grade (see core.quality.checks) and what there is to say."""

    grade: str
    message: Message


def readiness(objects: Sequence[Object], triangles: int) -> list[Finding]:
    """Whether VRChat accepts the avatar of `objects`, which has so many triangles."""
    found = inventory.take(objects)
    out = [Finding(RED, message) for message in problems(objects)]
    if not out:
        out.append(Finding(GREEN, Message("All 15 visemes are there, none is empty and no two are the same.")))
    out += _dances(found.face)
    out.append(_rank(triangles))
    out.append(_place(found.face))
    return out


def _dances(face: Object) -> list[Finding]:
    keys = face.data.shape_keys
    if keys is None or not set(key_names.written("mmd").values()) & set(keys.key_blocks.keys()):
        return []  # nobody wants MMD worlds
    if face.name == "Body":
        return [Finding(GREEN, Message("The mesh is named Body, where MMD worlds look for their Japanese names."))]
    return [
        Finding(
            AMBER,
            Message("MMD worlds look for their Japanese names on a mesh named Body: rename “{name}”.", name=face.name),
        )
    ]


def _place(face: Object) -> Finding:
    root = root_of(face)
    if root.type != "ARMATURE":
        return Finding(
            AMBER, Message("“{name}” has no armature, which VRChat needs to move the avatar.", name=face.name)
        )
    above = face.parent
    while above is not None and above != root:
        above = above.parent
    if above is None:
        return Finding(
            AMBER,
            Message(
                "“{name}” is not under its armature “{armature}”: make that its parent.",
                name=face.name,
                armature=root.name,
            ),
        )
    return Finding(GREEN, Message("“{name}” is under the armature “{armature}”.", name=face.name, armature=root.name))


def _rank(triangles: int) -> Finding:
    rank = next((rank for most, rank in RANKS if triangles <= most), None)
    if rank:
        return Finding(GREEN, Message("{count:,} triangles: rank {rank} on PC.", count=triangles, rank=rank))
    return Finding(
        AMBER,
        Message(
            "{count:,} triangles: rank Very Poor on PC, where {good:,} are Good.", count=triangles, good=RANKS[-1][0]
        ),
    )


def problems(objects: Sequence[Object]) -> list[Message]:
    """One message for each thing that would break lip sync or be lost on export; empty when all is well.

    Groups of keys other than visemes count only once the mesh has one of them.
    """
    found = inventory.take(objects)
    missing = found.missing("visemes")
    if missing == list(VISEMES):
        return [Message("“{name}” has no visemes yet: press Generate Visemes.", name=found.face.name)]
    messages = []
    if missing:
        messages.append(
            Message(
                "“{name}” lacks {names}: VRChat needs all 15 visemes.", name=found.face.name, names=", ".join(missing)
            )
        )
    if found.empty:
        messages.append(
            Message(
                "{names} would be lost on export, because they move nothing: generate them again.",
                names=", ".join(found.empty),
            )
        )
    for name, twin in found.duplicates.items():
        messages.append(
            Message(
                "{name} is the same shape as {twin}, which stops lip sync in VRChat: generate them again.",
                name=name,
                twin=twin,
            )
        )
    return messages
