"""Training as a chain: instances, a short training that learns, export that says the same, the styles."""

import dataclasses
import hashlib
import json
import tomllib

import numpy as np
import onnxruntime
import pytest
import shipped
import torch

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.face.face_space import FaceSpace
from blendshape_addon.core.face.features import INPUTS
from blendshape_addon.core.style import recipe_file, recipes
from blendshape_addon.core.vocabulary import CONDITIONS
from tests import faces
from training import __main__
from training.data import dataset, manifest, metrics, rigs
from training.data.identities import sample_neutral
from training.data.labelled_face import LabelledFace
from training.deformer import artist_blend, export, onnx_graph, train
from training.deformer import weights as saved
from training.deformer.model import Deformer, ModelConfig
from training.experiments import quantization


def tiny(artists=("ict", "makehuman")):
    torch.manual_seed(0)
    return Deformer(ModelConfig(width=16, blocks=1, artists=artists)).eval()


def mixes_of(model):
    """Of two styles."""
    return torch.randn(2, len(CONDITIONS), model.config.width, 3) * 0.02


def test_onnx_says_what_pytorch_says():
    model = tiny()
    mixes = mixes_of(model)
    data = onnx_graph.build(model, mixes).SerializeToString()
    inputs = np.random.default_rng(0).normal(size=(257, INPUTS)).astype(np.float32)
    assert max(export.parity(model, mixes, data, rows) for rows in (inputs, inputs[:1])) < 1e-6
    assert export.parity(model, 1.01 * mixes, data, inputs) > 1e-3


@pytest.mark.parametrize("name", [*faces.NAMES, *shipped.present("rocketbox/Female_Adult_01", "vrm/godette")])
def test_onnx_says_what_pytorch_says_of_real_meshes(name):
    torch.manual_seed(0)
    model = Deformer(ModelConfig(artists=("ict",))).eval()
    mixes = mixes_of(model)
    seen = LabelledFace.of(shipped.load(name)).features
    assert len(seen.index) > 300
    assert (
        export.parity(model, mixes, onnx_graph.build(model, mixes).SerializeToString(), seen.inputs()) < export.PARITY
    )


def test_the_graph_takes_any_number_of_vertices_and_expressions():
    model = tiny()
    proto = onnx_graph.build(model, mixes_of(model))
    assert [one.version for one in proto.opset_import] == [onnx_graph.OPSET] and onnx_graph.OPSET >= 17
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    for vertices, expressions in ((1, 1), (3, 2), (5, 0)):
        feed = {"inputs": np.ones((vertices, INPUTS), np.float32), "intensity": np.ones(expressions, np.float32)}
        feed["expression"] = np.ones((expressions, len(CONDITIONS)), np.float32)
        feed["style"] = np.ones((expressions, 2), np.float32)
        assert session.run(None, feed)[0].shape == (expressions, vertices, 3)


def test_a_model_that_says_something_else_is_not_written(tmp_path, monkeypatch):
    model = tiny(("ict",))
    saved.save(tmp_path / saved.FILE, model, train.TrainConfig(model=model.config), np.full((1, len(CONDITIONS)), 0.1),
               {"trained_on": [{"name": "a/b", "licence": "CC0"}]})  # fmt: skip
    assert __main__.main(["export", str(tmp_path / saved.FILE), "--out", str(tmp_path / "deformer.onnx")]) == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(before) == {saved.FILE, "deformer.onnx", "deformer.toml"}
    monkeypatch.setattr(export, "parity", lambda *arguments: 1e-3)
    assert __main__.main(["export", str(tmp_path / saved.FILE), "--out", str(tmp_path / "deformer.onnx")]) == 2
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("kind", quantization.VARIANTS)
def test_a_variant_is_a_model_that_says_nearly_the_same(kind):
    torch.manual_seed(0)
    model = Deformer(ModelConfig(width=64, blocks=1, artists=("ict",))).eval()
    proto = onnx_graph.build(model, mixes_of(model))
    made, whole = quantization.VARIANTS[kind](proto), proto.SerializeToString()
    feed = {"inputs": np.random.default_rng(0).normal(size=(50, INPUTS)).astype(np.float32)}
    feed |= {"intensity": np.ones(3, np.float32), "expression": np.eye(len(CONDITIONS), dtype=np.float32)[:3]}
    feed["style"] = np.tile(np.array([1, 0], np.float32), (3, 1))
    plain, other = (
        onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, feed)[0]
        for data in (whole, made)
    )
    assert np.linalg.norm(other - plain) < (0.5 if "int8" in kind else 0.005) * np.linalg.norm(plain)
    assert len(made) < {"fp32": 1.05, "fp16": 0.62}.get(kind[:4], 0.62 if "fp16" in kind else 0.5) * len(whole)


def test_a_variant_does_not_win_unmeasured():
    model = tiny()
    table = quantization.table(onnx_graph.build(model, mixes_of(model)), [], 1e-4)
    assert [row[0] for row in table.rows] == list(quantization.VARIANTS) and {row[-1] for row in table.rows} == {"no"}


