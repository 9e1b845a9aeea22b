"""What the trainings of all stages have alike: networks beside a discriminator, where a run goes on, what a checkpoint
remembers, and where it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..config import LoopConfig
from ..learning import loop
from ..learning.distributed import Team, team
from ..learning.training_log import TrainingLogger
from . import losses, weights
from .discriminator import Discriminator, Judged
from .perceptual import Perceptual
from .settings import Settings


class Made(NamedTuple):
    """output: of the network; true: the pictures that its own should be; judged: by the discriminator, None where no
    term needs it."""

    output: Any
    true: Tensor
    judged: Judged | None


class Trained(nn.Module):
    """What a training of a kind holds: the network, by the name of its kind, and the discriminator if a term of the
    loss needs it."""

    def __init__(self, kind: str, network: nn.Module, told: Settings) -> None:
        super().__init__()
        self.part = weights.PART[kind]
        self.add_module(self.part, network)
        self.discriminator = Discriminator(told.size.width) if told.losses.judged else None

    def forward(self, true: Tensor, *inputs: Tensor) -> Made:
        output = self.get_submodule(self.part)(*inputs)
        judged = self.discriminator.judged(output.picture, true) if self.discriminator is not None else None
        return Made(output, true, judged)


class PictureTask:
    """What is alike in tasks whose networks make pictures that others should be."""

    def __init__(self, told: Settings, device: torch.device, size: int, vgg: Path | None) -> None:
        """size: pixels of a side that the perceptual network sees."""
        self.told = told
        self.perceptual = Perceptual(size, vgg).to(device) if told.losses.perceptual else None

    def terms(self, made: Made, batch: Any) -> dict[str, Tensor]:
        """The terms that look at pictures alone."""
        picture, true = made.output.picture.float(), made.true.float()
        return losses.of_pictures(picture, true, self.told, self.perceptual, made.judged)

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        return losses.total(terms, self.told.losses)


def loop_config(told: Settings, seed: int) -> LoopConfig:
    """How the loop trains by these settings: in bf16 on a GPU that has it."""
    t = told.training
    return LoopConfig(
        steps=t.steps, rate=t.rate, warmup=t.warmup, decay=t.decay, clip=t.clip, ema=t.ema, seed=seed,
        save_every=t.save_every, sheet_every=0,
    )  # fmt: skip


def run(
    task: Callable[[torch.device], loop.Task], told: Settings, kind: str, out: Path, seed: int,
    more: dict[str, object], device: Team | None,
) -> nn.Module:  # fmt: skip
    """What a task of a stage trains, with averaged weights. It goes on from the checkpoint of that kind in `out`, of a
    run that was cut short, and leaves it there.

    task: made on the device that is trained on. kind: see `weights`. more: what the run depends on beside the settings;
    files (Path) by their names. device: where, if not where there is a GPU or else the CPU. Raises InputError for a
    checkpoint of another size or other settings or that is damaged, and when the disk does not take one.
    """
    if device is None:
        with team() as found:
            return run(task, told, kind, out, seed, more, found)
    file = weights.file_in(out, kind)
    if file.exists():
        weights.check_size(file, told.size)
    config = loop_config(told, seed)
    named = {name: value.name if isinstance(value, Path) else value for name, value in more.items()}
    kept = {"kind": kind, "tables": told.tables()} | named | asdict(config)
    if device.device.type == "cpu":
        torch.set_num_threads(1)
    rng = np.random.default_rng([seed, device.rank])
    return loop.train(
        task(device.device), config, device, rng, kind, file, kept,
        logger=lambda first: TrainingLogger(out / "curves", first),
    ).network  # fmt: skip
