"""Train the network of mouths on renders: `python -m training motion train-mouth --renders FOLDER --out X.onnx`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference.face_format import SCORES
from blendshape_addon.core.inference.mouth_format import MOUTH, MOUTH_POINTS, MOUTH_UNITS
from blendshape_addon.core.motion.performance import UNREAD
from blendshape_addon.core.vocabulary import ARKIT

from ..commands import require_least
from ..config import LoopConfig
from ..learning import arrays, loop, onnx_files
from ..learning.atomic_files import atomic_write, check_name
from ..learning.distributed import ALONE
from . import mouth_model, readings
from .augment import lit, moved
from .mouth_model import MouthNet
from .readings import MIN_PICTURES, Readings, r2

PEOPLE, PICTURES = 24, 4  # of a batch, and of each of its people, the neutral one first
RECIPE = LoopConfig(
    steps=4000, rate=2e-3, warmup=50, decay=0.02, clip=5.0, ema=0.99, precision="fp32", save_every=250, sheet_every=0
)
OUT = Path("out/motion")  # checkpoints
LEAST_SPREAD = 0.05  # standard deviation of a unit in the pictures, which errors are divided by
HARD = 0.5  # weight of units that pictures hardly tell
FEWEST = 8  # units of the mouth that somebody's artist drew, or the person is not learned from
FORMAT = arrays.Format("mouths of families left out", 1, "train the network of mouths with --hold-out again")
LEFT_OUT = OUT / "mouths_left_out.safetensors"
_COLUMNS = [ARKIT.index(name) for name in MOUTH_UNITS]

Figures = Mapping[str, Mapping[str, Mapping[str, float]]]  # R² by set, unit and reader


class Batch(NamedTuple):
    """crops (P, F, S, S, 3) float32, 0 to 255, and points (P, F, K, 3), the first of each person of the neutral face;
    units and used (P, F - 1, U): what is true of the others, and 1 where it is known, else 0."""

    crops: Tensor
    points: Tensor
    units: Tensor
    used: Tensor


class MouthTask:
    """The network on random pictures of people beside their neutral ones, varied as cameras and the reader vary them.
    Raises InputError where the readings have no people that can be learned from."""

    def __init__(self, data: Readings) -> None:
        self.data = data
        self.used = (data.known & ~data.distilled)[:, _COLUMNS]
        self.people = [
            (still[0], rest)
            for person in np.unique(data.person)
            for own in [np.flatnonzero(data.person == person)]
            for still, rest in [(own[data.neutral[own]], own[~data.neutral[own]])]
            if len(still) and len(rest) and self.used[own[0]].sum() >= FEWEST
        ]
        if not self.people:
            raise InputError("No mouth was read in the renders to train on: make more, of more people.")
        fold = data.fold[[still for still, _ in self.people]]
        share = 1 / np.bincount(fold)[fold]  # every fold as often as the others
        self.chance = share / share.sum()
        true, known = data.units[:, _COLUMNS], self.used & ~data.neutral[:, None]
        spread = [true[known[:, n], n].std() if known[:, n].any() else 1.0 for n in range(len(_COLUMNS))]
        self.weight = torch.tensor([HARD if name in UNREAD else 1.0 for name in MOUTH_UNITS])
        self.spread = torch.tensor(np.maximum(spread, LEAST_SPREAD), dtype=torch.float32)

    def build(self) -> MouthNet:
        return MouthNet().train()

    def draw(self, rng: np.random.Generator) -> Batch:
        """A batch; half of it mirrored by chance."""
        chosen = [self.people[number] for number in rng.choice(len(self.people), PEOPLE, p=self.chance)]
        rows = np.array([[still, *rng.choice(rest, PICTURES - 1, len(rest) < PICTURES - 1)] for still, rest in chosen])
        crops = lit(moved(self.data.mouths[rows].astype(np.float32), rng), rng)
        points = self.data.landmarks[rows][:, :, list(MOUTH_POINTS)] + rng.normal(0, 0.004, (*rows.shape, 1, 1))
        others = rows[:, 1:]
        units, used = self.data.units[others][..., _COLUMNS], self.used[others]
        swap = rng.random(PEOPLE) < 0.5
        crops[swap] = crops[swap][:, :, :, ::-1]
        points[swap] = points[swap][:, :, list(mouth_model.MIRROR_POINTS)] * [-1, 1, 1]
        units[swap], used[swap] = (rows[swap][..., list(mouth_model.MIRROR_UNITS)] for rows in (units, used))
        arrays_of = (crops.clip(0, 255), points, units, used)
        return Batch(*(torch.from_numpy(np.ascontiguousarray(a, np.float32)) for a in arrays_of))

    def predict(self, network: nn.Module, batch: Batch) -> Tensor:
        return network(batch.crops, batch.points)

    def terms(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """The mean squared error of known units, in shares of their variance."""
        error = (output.float() - batch.units) / self.spread
        return {"units": (error.square() * batch.used * self.weight).sum() / (batch.used * self.weight).sum()}

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        return terms["units"]


def train(data: Readings, config: LoopConfig, file: Path) -> MouthNet:
    """A network trained on readings; goes on from the checkpoint `file` of a run that was cut short.

    Raises InputError as `loop.train` and MouthTask do.
    """
    task = MouthTask(data)
    torch.set_num_threads(1)
    settings = {"pictures": data.count, "people": list(data.people_read), **asdict(config)}
    rng = np.random.default_rng(config.seed)
    return loop.train(task, config, ALONE, rng, "mouth network", file, settings).network


@torch.no_grad()
def features(network: MouthNet, data: Readings) -> np.ndarray:
    """(N, 128) of each picture."""
    network.eval()
    points = data.landmarks[:, list(MOUTH_POINTS)].astype(np.float32)
    found = [
        network.features(torch.from_numpy(data.mouths[rows].astype(np.float32)), torch.from_numpy(points[rows])).numpy()
        for rows in (slice(first, first + 128) for first in range(0, data.count, 128))
    ]
    return np.concatenate(found)


@torch.no_grad()
def predict(network: MouthNet, data: Readings) -> np.ndarray:
    """(N, U) units against the person's neutral picture, not limited; NaN where that was not read."""
    away = readings.less_neutral(features(network, data), data)
    return network.units(torch.from_numpy(away.astype(np.float32))).numpy()


