"""The face finder's training: its pictures, folds, and a run that was stopped and goes on."""

import dataclasses

import numpy as np
import pytest
import torch

from blendshape_addon.core.detection.views import View
from blendshape_addon.core.errors import InputError
from blendshape_addon.core.face.face_space import canonical_landmarks
from training.data import families
from training.landmarks import dataset, extras, train
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
    with pytest.raises(InputError, match="No picture is of a fold uma"):
        dataset.read(cache, "uma")


def test_pictures_that_cannot_be_used_are_said(cache, tmp_path):
    path = cache / "shard_000.safetensors"
    other = dataclasses.replace(dataset.read(cache), folds=("uma", *FOLDS[1:]))
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
