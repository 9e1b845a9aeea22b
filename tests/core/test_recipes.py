"""What each shape is made of: bundled recipes, a creator's own, the choice by proportions, and what intensity means."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blendshape_addon.core import pipeline
from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.detection import detect
from blendshape_addon.core.errors import InputError
from blendshape_addon.core.face.face_space import FaceSpace, canonical_landmarks
from blendshape_addon.core.face.features import compute
from blendshape_addon.core.inference import registry
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.refinement import style_offsets
from blendshape_addon.core.style import recipe_file, recipes
from blendshape_addon.core.vocabulary import (
    ALL_SHAPES,
    ARKIT,
    BLINKS,
    CONDITIONS,
    LANDMARK_INDEX,
    VISEMES,
    mirrored,
)

BUNDLED = recipe_file.FILE.read_text(encoding="utf-8")


@pytest.fixture
def own(tmp_path):
    """own(row, preset="natural"): the bundled file with one row of a preset replaced."""

    def make(row, preset="natural"):
        name = row.split("=")[0].strip()
        start = BUNDLED.index(f"[{preset}]")
        line = re.compile(rf"^{re.escape(name)} = .*$", re.MULTILINE).search(BUNDLED, start)
        file = tmp_path / "own.toml"
        file.write_text(BUNDLED[: line.start()] + row + BUNDLED[line.end() :], encoding="utf-8")
        return recipe_file.load(file)

    return make


def parts(style, name):
    """Name to weight of all that is in a shape."""
    row = style.rows[name]
    return {CONDITIONS[i]: float(row[i]) for i in np.flatnonzero(row)}


@pytest.mark.parametrize("preset", recipes.PRESETS)
def test_every_shape_is_made_of_something_and_no_two_visemes_of_the_same(preset):
    style = recipe_file.load()[preset]
    assert set(style.rows) == set(CONDITIONS)
    assert [name for name in CONDITIONS if not style.rows[name].any()] == ["vrc.v_sil"]
    assert len({style.rows[name].tobytes() for name in VISEMES}) == 15


@pytest.mark.parametrize("preset", recipes.PRESETS)
def test_visemes_and_emotions_have_no_side(preset):
    style = recipe_file.load()[preset]
    for name in recipes.RECIPE_SHAPES:
        made = parts(style, name)
        assert {mirrored(part): weight for part, weight in made.items()} == made, name


@pytest.mark.parametrize("preset", recipes.PRESETS)
def test_units_and_blinks_are_themselves(preset):
    style = recipe_file.load()[preset]
    for name in (*ARKIT, *BLINKS[1:]):
        (part,) = parts(style, name).items()
        assert part == (name, 1.0)


def test_each_preset_names_the_style_that_it_is_drawn_in(tmp_path):
    assert {name: style.network_style for name, style in recipe_file.load().items()} == {n: n for n in recipes.PRESETS}
    (tmp_path / "own.toml").write_text('[natural]\nstyle = "soft"\n', encoding="utf-8")
    mine = recipe_file.load(tmp_path / "own.toml")
    assert (mine["natural"].network_style, mine["anime"].network_style) == ("soft", "anime")
    (tmp_path / "own.toml").write_text("[natural]\nstyle = 2\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"own.toml, \[natural\]: style is no name of a style"):
        recipe_file.load(tmp_path / "own.toml")


def test_a_preset_may_be_like_another_but_for_what_it_says(tmp_path):
    (tmp_path / "own.toml").write_text(
        '[anime]\njoy = { jawOpen = 0.5 }\n[anime_wide]\nlike = "anime"\nfun = { mouthSmile = 1.0 }\n', encoding="utf-8"
    )
    mine = recipe_file.load(tmp_path / "own.toml")
    assert mine["anime_wide"].parts["joy"] == mine["anime"].parts["joy"] == {"jawOpen": 0.5}
    assert mine["anime_wide"].parts["fun"] == {"mouthSmile": 1.0} != mine["anime"].parts["fun"]
    assert mine["anime_wide"].preset == "anime_wide" and mine["anime_small"].parts["joy"] != {"jawOpen": 0.5}
    (tmp_path / "own.toml").write_text('[anime]\nlike = "manga"\n', encoding="utf-8")
    with pytest.raises(InputError, match="like is no name of a style: choose from natural, "):
        recipe_file.load(tmp_path / "own.toml")


def test_a_row_is_read_as_it_is_written(own):
    style = own('"vrc.v_th" = { learned = 0.5, jawOpen = 0.25, mouthSmile = 1, browDownLeft = -0.5, "vrc.v_aa" = 2 }')
    assert parts(style["natural"], "vrc.v_th") == {
        "vrc.v_th": 0.5, "jawOpen": 0.25, "mouthSmileLeft": 1.0, "mouthSmileRight": 1.0, "browDownLeft": -0.5,
        "vrc.v_aa": 2.0,
    }  # fmt: skip
    style = own('"vrc.v_th" = { learned = 0.5, "vrc.v_aa" = 2 }', "anime")
    assert parts(style["anime"], "vrc.v_th") == {"vrc.v_th": 0.5, "vrc.v_aa": 2.0}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('"vrc.v_th" = { jawOpne = 0.2 }', "vrc.v_th asks for “jawOpne”"),
        ('"vrc.v_th" = { jawOpen = "much" }', "the weight of “jawOpen” in vrc.v_th is not a number"),
        ('"vrc.v_th" = { jawOpen = true }', "not a number"),
        ('"vrc.v_th" = { jawOpen = nan }', "not a number"),
        ('"vrc.v_th" = 0.3', "the row of vrc.v_th is no list of weights"),
        ("joy = { learned = 1.0 }\nhappy = { learned = 1.0 }", "“happy” is neither a viseme nor an emotion"),
        ("joy = {", "cannot be read"),
    ],
)
def test_a_bad_file_gets_a_sentence(tmp_path, row, said):
    name = row.split("=")[0].strip()
    file = tmp_path / "own.toml"
    file.write_text(re.sub(rf"^{re.escape(name)} = .*$", row, BUNDLED, flags=re.MULTILINE), encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(said)) as caught:
        recipe_file.load(file)
    assert "own.toml" in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_no_text_gets_a_sentence(tmp_path):
    with pytest.raises(InputError, match="nowhere.toml cannot be opened"):
        recipe_file.load(tmp_path / "nowhere.toml")
    (tmp_path / "picture.toml").write_bytes(b"\x89PNG\r\n\xff")
    with pytest.raises(InputError, match="picture.toml cannot be read"):
        recipe_file.load(tmp_path / "picture.toml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# nothing", r"no table of a style, as \[natural\] is"),
        ("[realistic]\njoy = {}", "“realistic” is no style: choose from natural, "),
        ("natural = 3", "it is no table of recipes"),
    ],
)
def test_a_file_of_other_tables_gets_a_sentence(tmp_path, text, said):
    (tmp_path / "other.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=f"other.toml.*{said}"):
        recipe_file.load(tmp_path / "other.toml")


def same(style, other):
    rows = all((style.rows[name] == other.rows[name]).all() for name in CONDITIONS)
    rest = [(one.parts, one.reach, one.opens, one.network_style) for one in (style, other)]
    return rows and rest[0] == rest[1]


def test_a_file_needs_to_hold_only_what_differs(tmp_path):
    (tmp_path / "own.toml").write_text('[anime]\njoy = { jawOpen = 0.5 }\nmouth_opens = { "vrc.v_e" = 0 }\n')
    (tmp_path / "all.toml").write_text(BUNDLED, encoding="utf-8")
    bundled, mine = recipe_file.load(), recipe_file.load(tmp_path / "own.toml")
    assert same(mine["natural"], bundled["natural"])
    assert parts(mine["anime"], "joy") == {"jawOpen": 0.5}
    assert mine["anime"].opens == {name: share for name, share in bundled["anime"].opens.items() if name != "vrc.v_e"}
    assert {n for n in CONDITIONS if (mine["anime"].rows[n] != bundled["anime"].rows[n]).any()} == {"joy"}
    assert all(same(recipe_file.load(tmp_path / "all.toml")[preset], bundled[preset]) for preset in recipes.PRESETS)


WEIGHTS = st.dictionaries(st.sampled_from(recipe_file.words()), st.floats(-3, 3).map(lambda w: round(w, 4)), max_size=4)
TABLE = st.dictionaries(st.sampled_from(recipes.RECIPE_SHAPES), WEIGHTS, min_size=1, max_size=5)
OPENS = st.dictionaries(st.sampled_from(VISEMES), st.floats(0, 1).map(lambda w: round(w, 4)), max_size=3)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.sampled_from(list(recipes.PRESETS)), st.tuples(TABLE, OPENS), min_size=1))
def test_what_is_saved_reads_back(tmp_path_factory, given):
    """What an avatar has of its own, saved by one and given as a file by another, is the same style."""
    changes = {preset: table | ({"mouth_opens": opens} if opens else {}) for preset, (table, opens) in given.items()}
    wanted = recipe_file.load(None, changes)
    file = tmp_path_factory.mktemp("saved") / "shared.toml"
    file.write_text(recipe_file.text(recipe_file.differing(wanted)), encoding="utf-8")
    if any(not same(wanted[preset], recipe_file.load()[preset]) for preset in recipes.PRESETS):
        assert all(same(recipe_file.load(file)[preset], wanted[preset]) for preset in recipes.PRESETS)


def test_an_avatars_own_recipes_are_reported_to_be_its_own():
    with pytest.raises(InputError, match=r"own recipes, \[natural\]: joy asks for “jawOpne”"):
        recipe_file.load(None, {"natural": {"joy": {"jawOpne": 1.0}}})


def with_eyes_and_nose(eyes: float, nose: float) -> np.ndarray:
    """Canonical landmarks with the lids parted `eyes` times as far and the nose's wings `nose` times."""
    points = canonical_landmarks().copy()
    for s in "lr":
        upper, lower = LANDMARK_INDEX[f"lid_upper_mid_{s}"], LANDMARK_INDEX[f"lid_lower_mid_{s}"]
        middle = (points[upper] + points[lower]) / 2
        points[[upper, lower]] = middle + (points[[upper, lower]] - middle) * eyes
        points[LANDMARK_INDEX[f"nose_wing_{s}"], 0] *= nose
    return points


