"""Would VRChat take the avatar? In grades and messages for its creator."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Vector

from ...core.avatar import key_names
from ...core.avatar.humanoid import missing_bones
from ...core.messages import Message, join_messages
from ...core.quality.checks import AMBER, GREEN, RED
from ...core.vocabulary import ARKIT, BLINKS, VISEMES
from ..io import transforms
from ..io.mesh_io import Object, root_of
from . import inventory, join

# Triangles of a whole avatar up to which VRChat gives it a rank on PC (creators.vrchat.com, Performance Ranks).
RANKS = ((32_000, "Excellent"), (70_000, "Good"))
# Metres from floor to head: beyond these VRChat's own slider for an avatar's height ends (eyes 0.2 to 5 m).
HEIGHTS = (0.2, 5.0)
TEMPLATES_MESH = "Body"  # where MMD worlds and the common face-tracking templates look for keys
# Names that Unified Expressions have for a blend of others, which they play in its place.
BLENDS = {
    "BrowInnerUp": ("BrowInnerUpLeft", "BrowInnerUpRight"),
    "BrowDownLeft": ("BrowLowererLeft", "BrowPinchLeft"),
    "BrowDownRight": ("BrowLowererRight", "BrowPinchRight"),
    "CheekPuff": ("CheekPuffLeft", "CheekPuffRight"),
    "LipSuckUpper": ("LipSuckUpperLeft", "LipSuckUpperRight"),
    "LipSuckLower": ("LipSuckLowerLeft", "LipSuckLowerRight"),
    "LipFunnel": ("LipFunnelUpperLeft", "LipFunnelUpperRight", "LipFunnelLowerLeft", "LipFunnelLowerRight"),
    "LipPucker": ("LipPuckerUpperLeft", "LipPuckerUpperRight", "LipPuckerLowerLeft", "LipPuckerLowerRight"),
    "MouthLeft": ("MouthUpperLeft", "MouthLowerLeft"),
    "MouthRight": ("MouthUpperRight", "MouthLowerRight"),
    "MouthSmileLeft": ("MouthCornerPullLeft", "MouthCornerSlantLeft"),
    "MouthSmileRight": ("MouthCornerPullRight", "MouthCornerSlantRight"),
}
APART = "apart"  # name of the check that Join into Face Mesh helps
_LOOKS = {  # names, plain, that creators give the lids of both eyes where they look up and down
    "up": ("lookup", "lookingup", "eyeslookup", "eyelookup", "vrclookup", "vrclookingup", "lidslookup"),
    "down": ("lookdown", "lookingdown", "eyeslookdown", "eyelookdown", "vrclookdown", "vrclookingdown", "lidslookdown"),
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, its grade (see core.quality.checks) and what there is to say. name: of the check,
    for those that a button helps."""

    grade: str
    message: Message
    name: str = ""


def readiness(objects: Sequence[Object]) -> list[Finding]:
    """Whether VRChat accepts the avatar of `objects`, and whether all of it will move there."""
    face = inventory.face_of(objects)
    out = [Finding(RED, message) for message in problems(objects)]
    if not out:
        out.append(Finding(GREEN, Message("All 15 visemes are there, none is empty and no two are the same.")))
    out += apart(objects)
    out += _mesh_name(face)
    out += _blends(face)
    out += _eyelids(face)
    out.append(rank(count_triangles(objects)))
    out.append(_place(face))
    out += _skeleton(face)
    out += _height(objects)
    out += [Finding(AMBER, message) for message in transforms.remarks(objects)]
    return out


def verdict(grades: Iterable[str]) -> Message:
    """One line for all that was graded."""
    found = list(grades)
    fix, look = found.count(RED), found.count(AMBER)
    said = []
    if fix:
        said.append(Message("1 thing to fix") if fix == 1 else Message("{count} things to fix", count=fix))
    if look and fix:
        said.append(Message("{count} to look at", count=look))
    elif look:
        said.append(Message("1 thing to look at") if look == 1 else Message("{count} things to look at", count=look))
    return join_messages(said, ", ") if said else Message("Ready for VRChat")


def apart(objects: Sequence[Object]) -> list[Finding]:
    """A finding where meshes beside the face carry keys that VRChat plays on the face alone."""
    separate = join.separate(objects)
    if not separate:
        return []
    return [
        Finding(
            AMBER,
            Message(
                "VRChat plays visemes and eyelids on one mesh, “{face}”: the keys on {names} stay still there. Press "
                "Join into Face Mesh.",
                face=inventory.face_of(objects).name,
                names=", ".join(f"“{obj.name}”" for obj in separate),
            ),
            APART,
        )
    ]