def compare(network: MouthNet, data: Readings) -> dict[str, dict[str, float]]:
    """R² by unit and reader, of the network and of the head of blendshapes, both less the person's neutral picture, on
    pictures of people whose artist drew the unit; units that are too seldom in effect are left out."""
    found = {}
    told = predict(network, data).clip(0, 1)
    scores = readings.less_neutral(data.scores, data).clip(0, 1)
    for number, unit in enumerate(MOUTH_UNITS):
        used = readings.tells_of(data, unit) & np.isfinite(told[:, number])
        truth = data.units[used, ARKIT.index(unit)]
        if (truth > 0).sum() >= MIN_PICTURES:
            values = {"network": told[used, number], "head": scores[used, SCORES.index(unit)]}
            found[unit] = {reader: r2(value, truth) for reader, value in values.items()}
    return found


def table(rows: Figures) -> str:
    """R² by unit and set as Markdown: the network's, and the head's in brackets."""
    lines = ["| unit | " + " | ".join(rows) + " |", "|---" * (len(rows) + 1) + "|"]
    for unit in dict.fromkeys(unit for of in rows.values() for unit in of):
        cells = [f"{of[unit]['network']:.2f} ({of[unit]['head']:.2f})" if unit in of else "–" for of in rows.values()]
        lines.append(f"| {unit} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def better(rows: Figures) -> bool:
    """Whether the network explains more than the head of blendshapes, as the mean over units, on every set that it did
    not learn."""
    return all(
        np.mean([of["network"] for of in units.values()]) > np.mean([of["head"] for of in units.values()])
        for units in rows.values()
    )


def export(network: MouthNet) -> tuple[bytes, bytes]:
    """Both parts of the network, features and units, as ONNX; weights in half precision."""
    crop, points = torch.zeros(1, MOUTH.size, MOUTH.size, 3), torch.zeros(1, len(MOUTH_POINTS), 3)
    away = torch.zeros(1, MOUTH.features)
    return (
        onnx_files.exported(mouth_model.Features(network), {"crop": crop, "points": points}, ["features"]),
        onnx_files.exported(mouth_model.Units(network), {"away": away}, ["units"]),
    )


def _write(path: Path, network: MouthNet, learned: Readings, rows: Figures) -> None:
    """The models NAME.onnx and NAME_units.onnx and their cards, with the figures of the network and the head. Raises
    InputError when the disk is full."""
    made = export(network)
    first, second = (onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]) for model in made)
    some = learned.where(learned.person == learned.person[0])
    points = some.landmarks[:, list(MOUTH_POINTS)].astype(np.float32)
    (seen,) = first.run(["features"], {"crop": some.mouths.astype(np.float32), "points": points})
    (told,) = second.run(["units"], {"away": readings.less_neutral(seen, some).astype(np.float32)})
    shown = {"parity": round(float(np.abs(told - predict(network, some)).max()), 5)}
    where = next(iter(rows))  # new people
    for unit, values in rows[where].items():
        shown |= {f"{where}: {unit}: {reader}, R2": round(value, 3) for reader, value in values.items()}
    what = "What a person's mouth does, from a picture of the lower face and landmarks. It learned from renders alone."
    units = path.with_name(f"{path.stem}_units.onnx")
    readings.write_card(path, made[0], {"name": "Mouths", "kind": "mouth", "what": what}, learned, shown)
    facts = {
        "name": "Units of mouths",
        "kind": "mouth_units",
        "what": "What the numbers of the network of mouths mean, as ARKit units; the figures of both are in its card.",
    }
    readings.write_card(units, made[1], facts, learned, {})


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training motion train-mouth",
        description="Train the network that reads mouths, measure it on people and families of rigs that it never saw, "
        "beside the head of blendshapes, and write it as ONNX with its card if it is better in all of them.",
    )
    parser.add_argument("--renders", type=Path, required=True, help="folder that `motion renders` made")
    parser.add_argument(
        "--more", type=Path, metavar="FOLDER", help="renders of other people, such as those of --mouths"
    )
    parser.add_argument("--out", type=Path, default=OUT / "mouth.onnx", help="(default: %(default)s)")
    parser.add_argument("--steps", type=int, default=RECIPE.steps, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument("--hold-out", default="", metavar="FOLDS", help="folds of rigs to leave out in turn, by comma")
    parser.add_argument("--hold-out-steps", type=int, metavar="N", help="of these trainings (default: as --steps)")
    parser.add_argument("--checkpoints", type=Path, default=OUT, help="folder (default: %(default)s)")
    given = parser.parse_args(arguments)
    check_name(given.out, ".onnx")
    require_least(given, steps=1, hold_out_steps=1)
    data = readings.read(given.renders)
    held = readings.named_folds(data, given.hold_out)
    new = readings.new_people(data)
    learned = readings.joined([data.where(~new), *([readings.read(given.more)] if given.more else [])])
    print(f"Faces read: {data.count}, of {len(data.people)} people; learned from: {learned.count}")

    def run(name: str, rows: Readings, count: int) -> MouthNet:
        return train(
            rows, replace(RECIPE, steps=count, seed=given.seed), given.checkpoints / f"mouth_{name}.safetensors"
        )

    network = run("all", learned, given.steps)
    rows = {"new people": compare(network, data.where(new))}
    left_out = np.full((data.count, len(MOUTH_UNITS)), np.nan, np.float32)
    for fold in held:
        rest = learned.where(learned.fold != learned.folds.index(fold))
        of_fold = data.fold == data.folds.index(fold)
        other = run(fold, rest, given.hold_out_steps or given.steps)
        left_out[of_fold] = predict(other, data.where(of_fold))
        rows[f"without {fold}"] = compare(other, data.where(of_fold))
    print(table(rows))
    if held:
        arrays.save(given.checkpoints / LEFT_OUT.name, FORMAT, {"mouths": left_out}, list(data.people))
    atomic_write(given.checkpoints / "mouth.json", json.dumps(rows, indent=1).encode())
    return readings.written_if(better(rows), given.out, lambda: _write(given.out, network, learned, rows))
