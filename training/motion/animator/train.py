"""Train the animator: `python -m training motion train-animator --data FOLDER --out FOLDER`."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from blendshape_addon.core.errors import InputError

from ...config import LoopConfig
from ...learning import checkpoint, loop
from ...learning.atomic_files import atomic_write
from ...learning.distributed import ALONE
from ...learning.training_log import TrainingLogger
from .. import video_metrics
from . import conditions, dataset, losses, pictures, settings, use
from .dataset import Clip, PortraitVideoDataset, Variety
from .make_data import RATE
from .metrics import Made, Measure
from .model import Animator, Trained
from .settings import Settings

SEED = 0
_SCALE = 2  # of previews
_SHOWN = 4  # people of one
FINAL_FRAMES = 24  # of each new person that the last figures are of


class Batch(NamedTuple):
    """`dataset.Windows` as tensors, channels first."""

    source: Tensor
    own: Tensor
    frames: Tensor
    drivers: Tensor
    deltas: Tensor


class AnimatorTask:
    """The animator on random windows of people's clips."""

    def __init__(self, clips: list[Clip], told: Settings) -> None:
        self.clips, self.told = clips, told
        t = told.training
        self.variety = Variety(t.window, t.stride, t.flip, t.jitter, t.blank_driver, t.other_source)

    def build(self) -> Trained:
        weights = self.told.losses
        share = self.told.terms.identity_share if weights.identity else 0.0
        return Trained(self.told.model, weights.alignment_descriptor > 0, share)

    def draw(self, rng: np.random.Generator) -> Batch:
        found = dataset.draw(self.clips, self.told.training.windows, self.variety, rng)
        source, frames = (torch.from_numpy(np.moveaxis(p, -1, -3).copy()) for p in (found.source, found.frames))
        own, drivers, deltas = (torch.from_numpy(part) for part in (found.own, found.drivers, found.deltas))
        return Batch(source, own, frames, drivers[:, :, None], deltas)

    def predict(self, network: nn.Module, batch: Batch) -> losses.Output:
        return network(*batch)

    def terms(self, output: losses.Output, batch: Batch) -> dict[str, Tensor]:
        output = losses.Output(*(None if part is None else part.float() for part in output))
        return losses.terms(output, batch.source, batch.frames, batch.deltas, self.told.losses, self.told.terms.blurs)

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        return losses.total(terms, self.told.losses)


class Watch:
    """Curves of the terms, and every few steps figures on new people and previews."""

    def __init__(self, folder: Path, first: int, measure: Measure, preview_every: int) -> None:
        self._curves = TrainingLogger(folder / "curves", first)
        self._folder, self._measure, self._preview_every = folder, measure, preview_every

    def numbers(self, step: int, values: dict[str, float]) -> None:
        self._curves.numbers(step, values)

    def sheets(self, step: int, network: Trained) -> None:
        found, made = self._measure.of_network(network.animator)
        for name, value in found.items():
            self._curves.writer.add_scalar(f"new people/{name}", value, step)
        _append(self._folder / "metrics.jsonl", step, found)
        if step % self._preview_every == 0:
            preview(self._folder / "previews" / f"step_{step:06d}.gif", made)

    def close(self) -> None:
        self._curves.close()


def preview(path: Path, made: list[Made], portraits: list[Clip] | None = None) -> None:
    """An animated .gif with a row per person: portrait, the frame that drives, what was made. portraits: whose they
    are, where another person drives. Raises InputError when the disk does not take it."""
    length = min(len(one.frames) for one in made)
    rows = []
    for one, own in zip(made, portraits or [one.clip for one in made], strict=True):
        still = own.portrait[None].repeat(length, 0)
        rows.append(pictures.beside([still, one.clip.frames[:length], one.frames[:length]]))
    pictures.save_gif(path, np.concatenate(rows, axis=1), RATE, _SCALE)


