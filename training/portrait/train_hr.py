"""Train GHR: `python -m training portrait train-hr --data FOLDER --base base.safetensors --out FOLDER`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..learning.atomic_files import atomic_write
from ..learning.distributed import Team
from ..motion import video_metrics
from . import evaluate, pairs, settings, stage, weights
from .gaze_blink_loss import GazeBlinkLoss
from .ghr import GHR
from .pairs import Batch, Data, Renders
from .perceptual import Perceptual
from .settings import Settings


class HrTask(stage.PictureTask):
    """GHR on random pairs of twice the size, about a Gbase that is not trained."""

    def __init__(self, data: Data, told: Settings, base: Path, device: torch.device, vgg: Path | None = None) -> None:
        super().__init__(told, device, 2 * told.size.size, vgg)
        self.data, self.base = data, base
        self.gaze = GazeBlinkLoss().to(device) if told.losses.gaze else None

    def build(self) -> stage.Trained:
        network = GHR(self.told.size)
        weights.load_base(network.base, self.base)
        return stage.Trained(weights.HR, network, self.told)

    def draw(self, rng: np.random.Generator) -> Batch:
        return pairs.draw(self.data, self.told.training, rng)

    def predict(self, network: nn.Module, batch: Batch) -> stage.Made:
        return network(batch.driver, batch.source, batch.codes[:, 1], batch.codes[:, 0])

    def terms(self, made: stage.Made, batch: Batch) -> dict[str, Tensor]:
        found = super().terms(made, batch)
        if self.gaze is not None:
            found["gaze"] = self.gaze(made.output.picture.float(), batch.driver, batch.eyes, batch.eyes_known)
        return found


def train_hr(
    data: Data, told: Settings, base: Path, out: Path, seed: int = 0, vgg: Path | None = None,
    device: Team | None = None,
) -> GHR:  # fmt: skip
    """GHR trained on pairs of twice the size; goes on from hr.safetensors in `out`, of a run that was cut short, and
    leaves it there. base: weights of Gbase, see `weights.load_base`. Raises InputError as `stage.run` does."""
    return stage.run(
        lambda where: HrTask(data, told, base, where, vgg), told, weights.HR, out, seed, {"vgg": vgg}, device
    ).hr


@torch.no_grad()
def compare(network: GHR, new: Renders, count: int = 64) -> dict[str, dict[str, float]]:
    """Figures over up to `count` pairs of new people, of GHR and of the base's pictures enlarged, against the driver's
    in high resolution."""
    batch = pairs.batch_of([person.at(number) for person, number in evaluate.chosen(new, count)])
    network.eval()
    made = [
        network(source, codes[:, 1], codes[:, 0])
        for source, codes in zip(batch.source.split(8), batch.codes.split(8), strict=True)
    ]
    perceptual, true = Perceptual(batch.driver.shape[-1]), evaluate.as_uint8(batch.driver)
    rows = {}
    for name, parts in (("network", [m.picture for m in made]), ("bicubic", [m.enlarged for m in made])):
        movie = torch.cat(parts)
        apart = [perceptual(a, b).item() for a, b in zip(movie.split(8), batch.driver.split(8), strict=True)]
        made_movie = evaluate.as_uint8(movie)
        rows[name] = {
            "PSNR, dB": evaluate.psnr(made_movie, true),
            "SSIM": float(video_metrics.ssim(made_movie, true).mean()),
            "GMSD": float(video_metrics.gradient_deviation(made_movie, true).mean()),
            f"distance in {perceptual.name}": float(np.mean(apart)),
        }
    return rows


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training portrait train-hr",
        description="Train what gives a portrait twice the resolution of its base, and measure it beside bicubic "
        "enlargement. A run that was cut short goes on where it was.",
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that `portrait synth` made, of twice the size")
    parser.add_argument("--base", type=Path, required=True, help="folder of train-base, or Gbase.pth")
    parser.add_argument("--out", type=Path, required=True, help="folder for hr.safetensors, figures and curves")
    settings.add_options(parser)
    given = parser.parse_args(arguments)
    told = settings.from_options(given, "hr")
    data = pairs.load(given.data, 2 * told.size.size, motion_size=told.size.motion_size)
    learned, new = data.split(told.training.new_people)
    rows = compare(train_hr(learned, told, given.base, given.out, given.seed, given.vgg), new)
    atomic_write(given.out / "figures.json", json.dumps(rows, indent=1).encode())
    print(video_metrics.table(rows))