def test_large_eyes_over_a_small_nose_are_anime():
    assert recipes.choose(canonical_landmarks()) == "natural"
    assert recipes.choose(with_eyes_and_nose(1.3, 0.9)) == "natural"
    assert recipes.choose(with_eyes_and_nose(2.6, 0.4)) == "anime"


def test_a_wide_mouth_or_a_nose_far_before_the_eyes_is_an_animals():
    """A muzzle whose mouth's corners are found too near to each other is told by its nose."""
    for name, axis, way in (("nose_tip", 2, 0.3), ("mouth_corner_l", 0, 0.3)):
        points = with_eyes_and_nose(2.6, 0.4)
        assert recipes.choose(points) == "anime"
        points[LANDMARK_INDEX[name], axis] += way
        assert recipes.choose(points) == "animal"


def test_the_choice_is_reported_and_can_be_overruled():
    styles, anime_face = recipe_file.load(), with_eyes_and_nose(2.6, 0.4)
    chosen = recipes.pick(styles, "auto", anime_face)
    assert (chosen.preset, chosen.automatic) == ("anime", True) and "proportions" in chosen.message
    chosen = recipes.pick(styles, "natural", anime_face)
    assert (chosen.preset, chosen.automatic) == ("natural", False) and "as asked" in chosen.message


