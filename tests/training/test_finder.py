"""The face finder's training: its pictures, folds, and a run that was stopped and goes on."""

import dataclasses

import numpy as np
import onnxruntime
import pytest
import shipped
import torch

from blendshape_addon.core.detection.views import View
from blendshape_addon.core.errors import InputError
from blendshape_addon.core.face.face_space import canonical_landmarks
from blendshape_addon.core.inference import registry
from blendshape_addon.core.inference.picture import PICTURE
from training.data import families, rigs
from training.landmarks import dataset, evaluate, extras, train
from training.landmarks.model import FaceFinder
from training.landmarks.scenes import Scene
from training.learning import loop

FOLDS = (*families.pictures(), dataset.NO_FOLD)
QUICK = dataclasses.replace(train.RECIPE, steps=4, save_every=1)


@pytest.fixture
def cache(tmp_path):
    """A cache of one shard: an egg seen four times, with and without a face."""
    vertices, triangles = extras.ellipsoid(np.array([0, -0.5, -1.0]), np.array([1.1, 1.6, 1.25]))
    scene = Scene(vertices, triangles, np.zeros(len(triangles), int), canonical_landmarks())
    rng = np.random.default_rng(0)
    views: list[View] = [dataset._look(scene, yaw, rng, dataset.CENTRE, dataset.HALF) for yaw in (-0.4, 0, 0.4, 3)]
    points = np.stack([(scene.points - v.centre) @ v.rotation.T / dataset.HALF for v in views])
    points[3] = np.nan
    shard = dataset.Shard(
        depth=np.stack([v.channels[0] for v in views]).astype(np.float16),
        normal=np.stack([np.round(v.channels[1:3] * 127) for v in views]).astype(np.int8),
        cover=np.stack([v.channels[3] + v.channels[4] for v in views]).astype(np.uint8),
        points=points.astype(np.float32),
        fold=np.array([0, 1, 2, len(FOLDS) - 1], np.int8),
        folds=FOLDS,
    )
    dataset.save(shard, tmp_path / "shard_000.safetensors")
    return tmp_path


def test_a_stopped_training_of_the_finder_goes_on_bit_for_bit(cache, monkeypatch):
    whole = train.train(None, QUICK, cache / "whole.safetensors", cache, 4)
    save = loop.checkpoint.save

    def killed(path, groups, notes):
        save(path, groups, notes)
        if notes["step"] == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop.checkpoint, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            train.train(None, QUICK, cache / "cut.safetensors", cache, 4)
    steps = []
    monkeypatch.setattr(loop.checkpoint, "save", lambda path, groups, notes: steps.append(notes["step"]))
    rest = train.train(None, QUICK, cache / "cut.safetensors", cache, 4)
    assert steps == [3, 4]
    for one, other in zip(whole.state_dict().values(), rest.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_a_finished_training_of_the_finder_is_not_done_again_but_one_of_other_settings_is_refused(cache, monkeypatch):
    whole = train.train(None, QUICK, cache / "whole.safetensors", cache, 4)
    with pytest.raises(InputError, match="other settings"):
        train.train("ict", QUICK, cache / "whole.safetensors", cache, 4)
    monkeypatch.setattr(train, "batch", None)
    again = train.train(None, QUICK, cache / "whole.safetensors", cache, 4)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), again.parameters(), strict=True))


def test_the_rate_of_the_finder_rises_and_falls_to_almost_nothing():
    rates = np.array([train.rate_at(step, train.RECIPE) for step in range(train.STEPS)])
    assert rates[0] == pytest.approx(1e-6) and rates[-1] < 2e-6
    assert rates.argmax() == train.WARMUP and rates.max() == pytest.approx(train.RECIPE.rate, rel=0.01)


def test_a_fold_never_sees_the_family_left_out(cache):
    assert FOLDS.index("ict") not in dataset.read(cache, "ict").fold
    assert FOLDS.index("ict") in dataset.read(cache).fold
    with pytest.raises(InputError, match="No picture is of a fold gothic"):
        dataset.read(cache, "gothic")


