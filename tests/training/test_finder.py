"""The face finder's training: stopped and gone on with, it ends as if it had never been stopped."""

import numpy as np
import pytest
import torch

from blendshape_addon.core.detection.views import View
from blendshape_addon.core.face.face_space import canonical_landmarks
from training.landmarks import dataset, extras, train
from training.landmarks.scenes import Scene


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of one shard: an egg seen four times, with and without a face."""
    vertices, triangles = extras.ellipsoid(np.array([0, -0.5, -1.0]), np.array([1.1, 1.6, 1.25]))
    scene = Scene(vertices, triangles, np.zeros(len(triangles), int), canonical_landmarks())
    rng = np.random.default_rng(0)
    views: list[View] = [
        dataset._look(scene, yaw, rng, np.array([0, dataset.CENTRE_Y, 0]), dataset.HALF) for yaw in (-0.4, 0, 0.4, 3)
    ]
    points = np.stack([(scene.points - v.centre) @ v.rotation.T / dataset.HALF for v in views])
    points[3] = np.nan
    np.savez(
        tmp_path / "shard_000.npz",
        depth=np.stack([v.channels[0] for v in views]).astype(np.float16),
        normal=np.stack([np.round(v.channels[1:3] * 127) for v in views]).astype(np.int8),
        cover=np.stack([v.channels[3] + v.channels[4] for v in views]).astype(np.uint8),
        points=points.astype(np.float32),
        family=np.array([0, 1, 2, 4], np.int8),
    )
    monkeypatch.setattr(train, "CACHE", tmp_path)
    monkeypatch.setattr(train, "SAVE_EVERY", 1)
    monkeypatch.setattr(train, "BATCH", 4)
    return tmp_path


def test_a_stopped_training_of_the_finder_goes_on_bit_for_bit(cache, monkeypatch):
    whole = train.train(None, 4, cache / "whole.safetensors")
    save = train.checkpoint.save

    def killed(path, groups, notes):
        save(path, groups, notes)
        if notes["step"] == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(train.checkpoint, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        train.train(None, 4, cache / "cut.safetensors")
    monkeypatch.setattr(train.checkpoint, "save", save)
    rest = train.train(None, 4, cache / "cut.safetensors")
    for one, other in zip(whole.state_dict().values(), rest.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_a_fold_never_sees_the_family_left_out(cache):
    assert dataset.Shard.families.index("ict") not in dataset.read(cache, "ict").family
    assert dataset.Shard.families.index("ict") in dataset.read(cache).family
