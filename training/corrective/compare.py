"""`python -m training corrective compare`: every kind of model on the same frames, on a block that was left out and on
a motion that was not learned."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch

from blendshape_addon.core.corrective import frames as reading
from blendshape_addon.core.corrective import model as runtime
from blendshape_addon.core.corrective.frames import Frames
from blendshape_addon.core.errors import InputError

from ..learning.atomic_files import atomic_write
from . import export, learn, measure, options
from .learn import Settings
from .networks import MODEL_TYPES, NETWORKS

FILES = ("skinned.npz", "target.npz", "joints.npy", "contact.npy")  # of a folder that `synth --format npz` made
Set = tuple[Frames, np.ndarray, np.ndarray, np.ndarray]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training corrective compare",
        description="Train every kind of model on the first frames of a folder of `synth --format npz`, and measure it "
        "on the frames that follow and on another folder. Rows are kept in OUT; a second run makes those that are "
        "missing.",
    )
    shown = "(default: %(default)s)"
    parser.add_argument("--learn", type=Path, required=True, help="folder; what is not learned is the block")
    parser.add_argument("--unseen", type=Path, required=True, help="folder of another motion of the same body")
    parser.add_argument("--types", default=",".join(MODEL_TYPES), help=f"X or X+absolute, by comma {shown}")
    parser.add_argument("--frames", default="1,3,5,9", help=f"condition frames, by comma {shown}")
    parser.add_argument("--seeds", type=options.whole("seeds", 1), default=3, help=f"of networks {shown}")
    parser.add_argument("--num-frames", type=options.whole("num-frames", 1), default=640, help=f"to learn from {shown}")
    parser.add_argument("--num-epochs", type=options.whole("num-epochs", 1), default=2, help=shown)
    parser.add_argument("--mini-batch-size", type=options.whole("mini-batch-size", 1), default=32729, help=shown)
    parser.add_argument("--out", type=Path, required=True, help="file.json")
    given = parser.parse_args(arguments)
    learned, unseen = _read(given.learn), _read(given.unseen)
    kept = json.loads(given.out.read_text()) if given.out.is_file() else {}
    count = given.num_frames
    if len(learned[0].positions) <= count:
        raise InputError(f"{given.learn} has {len(learned[0].positions)} frames: more than {count} are needed.")
    source, target, joints, _ = learned
    clip = learn.prepare(
        Frames(source.positions[:count], source.corners, source.sizes), target[:count], joints[:count], 1
    )
    for frames in map(int, given.frames.split(",")):
        clip.frames, plain = frames, None
        for name in given.types.split(","):
            model_type, _, space = name.partition("+")
            for seed in range(given.seeds if model_type in NETWORKS else 1):
                key = f"{name} n={frames} seed={seed}"
                if key in kept:
                    continue
                settings = Settings(model_type, space or "local", count, frames, 32, 12, 6, given.mini_batch_size, seed)
                wanted = model_type in NETWORKS and not space
                model = learn.begin(clip, source.topology, settings, plain if wanted else None)
                if wanted:
                    plain = model.base  # the same under every network
                if model.network is not None:
                    trainer = learn.Trainer(model, clip, source.edges, settings)
                    for epoch in range(1, given.num_epochs + 1):
                        trainer.epoch(epoch, torch.device("cpu"))
                with tempfile.TemporaryDirectory() as folder:
                    export.write(model, Path(folder) / "model.onnx", {})
                    loaded = runtime.load(Path(folder) / "model.onnx")
                kept[key] = {"block": _measured(loaded, learned, count), "unseen": _measured(loaded, unseen, 0)}
                kept["skinned"] = {"block": _skinned(learned, count), "unseen": _skinned(unseen, 0)}
                atomic_write(given.out, json.dumps(kept, indent=1).encode())
                print(key, json.dumps(kept[key]), flush=True)
    for where in ("block", "unseen"):
        print(f"\n{where}\n\n{measure.table({name: row[where] for name, row in kept.items()})}")
    return 0


def _read(folder: Path) -> Set:
    skinned, target, joints, contact = (folder / name for name in FILES)
    source, truth = reading.read(skinned), reading.read(target)
    reading.check_pair(source, truth)
    try:
        touched = np.load(contact, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{contact} cannot be read: make the folder with `synth --format npz`.") from error
    return source, truth.positions, reading.read_joints(joints, len(truth.positions)), touched


def _measured(model: runtime.CorrectiveModel, data: Set, first: int) -> dict[str, float]:
    """Figures of the frames from `first` on; those before it are looked at, not measured."""
    source, target, joints, contact = data
    lead = min(first, model.frames - 1)
    some = slice(first - lead, None)
    predicted = model.correct_all(source.positions[some], joints[some] if model.joints else None)[lead:]
    return measure.measure(predicted, source.positions[first:], target[first:], contact[first:])


def _skinned(data: Set, first: int) -> dict[str, float]:
    source, target, _, contact = data
    return measure.measure(source.positions[first:], source.positions[first:], target[first:], contact[first:])
