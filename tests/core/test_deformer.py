"""From features to checked shapes, with a real ONNX network small enough to reason about, and the shipped one."""

import hashlib

import numpy as np
import pytest

from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.errors import InputError, ModelError
from blendshape_addon.core.face import slits
from blendshape_addon.core.face.anatomy import FaceAnatomy
from blendshape_addon.core.face.face_space import EYE_DISTANCE_MM
from blendshape_addon.core.face.features import compute
from blendshape_addon.core.inference import deformer, registry
from blendshape_addon.core.inference.session import open_session
from blendshape_addon.core.quality import measures, report
from blendshape_addon.core.refinement import refine
from blendshape_addon.core.style import recipe_file
from blendshape_addon.core.vocabulary import ALL_SHAPES, CONDITIONS, LANDMARK_INDEX, mirrored, shapes_of

STYLE = recipe_file.load()["natural"]
STYLES = deformer.styles(registry.load("deformer"))
NATURAL = np.eye(len(STYLES))[0]  # of the shipped model's styles


@pytest.fixture(scope="module")
def session():
    return open_session(registry.load("deformer"), "cpu")


def test_every_shape_has_a_condition_and_a_mirror():
    assert set(ALL_SHAPES) - {"vrc.blink"} == set(CONDITIONS) == {mirrored(name) for name in CONDITIONS}
    assert mirrored("mouthSmileLeft") == "mouthSmileRight" and mirrored("vrc.blink_right") == "vrc.blink_left"


def test_groups_come_in_key_order_and_unknown_ones_are_named():
    assert shapes_of("blink,visemes")[0] == "vrc.v_sil" and len(shapes_of("visemes,emotions,blink,arkit")) == 75
    with pytest.raises(InputError, match="smiles"):
        shapes_of("visemes,smiles")


def test_the_jaw_opens_the_mouth_of_a_face_it_never_saw(session, features):
    (offset,) = deformer.offsets(session, features, STYLE.weights(["jawOpen"]), NATURAL)
    mouth = slits.find_slit(features, 0)
    assert measures.lip_gap(features, features.positions, mouth) < 1
    assert measures.lip_gap(features, features.positions + offset, mouth) > 6
    brow = np.linalg.norm(features.positions - features.landmarks[LANDMARK_INDEX["brow_mid_l"]], axis=1).argmin()
    assert np.linalg.norm(offset[brow]) < 0.1 * np.linalg.norm(offset, axis=1).max()


def test_left_is_the_mirror_of_right_on_a_symmetric_face(session, face, features):
    left, right = deformer.offsets(session, features, STYLE.weights(["mouthSmileLeft", "mouthSmileRight"]), NATURAL)
    size = np.linalg.norm(left, axis=1)
    assert features.positions[size > 0.5 * size.max(), 0].min() > 0
    # The mask is a symmetric grid: find each vertex's twin.
    order = np.lexsort(np.round(features.positions, 4).T[::-1])
    twin = np.lexsort(np.round(features.positions * [-1, 1, 1], 4).T[::-1])
    # The grid's diagonals are not symmetric, so the side fields differ a little from twin to twin.
    difference = np.linalg.norm(left[order] - (right * [-1, 1, 1])[twin], axis=1) * EYE_DISTANCE_MM
    assert difference.mean() < 0.1 and difference.max() < 1.5


def test_shapes_do_not_depend_on_vertex_order(session, face, features):
    avatar, marks = face
    shuffle = np.random.default_rng(0).permutation(len(avatar.vertices))
    back = np.argsort(shuffle)
    other = Avatar(avatar.vertices[shuffle], back[avatar.triangles].astype(np.int32), avatar.object_id, ("Face",))
    (expected,) = deformer.offsets(session, features, STYLE.weights(["vrc.v_aa"]), NATURAL)
    shuffled = compute(other, marks)
    (offset,) = deformer.offsets(session, shuffled, STYLE.weights(["vrc.v_aa"]), NATURAL)
    dense = np.zeros((len(avatar.vertices), 3))
    dense[shuffle[shuffled.index]] = offset
    assert np.abs(dense[features.index] - expected).max() * EYE_DISTANCE_MM < 0.2


def test_motion_too_short_to_see_becomes_exact_zero_and_the_rest_stays(features, face):
    offsets = np.zeros((1, len(features.index), 3), np.float32)
    offsets[0, :, 1] = 0.04 / EYE_DISTANCE_MM
    offsets[0, 5, 1] = 1.0 / EYE_DISTANCE_MM
    refined = refine.refine(FaceAnatomy(face[0], features), offsets.copy(), ["jawOpen"])
    moved = np.flatnonzero(refined[0].any(1))
    assert (moved == [5]).all() and np.allclose(refined[0, 5], offsets[0, 5])


