"""Train Student: `python -m training portrait train-student --data FOLDER --base base.safetensors --out FOLDER`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.motion.face import OUTER_EYES, FaceReader

from ..learning.atomic_files import atomic_write
from ..learning.distributed import Team
from ..motion import video_metrics
from ..motion.animator.dataset import colours
from . import evaluate, face_code, framing, losses, pairs, settings, stage, weights
from .blocks import tensor
from .discriminator import Judged
from .emtn import Motion, adopted, held_as
from .framing import Eyes
from .gbase import Gbase, Output, Source
from .pairs import Rendered, Renders
from .settings import Settings
from .student import NUM_AVATARS, TOLD, Moved, OneAvatar, Student

_HELD = 2  # pictures of each avatar that drive nobody in a training
_LEAST_SPREAD = 1e-3  # of a number of a motion
_LARGEST = 1024  # pixels of a portrait's longer side
_DRIVERS = 64  # pictures of new people that the figures are of


class Batch(NamedTuple):
    """driver: (N, 3, M, M), 0 to 1, as the student sees it; codes: (N, 2, K) of it and of that person at rest, in which
    the teacher reads motion; avatar: (N,) numbers of avatars."""

    driver: Tensor
    codes: Tensor
    avatar: Tensor


class Avatar(NamedTuple):
    """Somebody whom a student learns by heart. picture: (S, S, 3) uint8; code: (K,) of it, see `face_code`."""

    name: str
    picture: np.ndarray
    code: np.ndarray


class Taught(NamedTuple):
    """output, true, judged: as `stage.Made`, the truth being what the teacher made; flow: the teacher's; told: what it
    reads of the motion, as `Moved.told`."""

    output: Moved
    true: Tensor
    judged: Judged | None
    flow: Tensor
    told: Tensor


class StudentTask(stage.PictureTask):
    """The student on random drivers and avatars, taught by a Gbase."""

    def __init__(
        self, data: Renders, avatars: Sequence[Avatar], told: Settings, teacher: Gbase, device: torch.device,
        vgg: Path | None = None, resnet: Path | None = None, start: Path | None = None,
    ) -> None:  # fmt: skip
        super().__init__(told, device, told.terms.perceptual_size, vgg)
        if not 1 <= len(avatars) <= NUM_AVATARS:
            raise InputError(f"There are {len(avatars)} avatars: a student learns 1 to {NUM_AVATARS}.")
        self.data, self.resnet, self.start = data, resnet, start
        self.portraits = tensor(np.stack([one.picture for one in avatars]))
        self.teacher = teacher.eval().requires_grad_(False).to(device)
        with torch.no_grad():
            self.known = self.teacher.read(self.portraits.to(device), _codes(avatars).to(device))
            rows = [(torch.from_numpy(one.codes[:, 0].astype(np.float32))).to(device) for one in data.people]
            numbers = torch.cat([_numbers(*(teacher.emtn(x) for x in (row, row[:1].expand_as(row)))) for row in rows])
        self.middle, self.spread = numbers.mean(0), numbers.std(0).clamp(min=_LEAST_SPREAD)

    def build(self) -> stage.Trained:
        student = Student(self.told.size)
        if self.start:
            weights.load_into(student, self.start)
        if self.resnet:
            student.encoder.load(self.resnet)
        student.know(self.portraits)
        student.middle.copy_(self.middle)
        student.spread.copy_(self.spread)
        return stage.Trained(weights.STUDENT, student, self.told).train()

    def draw(self, rng: np.random.Generator) -> Batch:
        told, seen, codes = self.told.training, [], []
        for _ in range(told.pairs):
            person = self.data.people[rng.integers(len(self.data.people))]
            number, flipped = rng.integers(len(person.flow)), int(rng.random() < told.flip)
            gain, lift = colours(told.jitter, rng)
            picture = person.seen[number][:, :: -1 if flipped else 1] / np.float32(255)
            seen.append((picture * gain + lift).clip(0, 1))
            codes.append(person.codes[[number, 0], flipped].astype(np.float32))
        pictures = torch.from_numpy(np.stack(seen).astype(np.float32)).permute(0, 3, 1, 2)
        avatar = torch.from_numpy(rng.integers(0, len(self.portraits), told.pairs))
        return Batch(pictures, torch.from_numpy(np.stack(codes)), avatar)

    def predict(self, network: nn.Module, batch: Batch) -> Taught:
        with torch.no_grad():
            motion, rest = (self.teacher.emtn(batch.codes[:, n]) for n in (0, 1))
            taught = _taught(self.teacher, _rows(self.known, batch.avatar), motion, rest)
            told = (_numbers(motion, rest) - self.middle) / self.spread
        return Taught(*network(taught.picture, batch.driver, batch.avatar, told), taught.flow, told)

    def terms(self, made: Taught, batch: Batch) -> dict[str, Tensor]:
        found, flow, needs = super().terms(made, batch), made.output.flow.float(), self.told.losses
        if needs.flow:
            found["flow"] = losses.flow_apart(flow, made.flow.float(), torch.ones_like(flow[:, :1]))
        apart = (made.output.told.float() - made.told.float()).abs()
        if needs.pose:
            found["pose"] = apart[:, :TOLD].mean()
        if needs.expression:
            found["expression"] = apart[:, TOLD:].mean()
        if needs.correction:
            found["correction"] = made.output.correction.abs().float().mean()
        if needs.smooth:
            found["smooth"] = losses.smoothness(flow)
        return found


def _taught(teacher: Gbase, known: Source, motion: Motion, rest: Motion) -> Output:
    """What the teacher makes of sources that turn, stand and do as drivers, whose faces at rest tell what is theirs and
    not what they do. A student sees a driver alone: where that person's head was at rest it cannot tell."""
    return teacher.drive(known, adopted(known.motion, motion, held_as(known.motion, rest)))


