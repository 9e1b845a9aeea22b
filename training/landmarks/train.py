"""Train the face finder and export it.

python -m training.landmarks.train                        the shipped model: models/landmarks.onnx
python -m training.landmarks.train --hold-out vrm         a fold: out/landmarks/fold_vrm.onnx
python -m training.landmarks.train --folds --jobs 2       every fold that is not there yet, two at a time
"""

from __future__ import annotations

import argparse
import io
import math
import sys
import warnings
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from blendshape_addon.core.inference.picture import PICTURE

from .. import commands
from ..config import LoopConfig
from ..data import families
from ..learning import loop, parallel
from ..learning.distributed import ALONE
from ..learning.model_card import OPSET
from . import card
from .dataset import CACHE, Crops, Shard, batch, read
from .model import FaceFinder, loss

OUT = Path("out/landmarks")
BATCH = 32
STEPS = 5000  # 9 to 36 minutes on one core
WARMUP = 100
FACE_WEIGHT = 2  # of the term that tells faces from other things
RECIPE = LoopConfig(
    steps=STEPS, rate=3e-3, warmup=WARMUP, decay=0.02, clip=5.0, ema=0.0, precision="fp32", save_every=100,
    sheet_every=0,
)  # fmt: skip


class FinderTask:
    """The face finder on random crops of a shard's pictures."""

    def __init__(self, shard: Shard, size: int) -> None:
        self.shard, self.size = shard, size

    def build(self) -> FaceFinder:
        """In the memory layout in which convolutions are fastest on a CPU."""
        return FaceFinder().to(memory_format=torch.channels_last).train()

    def draw(self, rng: np.random.Generator) -> Crops:
        """`size` crops, as tensors."""
        return Crops(*map(torch.from_numpy, batch(self.shard, rng.integers(len(self.shard.fold), size=self.size), rng)))

    def predict(self, network: nn.Module, batch: Crops) -> tuple[Tensor, Tensor, Tensor]:
        """points, log_width and logit of `FaceFinder`."""
        return network(batch.image.to(memory_format=torch.channels_last))

    def terms(self, output: tuple[Tensor, Tensor, Tensor], batch: Crops) -> dict[str, Tensor]:
        """Those of `model.loss`."""
        landmarks, face = loss(output, batch.points, batch.is_face, batch.weight)
        return {"landmarks": landmarks, "face": face}

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        """Weighted by FACE_WEIGHT."""
        return terms["landmarks"] + FACE_WEIGHT * terms["face"]


def rate_at(step: int, config: LoopConfig) -> float:
    """Learning rate of a step: linear warm-up under a cosine over all steps, to almost nothing."""
    cosine = 0.5 + 0.5 * math.cos(math.pi * step / config.steps)
    return config.rate * min(1, step / config.warmup) * cosine + 1e-6


def train(hold_out: str | None, config: LoopConfig, file: Path, cache: Path = CACHE, size: int = BATCH) -> FaceFinder:
    """Train on one core with crops of the pictures in `cache`, `size` in each step.

    Goes on from the checkpoint `file` if a run was cut short, and ends the same; the last checkpoint stays, so that a
    finished training is not done again. Raises InputError as `loop.train` and `dataset.read` do.
    """
    torch.set_num_threads(1)
    rng = np.random.default_rng(config.seed)
    settings = {"hold_out": hold_out, "size": size} | asdict(config)
    task = FinderTask(read(cache, hold_out), size)
    return loop.train(task, config, ALONE, rng, "face finder", file, settings, rate_at).network


def export(model: FaceFinder) -> bytes:
    """`model` as ONNX with a free batch size, checked."""
    data = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (torch.zeros(1, 5, PICTURE.size, PICTURE.size),), data, opset_version=OPSET, dynamo=False,
            input_names=["image"], output_names=["points", "log_width", "logit"],
            dynamic_axes={name: {0: "n"} for name in ("image", "points", "log_width", "logit")},
        )  # fmt: skip
    onnx.checker.check_model(data.getvalue())
    return data.getvalue()


def train_and_export(hold_out: str | None, config: LoopConfig) -> None:
    """Train a finder and write it with its card: a fold to OUT, the shipped one to models/."""
    model = train(hold_out, config, OUT / f"{hold_out or 'all'}.safetensors")
    card.write(OUT / f"fold_{hold_out}.onnx" if hold_out else Path("models/landmarks.onnx"), export(model), hold_out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--hold-out", choices=families.evaluated(), help="leave this fold out")
    which.add_argument("--folds", action="store_true", help="leave out each fold in turn whose model is not there yet")
    parser.add_argument("--steps", type=int, default=STEPS, help="(default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=parallel.JOBS, help="folds at a time (default: %(default)s)")
    given = parser.parse_args()
    config = replace(RECIPE, steps=given.steps)
    if given.folds:
        missing = [fold for fold in families.evaluated() if not (OUT / f"fold_{fold}.onnx").exists()]
        parallel.each(train_and_export, [(fold, config) for fold in missing], given.jobs)
    else:
        train_and_export(given.hold_out, config)


if __name__ == "__main__":
    sys.exit(commands.run(main))
