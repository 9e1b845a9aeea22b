"""The training loop on a task that is neither the deformer nor the face finder: a line through points."""

import dataclasses
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from blendshape_addon.core.errors import InputError
from training.config import LoopConfig
from training.learning import loop
from training.learning.distributed import ALONE, Team

CONFIG = LoopConfig(steps=12, rate=0.05, warmup=2, ema=0.5, save_every=5, sheet_every=4)


class Points(NamedTuple):
    x: Tensor
    y: Tensor


class Line:
    """y = 2 x - 1, learned behind a batch normalisation, which has buffers. stop: the draw at which it is killed."""

    def __init__(self, stop=0):
        self.draws, self.stop = 0, stop

    def build(self):
        return nn.Sequential(nn.BatchNorm1d(1), nn.Linear(1, 1))

    def draw(self, rng):
        self.draws += 1
        if self.draws == self.stop:
            raise KeyboardInterrupt
        x = torch.from_numpy(rng.normal(size=(128, 1)).astype(np.float32))
        return Points(x, 2 * x - 1)

    def predict(self, network, batch):
        return network(batch.x)

    def terms(self, output, batch):
        return {"error": (output - batch.y).square().mean(), "size": output.square().mean()}

    def total(self, terms):
        return terms["error"] + 0.001 * terms["size"]


class Watcher:
    """A logger that remembers."""

    def __init__(self, first):
        self.first, self.steps, self.shown, self.closed = first, {}, [], False

    def numbers(self, step, values):
        self.steps[step] = values

    def sheets(self, step, network):
        self.shown.append((step, network.training))

    def close(self):
        self.closed = True


def run(task, config=CONFIG, **more):
    return loop.train(task, config, ALONE, np.random.default_rng(7), "line", **more)


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def test_it_learns_and_gives_running_means_of_every_term():
    made = run(Line(), dataclasses.replace(CONFIG, steps=600, ema=0.9))
    assert not made.network.training and set(made.running) == {"error", "size"} and made.running["error"] < 0.5
    x = torch.tensor([[-1.0], [0.0], [1.0]])
    assert torch.allclose(made.network(x), 2 * x - 1, atol=0.3)


@pytest.mark.parametrize("stop", [1, 4, 7, 12])
def test_a_run_stopped_anywhere_ends_as_one_that_was_not(tmp_path, stop):
    whole = run(Line())
    resume = tmp_path / "resume.safetensors"
    with pytest.raises(KeyboardInterrupt):
        run(Line(stop), resume=resume, settings={"of": "test"})
    rest = Line()
    again = run(rest, resume=resume, settings={"of": "test"})
    assert rest.draws == 12 - (stop - 1) // 5 * 5
    assert same(whole.network, again.network) and whole.running == again.running
    finished = Line()
    assert same(run(finished, resume=resume, settings={"of": "test"}).network, whole.network) and finished.draws == 0


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    resume = tmp_path / "resume.safetensors"
    run(Line(), resume=resume, settings={"of": "test"})
    with pytest.raises(InputError, match="other settings"):
        run(Line(), resume=resume, settings={"of": "another"})
    two = Team(0, 2, torch.device("cpu"))
    with pytest.raises(InputError, match="1 processes, not 2"):
        loop.train(Line(), CONFIG, two, np.random.default_rng(0), "line", resume, {"of": "test"})


def test_without_an_average_the_result_is_the_network_itself():
    built = []

    class Kept(Line):
        def build(self):
            built.append(super().build())
            return built[-1]

    made = run(Kept(), dataclasses.replace(CONFIG, ema=0.0))
    assert same(made.network, built[0]) and not same(run(Line()).network, built[0])
    assert torch.equal(run(Line()).network[0].running_mean, built[0][0].running_mean), "buffers are never averaged"


def test_what_watches_a_run_sees_every_step_and_the_averaged_network(tmp_path):
    seen = []

    def logger(first):
        seen.append(Watcher(first))
        return seen[-1]

    resume = tmp_path / "resume.safetensors"
    with pytest.raises(KeyboardInterrupt):
        run(Line(stop=9), resume=resume, settings={}, logger=logger)
    run(Line(), resume=resume, settings={}, logger=logger)
    cut, rest = seen
    assert (cut.first, rest.first) == (0, 5) and list(rest.steps) == list(range(6, 13)) and rest.closed
    assert rest.shown == [(8, False), (12, False)]
    assert set(rest.steps[6]) == {"loss/error", "loss/size", "rate", "gradient norm"}
    assert {step: row for step, row in cut.steps.items() if step > 5} == {n: rest.steps[n] for n in (6, 7, 8)}


def test_a_schedule_of_ones_own_sets_the_rate():
    still = run(Line(), dataclasses.replace(CONFIG, ema=0.0), schedule=lambda step, config: 0.0)
    torch.manual_seed(CONFIG.seed)
    assert torch.equal(still.network[1].weight, Line().build()[1].weight)
