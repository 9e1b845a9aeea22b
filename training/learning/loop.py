"""The training loop of every network here. It knows no data and no network: what it trains is a `Task`.

Read `train` from top to bottom: the network and its averaged copy, the optimiser, a checkpoint to go on from if there
is one, and then steps of draw, predict, loss, gradient, weights, average, log, checkpoint.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from blendshape_addon.core.errors import InputError

from ..config import LoopConfig
from . import checkpoint
from .distributed import Team

_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Task(Protocol):
    """What is trained, and on what. A batch is a named tuple of tensors."""

    def build(self) -> nn.Module:
        """The network with its first weights, drawn from torch's generator."""

    def draw(self, rng: np.random.Generator) -> Any:
        """A random batch, on the CPU."""

    def predict(self, network: nn.Module, batch: Any) -> Any:
        """The network's output for a batch, in the precision of the training. network: as built, perhaps wrapped for
        several processes."""

    def terms(self, output: Any, batch: Any) -> dict[str, Tensor]:
        """The terms of the loss by name, unweighted, in fp32."""

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        """The weighted sum of the terms that is minimised."""


class Logger(Protocol):
    """What watches a training, in the first process alone."""

    def numbers(self, step: int, values: dict[str, float]) -> None:
        """Take the figures of a step."""

    def sheets(self, step: int, network: nn.Module) -> None:
        """Show what the averaged network makes."""

    def close(self) -> None:
        """Write out what is still held back."""


class Result(NamedTuple):
    """The network with averaged weights, on the CPU, in evaluation mode; and the running mean of each term."""

    network: nn.Module
    running: dict[str, float]


def rate_at(step: int, config: LoopConfig) -> float:
    """Learning rate of a step: linear warm-up, then `cycles` cosines to 0, each twice as long as the one before (SGDR,
    Loshchilov and Hutter 2017, eq. 5, T_mult = 2)."""
    if step < config.warmup:
        return config.rate * (step + 1) / config.warmup
    done = step - config.warmup
    length = max(1, config.steps - config.warmup) / (2**config.cycles - 1)
    while done >= length and step < config.steps:
        done, length = done - length, 2 * length
    return config.rate * 0.5 * (1 + math.cos(math.pi * done / length))


def train(
    task: Task,
    config: LoopConfig,
    team: Team,
    rng: np.random.Generator,
    title: str,
    resume: Path | None = None,
    settings: dict | None = None,
    schedule: Callable[[int, LoopConfig], float] = rate_at,
    logger: Callable[[int], Logger] | None = None,
) -> Result:
    """Train to the end, or on from the checkpoint `resume`, and give what a run gives that was never stopped.

    rng: this process's own, for `task.draw`. settings: all that the run depends on; a checkpoint of a run with others
    is refused. schedule: learning rate by step. logger: makes the logger of a run that begins at a step. The last
    checkpoint, of the end, is left in place: the caller deletes it when the result is written.

    Raises InputError when the checkpoint is damaged, of other settings or of another number of processes, and when the
    disk is full.
    """
    torch.manual_seed(config.seed)
    network = task.build().to(team.device)
    average = copy.deepcopy(network).eval()
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.rate, weight_decay=config.decay)
    kind = _type_of(config.precision, team.device)
    scaler = torch.amp.GradScaler(team.device.type, enabled=kind == torch.float16)

    first, running = 0, {}
    if resume and resume.exists():
        groups, notes = checkpoint.load(resume)
        _check_same(notes, settings, team, resume)
        network.load_state_dict(groups["model"])
        average.load_state_dict(groups["average"])
        checkpoint.restore_moments(optimiser, groups["optimiser"])
        scaler.load_state_dict(notes["scaler"])
        rng.bit_generator.state, first, running = notes["rng"][team.rank], notes["step"], notes["running"]

    wrapped = team.wrapped(network)
    log = logger(first) if logger and team.rank == 0 else None
    steps = tqdm(range(first, config.steps), title, config.steps, initial=first, unit="step", disable=team.rank > 0)
    for step in steps:
        rate = schedule(step, config)
        for group in optimiser.param_groups:
            group["lr"] = rate

        batch = task.draw(rng)
        batch = type(batch)(*(tensor.to(team.device) for tensor in batch))
        with torch.autocast(team.device.type, kind, enabled=kind != torch.float32):
            output = task.predict(wrapped, batch)
        terms = task.terms(output, batch)

        optimiser.zero_grad()
        scaler.scale(task.total(terms)).backward()
        scaler.unscale_(optimiser)
        norm = nn.utils.clip_grad_norm_(network.parameters(), config.clip)
        scaler.step(optimiser)
        scaler.update()

        done = step + 1
        _blend(average, network, min(config.ema, done / (done + 9)))  # early averages forget the first weights
        values = {name: value.item() for name, value in terms.items()}
        running = {k: v if step == 0 else 0.98 * running[k] + 0.02 * v for k, v in values.items()}
        steps.set_postfix({name: f"{value:.3f}" for name, value in running.items()}, refresh=False)
        if log:
            figures = {f"loss/{name}": value for name, value in values.items()}
            log.numbers(done, figures | {"rate": rate, "gradient norm": norm.item()})
            if config.sheet_every and done % config.sheet_every == 0:
                log.sheets(done, average)
        if resume and config.save_every and (done % config.save_every == 0 or done == config.steps):
            notes = {"settings": settings, "step": done, "running": running, "scaler": scaler.state_dict()}
            notes["rng"] = team.all_gather(rng.bit_generator.state)
            if team.rank == 0:
                groups = {"model": network.state_dict(), "average": average.state_dict()}
                groups["optimiser"] = checkpoint.moments(optimiser)
                checkpoint.save(resume, groups, notes)
    if log:
        log.close()
    return Result(average.cpu(), running)


@torch.no_grad()
def _blend(average: nn.Module, network: nn.Module, share: float) -> None:
    """Weights of `average`: `share` of what they were, the rest of the network's; buffers are the network's."""
    for kept, new in zip(average.parameters(), network.parameters(), strict=True):
        kept.lerp_(new, 1 - share)
    for kept, new in zip(average.buffers(), network.buffers(), strict=True):
        kept.copy_(new)


def _type_of(precision: str, device: torch.device) -> torch.dtype:
    if precision != "auto":
        return _TYPES[precision]
    if device.type == "cpu":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def _check_same(notes: dict, settings: dict | None, team: Team, path: Path) -> None:
    """Raises InputError unless the checkpoint's run was one like this."""
    if notes.get("settings") != json.loads(json.dumps(settings)):
        raise InputError(f"{path} is of a training with other settings, artists or architecture: "
                         "finish that one with its own, or delete the file to begin anew.")  # fmt: skip
    if len(notes["rng"]) != team.size:
        raise InputError(f"{path} is of a training in {len(notes['rng'])} processes, not {team.size}: use as many.")