def known_face(marks: np.ndarray) -> detect.Face:
    space = FaceSpace.of(marks)
    return detect.Face(marks, np.ones(len(marks)), 1.0, space.rotation, space.scale)


def dense(avatar, made: pipeline.GenerationResult) -> np.ndarray:
    """(E, V, 3) offsets of a run."""
    out = np.zeros((len(made.shapes), len(avatar.vertices), 3))
    for row, shape in zip(out, made.shapes, strict=True):
        row[shape.indices] = shape.deltas
    return out


@pytest.fixture(scope="module")
def full(face):
    avatar, marks = face
    return dense(avatar, pipeline.generate(avatar, GenerateOptions(ALL_SHAPES, provider="cpu"), face=known_face(marks)))


@settings(max_examples=3, deadline=None)
@given(st.floats(0.01, 0.99))
def test_intensity_is_the_share_of_the_full_shape(face, full, intensity):
    """Every vertex of every shape lies on the straight line from neutral to the full shape, and nothing else moves."""
    avatar, marks = face
    made = pipeline.generate(
        avatar, GenerateOptions(ALL_SHAPES, intensity=intensity, provider="cpu"), face=known_face(marks)
    )
    assert np.allclose(dense(avatar, made), full * intensity, atol=1e-6)


def test_intensity_0_is_neutral(face):
    avatar, marks = face
    made = pipeline.generate(avatar, GenerateOptions(ALL_SHAPES, intensity=0.0, provider="cpu"), face=known_face(marks))
    assert [len(shape.indices) for shape in made.shapes] == [0] * len(ALL_SHAPES)


