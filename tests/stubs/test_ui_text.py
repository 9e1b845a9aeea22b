"""Words on lines of a width."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blendshape_addon.blender.ui_text import wrap

ENGLISH = "No face was found: nothing on this avatar looks like two eyes above a nose and a mouth."
JAPANESE = "顔が見つかりませんでした。鼻と口の上に2つの目がある形が、このアバターには見当たりません。"
KOREAN = "얼굴을 찾지 못했습니다. 이 아바타에는 코와 입 위에 두 눈이 있는 모양이 없습니다."


@pytest.mark.parametrize(("words", "between"), [(ENGLISH, " "), (JAPANESE, ""), (KOREAN, " ")])
def test_lines_fit_and_lose_nothing(words, between):
    lines = wrap(words, 24)
    assert len(lines) > 3 and between.join(lines) == words
    assert max(sum(1 + (letter > "\u1100") for letter in line) for line in lines) <= 24
    assert not [line for line in lines if line[0] in "、。ょっーィ"]


def test_what_opens_a_name_stays_with_it():
    assert wrap("“Body” is under the armature “Armature”.", 31) == ["“Body” is under the armature", "“Armature”."]


@given(st.text(alphabet="ab 漢字かなャー。、「」한글.“”(", max_size=80), st.integers(4, 30))
def test_no_letter_is_lost(words, width):
    assert re.sub(r"\s", "", "".join(wrap(words, width))) == re.sub(r"\s", "", words)
