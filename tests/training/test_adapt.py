"""Adapting on a real head: an artist whose style is known is found again, and other faces stay as they were."""

import dataclasses
import tomllib

import numpy as np
import pytest

from blendshape_addon.core.errors import InputError, ModelError
from blendshape_addon.core.face import features
from blendshape_addon.core.inference import deformer, registry
from blendshape_addon.core.inference.session import open_session
from blendshape_addon.core.style import recipe_file
from blendshape_addon.core.vocabulary import CONDITIONS
from training import __main__
from training.adaptation import adapt, few_shot, onnx_patch
from training.adaptation.few_shot import Face
from training.adaptation.onnx_patch import Base
from training.adaptation.parameters import FEW_SHOT
from training.data.rigs import landmarks_of
from training.data.sources import makehuman
from training.experiments import adaptation_gain

GIVEN = (
    "mouthSmileLeft", "jawOpen", "mouthPucker",
    "browInnerUp", "browOuterUpLeft", "eyeWideLeft", "noseSneerLeft", "cheekSquintRight",
)  # fmt: skip


@pytest.fixture(scope="module")
def base():
    return Base.of(registry.load("deformer"))


@pytest.fixture(scope="module")
def half_as_strong(base):
    """MakeHuman's head by an artist who draws all as the base does, but half of it above the mouth."""
    (rig,) = makehuman.read(None, None)
    marks = landmarks_of(rig, rig.vertices)
    seen = features.compute(rig.avatar(), marks)
    session = open_session(base.model, "cpu")
    names = [name for name in CONDITIONS if not name.startswith("vrc.v_")]
    natural = recipe_file.load()["natural"]
    style = deformer.style_weights(base.model, natural.network_style)
    made = deformer.offsets(session, seen, natural.weights(names), style)
    made *= np.where(seen.positions[:, 1] > -0.6, 0.5, 1.0)[:, None]
    shapes = {name: np.zeros(rig.vertices.shape, np.float32) for name in names}
    for name, offsets in zip(names, made, strict=True):
        shapes[name][seen.index] = seen.space.vectors_to_avatar(offsets.astype(float))
    return dataclasses.replace(rig, shapes=shapes, real=frozenset(names))


def drawn(path, rig, stretch=1.0, style="natural"):
    """(N, 3) jawOpen and browDownLeft as a model makes them on the head, made taller by `stretch`, in a style."""
    vertices = rig.vertices * [1, stretch, 1]
    seen = features.compute(rig.avatar(vertices), landmarks_of(rig, vertices))
    model = registry.load_file(path) if path else registry.load("deformer")
    weights = recipe_file.load()["natural"].weights(["jawOpen", "browDownLeft"])
    return deformer.offsets(open_session(model, "cpu"), seen, weights, deformer.style_weights(model, style))


def test_shapes_that_were_not_given_come_out_in_the_artists_style(base, half_as_strong):
    face = Face.of(half_as_strong, base)
    rest = [name for name in face.truth if name.startswith(("brow", "eye", "nose")) and name not in GIVEN]
    learned = few_shot.learn(base, [face], [GIVEN])
    before, after = (np.median(face.errors(one, rest)) for one in (few_shot.neutral(base), learned.adapter))
    assert before > 0.8 and after < 0.5 * before
    assert learned.after < learned.before and learned.step > 0.5
    assert np.max(face.errors(learned.adapter, ["mouthSmileRight"])) < 0.3, "the other side of what was given"


def test_an_artist_who_draws_as_the_base_does_changes_nothing(base, half_as_strong):
    face = Face.of(half_as_strong, base)
    straight, turned = face.halves(few_shot.neutral(base), CONDITIONS)
    truth = dict(zip(CONDITIONS, (straight + turned) / 2, strict=True))
    same = dataclasses.replace(face, truth={name: truth[name] for name in face.truth})
    learned = few_shot.learn(base, [same], [GIVEN])
    assert learned.before == pytest.approx(FEW_SHOT.faint) and learned.step == 0
    assert np.max(same.errors(learned.adapter, list(same.truth))) < 0.02