def test_intensity_scales_and_zero_is_neutral():
    model = tiny()
    data = onnx_graph.build(model, mixes_of(model)).SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    inputs = np.random.default_rng(0).normal(size=(50, session.get_inputs()[0].shape[1])).astype(np.float32)
    feed = {"inputs": inputs, "expression": np.repeat(np.eye(len(CONDITIONS), dtype=np.float32)[4:5], 3, 0)}
    feed |= {"style": np.tile(np.array([0, 1], np.float32), (3, 1)), "intensity": np.array([0, 0.5, 1], np.float32)}
    none, half, full = session.run(None, feed)[0]
    assert not none.any() and full.any()
    assert np.allclose(half * 2, full, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_each_shape_is_drawn_in_the_styles_that_it_is_given_weights_of(count):
    model = tiny()
    mixes = torch.randn(count, len(CONDITIONS), model.config.width, 3) * 0.02
    session = onnxruntime.InferenceSession(
        onnx_graph.build(model, mixes).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(20, INPUTS)).astype(np.float32)
    expression, style = (rng.random((4, size)).astype(np.float32) for size in (len(CONDITIONS), count))
    feed = {"inputs": inputs, "expression": expression, "style": style, "intensity": np.ones(4, np.float32)}
    with torch.no_grad():
        basis = model.trunk(torch.from_numpy(inputs)).numpy()
    wanted = np.einsum("vw,es,ec,scwk->evk", basis, style, expression, mixes.numpy())
    assert np.allclose(session.run(None, feed)[0], wanted, atol=1e-5 * np.abs(wanted).max())


def test_a_style_brings_artists_to_one_amplitude_and_skips_what_an_artist_has_not():
    amplitudes = np.full((2, len(CONDITIONS)), np.nan)
    smile, blink = CONDITIONS.index("mouthSmileLeft"), CONDITIONS.index("vrc.blink_left")
    amplitudes[:, smile] = 0.4, 0.1
    amplitudes[1, blink] = 0.2
    (style,) = artist_blend.styles(("one", "two"), amplitudes, {"plain": {"units": {"one": 1.0, "two": 1.0}}})
    share = style.shares
    assert style.name == "plain" and style.artists == ("one", "two")
    assert share[:, smile] * amplitudes[:, smile] == pytest.approx([0.1, 0.1])  # half each of sqrt(0.4 * 0.1)
    assert share[:, blink] == pytest.approx([0, 1])
    assert not share[:, CONDITIONS.index("tongueOut")].any()


TABLE = {
    "plain": {"emotions": {"one": 1.0}, "units": {"one": 1.0}},
    "bold": {"emotions": {"two": 1.0, "three": 3.0}, "units": {"two": 1.0}, "fun": {}},
    "soft": {"emotions": {"three": 1.0}},
}


def test_a_style_is_its_artists_where_these_have_the_shape_and_the_base_elsewhere():
    joy, fun, smile, jaw = map(CONDITIONS.index, ("joy", "fun", "mouthSmileLeft", "jawOpen"))
    amplitudes = np.full((3, len(CONDITIONS)), np.nan)
    amplitudes[:, joy], amplitudes[:, fun], amplitudes[0, smile], amplitudes[1, jaw] = 0.1, 0.1, 0.2, 0.3
    plain, bold, soft = artist_blend.styles(("one", "two", "three"), amplitudes, TABLE)
    assert [style.artists for style in (plain, bold, soft)] == [("one",), ("two", "three"), ("three",)]
    assert plain.shares[:, joy] == pytest.approx([1, 0, 0]) and bold.shares[:, joy] == pytest.approx([0, 0.25, 0.75])
    assert plain.shares[:, jaw] == pytest.approx([0, 1, 0]), "nobody in the base has it: all who do"
    for style in (bold, soft):
        assert style.shares[:, smile] == pytest.approx([1, 0, 0]), "its artists lack it"
    assert bold.shares[:, fun] == pytest.approx([1, 0, 0]), "its artists' own is not wanted"
    assert not any(style.shares[:, CONDITIONS.index("tongueOut")].any() for style in (plain, bold, soft))


def test_a_style_of_artists_that_the_network_never_saw_is_left_out():
    amplitudes = np.full((1, len(CONDITIONS)), 0.1)
    assert [style.name for style in artist_blend.styles(("two",), amplitudes, TABLE)] == ["plain", "bold"]


def test_the_table_of_styles_has_what_the_recipes_ask_for_and_a_wrong_row_is_named(tmp_path):
    assert {preset.network_style for preset in recipe_file.load().values()} <= set(artist_blend.read())
    (tmp_path / "styles.toml").write_text("[plain]\nvowels = { one = 1.0 }\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"styles.toml, \[plain\]: “vowels” is neither"):
        artist_blend.read(tmp_path / "styles.toml")


def test_metrics_on_cases_with_known_answers():
    truth = np.zeros((100, 3))
    truth[:50, 1] = 0.1
    same, none = metrics.compare(truth, truth), metrics.compare(truth * 0, truth)
    assert same["rel"] == 0 and same["cos"] == pytest.approx(1) and same["mm"] == 0
    assert none["rel"] == pytest.approx(1) and none["cos"] == 0 and none["mm"] == pytest.approx(6.3)
    double = metrics.compare(2 * truth, truth)
    assert double["rel"] == pytest.approx(1) and double["cos"] == pytest.approx(1)
    stray = truth.copy()
    stray[50:, 0] = 0.01
    assert metrics.compare(stray, truth)["stray"] == pytest.approx(0.63)
    shapes = {"a": truth, "b": -truth}
    assert metrics.top1(shapes, shapes) == 1 and metrics.top1({"a": -truth, "b": truth}, shapes) == 0


def test_the_cosine_of_a_shape_with_itself_is_never_above_1():
    """Rounding takes the bare quotient above 1 for about a third of these, and sqrt(1 - cos ** 2) to NaN."""
    rng = np.random.default_rng(0)
    for kind in (np.float32, np.float64):
        for shape in rng.normal(size=(100, 20, 3)).astype(kind):
            for sign in (1, -1):
                cos = metrics.compare(sign * shape, shape)["cos"]
                assert abs(cos) <= 1 and cos == pytest.approx(sign, abs=1e-5)


def test_a_short_training_learns_and_can_be_exported(tmp_path):
    rig = shipped.rig("proxy")
    entry = manifest.Entry.of(rig, "tests")
    for n in range(2):
        instance = dataset.make_instance(rig, np.random.default_rng(n), strength=0.3)
        shard = tmp_path / f"{manifest.key_of(rig)}__{n:04d}.safetensors"
        dataset.save(instance, shard)
        entry.shards[shard.name] = manifest.hash_of(shard)
    manifest.write(tmp_path, {manifest.key_of(rig): entry})
    config = train.TrainConfig(steps=40, batch=2, vertices=300, warmup=5, model=ModelConfig(width=64, blocks=1))
    weights = train.train(config, tmp_path, tmp_path / "run" / "deformer.safetensors")
    learned = json.loads(weights.with_suffix(".json").read_text())["rel"]
    assert learned < 0.97
    export.export(weights, tmp_path / "models" / "deformer.onnx", {}, tmp_path)
    card = tomllib.loads((tmp_path / "models" / "deformer.toml").read_text())
    assert card["trained_on"] == [{"name": "proxy/proxy", "licence": "CC0"}]
    assert card["styles"] == [{"name": "natural", "artists": []}], "of the anime style it saw no artist"
    assert card["figures"]["parity"] < export.PARITY and card["figures"]["parity meshes"] == 1
    assert card["sha256"] == hashlib.sha256((tmp_path / "models" / "deformer.onnx").read_bytes()).hexdigest()


def test_what_an_expression_brings_together_stays_together_under_a_warp():
    rig = shipped.rig("proxy")
    offset = np.zeros_like(rig.vertices)
    offset[100] = rig.vertices[200] - rig.vertices[100]
    head = LabelledFace.of(dataclasses.replace(rig, shapes={"jawOpen": offset}))
    bent = dataset.warped(head, np.random.default_rng(3), 1.0)
    assert np.allclose(bent.vertices[100] + bent.offsets[0, 100], bent.vertices[200], atol=1e-6)
    assert not np.allclose(bent.offsets[0, 100], head.offsets[0, 100], atol=1e-3)


def test_every_face_gets_the_style_of_its_proportions():
    def chosen(rig, vertices):
        marks = rigs.landmarks_of(rig, vertices)
        return recipes.choose(FaceSpace.of(marks).to_face(marks))

    expected = {"anime": "anime", "vrm": "anime", "vroid_beta": "anime", "jeeliz": "animal"}
    people = {"boy": "stylised", "face": "natural"}  # of jeeliz
    shared = rigs.learned() if rigs.data_folder().is_dir() else []
    for rig in [*map(shipped.rig, faces.NAMES), *(rigs.load(folder) for folder in shared)]:
        if rig.family == "avatars100":  # features on things: any style may be theirs
            continue
        style = people.get(rig.name, expected.get(rig.family, "natural"))
        drawn = [
            sample_neutral(rig, np.random.default_rng(n)) for n in range(20 if rig.people or rig.facts.people else 1)
        ]
        assert {chosen(rig, vertices) for vertices in drawn} == {style}, rig.name


def test_every_rig_has_symmetric_truth_for_left_and_right_blinks():
    shared = rigs.every_rig() if rigs.data_folder().is_dir() else []
    for rig in [*map(shipped.rig, faces.NAMES), *shared]:
        if "eyeBlinkLeft" in rig.shapes:
            left = np.linalg.norm(rig.shapes["eyeBlinkLeft"], axis=1) @ rig.vertices[:, 0]
            assert left > 0, f"{rig.name}: the avatar's left is +x"