def test_half_a_shape_is_not_blamed_for_what_only_the_full_one_does(face):
    """Lips that are apart in neutral meet at full intensity, and at a part of it they need not."""
    avatar, marks = face
    slit = marks[[LANDMARK_INDEX["mouth_corner_l"], LANDMARK_INDEX["lip_upper_inner_mid"]]].mean(0)
    x, y = avatar.vertices[:, 0], avatar.vertices[:, 1] - slit[1]
    vertices = avatar.vertices.copy()
    vertices[:, 1] += 0.04 * np.exp(-((x / 0.2) ** 2) - (y / 0.15) ** 2) * (y > 0.002)
    parted = Avatar(vertices, avatar.triangles, avatar.object_id, avatar.object_names)
    run = {
        share: pipeline.generate(parted, GenerateOptions(["vrc.v_pp"], intensity=share), face=known_face(marks))
        for share in (0.2, 1.0)
    }
    gap = {share: made.report["shapes"][0]["lip_gap_mm"] for share, made in run.items()}
    assert gap[1.0] < 1 < gap[0.2]
    assert run[0.2].report["ok"] and run[1.0].report["ok"]


def test_presets_differ_and_the_report_says_which_was_used(face):
    avatar, marks = face
    run = {}
    for preset in recipes.CHOICES:
        options = GenerateOptions(["vrc.v_aa", "jawOpen"], preset=preset)
        run[preset] = pipeline.generate(avatar, options, face=known_face(marks))
    assert run["auto"].report["style"] == {"preset": "natural", "automatic": True}
    assert run["anime"].report["style"] == {"preset": "anime", "automatic": False}
    natural, anime = (dense(avatar, run[preset]) for preset in ("natural", "anime"))
    assert np.abs(natural[0] - anime[0]).max() > 0.02 and (natural[1] == anime[1]).all()
    assert (dense(avatar, run["auto"]) == natural).all()


def test_own_recipes_are_used_and_an_unknown_preset_is_refused(face, tmp_path):
    avatar, marks = face
    own = re.sub(r"^joy = .*$", "joy = { jawOpen = 0.5 }", BUNDLED, flags=re.MULTILINE)
    (tmp_path / "own.toml").write_text(own, encoding="utf-8")
    names = ["joy", "sorrow", "jawOpen"]
    options = GenerateOptions(names)
    bundled = dense(avatar, pipeline.generate(avatar, options, face=known_face(marks)))
    options = replace(options, own_recipes=tmp_path / "own.toml")
    mine = dense(avatar, pipeline.generate(avatar, options, face=known_face(marks)))
    chin = np.linalg.norm(avatar.vertices - marks[LANDMARK_INDEX["chin_tip"]], axis=1).argmin()
    assert mine[0, chin] == pytest.approx(0.5 * mine[2, chin], abs=1e-3) and mine[2, chin, 1] < -0.1
    assert np.abs(bundled[0, chin] - mine[0, chin]).max() > 0.01
    assert (bundled[1:] == mine[1:]).all()
    with pytest.raises(InputError, match="gothic"):
        GenerateOptions(names, preset="gothic")


