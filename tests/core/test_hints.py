"""Names of every convention are understood, places come out where they were put, and nonsense is not believed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blendshape_addon.core.avatar.hints import Hints, collect, feature_of
from blendshape_addon.core.detection.hint_prior import agree, guesses
from blendshape_addon.core.face.face_space import canonical_landmarks, eye_centres, point
from blendshape_addon.core.vocabulary import LANDMARKS

MARKS = canonical_landmarks()
EYES, MOUTH = eye_centres(MARKS), point(MARKS, "mouth_corner_l", "mouth_corner_r")
RIGS = {
    "unity": ("Hips", "Head", "LeftUpperArm", "RightUpperArm", "LeftEye", "RightEye"),
    "vroid": ("J_Bip_C_Hips", "J_Bip_C_Head", "J_Bip_L_UpperArm", "J_Bip_R_UpperArm", "J_Adj_L_FaceEye",
              "J_Adj_R_FaceEye"),
    "mmd": ("センター", "頭", "左腕", "右腕", "左目", "右目"),
    "mixamo": ("mixamorig:Hips", "mixamorig:Head", "mixamorig:LeftArm", "mixamorig:RightArm", "mixamorig:LeftEye",
               "mixamorig:RightEye"),
    "rigify": ("DEF-spine", "DEF-spine.006", "DEF-upper_arm.L", "DEF-upper_arm.R", "DEF-eye.L", "DEF-eye.R"),
    "character creator": ("CC_Base_Hip", "CC_Base_Head", "CC_Base_L_Upperarm", "CC_Base_R_Upperarm", "CC_Base_L_Eye",
                          "CC_Base_R_Eye"),
    "max biped": ("Bip01 Pelvis", "Bip01 Head", "Bip01 L UpperArm", "Bip01 R UpperArm", "Bip01 LEye", "Bip01 REye"),
}  # fmt: skip


def body(names: tuple[str, ...]) -> dict[str, np.ndarray]:
    places = ([0, -12, -0.8], [0, -1.5, -0.8], [2.5, -4, -0.8], [-2.5, -4, -0.8], *(EYES - [0, 0, 0.2]))
    return dict(zip(names, map(np.array, places), strict=True))


def cloud(*centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A face's worth of vertices and offsets that are largest at `centres`."""
    vertices = np.random.default_rng(0).uniform([-1.2, -2, -0.4], [1.2, 1, 0.4], (4000, 3))
    near = sum(np.exp(-((vertices - c) ** 2).sum(1) / 0.03) for c in centres)
    return vertices, near[:, None] * np.array([0, -0.2, 0.05])


@pytest.mark.parametrize(
    ("kind", "names"),
    {
        "l": "eyeBlinkLeft blink_L Blink.L vrc.blink_left Fcl_EYE_Close_L EyeCloseL ウィンク ウィンク２ ｳｨﾝｸ "
        "まばたき左 Eye_Blink_L",
        "r": "eyeBlinkRight blink_R Fcl_EYE_Close_R ウィンク右 ウィンク２右 ｳｨﾝｸ２右 wink_right EyesCloseR",
        "eyes": "blink Blink Fcl_EYE_Close まばたき eyes_closed EyesClosed eye_close vrc.blink",
        "mouth": "jawOpen vrc.v_aa viseme_PP Fcl_MTH_A あ い う え お A I U E O aa ih oh mouthSmileLeft lip_a "
        "Mouth_Open MouthOpen V_Open JawDrop 口角上げ",
    }.items(),
)
def test_key_names_of_every_convention(kind: str, names: str) -> None:
    assert {name: feature_of(name) for name in names.split()} == dict.fromkeys(names.split(), kind)


@pytest.mark.parametrize(
    "name",
    ("Basis", "Brow_Up", "browInnerUp", "Fcl_BRW_Angry", "eyeball_size", "Body_A", "breast_L", "flip", "EyeLookUpLeft",
     "笑い"),
)  # fmt: skip
def test_keys_that_tell_nothing(name: str) -> None:
    assert feature_of(name) is None


