"""Train GHR: `python -m training portrait train-hr --data FOLDER --base base.safetensors --out FOLDER`."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..learning import loop
from ..learning.atomic_files import atomic_write
from ..learning.distributed import Team, team
from ..learning.training_log import TrainingLogger
from ..motion import video_metrics
from . import evaluate, losses, pairs, settings, weights
from .discriminator import Discriminator, Judged
from .ghr import GHR, Sharp
from .pairs import Batch, Data, Renders
from .perceptual import Perceptual
from .settings import Settings
from .train_base import loop_config

NAME = "hr.safetensors"


class Made(NamedTuple):
    """output: of GHR; judged: by the discriminator, None where no term needs it."""

    output: Sharp
    judged: Judged | None


class Trained(nn.Module):
    """What a training holds: GHR, and the discriminator if a term of the loss needs it."""

    def __init__(self, told: Settings) -> None:
        super().__init__()
        self.hr = GHR(told.size)
        self.discriminator = Discriminator(told.size.width) if told.losses.judged else None

    def forward(self, source: Tensor, driver: Tensor, seen: Tensor) -> Made:
        """All (N, 3, 2S, 2S), 0 to 1, see `pairs.Pair`."""
        output = self.hr(source, functional.avg_pool2d(seen, 2))
        judged = self.discriminator.judged(output.picture, driver) if self.discriminator is not None else None
        return Made(output, judged)


class HrTask:
    """GHR on random pairs of twice the size, about a Gbase that is not trained."""

    def __init__(self, data: Data, told: Settings, base: Path, device: torch.device, vgg: Path | None = None) -> None:
        self.data, self.told, self.base = data, told, base
        seen = 2 * told.terms.perceptual_size
        self.perceptual = Perceptual(seen, vgg).to(device) if told.losses.perceptual else None

    def build(self) -> Trained:
        network = Trained(self.told)
        weights.load_into(network.hr.base, self.base)
        return network

    def draw(self, rng: np.random.Generator) -> Batch:
        return pairs.draw(self.data, self.told.training, rng)

    def predict(self, network: nn.Module, batch: Batch) -> Made:
        return network(batch.source, batch.driver, batch.seen)

    def terms(self, made: Made, batch: Batch) -> dict[str, Tensor]:
        return losses.of_pictures(made.output.picture.float(), batch.driver, self.told, self.perceptual, made.judged)

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        return losses.total(terms, self.told.losses)


def train_hr(
    data: Data, told: Settings, base: Path, out: Path, seed: int = 0, vgg: Path | None = None,
    device: Team | None = None,
) -> GHR:  # fmt: skip
    """GHR trained on pairs of twice the size; goes on from hr.safetensors in `out`, of a run that was cut short, and
    leaves it there. base: weights of Gbase, see `weights.load_into`. Raises InputError as `train_base` does."""
    if device is None:
        with team() as found:
            return train_hr(data, told, base, out, seed, vgg, found)
    file = out / NAME
    if file.exists():
        weights.check_size(file, told.size)
    config = loop_config(told, seed)
    kept = {"kind": weights.HR, "tables": told.tables(), "vgg": vgg and vgg.name} | asdict(config)
    if device.device.type == "cpu":
        torch.set_num_threads(1)
    task = HrTask(data, told, base, device.device, vgg)
    rng = np.random.default_rng([seed, device.rank])
    return loop.train(
        task, config, device, rng, "portrait in high resolution", file, kept,
        logger=lambda first: TrainingLogger(out / "curves", first),
    ).network.hr  # fmt: skip


@torch.no_grad()
def compare(network: GHR, new: Renders, count: int = 64) -> dict[str, dict[str, float]]:
    """Figures over up to `count` pairs of new people, of GHR and of the base's pictures enlarged, against the driver's
    in high resolution."""
    batch = pairs.batch_of([person.at(number) for person, number in evaluate.chosen(new, count)])
    network.eval()
    made = [
        network(s, functional.avg_pool2d(d, 2))
        for s, d in zip(batch.source.split(8), batch.driver.split(8), strict=True)
    ]
    perceptual, true = Perceptual(batch.driver.shape[-1]), evaluate.as_uint8(batch.driver)
    rows = {}
    for name, parts in (("network", [m.picture for m in made]), ("bicubic", [m.enlarged for m in made])):
        movie = torch.cat(parts)
        apart = [perceptual(a, b).item() for a, b in zip(movie.split(8), batch.driver.split(8), strict=True)]
        psnr = float(video_metrics.psnr(evaluate.as_uint8(movie), true).clip(max=99).mean())
        rows[name] = {"PSNR, dB": psnr, f"distance in {perceptual.name}": float(np.mean(apart))}
    return rows


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training portrait train-hr",
        description="Train what gives a portrait twice the resolution of its base, and measure it beside bicubic "
        "enlargement. A run that was cut short goes on where it was.",
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that `portrait synth` made, of twice the size")
    parser.add_argument("--base", type=Path, required=True, help="base.safetensors of train-base")
    parser.add_argument("--out", type=Path, required=True, help=f"folder for {NAME}, figures and curves")
    settings.add_options(parser)
    given = parser.parse_args(arguments)
    told = settings.from_options(given)
    learned, new = pairs.load(given.data, 2 * told.size.size).split(told.training.new_people)
    rows = compare(train_hr(learned, told, given.base, given.out, given.seed, given.vgg), new)
    atomic_write(given.out / "figures.json", json.dumps(rows, indent=1).encode())
    print(evaluate.table(rows))