def count_triangles(objects: Sequence[Object]) -> int:
    """Triangles of `objects` after their modifiers."""
    graph = bpy.context.evaluated_depsgraph_get()
    count = 0
    for obj in objects:
        evaluated = obj.evaluated_get(graph)
        size = np.empty(len(evaluated.data.polygons), np.int32)
        evaluated.data.polygons.foreach_get("loop_total", size)
        count += int((size - 2).sum())
    return count


def rank(triangles: int) -> Finding:
    """VRChat's rank on PC of an avatar of so many triangles."""
    found = next((rank for most, rank in RANKS if triangles <= most), None)
    if found:
        return Finding(GREEN, Message("{count:,} triangles: rank {rank} on PC.", count=triangles, rank=found))
    return Finding(
        AMBER,
        Message(
            "{count:,} triangles: rank Very Poor on PC, where {good:,} are Good.", count=triangles, good=RANKS[-1][0]
        ),
    )


def _mesh_name(face: Object) -> list[Finding]:
    keys = _key_names(face)
    users = []
    if keys & set(key_names.written("mmd").values()):
        users.append(Message("MMD worlds"))
    if keys & {*ARKIT, *key_names.written("unified").values()}:
        users.append(Message("face-tracking templates"))
    if not users:
        return []
    who = join_messages(users, " + ")
    if face.name == TEMPLATES_MESH:
        return [Finding(GREEN, Message("The mesh is named Body, where it is looked for: {who}.", who=who))]
    return [
        Finding(
            AMBER,
            Message("Keys are looked for on a mesh named Body ({who}): rename “{name}”.", who=who, name=face.name),
        )
    ]


def _blends(face: Object) -> list[Finding]:
    keys = _key_names(face)
    bare = [name for name, parts in BLENDS.items() if name in keys and not keys.issuperset(parts)]
    if not bare:
        return []
    lacking = sorted({part for name in bare for part in BLENDS[name]} - keys)
    return [
        Finding(
            AMBER,
            Message(
                "Unified Expressions only blend {names} from others: a face-tracking template that plays the parts "
                "misses {parts}.",
                names=", ".join(bare),
                parts=", ".join(lacking),
            ),
        )
    ]


def _eyelids(face: Object) -> list[Finding]:
    """What the avatar descriptor can have as its eyelids."""
    keys = _key_names(face)
    if not keys & set(VISEMES):
        return []
    if not keys & set(BLINKS):
        return [Finding(AMBER, Message("There is no blink for the avatar descriptor's eyelids: press Blink."))]
    plain = {key_names.plain(name): name for name in keys}
    up, down = (next((plain[name] for name in names if name in plain), "") for names in _LOOKS.values())
    if up and down:
        return [
            Finding(
                GREEN,
                Message(
                    "Eyelids in the avatar descriptor: vrc.blink, looking up {up}, looking down {down}.",
                    up=up,
                    down=down,
                ),
            )
        ]
    return [
        Finding(
            GREEN,
            Message("Eyelids in the avatar descriptor: vrc.blink; choose none for looking up and looking down."),
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


def _skeleton(face: Object) -> list[Finding]:
    rig = root_of(face)
    if rig.type != "ARMATURE":
        return []
    missing = missing_bones(bone.name for bone in rig.data.bones)
    if not missing:
        return [Finding(GREEN, Message("All bones that VRChat needs of a humanoid are there, by their names."))]
    return [
        Finding(
            AMBER,
            Message(
                "VRChat needs these bones of a humanoid, and none is named so: {names}. Choose them in Unity under "
                "Rig, Configure.",
                names=", ".join(missing),
            ),
        )
    ]


def _height(objects: Sequence[Object]) -> list[Finding]:
    corners = [obj.matrix_world @ Vector(corner) for obj in objects for corner in obj.bound_box]
    height = float(np.ptp([corner.z for corner in corners]))
    low, high = HEIGHTS
    if low <= height <= high:
        return [Finding(GREEN, Message("The avatar is {height:.2f} m tall.", height=height))]
    return [
        Finding(
            AMBER,
            Message(
                "The avatar is {height:.3g} m tall: scale it, with its armature, to a person's size.", height=height
            ),
        )
    ]


def _key_names(face: Object) -> set[str]:
    keys = face.data.shape_keys
    return set(keys.key_blocks.keys()) if keys else set()


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