@pytest.mark.parametrize("rig", RIGS)
def test_skeletons_tell_sides_up_and_eyes(rig: str) -> None:
    bones = body(RIGS[rig])
    hints = collect(bones, [], [])
    assert np.allclose(hints.left, [1, 0, 0]) and np.allclose(hints.forward, [0, 0, 1])
    assert np.allclose(hints.head, [0, -1.5, -0.8])
    assert hints.sided and np.allclose(hints.eyes, EYES - [0, 0, 0.2])
    assert agree(hints, MARKS)


def test_keys_put_eyes_and_mouth_where_they_move() -> None:
    keys = [("eyeBlinkLeft", *cloud(EYES[0])), ("eyeBlinkRight", *cloud(EYES[1])), ("jawOpen", *cloud(MOUTH))]
    hints = collect({}, keys, [])
    assert np.abs(hints.eyes - EYES).max() < 0.05 and np.abs(hints.mouth - MOUTH).max() < 0.05
    (guess,) = guesses(hints)
    assert np.abs(eye_centres(guess) - EYES).max() < 0.05
    assert np.median(np.linalg.norm(guess - MARKS, axis=1)) < 0.1
    assert agree(hints, MARKS) and not agree(hints, MARKS + [0.6, 0, 0])


def test_one_key_for_both_eyes_leaves_the_side_open() -> None:
    keys = [("Blink", *cloud(*EYES)), ("A", *cloud(MOUTH))]
    hints = collect({}, keys, [])
    assert not hints.sided
    assert min(np.abs(eye_centres(guess) - EYES).max() for guess in guesses(hints)) < 0.05
    with_bones = collect(body(RIGS["unity"]), keys, [])
    assert with_bones.sided and np.abs(with_bones.eyes - EYES).max() < 0.05


def test_named_objects_stand_in_for_keys() -> None:
    parts = [("Eye_L", EYES[:1] + np.eye(3) * 0.1), ("Eye_R", EYES[1:] + np.eye(3) * 0.1), ("Teeth", MOUTH + np.eye(3))]
    hints = collect({}, [], parts)
    assert np.abs(hints.eyes - EYES).max() < 0.11
    assert np.allclose(hints.mouth, MOUTH + 0.5)


def test_nothing_known_gives_no_guess() -> None:
    assert guesses(Hints()) == [] and not agree(Hints(), MARKS)
    nothing = (np.zeros((5, 3)), np.zeros((5, 3)))
    assert collect({"Bone": np.zeros(3)}, [("blink_L", *nothing), ("A", *nothing)], [("Cube", np.eye(3))]) == Hints()


def test_a_key_that_moves_one_vertex_tells_no_pair_of_eyes() -> None:
    one = (EYES[:1], np.array([[0, -0.1, 0]]))
    assert guesses(collect({}, [("Blink", *one), ("A", *cloud(MOUTH))], [])) == []


def test_eyes_and_mouth_that_make_no_face_give_no_guess() -> None:
    assert guesses(Hints(eyes=EYES, sided=True, mouth=np.array([0, -9.0, 0]))) == []
    assert guesses(Hints(eyes=EYES[[0, 0]], sided=True, mouth=MOUTH)) == []


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.floats(-2, 2))
def test_hints_follow_the_avatar(seed: int, power: float) -> None:
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    place = rotation * np.sign(np.linalg.det(rotation)) * 10**power
    move = rng.normal(size=3) * 10**power
    bones = body(RIGS["vroid"])
    vertices, offsets = cloud(MOUTH)
    here = collect(bones, [("aa", vertices, offsets)], [])
    moved_bones = {name: place @ joint + move for name, joint in bones.items()}
    there = collect(moved_bones, [("aa", vertices @ place.T + move, offsets @ place.T)], [])
    assert np.allclose(there.mouth, place @ here.mouth + move, atol=1e-6 * 10**power)
    assert np.allclose(there.eyes, here.eyes @ place.T + move, atol=1e-6 * 10**power)
    assert np.allclose(there.forward, place @ here.forward / 10**power)
    assert len(LANDMARKS) == len(guesses(there)[0])


def test_the_order_of_objects_does_not_matter():
    parts = [("Teeth_Upper", np.array([(0.0, 1.7, 0.1)])), ("Teeth_Lower", np.array([(0.0, 1.6, 0.1)]))]
    first, second = (collect({}, [], order) for order in (parts, parts[::-1]))
    assert np.array_equal(first.mouth, second.mouth)
