"""Train the face finder and export it.

python -m training.landmarks.train                        the shipped model: models/landmarks.onnx
python -m training.landmarks.train --hold-out vrm         a fold: out/landmarks/fold_vrm.onnx
"""

from __future__ import annotations

import argparse
import io
import math
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from tqdm import tqdm

from blendshape_addon.core.detection.views import SIZE

from .. import commands
from ..deformer.onnx_graph import OPSET
from ..learning import checkpoint
from . import card
from .dataset import CACHE, batch, read
from .model import FaceFinder, loss

OUT = Path("out/landmarks")
BATCH = 32
RATE = 3e-3
STEPS = 5000  # about 25 minutes on one core
SAVE_EVERY = 100


def train(hold_out: str | None, steps: int, file: Path, seed: int = 0) -> FaceFinder:
    """Train for `steps` on one core; goes on from the checkpoint `file` if a run was cut short, and ends the same."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = FaceFinder().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), RATE, weight_decay=0.02)
    first = 0
    if file.exists():
        groups, notes = checkpoint.load(file)
        model.load_state_dict(groups["model"])
        checkpoint.restore_moments(optimiser, groups["optimiser"])
        rng.bit_generator.state, first = notes["rng"], notes["step"]
    model.train()
    shard = read(CACHE, hold_out)
    shown = tqdm(range(first, steps), initial=first, total=steps, desc="face finder", unit="step")
    for step in shown:
        for group in optimiser.param_groups:  # warm up, then a cosine to almost nothing
            group["lr"] = RATE * min(1, step / 100) * (0.5 + 0.5 * math.cos(math.pi * step / steps)) + 1e-6
        drawn = batch(shard, rng.integers(len(shard.family), size=BATCH), rng)
        image, points, is_face, weight = (torch.from_numpy(a) for a in drawn)
        landmarks, face = loss(model(image.to(memory_format=torch.channels_last)), points, is_face, weight)
        optimiser.zero_grad()
        (landmarks + 2 * face).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == steps:
            shown.set_postfix(landmarks=f"{landmarks.item():.2f}", face=f"{face.item():.3f}")
            groups = {"model": model.state_dict(), "optimiser": checkpoint.moments(optimiser)}
            checkpoint.save(file, groups, {"rng": rng.bit_generator.state, "step": step + 1})
    return model.eval()


def export(model: FaceFinder) -> bytes:
    """`model` as ONNX with a free batch size, checked."""
    data = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (torch.zeros(1, 5, SIZE, SIZE),), data, opset_version=OPSET, dynamo=False,
            input_names=["image"], output_names=["points", "log_width", "logit"],
            dynamic_axes={name: {0: "n"} for name in ("image", "points", "log_width", "logit")},
        )  # fmt: skip
    onnx.checker.check_model(data.getvalue())
    return data.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hold-out", choices=("makehuman", "ict", "rocketbox", "vrm"))
    parser.add_argument("--steps", type=int, default=STEPS, help="(default: %(default)s)")
    arguments = parser.parse_args()
    held = arguments.hold_out
    OUT.mkdir(parents=True, exist_ok=True)
    model = train(held, arguments.steps, OUT / f"{held or 'all'}.safetensors")
    if held:
        card.write(OUT / f"fold_{held}.onnx", export(model), held)
    else:
        card.write(Path("models/landmarks.onnx"), export(model))


if __name__ == "__main__":
    sys.exit(commands.run(main))
