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

from ..config import LoopConfig
from ..learning import loop, onnx_files
from ..learning.atomic_files import atomic_write, check_name
from ..learning.distributed import ALONE
from . import gaze_model, readings
from .augment import lit, moved
from .gaze_model import GazeNet, Output
from .readings import Readings

BATCH = 64
RECIPE = LoopConfig(
    steps=2500, rate=2e-3, warmup=50, decay=0.01, clip=5.0, ema=0.99, precision="fp32", save_every=250, sheet_every=0
)
SHUT = 0.6  # how far an eye is closed from where nobody sees its gaze, which is then not measured
OUT = Path("out/motion")  # checkpoints
SQUARED = 0.5  # weight of the squared error of the gaze beside the absolute one


Figures = Mapping[str, Mapping[str, Mapping[str, float]]]  # by set, reader and name


class Batch(NamedTuple):
    """eyes (B, 2, H, W, 3) float32, 0 to 255; points (B, 24, 2); gaze (B, 2, 2) degrees; blink (B, 2)."""

    eyes: Tensor
    points: Tensor
    gaze: Tensor
    blink: Tensor


class GazeTask:
    """The network on random pictures of people, varied as cameras and the reader vary them."""

    def __init__(self, data: Readings, size: int, backbone: str = "small", weights: Path | None = None) -> None:
        self.data, self.size, self.backbone, self.weights = data, size, backbone, weights
        # Every fold as often as the others.
        share = 1 / np.bincount(data.fold, minlength=len(data.folds))[data.fold]
        self.chance = share / share.sum()

    def build(self) -> GazeNet:
        return gaze_model.build(self.backbone, self.weights).train()

    def draw(self, rng: np.random.Generator) -> Batch:
        """A batch; half of it mirrored by chance."""
        rows = rng.choice(self.data.count, self.size, p=self.chance)
        eyes, points = self.data.eyes[rows].astype(np.float32), self.data.points[rows].copy()
        gaze, blink = self.data.gaze[rows].copy(), self.data.blink[rows].copy()
        n = len(rows)
        eyes = lit(moved(eyes, rng), rng)
        points += rng.normal(0, 0.004, points.shape)
        swap = rng.random(n) < 0.5
        eyes[swap] = eyes[swap][:, ::-1]
        points[swap] = points[swap][:, list(gaze_model.MIRROR)] * [-1, 1]
        gaze[swap] = gaze[swap][:, ::-1] * [-1, 1]
        blink[swap] = blink[swap][:, ::-1]
        arrays = (eyes.clip(0, 255), points, gaze, blink)
        return Batch(*(torch.from_numpy(np.ascontiguousarray(a, np.float32)) for a in arrays))

    def predict(self, network: nn.Module, batch: Batch) -> Output:
        return network(batch.eyes, batch.points)

    def terms(self, output: Output, batch: Batch) -> dict[str, Tensor]:
        return gaze_model.loss(Output(*(t.float() for t in output)), batch.gaze, batch.blink)

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        return terms["gaze mae"] + SQUARED * terms["gaze mse"] + terms["blink"]


def train(
    data: Readings, config: LoopConfig, file: Path, backbone: str = "small", weights: Path | None = None
) -> GazeNet:
    """A network trained on readings; goes on from the checkpoint `file` of a run that was cut short.

    Raises InputError as `loop.train` and `gaze_model.build` do.
    """
    if not data.count:
        raise InputError("No face was read in the renders to train on: make more, of more people.")
    torch.set_num_threads(1)
    settings = {"backbone": backbone, "pictures": data.count, "people": list(data.people), **asdict(config)}
    task = GazeTask(data, BATCH, backbone, weights)
    rng = np.random.default_rng(config.seed)
    return loop.train(task, config, ALONE, rng, "gaze network", file, settings).network


