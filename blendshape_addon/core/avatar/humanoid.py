"""Which bones of a humanoid an armature has, by the names that creators use.

VRChat's SDK refuses a humanoid without these bones, which Unity maps by their names: hips, spine, chest, neck and head,
and on either side upper arm, lower arm, hand, upper leg, lower leg and foot. Names of Unity, VRM and VRoid, Mixamo,
Unreal, 3ds Max Biped, Character Creator, MakeHuman, Rigify and MMD are known, and those that Blender tools for VRChat
give.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .hints import plain_bone, plain_limb, side_of

_HIPS = re.compile(r"hips?|pelvis|root|センター|下半身|腰")
_SPINE = re.compile(r"(?:abdomen|spine|(?:upper|lower)?chest|waist|torso|上半身)(?:\d|twist)*|abdomen(?:upper|lower)")
_NECK = re.compile(r"neck(?:\d|twist|lower)*|首|spine00[45]")
_HEAD = re.compile(r"head|頭|spine006")
# Stem without the side, for each bone that there is one of on either side.
_LIMBS = {
    "upper arm": re.compile(r"upperarm(?:bend)?\d*|uparm|arm|shldr(?:bend)?|腕"),
    "lower arm": re.compile(r"(?:lower|fore)arm(?:bend)?\d*|elbow|ひじ|肘"),
    "hand": re.compile(r"hand\d*|wrist|手首"),
    "upper leg": re.compile(r"(?:upper|up)leg\d*|thigh(?:bend)?\d*|leg|足"),
    "lower leg": re.compile(r"(?:lower)?leg\d*|calf|shin|knee|ひざ|膝"),
    "foot": re.compile(r"foot\d*|ankle|足首"),
}
_SIDE_NAMES = {"l": "left", "r": "right"}


def missing_bones(bones: Iterable[str]) -> list[str]:
    """Names, in English, of the bones of a humanoid that none of `bones` is by its name."""
    names = list(bones)
    middle = [plain_bone(name) for name in names if side_of(name) is None]
    limbs = {(side, plain_limb(name)) for name in names if (side := side_of(name))}
    hips = any(_HIPS.fullmatch(name) for name in middle)
    spine = sum(bool(_SPINE.fullmatch(name)) for name in middle)
    found = {
        "hips": hips or spine > 2,  # the lowest bone of a spine stands for the hips, as in Rigify
        "spine": spine > 0,
        "chest": spine > 1,
        "neck": any(_NECK.fullmatch(name) for name in middle),
        "head": any(_HEAD.fullmatch(name) for name in middle),
    }
    for limb, pattern in _LIMBS.items():
        for side, word in _SIDE_NAMES.items():
            found[f"{word} {limb}"] = any(where == side and pattern.fullmatch(stem) for where, stem in limbs)
    return [bone for bone, there in found.items() if not there]


def limb_bones(bones: Iterable[str]) -> dict[tuple[str, str], str]:
    """The bone of each limb that one of `bones`, parents first, is by its name: (side, limb) to its name.

    A name that may mean two limbs, such as Left leg, is the upper one where there is another for the lower.
    """
    names = list(bones)
    found: dict[tuple[str, str], str] = {}
    for limb, pattern in _LIMBS.items():
        for side, word in _SIDE_NAMES.items():
            for name in names:
                if side_of(name) == side and pattern.fullmatch(plain_limb(name)) and name not in found.values():
                    found[word, limb] = name
                    break
    return found


def middle_bones(bones: Iterable[str]) -> dict[str, str]:
    """The first of `bones`, parents first, that is the neck and the head by its name."""
    middle = [name for name in bones if side_of(name) is None]
    found = {
        part: next((name for name in middle if pattern.fullmatch(plain_bone(name))), None)
        for part, pattern in (("neck", _NECK), ("head", _HEAD))
    }
    return {part: name for part, name in found.items() if name is not None}