def test_the_written_model_knows_its_avatar_and_leaves_others_as_they_were(base, half_as_strong, tmp_path):
    out = tmp_path / "mine.onnx"
    keys = (*GIVEN, "browDownLeft")
    half_as_strong = dataclasses.replace(half_as_strong, shapes={name: half_as_strong.shapes[name] for name in keys})
    adapt.adapt(base, [half_as_strong], out)
    card = tomllib.loads(out.with_suffix(".toml").read_text())
    assert half_as_strong.name in card["name"] and card["trained_on"][-1]["licence"] == half_as_strong.licence
    assert registry.deformers(tmp_path) == {out: card["name"]}
    plain, own = drawn(None, half_as_strong), drawn(out, half_as_strong)
    strength = np.linalg.norm(own, axis=(1, 2)) / np.linalg.norm(plain, axis=(1, 2))
    assert strength[1] == pytest.approx(0.5, abs=0.1)
    natural, *others = (drawn(out, half_as_strong, style=style) for style in deformer.styles(base.model))
    assert np.array_equal(natural, own)
    assert all(np.allclose(natural, other, atol=1e-6) for other in others), "given shapes are so in every style"
    assert np.allclose(drawn(out, half_as_strong, 1.15), drawn(None, half_as_strong, 1.15), atol=1e-7), "another face"
    adapt.adapt(base, [half_as_strong], out, everywhere=True)
    taller = np.linalg.norm(drawn(out, half_as_strong, 1.15)[1]) / np.linalg.norm(drawn(None, half_as_strong, 1.15)[1])
    assert taller == pytest.approx(0.5, abs=0.15)


def test_likeness_is_of_the_nearest_face_and_falls_to_nothing():
    face = np.random.default_rng(0).normal(size=(40, 3))
    shift = np.array([1, 0, 0])
    assert onnx_patch.likeness(face + 0.01 * shift, [face + shift, face]) == 1
    assert onnx_patch.likeness(face + 0.03 * shift, [face]) == pytest.approx(0.5)
    assert onnx_patch.likeness(face + 0.05 * shift, [face]) == 0


def test_too_few_shapes_are_reported(base, half_as_strong, tmp_path):
    few = {name: half_as_strong.shapes[name] for name in ("eyeBlinkLeft", "eyeBlinkRight", "vrc.blink_left", "jawOpen")}
    with pytest.raises(InputError, match="Only 2 of"):
        adapt.adapt(base, [dataclasses.replace(half_as_strong, shapes=few)], tmp_path / "mine.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("change", ["other weights", "other tensors", "learned already", "not a network"])
def test_a_model_of_another_architecture_is_reported(base, change):
    proto = type(base.graph).FromString(base.model.data)
    if change == "other weights":
        next(weight for weight in proto.graph.initializer if weight.name == "mixes").name = "weights"
    if change == "other tensors":
        next(node for node in proto.graph.node if "basis" in node.output).output[:] = ["hidden"]
    data = b"text" if change == "not a network" else proto.SerializeToString()
    if change == "learned already":
        data = onnx_patch.patch_onnx(base, few_shot.neutral(base), [])
    said = "learned from an avatar already" if change == "learned already" else "another architecture"
    with pytest.raises(ModelError, match=said):
        Base.of(dataclasses.replace(base.model, data=data))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no.blend", "--output", "x.onnx"], "no.blend is not there"),
        ([".", "--output", "x.onnx"], "no rig folder"),
        ([".", "--output", "x.pt"], "end in .onnx"),
        ([".", "--output", "x.onnx", "--model", "no.onnx"], "no.toml"),
    ],
)
def test_what_cannot_be_used_is_a_sentence(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert __main__.main(["adapt", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_sides_and_namesakes_are_given_together():
    names = ["eyeBlinkLeft", "eyeBlinkRight", "vrc.blink_left", "vrc.blink_right", "jawOpen", "joy", "mouthLeft"]
    for seed in range(9):
        given, rest = adaptation_gain.draw(names, 2, np.random.default_rng(seed))
        assert sorted(given + rest) == sorted(names) and len(given) >= 2
        assert len({name in given for name in names[:4]}) == 1
