"""Train Student: `python -m training portrait train-student --data FOLDER --base base.safetensors --out FOLDER`."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from blendshape_addon.core.errors import InputError

from ..learning.atomic_files import atomic_write
from ..learning.distributed import Team
from ..motion import video_metrics
from . import evaluate, losses, pairs, settings, stage, weights
from .discriminator import Judged
from .g2d import Painted
from .gbase import Gbase
from .pairs import Rendered, Renders
from .settings import Settings
from .student import NUM_AVATARS, OneAvatar, Student

_HELD = 2  # pictures of each avatar that drive nobody in a training
_DRIVERS = 64  # pictures of new people that the figures are of, and that speeds are measured with


class Batch(NamedTuple):
    """driver: (N, 3, S, S), 0 to 1; avatar: (N,) numbers of avatars."""

    driver: Tensor
    avatar: Tensor


class Taught(NamedTuple):
    """output, true, judged: as `stage.Made`, the truth being what the teacher made; flow: the teacher's."""

    output: Painted
    true: Tensor
    judged: Judged | None
    flow: Tensor


class StudentTask(stage.PictureTask):
    """The student on random drivers and avatars, taught by a Gbase. portraits: (M, S, S, 3) uint8 of the avatars."""

    def __init__(
        self, data: Renders, portraits: np.ndarray, told: Settings, teacher: Gbase, device: torch.device,
        vgg: Path | None = None, resnet: Path | None = None,
    ) -> None:  # fmt: skip
        super().__init__(told, device, told.terms.perceptual_size, vgg)
        if not 1 <= len(portraits) <= NUM_AVATARS:
            raise InputError(f"There are {len(portraits)} avatars: a student learns 1 to {NUM_AVATARS}.")
        self.data, self.resnet = data, resnet
        self.portraits = torch.from_numpy(portraits / np.float32(255)).permute(0, 3, 1, 2)
        self.teacher = teacher.eval().requires_grad_(False).to(device)
        with torch.no_grad():
            self.known = self.teacher.read(self.portraits.to(device))

    def build(self) -> stage.Trained:
        student = Student(self.told.size)
        if self.resnet:
            student.encoder.load(self.resnet)
        student.know(self.portraits)
        return stage.Trained(weights.STUDENT, student, self.told).train()

    def draw(self, rng: np.random.Generator) -> Batch:
        drivers = pairs.draw(self.data, self.told.training, rng).driver
        return Batch(drivers, torch.from_numpy(rng.integers(0, len(self.portraits), len(drivers))))

    def predict(self, network: nn.Module, batch: Batch) -> Taught:
        with torch.no_grad():
            taught = self.teacher.drive(_rows(self.known, batch.avatar), self.teacher.emtn(batch.driver))
        return Taught(*network(taught.picture, *batch), taught.flow)

    def terms(self, made: Taught, batch: Batch) -> dict[str, Tensor]:
        found, flow, needs = super().terms(made, batch), made.output.flow.float(), self.told.losses
        if needs.flow:
            found["flow"] = losses.flow_apart(flow, made.flow.float(), torch.ones_like(flow[:, :1]))
        if needs.correction:
            found["correction"] = made.output.correction.abs().float().mean()
        if needs.smooth:
            found["smooth"] = losses.smoothness(flow)
        return found


def _rows(known: Any, rows: Tensor) -> Any:
    """Some of what is known of sources, by number; known: a tensor, or named tuples of such."""
    return known[rows] if isinstance(known, Tensor) else type(known)(*(_rows(part, rows) for part in known))


def train_student(
    data: Renders, portraits: np.ndarray, told: Settings, base: Path, out: Path, seed: int = 0,
    vgg: Path | None = None, resnet: Path | None = None, device: Team | None = None,
) -> tuple[Student, Gbase]:  # fmt: skip
    """A student of `base` (weights of Gbase, see `weights.load_into`) and that teacher; goes on from
    student.safetensors in `out`, of a run that was cut short, and leaves it there. resnet: weights of ResNet18 to begin
    with. Raises InputError as `stage.run` does, and for no or too many avatars."""
    teacher = Gbase(told.size)
    weights.load_into(teacher, base)
    network = stage.run(
        lambda where: StudentTask(data, portraits, told, teacher, where, vgg, resnet), told, weights.STUDENT, out, seed,
        {"avatars": len(portraits), "vgg": vgg, "resnet": resnet}, device,
    )  # fmt: skip
    return network.student, teacher.cpu()


