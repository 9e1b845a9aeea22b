"""Train Student: `python -m training portrait train-student --data FOLDER --base base.safetensors --out FOLDER`."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from blendshape_addon.core.errors import InputError

from ..learning import loop
from ..learning.atomic_files import atomic_write
from ..learning.distributed import Team, team
from ..learning.training_log import TrainingLogger
from ..motion import video_metrics
from . import evaluate, losses, pairs, settings, weights
from .g2d import Painted
from .gbase import Gbase
from .pairs import Renders
from .perceptual import Perceptual
from .settings import Settings
from .student import NUM_AVATARS, Student
from .train_base import loop_config

NAME = "student.safetensors"
_DRIVERS = 64  # pictures that the figures are of


class Batch(NamedTuple):
    """driver: (N, 3, S, S), 0 to 1; avatar: (N,) numbers of avatars."""

    driver: Tensor
    avatar: Tensor


class Trained(nn.Module):
    """What a training holds: the student."""

    def __init__(self, told: Settings) -> None:
        super().__init__()
        self.student = Student(told.size)

    def forward(self, driver: Tensor, avatar: Tensor) -> Painted:
        return self.student(driver, avatar)


class StudentTask:
    """The student on random drivers and avatars, taught by a Gbase. portraits: (M, S, S, 3) uint8 of the avatars."""

    def __init__(
        self, data: Renders, portraits: np.ndarray, told: Settings, teacher: Gbase, device: torch.device,
        vgg: Path | None = None, resnet: Path | None = None,
    ) -> None:  # fmt: skip
        if not 1 <= len(portraits) <= NUM_AVATARS:
            raise InputError(f"There are {len(portraits)} avatars: a student learns 1 to {NUM_AVATARS}.")
        self.data, self.told, self.resnet = data, told, resnet
        self.portraits = torch.from_numpy(portraits / np.float32(255)).permute(0, 3, 1, 2).to(device)
        self.teacher = teacher.eval().requires_grad_(False).to(device)
        self.perceptual = Perceptual(told.terms.perceptual_size, vgg).to(device) if told.losses.perceptual else None

    def build(self) -> Trained:
        network = Trained(self.told)
        if self.resnet:
            network.student.encoder.load(self.resnet)
        network.student.know(self.portraits.cpu())
        return network.train()

    def draw(self, rng: np.random.Generator) -> Batch:
        drivers = pairs.draw(self.data, self.told.training, rng).driver
        return Batch(drivers, torch.from_numpy(rng.integers(0, len(self.portraits), len(drivers))))

    def predict(self, network: nn.Module, batch: Batch) -> Painted:
        return network(*batch)

    def terms(self, output: Painted, batch: Batch) -> dict[str, Tensor]:
        with torch.no_grad():
            taught = self.teacher(self.portraits[batch.avatar], batch.driver)
        picture, true = output.picture.float(), taught.picture.float()
        found = losses.of_pictures(picture, true, self.told, self.perceptual, None)
        if self.told.losses.flow:
            found["flow"] = losses.flow_apart(output.flow.float(), taught.flow.float(), torch.ones_like(true[:, :1]))
        if self.told.losses.correction:
            found["correction"] = output.correction.abs().float().mean()
        return found

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        return losses.total(terms, self.told.losses)


def train_student(
    data: Renders, portraits: np.ndarray, told: Settings, base: Path, out: Path, seed: int = 0,
    vgg: Path | None = None, resnet: Path | None = None, device: Team | None = None,
) -> tuple[Student, Gbase]:  # fmt: skip
    """A student of `base` (weights of Gbase, see `weights.load_into`) and that teacher; goes on from
    student.safetensors in `out`, of a run that was cut short, and leaves it there. resnet: weights of ResNet18 to begin
    with. Raises InputError as `train_base` does, and for no or too many avatars."""
    if device is None:
        with team() as found:
            return train_student(data, portraits, told, base, out, seed, vgg, resnet, found)
    file = out / NAME
    if file.exists():
        weights.check_size(file, told.size)
    teacher = Gbase(told.size)
    weights.load_into(teacher, base)
    config = loop_config(told, seed)
    kept = {"kind": weights.STUDENT, "tables": told.tables(), "avatars": len(portraits), "vgg": vgg and vgg.name,
            "resnet": resnet and resnet.name} | asdict(config)  # fmt: skip
    if device.device.type == "cpu":
        torch.set_num_threads(1)
    task = StudentTask(data, portraits, told, teacher, device.device, vgg, resnet)
    rng = np.random.default_rng([seed, device.rank])
    network = loop.train(
        task, config, device, rng, "student of a portrait", file, kept,
        logger=lambda first: TrainingLogger(out / "curves", first),
    ).network  # fmt: skip
    return network.student, teacher.cpu()


@torch.no_grad()
def compare(student: Student, teacher: Gbase, new: Renders, avatars: int) -> dict[str, dict[str, float]]:
    """How near the student is to its teacher, for drivers that are new people, beside the portrait as it is; and how
    many frames per second either makes, one at a time, with the source known."""
    drivers = pairs.batch_of([person.at(number) for person, number in evaluate.chosen(new, _DRIVERS)]).driver
    avatar = torch.arange(len(drivers)) % avatars
    portraits = student.portraits / 255
    taught = evaluate.as_uint8(
        torch.cat([teacher(portraits[a : a + 1], d[None]).picture for a, d in zip(avatar, drivers, strict=True)])
    )
    known = teacher.read(portraits[:1])

    def per_second(make: object) -> float:
        began = time.process_time()
        for one in drivers.split(1):
            make(one)
        return len(drivers) / max(time.process_time() - began, 1e-9)

    made = {
        "student": evaluate.as_uint8(student(drivers, avatar).picture),
        "copy": evaluate.as_uint8(portraits[avatar]),
    }
    rows = {
        name: {"PSNR to the teacher, dB": float(video_metrics.psnr(movie, taught).clip(max=99).mean())}
        for name, movie in made.items()
    }
    rows["student"]["frames per CPU second"] = per_second(lambda one: student(one, avatar[:1]))
    rows["teacher"] = {"frames per CPU second": per_second(lambda one: teacher.drive(known, teacher.emtn(one)))}
    return rows


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training portrait train-student",
        description="Train a quick network that knows some people by heart to do what a base does, and measure it "
        "beside its teacher. A run that was cut short goes on where it was.",
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that `portrait synth` made")
    parser.add_argument("--base", type=Path, required=True, help="base.safetensors of train-base")
    parser.add_argument("--out", type=Path, required=True, help=f"folder for {NAME}, figures and curves")
    parser.add_argument(
        "--avatars", type=int, default=NUM_AVATARS, help="at most so many people (default: %(default)s)"
    )
    settings.add_options(parser)
    parser.add_argument("--resnet", type=Path, help="weights of ResNet18, for the student's encoder")
    given = parser.parse_args(arguments)
    told = settings.from_options(given)
    learned, new = pairs.load(given.data, told.size.size).split(told.training.new_people)
    portraits = np.stack([person.pictures[0] for person in learned.people[: given.avatars]])
    student, teacher = train_student(
        learned, portraits, told, given.base, given.out, given.seed, given.vgg, given.resnet
    )
    rows = compare(student, teacher, new, len(portraits))
    atomic_write(given.out / "figures.json", json.dumps(rows, indent=1).encode())
    print(evaluate.table(rows))
