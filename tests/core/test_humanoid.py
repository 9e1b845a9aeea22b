"""Bones of a humanoid by the names that rigs of all kinds give them."""

import pytest

from blendshape_addon.core.avatar.humanoid import missing_bones

LIMBS = ("upper arm", "lower arm", "hand", "upper leg", "lower leg", "foot")


def rig(middle: str, limbs: str, left: str, right: str) -> list[str]:
    """Bones `middle` and, for each side, `limbs` written in the pattern `left` or `right`."""
    sides = [pattern.format(limb) for limb in limbs.split(", ") for pattern in (left, right)]
    return [*middle.split(", "), *sides]


UNITY = ("Hips, Spine, Chest, Neck, Head", "UpperArm, LowerArm, Hand, UpperLeg, LowerLeg, Foot")
RIGS = {
    "Unity": rig(*UNITY, "Left{}", "Right{}"),
    "VRoid": rig(
        "J_Bip_C_Hips, J_Bip_C_Spine, J_Bip_C_Chest, J_Bip_C_Neck, J_Bip_C_Head", UNITY[1], "J_Bip_L_{}", "J_Bip_R_{}"
    ),
    "Mixamo": rig(
        "mixamorig:Hips, mixamorig:Spine, mixamorig:Spine1, mixamorig:Neck, mixamorig:Head",
        "Arm, ForeArm, Hand, UpLeg, Leg, Foot", "mixamorig:Left{}", "mixamorig:Right{}",
    ),
    "Unreal": rig(
        "pelvis, spine_01, spine_02, neck_01, head", "upperarm, lowerarm, hand, thigh, calf, foot", "{}_l", "{}_r"
    ),
    "Rigify": rig(
        "spine, spine.001, spine.002, spine.003, spine.004, spine.005, spine.006",
        "upper_arm, forearm, hand, thigh, shin, foot", "{}.L", "{}.R",
    ),
    "MakeHuman": rig(
        "root, spine05, spine04, neck01, head", "upperarm01, lowerarm01, wrist, upperleg01, lowerleg01, foot",
        "{}.L", "{}.R",
    ),
    "MMD": rig("センター, 上半身, 上半身2, 首, 頭", "腕, ひじ, 手首, 足, ひざ, 足首", "左{}", "右{}"),
    "Cats": rig("Hips, Spine, Chest, Neck, Head", "arm, elbow, wrist, leg, knee, ankle", "Left {}", "Right {}"),
    "Biped": rig(
        "Bip01 Pelvis, Bip01 Spine, Bip01 Spine1, Bip01 Neck, Bip01 Head", "UpperArm, Forearm, Hand, Thigh, Calf, Foot",
        "Bip01 L {}", "Bip01 R {}",
    ),
    "Character Creator": rig(
        "CC_Base_Hip, CC_Base_Waist, CC_Base_Spine01, CC_Base_NeckTwist01, CC_Base_Head",
        "Upperarm, Forearm, Hand, Thigh, Calf, Foot", "CC_Base_L_{}", "CC_Base_R_{}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGS)
def test_no_bone_of_a_usual_rig_is_missed(name):
    assert missing_bones(RIGS[name]) == []


@pytest.mark.parametrize("name", RIGS)
def test_a_missing_limb_is_named(name):
    number = len(RIGS[name]) - 12
    for limb, place in (("upper arm", number), ("hand", number + 4), ("foot", number + 10)):
        bones = list(RIGS[name])
        del bones[place : place + 2]
        assert missing_bones(bones) == [f"left {limb}", f"right {limb}"]


def test_what_is_no_humanoid_lacks_everything():
    assert missing_bones(["Bone", "Tail_L", "Ear.R", "Hair01"]) == [
        "hips", "spine", "chest", "neck", "head", *(f"{side} {limb}" for limb in LIMBS for side in ("left", "right")),
    ]  # fmt: skip


def test_a_chest_is_a_second_bone_of_the_spine():
    assert missing_bones([bone for bone in RIGS["Unity"] if bone != "Chest"]) == ["chest"]