def without_last(data: Renders) -> Renders:
    """The same people, whose last pictures drive nobody in a training, so that students can be measured with them."""
    if few := [person.name for person in data.people if len(person.flow) <= _HELD]:
        raise InputError(f"There are {_HELD + 1} pictures of {few[0]} or fewer: draw people with more, see --frames of portrait synth.")
    return Renders([replace(person, flow=person.flow[:-_HELD]) for person in data.people])


@torch.no_grad()
def compare(student: Student, teacher: Gbase, avatars: Sequence[Rendered], new: Renders) -> dict[str, dict[str, float]]:
    """What the student and its teacher make, beside the portrait as it is: of each avatar, driven by pictures of its
    own that no training of the student saw, against these; of avatars in turn, driven by new people, against the
    teacher's. And how many frames per CPU second either makes, one at a time, with the avatar known.

    avatars: those that the student learned, in its order.
    """
    own = [(n, person.pictures[-k]) for n, person in enumerate(avatars) for k in range(1, _HELD + 1)]
    others = [person.pictures[number] for person, number in evaluate.chosen(new, _DRIVERS)]
    pictures = np.stack([*(picture for _, picture in own), *others])
    drivers = torch.from_numpy(pictures / np.float32(255)).permute(0, 3, 1, 2)
    avatar = torch.tensor([*(n for n, _ in own), *(n % len(avatars) for n in range(len(others)))])
    student.eval()
    portraits = student.portraits / 255
    made = {"student": student(drivers, avatar).picture}
    made["teacher"] = torch.cat(
        [teacher(portraits[a[None]], d[None]).picture for a, d in zip(avatar, drivers, strict=True)]
    )
    made["copy"] = portraits[avatar]
    rows: dict[str, dict[str, float]] = {}
    movies = {name: evaluate.as_uint8(movie) for name, movie in made.items()}
    for name, movie in movies.items():
        rows[name] = {"PSNR of own pictures, dB": _psnr(movie[: len(own)], pictures[: len(own)])}
        if name != "teacher":
            rows[name] |= {
                "to the teacher, dB": _psnr(movie[: len(own)], movies["teacher"][: len(own)]),
                "to the teacher, driven by others, dB": _psnr(movie[len(own) :], movies["teacher"][len(own) :]),
            }
    known, one = teacher.read(portraits[:1]), OneAvatar(student, 0)
    rows["student"]["frames per CPU second"] = _per_second(one, drivers)
    rows["teacher"]["frames per CPU second"] = _per_second(lambda d: teacher.drive(known, teacher.emtn(d)), drivers)
    return rows


def _psnr(made: np.ndarray, true: np.ndarray) -> float:
    return float(video_metrics.psnr(made, true).clip(max=99).mean())


def _per_second(make: Callable[[Tensor], object], drivers: Tensor) -> float:
    """How many of some drivers are done per CPU second, one at a time."""
    some = drivers[:_DRIVERS].split(1)
    make(some[0])
    began = time.process_time()
    for driver in some:
        make(driver)
    return len(some) / max(time.process_time() - began, 1e-9)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training portrait train-student",
        description="Train a quick network that knows some people by heart to do what a base does, and measure it "
        "beside its teacher. A run that was cut short goes on where it was.",
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that `portrait synth` made")
    parser.add_argument("--base", type=Path, required=True, help="base.safetensors of train-base")
    parser.add_argument("--out", type=Path, required=True, help="folder for student.safetensors, figures and curves")
    parser.add_argument(
        "--avatars", type=int, default=NUM_AVATARS, help="at most so many people (default: %(default)s)"
    )
    settings.add_options(parser)
    parser.add_argument("--resnet", type=Path, help="weights of ResNet18, for the student's encoder")
    given = parser.parse_args(arguments)
    told = settings.from_options(given)
    learned, new = pairs.load(given.data, told.size.size).split(told.training.new_people)
    avatars = learned.people[: given.avatars]
    portraits = np.stack([person.pictures[0] for person in avatars])
    student, teacher = train_student(
        without_last(learned), portraits, told, given.base, given.out, given.seed, given.vgg, given.resnet
    )
    rows = compare(student, teacher, avatars, new)
    atomic_write(given.out / "figures.json", json.dumps(rows, indent=1).encode())
    print(evaluate.table(rows))
