"""Strengths of groups and shapes, and masks: what the shapes become by them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_recipes import dense, known_face

from blendshape_addon.core import pipeline
from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.errors import InputError
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.style.parameters import STYLE
from blendshape_addon.core.style.tuning import EVERY, Tuning, strengths_of, waiting
from blendshape_addon.core.vocabulary import GROUPS, LANDMARK_INDEX

NAMES = ["vrc.v_aa", "vrc.v_pp", "joy", "vrc.blink", "vrc.blink_left", "mouthSmileLeft"]


@pytest.fixture(scope="module")
def analysis(face):
    return pipeline.analyse(face[0], face=known_face(face[1]), provider="cpu")


def run(face, analysis, tuning=None, names=NAMES, **how):
    return pipeline.generate(
        face[0], GenerateOptions(names, provider="cpu", tuning=tuning or Tuning(), **how), analysis=analysis
    )


@pytest.mark.parametrize("intensity", [1.0, 0.37])
def test_a_strength_of_1_changes_nothing_at_all(face, analysis, intensity):
    ones = Tuning(dict.fromkeys((*GROUPS, *NAMES), 1.0), {EVERY: np.ones(len(face[0].vertices), np.float32)})
    plain, tuned = (run(face, analysis, tuning, intensity=intensity) for tuning in (None, ones))
    for one, other in zip(plain.shapes, tuned.shapes, strict=True):
        assert (one.indices == other.indices).all() and one.deltas.tobytes() == other.deltas.tobytes()


@settings(max_examples=5, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_up_to_1_a_shape_is_the_product_of_all_strengths(face, analysis, overall, group, own):
    whole = dense(face[0], run(face, analysis))
    made = dense(face[0], run(face, analysis, Tuning({"visemes": group, "vrc.v_aa": own}), intensity=overall))
    for number, name in enumerate(NAMES):
        share = overall * (group if name.startswith("vrc.v_") else 1) * (own if name == "vrc.v_aa" else 1)
        assert np.allclose(made[number], whole[number] * share, atol=1e-6)


def test_over_1_a_shape_grows_and_lips_still_meet(face, analysis):
    plain, strong = run(face, analysis), run(face, analysis, Tuning({"visemes": 1.5, "joy": 1.5}))
    peak = [{row["name"]: row["peak_mm"] for row in made.report["shapes"]} for made in (plain, strong)]
    for name in ("vrc.v_aa", "joy"):
        assert 1.3 < peak[1][name] / peak[0][name] < 1.6
    gap = {row["name"]: row["lip_gap_mm"] for row in strong.report["shapes"]}
    assert gap["vrc.v_pp"] < 0.5
    assert peak[1]["mouthSmileLeft"] == peak[0]["mouthSmileLeft"]
    assert strong.report["tuning"]["strengths"] == {"visemes": 1.5, "joy": 1.5}


def test_a_blink_may_be_stronger_than_its_halves(face, analysis):
    made = dense(face[0], run(face, analysis, Tuning({"vrc.blink": 0.5})))
    both, left = made[NAMES.index("vrc.blink")], made[NAMES.index("vrc.blink_left")]
    only_left = np.abs(left).max(1) > 0.05
    assert np.allclose(both[only_left], left[only_left] / 2, atol=1e-5)


def test_a_mask_scales_what_it_covers_and_the_shapes_own_comes_first(face, analysis):
    avatar, marks = face
    half = (avatar.vertices[:, 1] < marks[LANDMARK_INDEX["nose_tip"], 1]).astype(np.float32)
    masks = {EVERY: half, "joy": np.full(len(half), 0.25, np.float32)}
    plain, masked = dense(avatar, run(face, analysis)), dense(avatar, run(face, analysis, Tuning(masks=masks)))
    for number, name in enumerate(NAMES):
        share = masks.get(name, half)[:, None]
        assert np.allclose(masked[number], plain[number] * share, atol=1e-6)
        assert not masked[number][share[:, 0] == 0].any()
    made = run(face, analysis, Tuning(masks={"vrc.v_aa": np.zeros(len(half), np.float32)}), names=["vrc.v_aa"])
    assert made.report["tuning"]["masks"] == ["vrc.v_aa"] and len(made.shapes[0].indices) == 0
    assert "mouth opens" not in made.report["shapes"][0]["checks"]


def test_a_mask_opens_no_seam():
    """Two objects that share an edge, one masked: what shares a place moves alike."""
    square = np.array([(0.0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)])
    triangles = np.array([(0, 1, 2), (0, 2, 3)], np.int32)
    avatar = Avatar(np.concatenate([square, square + [1, 0, 0]]), np.concatenate([triangles, triangles + 4]),
                    np.repeat([0, 1], 4).astype(np.int32), ("A", "B"))  # fmt: skip
    mask = np.array([0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1], np.float32)
    found = Tuning(masks={"joy": mask}).along_seams(avatar)["joy"]
    assert found == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.4, 1, 1, 0.6])


def test_a_list_of_strengths_is_read():
    assert strengths_of(" visemes=0.8, vrc.v_aa = 2,") == {"visemes": 0.8, "vrc.v_aa": 2.0}
    assert strengths_of("") == {}
    given = Tuning({"joy": 0.5, "blink": 0.3}).over({"joy": 0.9}, asymmetric=True)
    assert (given.strength("joy"), given.strength("vrc.blink"), given.asymmetric) == (0.9, 0.3, True)


@pytest.mark.parametrize(
    ("given", "said"),
    [("happy=0.3", "“happy” is neither a shape nor a group"), ("joy=much", "“joy=much” is no strength"),
     ("joy", "“joy” is no strength"), ("joy=-1", "strength of joy is -1.0"), ("joy=nan", "strength of joy is nan"),
     (f"joy={STYLE.max_strength + 0.1}", "from 0 to 2")],
)  # fmt: skip
def test_a_strength_that_is_none_gets_a_sentence(given, said):
    with pytest.raises(InputError, match=said):
        strengths_of(given)


def test_what_waits_is_what_was_changed_since_a_shape_was_made():
    names = ["vrc.v_aa", "vrc.v_oh", "joy"]
    mask = np.ones(5, np.float32)
    before = Tuning({"visemes": 0.9}, {"joy": mask})
    made = {name: before.of_shape(name) for name in names}
    assert waiting(before, made) == ([], 0)
    assert json.loads(json.dumps(made)) == made
    assert waiting(Tuning({"visemes": 0.8}, {"joy": mask}), made) == (["vrc.v_aa", "vrc.v_oh"], 1)
    assert waiting(Tuning({"visemes": 0.9, "joy": 0.5}, {"joy": mask * 0.5}), made) == (["joy"], 2)
    assert waiting(replace(before, asymmetric=True), made) == (names, 1)
    recipe = {"natural": {"joy": {"mouthSmile": 1.0}}, "anime": {"joy": {"mouthSmile": 0.5}}}
    assert waiting(replace(before, changes=recipe), made) == (["joy"], 1)
    assert waiting(Tuning({"visemes": 0.9}), {name: {} for name in names}) == (["vrc.v_aa", "vrc.v_oh"], 1)
