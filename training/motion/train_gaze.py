"""Train the gaze-and-blink network on renders: `python -m training motion train-gaze --renders FOLDER --out X.onnx`."""

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
from blendshape_addon.core.inference.eye_format import EYE_POINTS, EYES
from blendshape_addon.core.inference.face_format import SCORES
from blendshape_addon.core.motion import eyes as eye_reader
from blendshape_addon.core.motion.parameters import UNITS
from blendshape_addon.core.motion.performance import LOOKS

from ..commands import require_least
from ..config import LoopConfig
from ..learning import checkpoint, loop, onnx_files
from ..learning.atomic_files import atomic_write, check_name
from ..learning.distributed import ALONE
from . import gaze_model, readings
from .augment import lit, moved
from .gaze_model import GazeNet, Output
from .measure_units import Measured, base_of
from .readings import Readings

GROUP = 8  # pictures of a person in a batch, the neutral one first
BATCH = 8 * GROUP
RECIPE = LoopConfig(
    steps=2500, rate=2e-3, warmup=50, decay=0.01, clip=5.0, ema=0.99, precision="fp32", save_every=250, sheet_every=0
)
EYE_UNITS = (*LOOKS, "eyeBlinkLeft", "eyeBlinkRight")
SHUT = 0.6  # how far an eye is closed from where nobody sees its gaze, which is then not measured
OUT = Path("out/motion")  # checkpoints
SQUARED = 0.5  # weight of the squared error of the gaze beside the absolute one
ALONE_SHARE = 0.3  # weight of the gaze of a picture by itself beside that against the still picture


Figures = Mapping[str, Mapping[str, Mapping[str, float]]]  # by set, reader and name


class Batch(NamedTuple):
    """Groups of GROUP pictures of one person, the neutral one first. eyes (B, 2, H, W, 3) float32, 0 to 255; points
    (B, 24, 2); gaze (B, 2, 2) degrees; blink (B, 2)."""

    eyes: Tensor
    points: Tensor
    gaze: Tensor
    blink: Tensor


