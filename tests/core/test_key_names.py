"""Keys of every convention are recognised by exact name, and none is taken for two shapes."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blendshape_addon.core.avatar import hints, key_names
from blendshape_addon.core.errors import InputError
from blendshape_addon.core.vocabulary import ALL_SHAPES, ARKIT, BLINKS, EMOTIONS, VISEMES

VOWELS = {"vrc.v_aa", "vrc.v_e", "vrc.v_ih", "vrc.v_oh", "vrc.v_ou"}
FACE = VOWELS | set(EMOTIONS) | set(BLINKS)
ALL_NAMES = sorted(
    (name, shape)
    for rows in key_names.conventions().values() for shape, names in rows.items() for name in names
)  # fmt: skip


@pytest.mark.parametrize(
    ("convention", "shapes"),
    [
        ("vrchat", {*VISEMES, *EMOTIONS, *BLINKS}),
        ("arkit", set(ARKIT)),
        ("oculus", set(VISEMES)),
        ("vroid", FACE),
        ("vrm1", FACE),
        ("vrm0", FACE),
        ("mmd", FACE),
        ("mmd_worlds", FACE),
        ("unified", set(ARKIT)),
    ],
)
def test_a_convention_is_complete(convention, shapes):
    assert set(key_names.conventions()[convention]) == shapes
    assert all(key_names.conventions()[convention].values())


def test_no_name_has_two_meanings():
    meanings = defaultdict(set)
    for name, shape in ALL_NAMES:
        meanings[key_names.plain(name)].add(shape)
    assert not {name: shapes for name, shapes in meanings.items() if len(shapes) > 1}


def test_every_name_is_recognised_as_its_shape():
    assert {key_names.recognise(name) == shape for name, shape in ALL_NAMES} == {True}
    assert {shape for _, shape in ALL_NAMES} == set(ALL_SHAPES)


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("Face.M_F00_000_00_Fcl_MTH_A", "vrc.v_aa"),
        ("Fcl_EYE_Close_L", "vrc.blink_left"),
        ("head_blendShape.eyeBlink_L", "eyeBlinkLeft"),
        ("Mouth_Smile_R", "mouthSmileRight"),
        ("JawOpen", "jawOpen"),
        ("VRC.V_AA", "vrc.v_aa"),
        ("viseme_U", "vrc.v_ou"),
        ("ｳｨﾝｸ２右", "vrc.blink_right"),
        ("びっくり", "surprised"),
        ("Blink", "vrc.blink"),
        ("blink.R", "vrc.blink_right"),
        ("EyeClosedLeft", "eyeBlinkLeft"),
        ("LipSuckUpper", "mouthRollUpper"),
    ],
)
def test_names_as_files_have_them(key, shape):
    assert key_names.recognise(key) == shape


@pytest.mark.parametrize(
    "key", ["", "Basis", "Hand.A", "Fcl_BRW_Angry", "Fcl_MTH_Joy", "Shrink_Body", "mouthSmile", "あ２", "口", "_", "."]
)
def test_other_keys_are_nothing(key):
    assert key_names.recognise(key) is None


@given(st.sampled_from(ALL_NAMES), st.data())
def test_case_and_separators_do_not_matter(alias, data):
    name, shape = alias
    letters = [data.draw(st.sampled_from((letter, letter.upper(), letter.lower()))) for letter in name]
    breaks = data.draw(st.lists(st.sampled_from(("", "", "_", " ", "-")), min_size=len(name), max_size=len(name)))
    assert key_names.recognise("".join(a + b for a, b in zip(letters, breaks, strict=True))) == shape


@given(st.text())
def test_any_text_is_a_known_shape_or_nothing(key):
    assert key_names.recognise(key) in {None, *ALL_SHAPES}


def test_names_to_write():
    assert key_names.written("mmd")["vrc.blink_right"] == "ｳｨﾝｸ２右" and key_names.written("mmd")["joy"] == "笑い"
    assert key_names.written("unified")["mouthSmileLeft"] == "MouthSmileLeft"
    assert set(key_names.written("vrm1")) == FACE - {"angry", "surprised"}  # these two have the same name there
    for convention in key_names.WRITABLE:
        names = key_names.written(convention)
        assert len(set(names.values())) == len(names)
        assert {key_names.recognise(name) for name in names.values()} == set(names)
    with pytest.raises(InputError, match="maya"):
        key_names.written("maya")


def test_the_first_convention_counts_where_a_mesh_follows_several():
    keys = ["あ", "A", "vrc.v_aa", "笑い", "Joy", "ウィンク", "ウィンク2", "Hat"]
    assert key_names.pick(keys) == {"vrc.v_aa": "vrc.v_aa", "joy": "Joy", "vrc.blink_left": "ウィンク2"}
    assert list(key_names.pick(["jawOpen", "Fun", "aa"])) == ["vrc.v_aa", "fun", "jawOpen"]


def test_what_a_key_is_agrees_with_the_hint_where_it_acts():
    where = {"vrc.blink": "eyes", "vrc.blink_left": "l", "vrc.blink_right": "r"} | dict.fromkeys(VOWELS, "mouth")
    assert {name: hints.feature_of(name) for name, shape in ALL_NAMES if shape in where} == {
        name: where[shape] for name, shape in ALL_NAMES if shape in where
    }


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("EyeBlinkLeft", "eyeBlinkLeft"), ("eyeBlink_L", "eyeBlinkLeft"), ("VRC.V_AA", "vrc.v_aa"),
        ("Body.viseme_aa", "vrc.v_aa"), ("EyeClosedRight", "eyeBlinkRight"), ("VRC_Blink", "vrc.blink"),
    ],
)  # fmt: skip
def test_other_spellings_of_a_key_are_known(key, shape):
    assert key_names.respelled([key, shape]) == {key: shape}


def test_names_that_other_programs_play_are_no_other_spelling():
    assert key_names.respelled(["あ", "まばたき", "Fcl_MTH_A", "blinkLeft", "vrc.v_aa", "joy", "smile", "Hand.A"]) == {}
