"""`python -m training corrective train`: learn a corrective model from skinned frames and what they should be."""

from __future__ import annotations

import argparse
import datetime
import io
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from tqdm import tqdm

from blendshape_addon.core.corrective import frames as reading
from blendshape_addon.core.corrective.frames import Frames
from blendshape_addon.core.errors import InputError

from ..learning.atomic_files import atomic_write, check_name
from . import corrector, export, learn, options
from .clip import Clip
from .corrector import Corrector
from .learn import Settings
from .networks import NETWORKS

LARGE = 20.0  # metres: no avatar is, so the files are in another unit


def main(arguments: list[str], model_type: str | None = None) -> int:
    """model_type: the one that is learned unless an option says otherwise."""
    parser = argparse.ArgumentParser(
        prog="python -m training corrective train",
        description="Learn what skinning misses from frames of a skinned mesh and of a better surface for its motion. "
        "Writes MODEL_SAVED_PATH/TYPE/DATE/EPOCH.pt, the curve of the loss, and model.onnx with its card.",
    )
    options.add_meshes(parser, target=True)
    options.add_training(parser, model_type)
    given = parser.parse_args(arguments)
    if given.out:
        check_name(given.out, ".onnx")
    if given.space == "absolute" and given.model_type not in NETWORKS:
        raise InputError(f"--model_type {given.model_type} works in local space: leave --space out.")
    if given.model_type == "with_joints" and not given.joint_files_dir:
        raise InputError("--model_type with_joints learns from joints: give them with --joint_files_dir.")
    total = reading.count_frames(given.source_files_dir)
    reading.check_counts(total, reading.count_frames(given.target_files_dir))
    source, target = (reading.read(path, given.num_frames) for path in (given.source_files_dir, given.target_files_dir))
    reading.check_pair(source, target, given.num_condition_frames)
    joints = None
    if given.model_type == "with_joints":
        joints = reading.read_joints(given.joint_files_dir, total)[: len(source.positions)]
    size = float(np.ptp(source.positions[0], axis=0).max())
    if size > LARGE:
        print(f"The mesh is {size:.0f} metres large: if that is centimetres, errors are said 100 times too large.")
    settings = Settings(**{name: getattr(given, name) for name in Settings.__dataclass_fields__})

    first, curve, kept = 0, [], {}
    if given.load_saved_model:
        model, kept, notes = corrector.load(given.load_saved_model)
        _check_same(model, notes, source, settings, given.load_saved_model)
        first, curve = notes["epoch"], notes["curve"]
        clip = Clip(
            source.positions, model.bones, settings.num_condition_frames, target.positions, joints, model.joint_near
        )
        folder = given.load_saved_model.parent
    else:
        clip = learn.prepare(source, target.positions, joints, settings.num_condition_frames)
        model = learn.begin(clip, source.topology, settings)
        stamp = datetime.datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
        folder = given.model_saved_path / settings.model_type / stamp

    def save(epoch: int, extra: dict[str, torch.Tensor]) -> None:
        notes = {"epoch": epoch, "curve": curve, "settings": asdict(settings)}
        corrector.save(folder / f"{epoch}.pt", model, extra, notes)

    if model.network is None:
        save(1, {})
    else:
        device = options.device(given.device)
        trainer = learn.Trainer(model, clip, source.edges, settings)
        if kept:
            trainer.restore(kept)
        for epoch in tqdm(range(first + 1, given.num_epochs + 1), "corrective", unit="epoch"):
            curve.extend(trainer.epoch(epoch, device))
            if epoch % given.epoch_save_interval == 0 or epoch == given.num_epochs:
                save(epoch, trainer.state())
        atomic_write(folder / "loss.png", _picture(curve))
    for path in (folder / "model.onnx", *([given.out] if given.out else [])):
        export.write(model, path, {})
        print(path)
    return 0


def _check_same(model: Corrector, notes: dict, source: Frames, settings: Settings, path: Path) -> None:
    """Raises InputError unless a saved model can be trained on with these settings and frames."""
    if model.kind.topology != source.topology:
        raise InputError(
            f"{path} learned on another mesh of {model.kind.vertices} vertices: give the frames of that mesh."
        )
    differ = [
        name for name, value in json.loads(json.dumps(asdict(settings))).items() if notes["settings"][name] != value
    ]
    if differ:
        names = ", ".join(f"--{name} {notes['settings'][name]}" for name in differ)
        raise InputError(f"{path} was trained with other settings: give {names}, or begin anew without it.")


def _picture(curve: list[float]) -> bytes:
    """A PNG of the loss per step."""
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.add_subplot()
    axes.semilogy(range(1, len(curve) + 1), curve)
    axes.set(xlabel="step", ylabel="loss, mm²")
    axes.grid(alpha=0.3)
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=110)
    return data.getvalue()
