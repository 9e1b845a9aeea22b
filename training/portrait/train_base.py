"""Train Gbase: `python -m training portrait train-base --data FOLDER --out FOLDER`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..learning.atomic_files import atomic_write
from ..learning.distributed import Team
from ..motion import video_metrics
from . import evaluate, face_code, losses, pairs, settings, stage, weights
from .background import PersonMask
from .discriminator import Discriminator, Judged
from .emo_dataset import EMODataset
from .emtn import Motion
from .gaze_blink_loss import GazeBlinkLoss
from .gbase import Gbase, Output
from .pairs import Batch, Data
from .settings import Settings

NAME = "base.safetensors"
CLIP_SCALE = (0.8, 1.0)  # share of a clip's shorter side that is seen
_READ = 2  # every how manieth output is read for landmarks
_CYCLED = 4  # every how manieth pair is driven by another person, too


class Made(NamedTuple):
    """output: of Gbase. units: (N, 2, 52) of source and driver, as their expressions tell them. judged: by the
    discriminator. read: (M, latent) expressions read in the first sources, driven by the drivers after their own. Parts
    that no term needs are None."""

    output: Output
    units: Tensor | None
    judged: Judged | None
    read: Tensor | None


class Trained(nn.Module):
    """What a training holds: Gbase, and the discriminator if a term of the loss needs it."""

    def __init__(self, told: Settings) -> None:
        super().__init__()
        self.base = Gbase(told.size)
        self.discriminator = Discriminator(told.size.width) if told.losses.judged else None
        self.cycles, self.knows_units = bool(told.losses.cycle), bool(told.losses.expression)

    def forward(self, source: Tensor, driver: Tensor, codes: Tensor, noise: Tensor) -> Made:
        """(N, 3, S, S), 0 to 1, and twice (N, 2, K), see `pairs.Batch`."""
        known, motion = self.base.read(source, codes[:, 0], noise[:, 0]), self.base.emtn(codes[:, 1], noise[:, 1])
        output = self.base.drive(known, motion)
        read = judged = units = None
        if self.knows_units:
            units = self.base.emtn.units(torch.stack([known.motion.expression, motion.expression], 1))
        if self.cycles:
            some = -(-len(source) // _CYCLED)
            others = Motion(*(part.roll(-1, 0)[:some] for part in motion))
            read = self.base.emtn(self.base.drive(known.first(some), others).picture).expression
        if self.discriminator is not None:
            judged = self.discriminator.judged(output.picture, driver)
        return Made(output, units, judged, read)


class BaseTask(stage.PictureTask):
    """Gbase on random pairs."""

    def __init__(
        self, data: Data, told: Settings, device: torch.device, vgg: Path | None = None, start: Path | None = None
    ) -> None:
        super().__init__(told, device, told.terms.perceptual_size, vgg)
        self.data, self.start, self.usual = data, start, data.usual_codes()
        self.gaze = GazeBlinkLoss().to(device) if told.losses.gaze else None

    def build(self) -> Trained:
        network = Trained(self.told)
        network.base.emtn.usual(*map(torch.from_numpy, self.usual))
        if self.start:
            weights.load_into(network.base, self.start)
        return network

    def draw(self, rng: np.random.Generator) -> Batch:
        return pairs.draw(self.data, self.told.training, rng)

    def predict(self, network: nn.Module, batch: Batch) -> Made:
        return network(batch.source, batch.driver, batch.codes, batch.noise)

    def terms(self, made: Made, batch: Batch) -> dict[str, Tensor]:
        needs, terms = self.told.losses, self.told.terms
        output = made.output
        picture, flow = output.picture.float(), output.flow.float()
        weight = 1 + terms.care * batch.care
        found = losses.of_pictures(picture, batch.driver, self.told, self.perceptual, made.judged, weight)
        if made.read is not None:
            drivers = output.driver.expression.float().roll(-1, 0)
            found["cycle"] = losses.motion_contrast(made.read.float(), drivers, terms.temperature, terms.margin)
        if self.gaze is not None:
            found["gaze"] = self.gaze(picture, batch.driver, batch.eyes, batch.eyes_known)
        if needs.landmarks:
            some = -(-len(picture) // _READ)
            found["landmarks"] = losses.landmarks_apart(face_code.read(picture[:some]).code, batch.codes[:some, 1])
        if needs.flow:
            found["flow"] = losses.flow_apart(flow, batch.flow, batch.share * weight)
        if needs.pose:
            both = (output.source, batch.poses[:, 0]), (output.driver, batch.poses[:, 1])
            found["pose"] = torch.stack([losses.pose_apart(*one, batch.known) for one in both]).mean()
        if made.units is not None:
            known = (batch.known[:, None] * batch.units_known)[:, None].expand_as(batch.units)
            found["expression"] = losses.units_apart(made.units.float(), batch.units, known)
        if needs.correction:
            found["correction"] = output.correction.abs().float().mean()
        if needs.smooth:
            found["smooth"] = losses.smoothness(flow)
        return found


def train_base(
    data: Data, told: Settings, out: Path, seed: int = 0, vgg: Path | None = None, start: Path | None = None,
    device: Team | None = None,
) -> Gbase:  # fmt: skip
    """Gbase trained on pairs; goes on from base.safetensors in `out`, of a run that was cut short, and leaves it there.

    vgg: weights for the perceptual term. start: Gbase.pth or another file of weights to begin with. device: where, if
    not where there is a GPU or else the CPU. Raises InputError for files of another size or that are damaged, and when
    the disk does not take the checkpoint.
    """
    return stage.run(
        lambda where: BaseTask(data, told, where, vgg, start), told, weights.BASE, out, seed,
        {"vgg": vgg, "start": start}, device,
    ).base  # fmt: skip


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training portrait train-base",
        description="Train a network that moves a portrait as a driver's picture does, and measure it on people that "
        "it never saw. A run that was cut short goes on where it was.",
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that `portrait synth` made")
    parser.add_argument("--clips", type=Path, help="also learn from clips: a folder of folders with 0001.png and so on")
    parser.add_argument("--json", type=Path, help="a list of the names of clips to use (default: all)")
    parser.add_argument("--remove-background", action="store_true", help="lay the people of clips on plain colours")
    parser.add_argument("--warp", type=float, default=1.0, help="how much drivers of clips are bent (default: 1)")
    parser.add_argument("--out", type=Path, required=True, help=f"folder for {NAME}, figures and curves")
    settings.add_options(parser)
    parser.add_argument("--start", type=Path, help="weights to begin with: Gbase.pth, or a .safetensors file")
    given = parser.parse_args(arguments)
    told = settings.from_options(given)
    data = pairs.load(given.data, told.size.size)
    learned, new = data.split(told.training.new_people)
    print(f"{len(learned.people)} people to learn from, {len(new.people)} new ones to measure on.")
    seen: Data = learned
    if given.clips:
        mask = PersonMask() if given.remove_background else None
        size = told.size.size
        clips = EMODataset(size, size, 2, 1, CLIP_SCALE, given.clips, given.json, mask, given.warp)
        if clips.not_square:
            print(f"Not square, so cropped at the sides: {', '.join(clips.not_square)}.")
        seen = pairs.Either(learned, clips)
    network = train_base(seen, told, given.out, given.seed, given.vgg, given.start)
    rows = evaluate.compare(network, new)
    atomic_write(given.out / "figures.json", json.dumps(rows, indent=1).encode())
    evaluate.sheet(network, new, given.out / "new_people.png")
    print(video_metrics.table(rows))
    print(f"{given.out / NAME} moves portraits: python -m training portrait animate")
