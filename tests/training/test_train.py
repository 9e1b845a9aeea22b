"""The trainer on two tiny faces: settings, resuming, several processes, and what it leaves to look at."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import patches
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference.picture import PICTURE
from training import config
from training.config import LossConfig, ModelConfig, TrainConfig
from training.data import sampler
from training.deformer import losses, train
from training.deformer import weights as saved
from training.deformer.model import Deformer
from training.evaluation import export
from training.landmarks.model import FaceFinder
from training.learning import atomic_files, checkpoint, loop

TERMS = ("laplacian", "edge", "volume", "reach")


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return patches.folder(tmp_path_factory.mktemp("faces") / "dataset")


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tiny(**changes):
    model = ModelConfig(width=16, blocks=1)
    settings = {"steps": 7, "batch": 2, "vertices": 30, "warmup": 2, "save_every": 3, "sheet_every": 0, "model": model}
    return TrainConfig(**settings | changes)


def weights(path):
    return checkpoint.load(path)[0]["model"]


def assert_same(one, other):
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def options(*arguments):
    parser = argparse.ArgumentParser()
    config.add_options(parser)
    return config.from_options(parser.parse_args(arguments))


def test_options_override_a_file_which_overrides_the_recipe():
    assert options() == TrainConfig()
    made = options("--config", "composite", "--steps", "600", "--model.width", "256", "--loss.edge", "0.3")
    assert (made.steps, made.model.width, made.rate) == (600, 256, TrainConfig.rate)
    assert made.loss == LossConfig(laplacian=0.1, edge=0.3, volume=0.1, reach=0.1)


@pytest.mark.parametrize("name", config.names())
def test_every_file_of_settings_is_valid(name):
    assert options("--config", name) != TrainConfig()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stepz": 1}, "stepz"), ({"model.artists": ("me",)}, "model.artists"), ({"steps": 0}, "at least 1"),
        ({"steps": 1.5}, "steps"), ({"rate": float("nan")}, "rate"), ({"loss.edge": -1}, "at least 0"),
        ({"precision": "fp8"}, "bf16"), ({"expressions": 999}, "only"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_is_reported(change, said):
    with pytest.raises(InputError, match=said):
        TrainConfig().changed(change)


def test_the_rate_falls_to_nothing_and_restarts_fall_from_the_top():
    plain, restarts = TrainConfig(steps=720, warmup=20), TrainConfig(steps=720, warmup=20, cycles=3)
    falling = [loop.rate_at(step, plain) for step in range(20, 720)]
    assert falling[0] == plain.rate and sorted(falling, reverse=True) == falling and falling[-1] < 1e-7
    rates = np.array([loop.rate_at(step, restarts) for step in range(20, 720)])
    assert (np.flatnonzero(np.diff(rates) > 0) + 1).tolist() == [100, 300]
    assert rates[[0, 100, 300]] == pytest.approx(plain.rate) and rates[[99, 299, 699]].max() < 1e-6
    assert loop.rate_at(9, restarts) == plain.rate / 2


@pytest.mark.parametrize("changes", [{}, {"loss": LossConfig(edge=0.1, volume=0.1, rings=4)}])
def test_a_killed_run_that_goes_on_gives_the_same_weights(tmp_path, faces, monkeypatch, one_thread, changes):
    whole = train.train(tiny(**changes), faces, tmp_path / "whole" / "deformer.safetensors")
    draw, count = sampler.Pool.draw, 0

    def dying(*arguments):
        nonlocal count
        count += 1
        if count == 6:
            raise KeyboardInterrupt
        return draw(*arguments)

    out = tmp_path / "killed" / "deformer.safetensors"
    with monkeypatch.context() as patch:
        patch.setattr(sampler.Pool, "draw", dying)
        with pytest.raises(KeyboardInterrupt):
            train.train(tiny(**changes), faces, out)
    assert not out.exists()
    seen = []
    monkeypatch.setattr(sampler.Pool, "draw", lambda *arguments: seen.append(1) or draw(*arguments))
    train.train(tiny(**changes), faces, out)
    assert len(seen) == 4, "it went on after step 3"
    assert_same(weights(whole), weights(out))
    assert json.loads(whole.with_suffix(".json").read_text()) == json.loads(out.with_suffix(".json").read_text())
    assert {path.name for path in out.parent.iterdir()} == {"deformer", "deformer.safetensors", "deformer.json"}


def test_a_checkpoint_of_another_run_or_a_damaged_one_is_reported(tmp_path, faces):
    out = tmp_path / "deformer.safetensors"
    model = Deformer(ModelConfig(width=8, blocks=1, artists=("anna",)))
    notes = {"settings": {"steps": 7}, "step": 3, "running": {}, "scaler": {}, "rng": [{}]}
    checkpoint.save(out.with_suffix(".resume.safetensors"), {"model": model.state_dict()}, notes)
    with pytest.raises(InputError, match="other settings"):
        train.train(tiny(), faces, out)
    out.with_suffix(".resume.safetensors").write_bytes(b"half of it")
    with pytest.raises(InputError, match="damaged"):
        train.train(tiny(), faces, out)
    assert not out.exists()


def test_weights_come_back_bit_by_bit(tmp_path):
    model = Deformer(ModelConfig(width=8, blocks=1, artists=("anna", "bert")))
    amplitudes = np.array([[0.1, np.nan], [1 / 3, 0.2]])
    config = tiny(model=model.config)
    saved.save(tmp_path / saved.FILE, model, config, amplitudes, {"trained_on": []})
    again, sizes, notes = saved.load(tmp_path / saved.FILE)
    assert_same(again.state_dict(), model.state_dict())
    assert sizes.dtype == amplitudes.dtype and np.array_equal(sizes, amplitudes, equal_nan=True)
    assert again.config == model.config and notes["trained_on"] == [] and notes["config"]["steps"] == 7


def test_an_optimiser_goes_on_with_the_same_bits_whatever_the_memory_layout(tmp_path, one_thread):
    def stepped(finder, optimiser, seed):
        torch.manual_seed(seed)
        sum(output.square().mean() for output in finder(torch.randn(2, 5, PICTURE.size, PICTURE.size))).backward()
        optimiser.step()
        optimiser.zero_grad()

    def fresh():
        finder = FaceFinder().to(memory_format=torch.channels_last)
        return finder, torch.optim.AdamW(finder.parameters(), 1e-3)

    finder, optimiser = fresh()
    stepped(finder, optimiser, 1)
    groups = {"model": finder.state_dict(), "optimiser": checkpoint.moments(optimiser)}
    checkpoint.save(tmp_path / "finder.safetensors", groups, {"step": 1})
    again, other = fresh()
    groups, notes = checkpoint.load(tmp_path / "finder.safetensors")
    again.load_state_dict(groups["model"])
    checkpoint.restore_moments(other, groups["optimiser"])
    assert notes == {"step": 1}
    assert_same(again.state_dict(), finder.state_dict())
    for one in ((finder, optimiser), (again, other)):
        stepped(*one, 2)
    assert_same(again.state_dict(), finder.state_dict())


@pytest.mark.parametrize("change", ["another width", "another kind", "damaged", "gone"])
def test_weights_that_cannot_be_used_are_reported(tmp_path, change):
    path = tmp_path / saved.FILE
    model = Deformer(ModelConfig(width=8, blocks=1))
    wide = tiny(model=ModelConfig(width=9, blocks=1))
    saved.save(path, model, wide, np.zeros((0, 2)), {})
    if change == "another kind":
        checkpoint.save(path, {"model": FaceFinder().state_dict()}, {"step": 1})
    if change == "damaged":
        path.write_bytes(path.read_bytes()[:-9])
    if change == "gone":
        path.unlink()
    said = {"damaged": "damaged", "gone": "no weights"}.get(change, "another architecture")
    with pytest.raises(InputError, match=said):
        saved.load(path)


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "weights"
    atomic_files.atomic_write(path, b"old")

    def full(part, data):
        with part.open("wb") as file:
            file.write(data[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match="No space left"):
        atomic_files.atomic_write(path, b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("main, wanted", [(train.main, "safetensors"), (export.main, "onnx")])
def test_a_file_that_the_result_cannot_have_is_refused_before_the_work(tmp_path, main, wanted):
    with pytest.raises(InputError, match=rf"no name.*end in \.{wanted}"):
        main(["--out", str(tmp_path)])


def test_no_instances_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="prepare"):
        train.train(tiny(), tmp_path, tmp_path / "deformer.safetensors")


def test_loose_vertices_train_but_not_with_terms_of_the_surface(tmp_path, faces, one_thread):
    old = patches.folder(tmp_path / "old", triangles=np.zeros((0, 3), np.int32))
    assert_same(
        weights(train.train(tiny(sheet_every=2), old, tmp_path / "a.safetensors")),
        weights(train.train(tiny(), faces, tmp_path / "b.safetensors")),
    )
    with pytest.raises(InputError, match="has no surface"):
        train.train(tiny(loss=LossConfig(edge=0.1)), old, tmp_path / "c.safetensors")


def test_a_batch_ends_in_whole_rings_where_the_targets_say_they_are(faces):
    settings = tiny(vertices=50, loss=LossConfig(edge=1, rings=9), merge_parts=0)
    batch = sampler.Pool(faces, None).draw(np.random.default_rng(0), settings)
    assert batch.inputs.shape[1] == batch.targets.shape[1] == 50 + 9 * 17
    rest = batch.places.unflatten(1, (9, 17))
    assert torch.allclose((rest[:, :, 1:] - rest[:, :, :1]).abs()[..., :2].amax(), torch.tensor(1 / 11), atol=1e-6)
    given = batch.inputs[:, 50:, :3].unflatten(1, (9, 17))
    shift = given - rest
    assert torch.allclose(shift, shift[:, :, :1], atol=1e-5), "noise moves a ring as one"
    assert shift[:, :, 0].std() > 0.001


def test_curves_by_term_and_sheets_can_be_looked_at(tmp_path, faces):
    loss = LossConfig(**dict.fromkeys(TERMS, 0.1), rings=4)
    train.train(tiny(steps=20, sheet_every=20, loss=loss), faces, tmp_path / "deformer.safetensors", hold_out="bert")
    curves = EventAccumulator(str(tmp_path / "deformer")).Reload()
    names = {f"loss/{name}" for name in ("reconstruction", *TERMS)}
    assert set(curves.Tags()["scalars"]) == names | {"rate", "gradient norm"}
    assert set(curves.Tags()["images"]) == {"anna"}
    sheet = np.asarray(Image.open(tmp_path / "deformer" / "anna_000020.png"))
    assert sheet.shape == (6 * 240, 4 * 240, 3) and (sheet < 250).any()


@pytest.mark.parametrize("kind", ["bf16", "fp16"])
def test_half_precision_learns_nearly_the_same(tmp_path, faces, kind):
    exact, half = (
        weights(train.train(tiny(precision=name), faces, tmp_path / f"{name}.safetensors")) for name in ("fp32", kind)
    )
    assert any(not torch.equal(exact[name], half[name]) for name in exact)
    assert all(torch.allclose(exact[name], half[name], atol=0.02) for name in exact)


def test_two_processes_learn_from_the_mean_of_their_gradients(tmp_path, faces, one_thread):
    settings = tiny(steps=5)
    command = "--standalone --nproc-per-node 2 -m training train --threads 1 --steps 5 --batch 2 --vertices 30"
    command += " --warmup 2 --model.width 16 --model.blocks 1 --save-every 0 --sheet-every 0"
    out = tmp_path / "deformer.safetensors"
    run = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *command.split(), "--dataset", faces, "--out", out],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    drawn = sampler.Pool(faces, None)
    rngs = [np.random.default_rng([0, rank]) for rank in range(2)]
    torch.manual_seed(0)
    model = Deformer(ModelConfig(width=16, blocks=1, artists=drawn.artists))
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=settings.decay)
    for step in range(5):
        optimiser.param_groups[0]["lr"] = loop.rate_at(step, settings)
        optimiser.zero_grad()
        for rng in rngs:
            batch = drawn.draw(rng, settings)
            predicted = model(batch.inputs, batch.artist, batch.chosen)
            (losses.terms(predicted, batch, settings.loss)["reconstruction"] / 2).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
        optimiser.step()
        for name, value in model.state_dict().items():
            kept[name].lerp_(value, 1 - (step + 1) / (step + 10))
    made = weights(out)
    assert all(torch.allclose(made[name], kept[name], atol=1e-5) for name in kept)