@torch.no_grad()
def predict(network: GazeNet, data: Readings) -> tuple[np.ndarray, np.ndarray]:
    """(N, 2, 2) degrees and (N, 2) blinks, 0 to 1."""
    network.eval()
    gaze, blink = [], []
    for first in range(0, data.count, 128):
        rows = slice(first, first + 128)
        output = network(torch.from_numpy(data.eyes[rows].astype(np.float32)), torch.from_numpy(data.points[rows]))
        gaze.append(output.gaze.numpy())
        blink.append(torch.sigmoid(output.blink).numpy())
    return np.concatenate(gaze), np.concatenate(blink)


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

    All but `raw` are less the person's neutral picture.
    """
    gaze, blink = predict(network, data)
    readers = {"network raw": (gaze, blink), "network": (readings.less_neutral(gaze, data), _rest(blink, data))}
    scores, fitted = of_head(data), of_head(learned)
    readers["head"] = _scaled(scores[0], scores[1], data, fitted[0], fitted[1], learned)
    readers["irises"] = _scaled(data.iris, scores[1], data, learned.iris, fitted[1], learned)
    nothing = np.broadcast_to(learned.blink.mean(), data.blink.shape)
    readers["mean"] = (np.broadcast_to(learned.gaze.mean((0, 1)), data.gaze.shape), nothing)
    return {name: figures(*values, data) for name, values in readers.items()}


def _rest(blink: np.ndarray, data: Readings) -> np.ndarray:
    """Blinks between what the neutral picture reads and shut."""
    still = blink - readings.less_neutral(blink, data)
    return ((blink - still) / np.maximum(1 - still, 0.2)).clip(0, 1)


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
    """The network as ONNX with a free number of pictures, checked; blink is 0 to 1 there, weights in half precision."""
    inputs = {
        "eyes": torch.zeros(1, 2, EYES.height, EYES.width, 3), "points": torch.zeros(1, len(EYE_POINTS), 2),
    }  # fmt: skip
    return onnx_files.exported(gaze_model.Exported(network), inputs, ["gaze", "blink"])


def _write(path: Path, network: GazeNet, learned: Readings, rows: Figures) -> None:
    """The model and its card, with the figures of the network and the head. Raises InputError when the disk is full."""
    model = export(network)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    some = learned.where(np.arange(learned.count) < 64)
    gaze, _ = session.run(["gaze", "blink"], {"eyes": some.eyes.astype(np.float32), "points": some.points})
    shown = {"parity, deg": round(float(np.abs(gaze - predict(network, some)[0]).max()), 4)}
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
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument("--backbone", choices=gaze_model.BACKBONES, default="small", help="(default: %(default)s)")
    parser.add_argument("--weights", type=Path, help="of vgg16: a .pth or .safetensors file as torchvision has it")
    parser.add_argument("--hold-out", default="", metavar="FOLDS", help="folds of rigs to leave out in turn, by comma")
    parser.add_argument("--checkpoints", type=Path, default=OUT, help="folder (default: %(default)s)")
    given = parser.parse_args(arguments)
    check_name(given.out, ".onnx")
    if given.steps < 1:
        raise InputError(f"--steps is {given.steps}: it must be at least 1.")
    if given.backbone != "small":
        gaze_model.build(given.backbone, given.weights)  # say what is missing before the pictures are read
    data = readings.read(given.renders)
    config = replace(RECIPE, steps=given.steps, seed=given.seed)
    held = readings.named_folds(data, given.hold_out)
    new = readings.new_people(data)

    def run(name: str, learned: Readings) -> GazeNet:
        file = given.checkpoints / f"gaze_{name}.safetensors"
        return train(learned, config, file, given.backbone, given.weights)

    shown = {name: f"{(data.fold == n).sum()} of {data.pictures[name]}" for n, name in enumerate(data.folds)}
    print("Faces read: " + ", ".join(f"{name} {count}" for name, count in shown.items()))
    learned = data.where(~new)
    network = run("all", learned)
    rows = {"new people": compare(network, learned, data.where(new))}
    for fold in held:
        of_fold = data.fold == data.folds.index(fold)
        rest = data.where(~of_fold & ~new)
        rows[f"without {fold}"] = compare(run(fold, rest), rest, data.where(of_fold))
    print(table(rows))
    atomic_write(given.checkpoints / "gaze.json", json.dumps(rows, indent=1).encode())
    if not better(rows):
        print("The network does not beat the head of blendshapes on all that it did not learn: it is not written.")
        return 1
    _write(given.out, network, learned, rows)
    print(f"{given.out}: {given.out.stat().st_size / 1e6:.2f} MB")
    return 0