def train(data: PortraitVideoDataset, told: Settings, out: Path, seed: int = SEED) -> Trained:
    """An animator trained on most of the people; goes on from animator.pt in `out`, or from pass_through.pt, as it was
    called before, of a run that was cut short, and leaves it there.

    Raises InputError for a checkpoint of other settings or data or that is damaged, for too few people, and when the
    disk does not take the files.
    """
    learned, new = data.split(told.training.new_people)
    file = out / use.NAME
    if not file.exists() and (out / use.OLD_NAME).exists():
        checkpoint.load(out / use.OLD_NAME)  # a damaged one is not copied
        shutil.copyfile(out / use.OLD_NAME, file)
    _check_same_size(file, told)
    t, m = told.training, told.metrics
    config = LoopConfig(
        steps=t.steps, rate=t.rate, warmup=t.warmup, decay=t.decay, clip=t.clip, ema=t.ema, seed=seed,
        precision="fp32", save_every=t.save_every, sheet_every=m.every,
    )  # fmt: skip
    kept = {"tables": told.tables(), "conditions": conditions.SIZE, "data": _hash(data.contents), **asdict(config)}
    torch.set_num_threads(1)
    measure = Measure(spread(new, m.people), m.frames)
    rng = np.random.default_rng(seed)
    return loop.train(
        AnimatorTask(learned, told), config, ALONE, rng, "animator", file, kept,
        logger=lambda first: Watch(out, first, measure, m.preview_every),
    ).network  # fmt: skip


def _check_same_size(file: Path, told: Settings) -> None:
    """Raises InputError for a checkpoint of an animator of other sizes, more plainly than the loop says it."""
    if not file.exists():
        return
    _, notes = checkpoint.load(file)
    try:
        there = notes["settings"]["tables"]["model"]
    except (KeyError, TypeError) as error:
        raise InputError(f"{file} is no checkpoint of an animator: delete it, or choose another folder.") from error
    for name, value in asdict(told.model).items():
        if there.get(name) != value:
            raise InputError(
                f"{file} is of an animator whose {name} is {there.get(name)}, and this training's is {value}: finish "
                "that one with its own settings, or choose another folder."
            )


def spread(rows: list, count: int) -> list:
    """`count` of the rows, or all, evenly apart: people in the order of names are of one family one after the other."""
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int))
    return [rows[number] for number in chosen]


def _hash(contents: list[str]) -> str:
    return hashlib.sha256("".join(contents).encode()).hexdigest()


def _append(path: Path, step: int, found: dict[str, float]) -> None:
    """A line of metrics.jsonl, instead of the one of this step and those after it, which a run that was cut short may
    have left. Raises InputError when the disk does not take it."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in lines if json.loads(line)["step"] < step]
    kept.append(json.dumps({"step": step} | {name: round(value, 6) for name, value in found.items()}))
    atomic_write(path, ("\n".join(kept) + "\n").encode())


def compare(animator: Animator, new: list[Clip], out: Path) -> dict[str, dict[str, float]]:
    """Figures of all new people: the animator, the portrait that does not move, the true frames at this
    size, and the animator driven by another person, with and without the driver's frames. Previews go to `out`."""
    measure = Measure(new, FINAL_FRAMES)
    own, made = measure.of_network(animator)
    preview(out / "previews" / "new_people.gif", spread(made, _SHOWN))
    rows = {"animator": own, "copy": measure.of_copy(), "truth": measure.of_truth()}
    for name, drivers in (("driven by another", True), ("driven by descriptors", False)):
        rows[name], others = measure.of_another(animator, drivers)
        file = out / "previews" / f"{name.replace(' ', '_')}.gif"
        preview(file, spread(others, _SHOWN), spread(measure.clips, _SHOWN))
    return rows


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training motion train-animator",
        description="Train a network that moves a portrait as a face in a clip moves, and measure it on people that it "
        "never saw. A run that was cut short goes on where it was.",
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with NAME.png and NAME_video/0001.png …")
    parser.add_argument("--out", type=Path, required=True, help="folder for animator.pt, figures, curves and previews")
    parser.add_argument("--config", type=Path, help="a .toml file that changes some of animator.toml")
    parser.add_argument("--size", type=int, help="pixels of a side of what it makes")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seed", type=int, default=SEED, help="(default: %(default)s)")
    given = parser.parse_args(arguments)
    changes: dict[str, dict] = {}
    for table_name, name in (("model", "size"), ("training", "steps")):
        if (value := getattr(given, name)) is not None:
            changes[table_name] = {name: value}
    told = settings.load(given.config, changes)
    atomic_write(given.out / "settings.json", json.dumps(told.tables(), indent=1).encode())
    data = PortraitVideoDataset(given.data, told.model.size)
    learned, new = data.split(told.training.new_people)
    print(f"{len(learned)} people to learn from, {len(new)} new ones to measure on.")
    network = train(data, told, given.out, given.seed)
    rows = compare(network.animator, new, given.out)
    atomic_write(given.out / "figures.json", json.dumps(rows, indent=1).encode())
    print(video_metrics.table(rows))
    print(f"{given.out / use.NAME} moves portraits: python -m training motion animate")