def test_anime_visemes_stay_at_the_mouth(face):
    features = compute(*face)
    styles = recipe_file.load()
    offsets = np.ones((2, len(features.index), 3), np.float32)
    style_offsets.keep_near_mouth(features, offsets, ["vrc.v_aa", "jawOpen"], styles["natural"].reach)
    assert (offsets == 1).all()
    style_offsets.keep_near_mouth(features, offsets, ["vrc.v_aa", "jawOpen"], styles["anime"].reach)
    lip, chin = (
        np.linalg.norm(features.positions - features.landmarks[LANDMARK_INDEX[name]], axis=1).argmin()
        for name in ("lip_lower_outer_mid", "chin_tip")
    )
    assert offsets[0, lip].min() > 0.9 and offsets[0, chin].max() < 0.65 and (offsets[1] == 1).all()


def test_a_preset_whose_style_the_model_lacks_is_drawn_in_its_first_style_and_the_report_says_so(face, tmp_path):
    avatar, marks = face
    bundled = registry.load("deformer")
    (tmp_path / "deformer.onnx").write_bytes(bundled.data)
    card = (registry.models_folder() / "deformer.toml").read_text(encoding="utf-8")
    (tmp_path / "deformer.toml").write_text(card.replace('name = "anime"', 'name = "toon"'), encoding="utf-8")
    (tmp_path / "first.toml").write_text('[anime]\nstyle = "natural"\n', encoding="utf-8")
    known, options = known_face(marks), GenerateOptions(("vrc.v_aa",), preset="anime")
    lacking = pipeline.generate(avatar, replace(options, model=tmp_path / "deformer.onnx"), face=known)
    first = pipeline.generate(avatar, replace(options, own_recipes=tmp_path / "first.toml"), face=known)
    assert "The model deformer has no style “anime”: its style “natural” was used." in lacking.report["notes"]
    assert (dense(avatar, lacking) == dense(avatar, first)).all()
    assert not any("no style" in note for note in first.report["notes"])


def test_a_change_of_style_alone_is_not_answered_from_what_was_made_before(face, tmp_path):
    avatar, marks = face
    (tmp_path / "own.toml").write_text('[natural]\nstyle = "anime"\n', encoding="utf-8")
    options = GenerateOptions(("vrc.v_aa",), preset="natural")
    before = pipeline.generate(avatar, options, face=known_face(marks))
    after = pipeline.generate(avatar, replace(options, own_recipes=tmp_path / "own.toml"), analysis=before.analysis)
    assert np.abs(dense(avatar, before) - dense(avatar, after)).max() > 0.02


@pytest.mark.parametrize("reach", ["0.4", "[0.4]", "[0.4, 0]", '[0.4, "wide"]', "[0.4, inf]"])
def test_a_reach_that_is_none_is_refused(own, reach):
    with pytest.raises(InputError, match="mouth_reach is not two numbers"):
        own(f"mouth_reach = {reach}", "anime")


def test_a_file_says_where_lids_meet(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text("[anime_wide]\nlids_meet = 0.25\n")
    assert recipe_file.load(own)["anime_wide"].lids_meet == 0.25
    own.write_text("[anime]\nlids_meet = 1.5\n")
    with pytest.raises(InputError, match="lids_meet is no number from 0 to 1"):
        recipe_file.load(own)


@pytest.mark.parametrize(
    ("opens", "said"),
    [
        ('{ "vrc.v_aa" = -0.1 }', "mouth_opens is no list of numbers"),
        ('{ "vrc.v_aa" = "wide" }', "mouth_opens is no list of numbers"),
        ("0.4", "mouth_opens is no list of numbers"),
        ("{ jawOpen = 0.4 }", "mouth_opens: “jawOpen” is no viseme"),
    ],
)
def test_an_opening_that_is_none_is_refused(own, opens, said):
    with pytest.raises(InputError, match=said):
        own(f"mouth_opens = {opens}", "anime")
