"""Names and orders: expressions that a shape key can carry, and landmarks of a face.

Every other module takes its names from here, training included.
"""

from __future__ import annotations

from .errors import InputError

# Files that avatars come in, as Blender reads them.
READABLE = (".blend", ".glb", ".gltf", ".vrm", ".fbx", ".obj")

VISEME_SOUNDS = ("sil", "pp", "ff", "th", "dd", "kk", "ch", "ss", "nn", "rr", "aa", "e", "ih", "oh", "ou")
VISEMES = tuple(f"vrc.v_{sound}" for sound in VISEME_SOUNDS)
VOWELS = VISEMES[-5:]
# Consonants but PP, whose lips meet, and what says nothing: how far they open a mouth is a matter of style.
CONSONANTS = VISEMES[2:-5]
EMOTIONS = ("angry", "fun", "joy", "sorrow", "surprised")
BLINKS = ("vrc.blink", "vrc.blink_left", "vrc.blink_right")

# Apple's spelling and Apple's order (ARFaceAnchor.BlendShapeLocation).
ARKIT = (
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft",
    "eyeSquintLeft", "eyeWideLeft",
    "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight",
    "eyeSquintRight", "eyeWideRight",
    "jawForward", "jawLeft", "jawRight", "jawOpen",
    "mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight",
    "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight",
    "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft", "mouthLowerDownRight",
    "mouthUpperUpLeft", "mouthUpperUpRight",
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight",
    "tongueOut",
)  # fmt: skip
MOUTH_UNITS = tuple(name for name in ARKIT if name.startswith(("jaw", "mouth")))

# What Unified Expressions, the standard of VRCFaceTracking, have and ARKit lacks, in their spelling and their order.
# Left out are their shapes that no tracker drives and that lie in the throat or on the neck.
_UNIFIED_SIDES = (
    "EyeDilation", "EyeConstrict", "BrowPinch", "BrowLowerer", "BrowInnerUp", "NasalDilation", "NasalConstrict",
    "CheekPuff", "CheekSuck", "LipSuckUpper", "LipSuckLower", "LipSuckCorner", "LipFunnelUpper", "LipFunnelLower",
    "LipPuckerUpper", "LipPuckerLower", "MouthUpperDeepen", "MouthUpper", "MouthLower", "MouthCornerPull",
    "MouthCornerSlant", "MouthTightener",
)  # fmt: skip
_UNIFIED_JAW = ("JawBackward", "JawClench", "JawMandibleRaise")
_UNIFIED_TONGUE = (
    "TongueUp", "TongueDown", "TongueLeft", "TongueRight", "TongueRoll", "TongueBendDown", "TongueCurlUp",
    "TongueSquish", "TongueFlat", "TongueTwistLeft", "TongueTwistRight",
)  # fmt: skip
UNIFIED = (
    tuple(f"{name}{side}" for name in _UNIFIED_SIDES for side in ("Left", "Right")) + _UNIFIED_JAW + _UNIFIED_TONGUE
)

GROUPS = {"visemes": VISEMES, "emotions": EMOTIONS, "blink": BLINKS, "arkit": ARKIT, "unified": UNIFIED}
# The order of shape keys below Basis: of what Generate All makes, and of every shape that has a name here.
ALL_SHAPES = VISEMES + EMOTIONS + BLINKS + ARKIT
KNOWN_SHAPES = ALL_SHAPES + UNIFIED

# What the deformer learns, and what each number of its input `expression` weighs. `vrc.blink` is the sum of its halves.
CONDITIONS = VISEMES + EMOTIONS + ("vrc.blink_left", "vrc.blink_right") + ARKIT


def mirrored(name: str) -> str:
    """The same expression or landmark on the other side of the face; itself if it lies on the middle."""
    swaps = (("Left", "Right"), ("_left", "_right"), ("_l", "_r"))
    for left, right in swaps:
        if name.endswith(left):
            return name[: -len(left)] + right
        if name.endswith(right):
            return name[: -len(right)] + left
    return name


# For each of CONDITIONS the index of the same one on the other side.
CONDITION_MIRROR = tuple(CONDITIONS.index(mirrored(name)) for name in CONDITIONS)


def shapes_of(groups: str) -> tuple[str, ...]:
    """Shape names of a comma-separated list of groups, in key order.

    Raises InputError for a group that does not exist.
    """
    wanted = [group.strip() for group in groups.split(",") if group.strip()]
    unknown = [group for group in wanted if group not in GROUPS]
    if unknown or not wanted:
        raise InputError(
            "Unknown shapes “{names}”: choose from {choices}, separated by commas.",
            names=", ".join(unknown) or groups,
            choices=", ".join(GROUPS),
        )
    return tuple(name for group in GROUPS if group in wanted for name in GROUPS[group])


# Landmarks: points on the skin. `_l` is the avatar's own left (+x when it faces +z with +y up).
_PAIRED = (
    "brow_inner", "brow_mid", "brow_outer",
    "eye_inner", "eye_outer",
    "lid_upper_in", "lid_upper_mid", "lid_upper_out",
    "lid_lower_in", "lid_lower_mid", "lid_lower_out",
    "nose_wing", "mouth_corner",
    "lip_upper_outer", "lip_lower_outer", "lip_upper_inner", "lip_lower_inner",
    "cheek", "jaw_angle",
)  # fmt: skip
_MIDDLE = (
    "forehead", "nose_bridge", "nose_tip", "nose_base",
    "lip_upper_outer_mid", "lip_lower_outer_mid", "lip_upper_inner_mid", "lip_lower_inner_mid",
    "chin_tip", "chin_under",
)  # fmt: skip
LANDMARKS = tuple(f"{name}_{side}" for name in _PAIRED for side in "lr") + _MIDDLE
LANDMARK_INDEX = {name: i for i, name in enumerate(LANDMARKS)}
LANDMARK_MIRROR = tuple(LANDMARK_INDEX[mirrored(name)] for name in LANDMARKS)