def test_pictures_that_cannot_be_used_are_reported(cache, tmp_path):
    path = cache / "shard_000.safetensors"
    other = dataclasses.replace(dataset.read(cache), folds=("gothic", *FOLDS[1:]))
    dataset.save(other, cache / "shard_001.safetensors")
    with pytest.raises(InputError, match="other folds than shard_000"):
        dataset.read(cache)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"shard_000.*draw it again"):
        dataset.read(cache)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "shard_000.npz").write_bytes(b"PK")
    with pytest.raises(InputError, match="No pictures of this version"):
        dataset.read(tmp_path / "old")


@pytest.fixture(scope="module")
def face():
    return shipped.rig("proxy")


@pytest.fixture(scope="module")
def body(face):
    """The same rig below the chin, which has no face."""
    low = face.vertices[:, 1] < rigs.landmarks_of(face, face.vertices)[:, 1].min() - 0.05
    return dataclasses.replace(face, triangles=face.triangles[low[face.triangles].all(1)], shapes={})


def test_a_shard_has_its_share_of_faces_and_of_other_things_and_can_be_drawn_again(face, body):
    one, again = (dataset.draw_shard(np.random.default_rng(3), [face], [body], {"proxy": 4}, 6) for _ in range(2))
    assert one.folds == ("proxy", dataset.NO_FOLD) and (one.fold[:4] == 0).all() and len(one.fold) == 10
    shown = np.isfinite(one.points).all((1, 2))
    assert shown[:4].all() and not shown[4:].any()
    assert (one.cover[:4] > 0).mean((1, 2)).min() > 0.02
    assert all(
        np.array_equal(getattr(one, n), getattr(again, n), equal_nan=True) for n in ("depth", "normal", "points")
    )
    with pytest.raises(InputError, match="no labelled rig of uma"):
        dataset.draw_shard(np.random.default_rng(3), [face], [body], {"uma": 4}, 6)


def test_the_shipped_finder_is_measured_on_a_face_and_on_things_without_one(face, body, monkeypatch, capsys):
    monkeypatch.setattr(evaluate, "FURNITURE", 2)
    rng = np.random.default_rng(evaluate.SEED)
    models = registry.models_folder()
    cases = evaluate.faces([face], 1, rng)
    assert [name for name, _, _ in cases] == ["proxy", "proxy 0"]
    row = evaluate.measure(models, cases[:1])
    assert row["faces"] == 1 and row["detected"] == 1 and 0 < row["median"] < 10 and row["median"] <= row["p95"]
    turned = evaluate.measure(models, [("turned", cases[0][1], cases[0][2][::-1] + 9)])
    assert turned == {"faces": 1, "detected": 0.0}, "found elsewhere is not found"
    (hinted,) = evaluate.hinted([face])
    assert hinted[1].hints.sided
    without = evaluate.negatives([face], [body], rng)
    kinds = [kind for kind, _ in without]
    assert kinds.count("furniture") == 2 and {
        "backs of heads",
        "heads without features",
        "bodies without a face",
    } <= set(kinds)
    accepted = evaluate.false_accepts(models, without)
    assert accepted["false accepts, bodies without a face"] == "0 of 1"
    assert accepted.keys() == {f"false accepts, {kind}" for kind in kinds}
    (wrong,) = evaluate.false_accepts(models, [("proxy", cases[0][1])]).values()
    assert wrong == "1 of 1" and "ACCEPTED" in capsys.readouterr().out


def test_the_exported_finder_says_what_pytorch_says():
    torch.manual_seed(0)
    model = FaceFinder().eval()
    session = onnxruntime.InferenceSession(train.export(model), providers=["CPUExecutionProvider"])
    for count in (1, 3):
        image = torch.randn(count, 5, PICTURE.size, PICTURE.size)
        with torch.no_grad():
            expected = model(image)
        for one, other in zip(session.run(None, {"image": image.numpy()}), expected, strict=True):
            assert np.abs(one - other.numpy()).max() < 1e-4
