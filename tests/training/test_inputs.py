"""What the networks see under training's numpy is what they see under Blender's, and weights keep to it."""

import numpy as np
import pytest

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.face import features
from blendshape_addon.core.inference import contract, registry
from blendshape_addon.core.vocabulary import CONDITIONS
from tests import faces
from tests.golden import inputs
from training.config import ModelConfig, TrainConfig
from training.deformer import weights
from training.deformer.model import Deformer
from training.learning import model_card


@pytest.mark.parametrize("name", faces.NAMES)
def test_the_networks_see_what_the_add_on_lets_them_see(name):
    assert not inputs.differences(inputs.read(name), inputs.measure(name))


def test_a_card_says_what_the_network_learned_on(tmp_path):
    data = registry.load("landmarks").data
    model_card.write(tmp_path / "mine.onnx", data, {"kind": "landmarks", "trained_on": []}, {})
    assert registry.load("landmarks", tmp_path).card["contract"] == contract.of("landmarks")


def test_weights_that_learned_on_other_features_are_refused(tmp_path, monkeypatch):
    config = TrainConfig(model=ModelConfig(width=16, blocks=1))
    amplitudes = np.ones((len(config.model.artists), len(CONDITIONS)), np.float32)
    weights.save(tmp_path / weights.FILE, Deformer(config.model), config, amplitudes, {})
    assert np.array_equal(weights.load(tmp_path / weights.FILE)[1], amplitudes)
    monkeypatch.setattr(features, "FREQUENCIES", (*features.FREQUENCIES[:-1], 25.0))
    with pytest.raises(InputError, match="train it again"):
        weights.load(tmp_path / weights.FILE)
