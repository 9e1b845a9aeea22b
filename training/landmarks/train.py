"""Train the face finder and export it.

python -m training.landmarks.train                        the shipped model: models/landmarks.onnx
python -m training.landmarks.train --hold-out vrm         a fold: out/landmarks/fold_vrm.onnx
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch

from blendshape_addon.core.face_view import SIZE

from .. import checkpoint
from . import card
from .dataset import CACHE, Shard, batch, read
from .model import FaceFinder, loss

OUT = Path("out/landmarks")
BATCH = 32
RATE = 3e-3
OPSET = 17
REREAD = 400  # steps


def train(
    hold_out: str | None, minutes: float, file: Path, start_from: Path | None = None, seed: int = 0
) -> FaceFinder:
    """Train for `minutes` of processor time on one core; goes on from the checkpoint `file` if a run was cut short.

    start_from: a finished run's checkpoint whose weights are taken up and trained anew, say on a larger cache.

    The cache is read again now and then: it may still be growing.
    """
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    rate = RATE / 3 if start_from else RATE
    model = FaceFinder().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), RATE, weight_decay=0.02)
    spent, step = 0.0, 0
    if start_from:
        model.load_state_dict(checkpoint.load(start_from)[0]["model"])
    if file.exists():
        groups, notes = checkpoint.load(file)
        model.load_state_dict(groups["model"])
        checkpoint.restore_moments(optimiser, groups["optimiser"])
        spent, step = notes["spent"], notes["step"]
    model.train()
    shard: Shard | None = None
    told = spent
    sums = np.zeros(3)
    while spent < minutes * 60:
        if shard is None or step % REREAD == 0:
            shard = read(CACHE, hold_out)
        start = time.process_time()
        fraction = spent / (minutes * 60)
        for group in optimiser.param_groups:  # warm up, then a cosine to almost nothing
            group["lr"] = rate * min(1, step / 100) * (0.5 + 0.5 * math.cos(math.pi * fraction)) + 1e-6
        drawn = batch(shard, rng.integers(len(shard.family), size=BATCH), rng)
        image, points, is_face, weight = (torch.from_numpy(a) for a in drawn)
        landmarks, face = loss(model(image.to(memory_format=torch.channels_last)), points, is_face, weight)
        optimiser.zero_grad()
        (landmarks + 2 * face).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        step += 1
        sums += (landmarks.item(), face.item(), 1)
        spent += time.process_time() - start
        if spent - told > 20:
            told = spent
            mean = sums / sums[2]
            print(f"{spent / 60:5.1f} min step {step:5d} landmarks {mean[0]:.3f} face {mean[1]:.4f}", flush=True)
            sums[:] = 0
            _save(file, model, optimiser, spent, step)
    _save(file, model, optimiser, spent, step)
    return model.eval()


def _save(path: Path, model: FaceFinder, optimiser: torch.optim.Optimizer, spent: float, step: int) -> None:
    groups = {"model": model.state_dict(), "optimiser": checkpoint.moments(optimiser)}
    checkpoint.save(path, groups, {"spent": spent, "step": step})


def export(model: FaceFinder, path: Path) -> None:
    """Write `model` as ONNX with a free batch size, and check that it runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (torch.zeros(1, 5, SIZE, SIZE),), str(path), opset_version=OPSET, dynamo=False,
            input_names=["image"], output_names=["points", "log_width", "logit"],
            dynamic_axes={name: {0: "n"} for name in ("image", "points", "log_width", "logit")},
        )  # fmt: skip
    onnx.checker.check_model(str(path))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hold-out", choices=("makehuman", "ict", "rocketbox", "vrm"))
    parser.add_argument("--minutes", type=float, help="of processor time: 15, for a fold 5")
    parser.add_argument("--start", type=Path, help="checkpoint of a finished run to take the weights from")
    arguments = parser.parse_args()
    held = arguments.hold_out
    OUT.mkdir(parents=True, exist_ok=True)
    minutes = arguments.minutes or (5.0 if held else 15.0)
    name = f"{held or 'all'}{'_again' if arguments.start else ''}.safetensors"
    model = train(held, minutes, OUT / name, arguments.start)
    if held:
        path = OUT / f"fold_{held}.onnx"
        export(model, path)
        card.write(path, held)
    else:
        path = Path("models/landmarks.onnx")
        export(model, path)
        card.write(path)


if __name__ == "__main__":
    main()