def _numbers(motion: Motion, rest: Motion) -> Tensor:
    """(N, TOLD + latent): rotation, place and the logarithm of the size of heads; expressions less those at rest."""
    outer = motion.points[:, list(OUTER_EYES), :2]
    size = (outer[:, 0] - outer[:, 1]).norm(dim=1, keepdim=True).clamp(min=1e-3)
    head = [motion.rotation.flatten(1), outer.mean(1), size.log()]
    return torch.cat([*head, motion.expression - rest.expression], 1)


def _codes(avatars: Sequence[Avatar]) -> Tensor:
    return torch.from_numpy(np.stack([one.code for one in avatars]).astype(np.float32))


def _rows(known: Any, rows: Tensor) -> Any:
    """Some of what is known of sources, by number; known: a tensor, or named tuples of such."""
    return known[rows] if isinstance(known, Tensor) else type(known)(*(_rows(part, rows) for part in known))


def train_student(
    data: Renders, avatars: Sequence[Avatar], told: Settings, base: Path, out: Path, seed: int = 0,
    vgg: Path | None = None, resnet: Path | None = None, start: Path | None = None, device: Team | None = None,
) -> tuple[Student, Gbase]:  # fmt: skip
    """A student of `base` (weights of Gbase, see `weights.load_base`) and that teacher; goes on from
    student.safetensors in `out`, of a run that was cut short, and leaves it there.

    avatars: whom it learns by heart. resnet: weights of ResNet18 to begin with; start: of a student, as of another
    base. Raises InputError as `stage.run` does, and for no or too many avatars.
    """
    teacher = Gbase(told.size)
    weights.load_base(teacher, base)
    network = stage.run(
        lambda where: StudentTask(data, avatars, told, teacher, where, vgg, resnet, start), told, weights.STUDENT, out,
        seed, {"avatars": [one.name for one in avatars], "vgg": vgg, "resnet": resnet, "start": start}, device,
    )  # fmt: skip
    return network.student, teacher.cpu()


def without_last(data: Renders) -> Renders:
    """The same people, whose last pictures drive nobody in a training, so that students can be measured with them."""
    if few := [person.name for person in data.people if len(person.flow) <= _HELD]:
        raise InputError(f"{few[0]} has {_HELD + 1} pictures or fewer: draw people with more --frames.")
    return Renders([replace(person, flow=person.flow[:-_HELD]) for person in data.people])


def of_people(people: Sequence[Rendered]) -> list[Avatar]:
    """Their first pictures, with the neutral face."""
    return [Avatar(person.name, person.pictures[0], person.codes[0, 0]) for person in people]


def of_files(paths: Sequence[Path], size: int, eyes: Eyes | None) -> list[Avatar]:
    """Portraits cut to the face. eyes: as `framing.portrait` takes them. Raises InputError as it does, and for two of
    one name."""
    reader, found = FaceReader(provider="cpu"), []
    for path in paths:
        square = framing.portrait(path, _LARGEST, eyes, reader)[0].square
        picture = Image.fromarray(framing.on_ground(square, (255, 255, 255)))
        with torch.no_grad():
            code = face_code.read(tensor(np.asarray(picture)[None])).code[0].numpy()
        small = np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))
        if path.stem in [one.name for one in found]:
            raise InputError(f"Two portraits are named {path.stem}: rename one of them.")
        found.append(Avatar(path.stem, small, code))
    return found