class GazeTask:
    """The network on random pictures of people, varied as cameras and the reader vary them. start: a checkpoint of an
    earlier training, whose weights it begins with as far as they are of the same names."""

    def __init__(
        self, data: Readings, size: int, backbone: str = "small", weights: Path | None = None, start: Path | None = None
    ) -> None:
        self.data, self.size, self.backbone, self.weights, self.start = data, size, backbone, weights, start
        moving = np.unique(data.person[~data.neutral])
        self.people = [person for person in np.unique(data.person[data.neutral]) if person in moving]
        if not self.people:
            raise InputError("No person's neutral face was read in the renders: make more, of more people.")
        # Every fold as often as the others.
        fold = np.array([data.fold[data.person == person][0] for person in self.people])
        share = 1 / np.bincount(fold, minlength=len(data.folds))[fold]
        self.chance = share / share.sum()

    def build(self) -> GazeNet:
        network = gaze_model.build(self.backbone, self.weights)
        if self.start:
            network.load_state_dict(checkpoint.load(self.start)[0]["average"], strict=False)
        return network.train()

    def _rows(self, rng: np.random.Generator) -> np.ndarray:
        """Pictures of a batch: the neutral one of each person, and others of his."""
        rows = []
        for person in rng.choice(self.people, self.size // GROUP, p=self.chance):
            own = self.data.person == person
            still, others = np.flatnonzero(own & self.data.neutral)[:1], np.flatnonzero(own & ~self.data.neutral)
            rows.append(np.r_[still, rng.choice(others, GROUP - 1, replace=len(others) < GROUP - 1)])
        return np.concatenate(rows)

    def draw(self, rng: np.random.Generator) -> Batch:
        """A batch; half of it mirrored by chance."""
        rows = self._rows(rng)
        eyes, points = self.data.eyes[rows].astype(np.float32), self.data.points[rows].copy()
        gaze, blink = self.data.gaze[rows].copy(), self.data.blink[rows].copy()
        n = len(rows)
        of_person = eyes.reshape(n // GROUP, 2 * GROUP, *eyes.shape[2:])  # one camera, one light
        eyes = lit(moved(of_person, rng), rng).reshape(eyes.shape)
        points += rng.normal(0, 0.004, points.shape)
        swap = np.repeat(rng.random(n // GROUP) < 0.5, GROUP)
        eyes[swap] = eyes[swap][:, ::-1]
        points[swap] = points[swap][:, list(gaze_model.MIRROR)] * [-1, 1]
        gaze[swap] = gaze[swap][:, ::-1] * [-1, 1]
        blink[swap] = blink[swap][:, ::-1]
        arrays = (eyes.clip(0, 255), points, gaze, blink)
        return Batch(*(torch.from_numpy(np.ascontiguousarray(a, np.float32)) for a in arrays))

    def predict(self, network: nn.Module, batch: Batch) -> tuple[Output, Tensor]:
        output = network(batch.eyes, batch.points)
        code = output.code.view(-1, GROUP, 2, EYES.code)
        still = code[:, :1].expand(-1, GROUP - 1, -1, -1)
        away = network.away(code[:, 1:].flatten(0, 1), still.flatten(0, 1))
        return output, away.view(-1, GROUP - 1, 2, 2)

    def terms(self, output: tuple[Output, Tensor], batch: Batch) -> dict[str, Tensor]:
        found, away = output
        return gaze_model.loss(Output(*(t.float() for t in found)), away.float(), batch.gaze, batch.blink)

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        alone = terms["gaze mae"] + SQUARED * terms["gaze mse"]
        return ALONE_SHARE * alone + terms["away mae"] + SQUARED * terms["away mse"] + terms["blink"]


def train(
    data: Readings,
    config: LoopConfig,
    file: Path,
    backbone: str = "small",
    weights: Path | None = None,
    start: Path | None = None,
) -> GazeNet:
    """A network trained on readings; goes on from the checkpoint `file` of a run that was cut short. start: as of
    `GazeTask`.

    Raises InputError as `loop.train`, `gaze_model.build` and `checkpoint.load` do.
    """
    if not data.count:
        raise InputError("No face was read in the renders to train on: make more, of more people.")
    torch.set_num_threads(1)
    settings = {"backbone": backbone, "pictures": data.count, "people": list(data.people), **asdict(config)}
    task = GazeTask(data, BATCH, backbone, weights, start)
    rng = np.random.default_rng(config.seed)
    return loop.train(task, config, ALONE, rng, "gaze network", file, settings).network


@torch.no_grad()
def predict(network: GazeNet, data: Readings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, 2, 2) degrees of each picture by itself; (N, 2, 2) against the person's neutral one, NaN where that was not
    read; and (N, 2) blinks, 0 to 1."""
    network.eval()
    parts = []
    for first in range(0, data.count, 128):
        rows = slice(first, first + 128)
        parts.append(network(torch.from_numpy(data.eyes[rows].astype(np.float32)), torch.from_numpy(data.points[rows])))
    gaze, blink, code = (torch.cat(values) for values in zip(*parts, strict=True))
    still = code.numpy() - readings.less_neutral(code.numpy(), data)
    away = network.away(code, torch.from_numpy(still.astype(np.float32)))
    return gaze.numpy(), away.numpy(), torch.sigmoid(blink).numpy()


def of_head(data: Readings) -> tuple[np.ndarray, np.ndarray]:
    """What the head of blendshapes says: (N, 2, 2) its eyeLook scores, out less in and up less down, to the person's
    left and up, and (N, 2) its blink scores."""
    column = {name: data.scores[:, SCORES.index(name)] for name in SCORES}
    gaze = [
        np.stack([sign * (column[f"eyeLookOut{side}"] - column[f"eyeLookIn{side}"]),
                  column[f"eyeLookUp{side}"] - column[f"eyeLookDown{side}"]], 1)
        for side, sign in (("Left", 1), ("Right", -1))
    ]  # fmt: skip
    return np.stack(gaze, 1), np.stack([column["eyeBlinkLeft"], column["eyeBlinkRight"]], 1)


def compare(network: GazeNet, learned: Readings, data: Readings) -> dict[str, dict[str, float]]:
    """Figures by reader on `data`; the other readers are given the best scale and offset that `learned` allows.

    All but `network raw` and `mean` are against the person's neutral picture.
    """
    gaze, away, blink = predict(network, data)
    readers = {"network raw": (gaze, blink), "network": (away, _rest(blink, data))}
    scores, fitted = of_head(data), of_head(learned)
    readers["head"] = _scaled(scores[0], scores[1], data, fitted[0], fitted[1], learned)
    readers["irises"] = _scaled(data.iris, scores[1], data, learned.iris, fitted[1], learned)
    nothing = np.broadcast_to(learned.blink.mean(), data.blink.shape)
    readers["mean"] = (np.broadcast_to(learned.gaze.mean((0, 1)), data.gaze.shape), nothing)
    return {name: figures(*values, data) for name, values in readers.items()}


def _rest(blink: np.ndarray, data: Readings) -> np.ndarray:
    """Blinks between what the neutral picture reads and shut."""
    still = blink - readings.less_neutral(blink, data)
    return ((blink - still) / np.maximum(1 - still, UNITS.least_opening)).clip(0, 1)


def _scaled(
    gaze: np.ndarray,
    blink: np.ndarray,
    data: Readings,
    known_gaze: np.ndarray,
    known_blink: np.ndarray,
    known: Readings,
) -> tuple[np.ndarray, np.ndarray]:
    """Values less neutral ones, scaled as is best by least squares where the truth is known."""
    gaze, blink = readings.less_neutral(gaze, data), readings.less_neutral(blink, data)
    known_gaze, known_blink = (readings.less_neutral(v, known) for v in (known_gaze, known_blink))
    out = np.empty_like(gaze)
    for axis in range(2):
        use = np.isfinite(known_gaze[..., axis]) & (known.blink < SHUT)
        x, y = known_gaze[..., axis][use], known.gaze[..., axis][use]
        out[..., axis] = gaze[..., axis] * (x @ y) / max(x @ x, 1e-9)
    use = np.isfinite(known_blink)
    slope, offset = np.polyfit(known_blink[use], known.blink[use], 1)
    return out, (slope * blink + offset).clip(0, 1)


def figures(gaze: np.ndarray, blink: np.ndarray, data: Readings) -> dict[str, float]:
    """Mean absolute errors of the gaze of open eyes, degrees, and R² and mean absolute error of the blink; pictures of
    people without a neutral one are left out."""
    use = np.isfinite(blink).all(1)
    seen = (data.blink < SHUT) & use[:, None]
    error = np.abs(gaze - data.gaze)[seen].mean(0)
    truth = data.blink[use]
    missed = ((blink[use] - truth) ** 2).sum()
    return {
        "gaze across, deg": float(error[0]), "gaze up, deg": float(error[1]),
        "blink R2": float(1 - missed / ((truth - truth.mean()) ** 2).sum()),
        "blink MAE": float(np.abs(blink[use] - truth).mean()), "pictures": int(use.sum()),
    }  # fmt: skip


def of_units(network: GazeNet, data: Readings) -> dict[str, dict[str, float]]:
    """R² of the units that eyes tell, both sides together, as what is keyed and as the head less the neutral face has
    them; units that are too seldom in effect are left out."""
    measured = Measured(data, lambda rows: predict(network, rows)[1:])
    found = {}
    for base in dict.fromkeys(map(base_of, EYE_UNITS)):
        units = [unit for unit in EYE_UNITS if base_of(unit) == base]
        rows = [measured.used(unit) for unit in units]
        truth, keyed, head = (
            np.concatenate([of(unit)[used] for unit, used in zip(units, rows, strict=True)])
            for of in (measured.truth, measured.keyed, measured.head)
        )
        if (truth > 0).sum() >= readings.MIN_PICTURES:
            found[base] = {"keyed": readings.r2(keyed, truth), "head": readings.r2(head, truth)}
    return found


def table(rows: Figures) -> str:
    """Figures by set and reader, as Markdown."""
    names = ("gaze across, deg", "gaze up, deg", "blink R2", "blink MAE", "pictures")
    lines = ["| measured on | reader | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    for where, readers in rows.items():
        for reader, values in readers.items():
            cells = (f"{values[name]:.2f}" if name != "pictures" else f"{values[name]}" for name in names)
            lines.append(f"| {where} | {reader} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def better(rows: Figures) -> bool:
    """Whether the network beats the head of blendshapes in gaze and blink, on every set that it did not learn."""
    return all(
        readers["network"]["blink R2"] > readers["head"]["blink R2"]
        and all(readers["network"][name] < readers["head"][name] for name in ("gaze across, deg", "gaze up, deg"))
        for readers in rows.values()
    )


def export(network: GazeNet) -> bytes:
    """The network as ONNX with free numbers of pictures and of codes, checked; blink is 0 to 1 there, weights in half
    precision."""
    code = torch.zeros(1, 2, EYES.code)
    inputs = {
        "eyes": torch.zeros(1, 2, EYES.height, EYES.width, 3), "points": torch.zeros(1, len(EYE_POINTS), 2),
        "codes": code, "still": code,
    }  # fmt: skip
    outputs = ["gaze", "blink", "code", "away"]
    return onnx_files.exported(gaze_model.Exported(network), inputs, outputs, ("codes", "still", "away"))


def _write(path: Path, network: GazeNet, learned: Readings, rows: Figures) -> None:
    """The model and its card, with the figures of the network and the head. Raises InputError when the disk is full."""
    model = export(network)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    some = learned.where(np.arange(learned.count) < 64)
    gaze, _, code = eye_reader.look(session, some.eyes, some.points)
    away = eye_reader.away(session, code, code - readings.less_neutral(code, some))
    gaze_here, away_here, _ = predict(network, some)
    apart = max(np.abs(gaze - gaze_here).max(), np.nanmax(np.abs(away - away_here)))
    shown = {"parity, deg": round(float(apart), 4)}
    for where, readers in rows.items():
        for reader in ("network", "head"):
            shown |= {f"{where}: {reader}: {name}": round(value, 3) for name, value in readers[reader].items()}
    what = (
        "Where a person's eyes look and how far they are closed, from a picture of either eye and landmarks. It "
        "learned from renders alone; no photograph was measured."
    )
    readings.write_card(path, model, {"name": "Gaze and blinks", "kind": "gaze", "what": what}, learned, shown)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training motion train-gaze",
        description="Train the network that reads gaze and blinks, measure it on people and families of rigs that it "
        "never saw, beside the head of blendshapes, and write it as ONNX with its card if it is better in all of them.",
    )
    parser.add_argument("--renders", type=Path, required=True, help="folder that `motion renders` made")
    parser.add_argument("--out", type=Path, default=OUT / "gaze.onnx", help="(default: %(default)s)")
    parser.add_argument("--steps", type=int, default=RECIPE.steps, help="(default: %(default)s)")
    parser.add_argument(
        "--rate", type=float, default=RECIPE.rate, help="of learning, not of folds (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument("--backbone", choices=gaze_model.BACKBONES, default="small", help="(default: %(default)s)")
    parser.add_argument("--weights", type=Path, help="of vgg16: a .pth or .safetensors file as torchvision has it")
    parser.add_argument("--start", type=Path, help="a checkpoint of an earlier training to begin with (not folds)")
    parser.add_argument(
        "--hold-out", default="", metavar="FOLDS", help="folds of rigs to leave out in turn, by comma; by + together"
    )
    parser.add_argument("--hold-out-steps", type=int, help="steps without them (default: as many as --steps)")
    parser.add_argument("--checkpoints", type=Path, default=OUT, help="folder (default: %(default)s)")
    given = parser.parse_args(arguments)
    check_name(given.out, ".onnx")
    require_least(given, steps=1, hold_out_steps=1)
    if given.backbone != "small":
        gaze_model.build(given.backbone, given.weights)  # say what is missing before the pictures are read
    data = readings.read(given.renders)
    config = replace(RECIPE, steps=given.steps, rate=given.rate, seed=given.seed)
    readings.named_folds(data, given.hold_out.replace("+", ","))
    held = [group.split("+") for group in given.hold_out.split(",") if group]
    new = readings.new_people(data)

    def run(name: str, learned: Readings, config: LoopConfig, start: Path | None) -> GazeNet:
        file = given.checkpoints / f"gaze_{name}.safetensors"
        return train(learned, config, file, given.backbone, given.weights, start)

    shown = {name: f"{(data.fold == n).sum()} of {data.pictures[name]}" for n, name in enumerate(data.folds)}
    print("Faces read: " + ", ".join(f"{name} {count}" for name, count in shown.items()))
    learned = data.where(~new)
    network = run("all", learned, config, given.start)
    rows = {"new people": compare(network, learned, data.where(new))}
    units = {}
    fewer = replace(config, steps=given.hold_out_steps or config.steps, rate=RECIPE.rate)
    for group in held:
        rest = data.where(~np.isin(data.fold, [data.folds.index(fold) for fold in group]) & ~new)
        without = run("without_" + "_".join(group), rest, fewer, None)
        for fold in group:
            of_fold = data.where(data.fold == data.folds.index(fold))
            rows[f"without {fold}"] = compare(without, rest, of_fold)
            units[f"without {fold}"] = of_units(without, of_fold)
    print(table(rows))
    atomic_write(given.checkpoints / "gaze.json", json.dumps(rows, indent=1).encode())
    atomic_write(given.checkpoints / "gaze_units.json", json.dumps(units, indent=1).encode())
    return readings.written_if(better(rows), given.out, lambda: _write(given.out, network, learned, rows))
