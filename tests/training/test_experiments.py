"""The experiments, run small on the face that ships with the tests."""

import sys

import numpy as np
import patches
import pytest
import shipped
import torch

from training.config import TrainConfig
from training.data import dataset, manifest
from training.data.sampler import Pool
from training.experiments import global_context, loss_terms

STEPS = 15


@pytest.fixture(scope="module")
def rig():
    return shipped.rig("proxy")


@pytest.fixture(scope="module")
def pool(rig, tmp_path_factory):
    """The rig itself as a dataset of one face."""
    folder = tmp_path_factory.mktemp("dataset")
    one = dataset.make_instance(rig, np.random.default_rng(0), strength=0.0)
    dataset.save(one, folder / manifest.shard_of(manifest.key_of(rig), 0))
    return Pool(folder, None)


@pytest.fixture
def config():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield TrainConfig(steps=STEPS, batch=1, vertices=200, warmup=2)
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", global_context.VARIANTS)
def test_every_variant_learns_and_gives_each_unit_with_its_truth(name, rig, pool, config):
    model, minutes = global_context.fit(global_context.VARIANTS[name], pool, config)
    assert type(model) is global_context.VARIANTS[name] and minutes > 0
    found, shapes = global_context.predict(model, global_context.base_mixes(model, pool), rig)
    made, truth = shapes["jawOpen"]
    assert made.shape == truth.shape == (len(found.index), 3)
    assert np.linalg.norm(made - truth) < 0.99 * np.linalg.norm(truth), "better than nothing after a few steps"


def test_variants_that_see_the_whole_face_do_and_the_deformer_does_not(pool, config):
    inputs = torch.randn(1, 50, pool.draw(np.random.default_rng(0), config).inputs.shape[-1])
    other = inputs.clone()
    other[:, 25:] += 1
    sees = {}
    for name, kind in global_context.VARIANTS.items():
        torch.manual_seed(0)
        model = kind(global_context.ModelConfig(width=16, artists=pool.artists)).eval()
        with torch.no_grad():
            torch.manual_seed(1)
            one = model.trunk(inputs)
            torch.manual_seed(1)
            sees[name] = not torch.allclose(one[:, :25], model.trunk(other)[:, :25])
    assert sees == {"each vertex alone": False, "pooled global code": True, "attention to samples": True}


def test_each_term_is_measured_on_the_whole_face_and_is_0_for_the_truth(rig, pool, config, monkeypatch):
    model, _ = global_context.fit(global_context.Deformer, pool, config)
    mixes = global_context.base_mixes(model, pool)
    rows = list(loss_terms.measure(model, mixes, rig))
    assert len(rows) == len(global_context.predict(model, mixes, rig)[1]) > 40
    assert all(set(row) == set(loss_terms.COLUMNS) and np.isfinite(list(row.values())).all() for row in rows)
    found, shapes = global_context.predict(model, mixes, rig)
    exact = {name: (truth, truth) for name, (_, truth) in shapes.items() if truth.any()}
    monkeypatch.setattr(loss_terms, "predict", lambda *arguments: (found, exact))
    for row in loss_terms.measure(model, mixes, rig):
        assert row["cos"] == pytest.approx(1) and max(row[name] for name in ("rel", "flipped", "reach", "edge")) < 1e-4


@pytest.mark.skipif(not shipped.present("rocketbox/Female_Adult_01"), reason="no Rocketbox rigs")
@pytest.mark.parametrize("experiment", [global_context, loss_terms])
def test_the_commands_print_a_line_for_each_network(tmp_path, monkeypatch, capsys, config, experiment):
    folder = patches.folder(tmp_path / "dataset")
    options = ["--dataset", str(folder), "--families", "rocketbox", "--steps", "2"]
    monkeypatch.setattr(sys, "argv", [experiment.__name__, *options])
    experiment.main()
    lines = [line for line in capsys.readouterr().out.splitlines() if "rocketbox" in line]
    names = global_context.VARIANTS if experiment is global_context else [*loss_terms.TERMS, "reconstruction", "all"]
    assert len(lines) == len(names) and all(any(name in line for line in lines) for name in names)