@torch.no_grad()
def compare(
    student: Student, teacher: Gbase, avatars: Sequence[Avatar], people: Sequence[Rendered], new: Renders
) -> dict[str, dict[str, float]]:
    """What the student and its teacher make, beside the portrait as it is: of people whom it learned, driven by
    pictures of their own that no training of the student saw, against these; of avatars in turn, driven by new people,
    against the teacher's. And how many frames per CPU second either makes, one at a time, with the avatar known.

    avatars: in the student's order; people: the same, none where portraits were files.
    """
    own = [(n, person, -k) for n, person in enumerate(people) for k in range(1, _HELD + 1)]
    others = [(n % len(avatars), *pair) for n, pair in enumerate(evaluate.chosen(new, _DRIVERS))]
    drivers = tensor(np.stack([person.seen[number] for _, person, number in own + others]))
    codes = np.stack([person.codes[[number, 0], 0] for _, person, number in own + others]).astype(np.float32)
    avatar = torch.tensor([n for n, *_ in own + others])
    student.eval()
    portraits = student.portraits[: len(avatars)] / 255
    known = teacher.read(portraits, _codes(avatars))
    made = {"student": student(drivers, avatar).picture}
    motions = [teacher.emtn(torch.from_numpy(codes[:, n])) for n in (0, 1)]
    told = (_numbers(*motions) - student.middle) / student.spread
    every = student.avatars[avatar]
    modulations = [block.modulation(every) for block in student.up]
    made["told by the teacher"] = student.painted(told, portraits[avatar], modulations).picture
    parts = torch.arange(len(avatar)).split(16)
    taught = [_taught(teacher, _rows(known, avatar[p]), *(_rows(one, p) for one in motions)) for p in parts]
    made["teacher"] = torch.cat([one.picture for one in taught])
    made["copy"] = portraits[avatar]
    movies = {name: evaluate.as_uint8(movie) for name, movie in made.items()}
    rows: dict[str, dict[str, float]] = {name: {} for name in movies}
    groups = {"driven by others": slice(len(own), None)}
    if own:
        groups = {"of own pictures": slice(len(own))} | groups
        true = np.stack([person.pictures[number] for _, person, number in own])
        for name, movie in movies.items():
            rows[name]["PSNR of own pictures, dB"] = evaluate.psnr(movie[: len(own)], true)
    for group, chosen in groups.items():
        for name in movies.keys() - {"teacher"}:
            rows[name][f"to the teacher, {group}, dB"] = evaluate.psnr(movies[name][chosen], movies["teacher"][chosen])
    first = _rows(known, torch.tensor([0]))
    rest = _rows(motions[1], torch.tensor([0]))
    rows["student"]["frames per CPU second"] = evaluate.per_second(OneAvatar(student, 0), drivers)
    rows["teacher"]["frames per CPU second"] = evaluate.per_second(
        lambda driver: _taught(teacher, first, teacher.emtn(driver), rest), drivers
    )
    return rows


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training portrait train-student",
        description="Train a quick network that knows some people by heart to do what a base does, and measure it "
        "beside its teacher. A run that was cut short goes on where it was.",
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that `portrait synth` made")
    parser.add_argument("--base", type=Path, required=True, help="folder of train-base, or Gbase.pth")
    parser.add_argument("--out", type=Path, required=True, help="folder for student.safetensors, figures and curves")
    parser.add_argument(
        "--portrait", type=Path, nargs="+", help="pictures to learn by heart (default: the people of --data)"
    )
    parser.add_argument("--eyes", nargs=2, metavar="X,Y", help="of the one portrait, as animate takes them")
    parser.add_argument(
        "--avatars", type=int, default=NUM_AVATARS, help="at most so many people of --data (default: %(default)s)"
    )
    settings.add_options(parser)
    parser.add_argument("--resnet", type=Path, help="weights of ResNet18, for the student's encoder")
    parser.add_argument("--start", type=Path, help="a student to begin with, as of another base")
    given = parser.parse_args(arguments)
    told = settings.from_options(given, "student")
    if given.eyes and len(given.portrait or ()) != 1:
        raise InputError("--eyes says where the eyes of one portrait are: give --portrait with one.")
    if given.avatars < 1:
        raise InputError(f"--avatars is {given.avatars}: choose 1 to {NUM_AVATARS}.")
    eyes = framing.eyes(given.eyes) if given.eyes else None
    avatars = of_files(given.portrait, told.size.size, eyes) if given.portrait else []
    data = pairs.load(given.data, told.size.size, motion_size=told.size.motion_size)
    learned, new = data.split(told.training.new_people)
    people = [] if avatars else learned.people[: given.avatars]
    avatars = avatars or of_people(people)
    student, teacher = train_student(
        without_last(learned), avatars, told, given.base, given.out, given.seed, given.vgg, given.resnet, given.start
    )
    rows = compare(student, teacher, avatars, people, new)
    atomic_write(given.out / "figures.json", json.dumps(rows, indent=1).encode())
    print(video_metrics.table(rows))