def test_seam_twins_move_as_one(face):
    avatar, marks = face
    split = Avatar(
        np.concatenate([avatar.vertices, avatar.vertices]),
        np.where(
            np.arange(len(avatar.triangles))[:, None] % 2, avatar.triangles, avatar.triangles + len(avatar.vertices)
        ),
        np.zeros(2 * len(avatar.vertices), int),
        ("Face",),
    )
    features = compute(split, marks)
    noise = np.random.default_rng(1).normal(0, 0.02, (1, len(features.index), 3)).astype(np.float32)
    refined = refine.refine(FaceAnatomy(split, features), noise, ["jawOpen"])[0]
    dense = np.zeros((len(split.vertices), 3))
    dense[features.index] = refined
    half = len(avatar.vertices)
    assert np.allclose(dense[:half], dense[half:], atol=1e-7) and np.abs(dense).max() > 0


def test_a_crumpled_shape_fails_its_check_and_a_smooth_one_passes(face, features):
    smooth = np.zeros((len(features.index), 3), np.float32)
    smooth[:, 1] = -0.1 * np.exp(-((features.positions - [0, -1.3, 0]) ** 2).sum(1) / 0.1)
    crumpled = smooth + np.random.default_rng(0).normal(0, 0.08, smooth.shape).astype(np.float32)
    anatomy, offsets = FaceAnatomy(face[0], features), np.stack([smooth, crumpled])
    good, bad = report.examine(anatomy, ["jawOpen", "jawLeft"], offsets, 1.0)
    assert good.ok and not bad.ok
    assert any("inside out" in note for note in bad.notes)


def test_equal_visemes_are_named(face, features):
    same = np.zeros((2, len(features.index), 3), np.float32)
    same[:, :40] = 0.05
    rows = report.examine(FaceAnatomy(face[0], features), ["vrc.v_e", "vrc.v_ih"], same, 1.0)
    assert not rows[0].checks["distinct"] and "vrc.v_ih" in rows[0].notes[-1]


@pytest.fixture
def copied(tmp_path):
    for path in registry.models_folder().glob("deformer.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_the_shipped_card_has_the_hash_of_the_shipped_model(copied):
    model = registry.load("deformer", copied)
    assert model.card["sha256"] == hashlib.sha256(model.data).hexdigest()
    assert {"licence", "trained_on", "figures"} <= set(model.card)


def test_a_damaged_model_is_refused_in_a_sentence(copied):
    file = copied / "deformer.onnx"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ModelError, match="deformer.onnx is damaged"):
        registry.load("deformer", copied)
    file.unlink()
    with pytest.raises(ModelError, match="deformer.onnx is missing"):
        registry.load("deformer", copied)
    with pytest.raises(ModelError, match="No deformer model"):
        registry.load("deformer", copied / "nowhere")


def test_a_model_that_is_no_network_is_refused(copied):
    with pytest.raises(ModelError, match="cannot be loaded"):
        open_session(registry.Model("x", {}, b"not a network"), "cpu")


def test_a_model_of_another_version_is_refused_in_a_sentence(features):
    other = registry.Model("deformer", {}, registry.load("landmarks").data)
    session = open_session(other, "cpu")
    with pytest.raises(ModelError, match="deformer does not fit this version"):
        deformer.offsets(session, features, STYLE.weights(["vrc.v_aa"]), NATURAL)


def test_the_shipped_model_has_the_styles_that_the_recipes_ask_for():
    model = registry.load("deformer")
    assert {style.network_style for style in recipe_file.load().values()} <= set(deformer.styles(model))
    assert [deformer.style_weights(model, name).argmax() for name in STYLES] == list(range(len(STYLES)))
    assert deformer.style_weights(model, "of nobody").tolist() == NATURAL.tolist()


def test_styles_differ_where_their_artists_do_and_can_be_mixed(session, features):
    names = ["vrc.v_aa", "jawOpen"]
    both = np.eye(len(STYLES))[[STYLES.index("anime"), STYLES.index("anime_wide")]]
    first, second = (deformer.offsets(session, features, STYLE.weights(names), style) for style in both)
    assert np.abs(first[0] - second[0]).max() > 0.02 and np.allclose(first[1], second[1], atol=1e-6)
    mixed = deformer.offsets(session, features, STYLE.weights(names), np.array([[0.25, 0.75], [1, 0]]) @ both)
    assert np.allclose(mixed[0], 0.25 * first[0] + 0.75 * second[0], atol=1e-6)
    assert np.allclose(mixed[1], first[1], atol=1e-6)


@pytest.mark.parametrize("listed", [{}, {"styles": []}, {"styles": ["anime"]}, {"styles": [{"artists": []}]}])
def test_a_model_whose_card_lists_no_styles_is_refused_in_a_sentence(listed):
    with pytest.raises(ModelError, match="The card of the model mine lists no styles"):
        deformer.styles(registry.Model("mine", listed, b""))


def test_an_unknown_provider_is_refused_and_a_missing_one_falls_back_with_the_reason():
    model = registry.load("deformer")
    with pytest.raises(InputError, match="quantum"):
        open_session(model, "quantum")
    session = open_session(model, "directml")
    assert session.provider in ("directml", "cpu")
    assert session.reason or session.provider == "directml"
