"""Train the deformer on augmented instances; `--hold-out FAMILY` leaves a family out for evaluation.

A run that was stopped goes on with the same command. On several GPUs: torchrun --nproc-per-node 4 -m training train.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from blendshape_addon.core.errors import InputError
from training.data.batch import Batch

from .. import config as configs
from ..config import TrainConfig
from ..data import manifest
from ..data.sampler import Pool
from ..evaluation.training_log import TrainingLogger
from ..learning import checkpoint, distributed
from ..learning.atomic_files import atomic_write, check_name
from . import losses, weights
from .model import Deformer

_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def rate_at(step: int, config: TrainConfig) -> float:
    """Learning rate of a step: linear warm-up, then `cycles` cosines to 0, each twice as long as the one before (SGDR,
    Loshchilov and Hutter 2017, eq. 5, T_mult = 2)."""
    if step < config.warmup:
        return config.rate * (step + 1) / config.warmup
    done = step - config.warmup
    length = max(1, config.steps - config.warmup) / (2**config.cycles - 1)
    while done >= length and step < config.steps:
        done, length = done - length, 2 * length
    return config.rate * 0.5 * (1 + math.cos(math.pi * done / length))


def train(config: TrainConfig, folder: Path, out: Path, hold_out: str | None = None) -> Path:
    """Train to the end, or on from the last checkpoint; gives the file of the averaged weights.

    Raises InputError when there is nothing to train on, when the checkpoint is damaged or of another configuration, and
    when the disk is full.
    """
    with distributed.joined() as own:
        trained_on = manifest.trained_on(folder, hold_out)
        pool = Pool(folder, hold_out)
        config.model.artists = pool.artists
        average, rel = fit(config, pool, lambda: Deformer(config.model), own, out)
        if own.rank == 0:
            about = {"hold_out": hold_out, "trained_on": trained_on}
            weights.save(out, average, config, pool.amplitudes(), about)
            finish(out, config, rel)
    return out


def finish(out: Path, config: TrainConfig, rel: float) -> None:
    """Note the settings beside the weights `out`; the run's checkpoint is no longer needed."""
    atomic_write(out.with_suffix(".json"), json.dumps(asdict(config) | {"rel": rel}, indent=1).encode())
    _resume_file(out).unlink(missing_ok=True)


def fit(
    config: TrainConfig, pool: Pool, build: Callable[[], nn.Module], own: distributed.Team, out: Path
) -> tuple[nn.Module, float]:
    """The loop itself: the averaged model, of the kind that `build` gives, on the CPU, and its running `rel`."""
    torch.manual_seed(config.seed)
    rng = np.random.default_rng([config.seed, own.rank])
    model = build().to(own.device)
    average = copy.deepcopy(model).eval()
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.rate, weight_decay=config.decay)
    kind = _type_of(config.precision, own.device)
    scaler = torch.amp.GradScaler(own.device.type, enabled=kind == torch.float16)
    first, rel = 0, float("nan")
    if _resume_file(out).exists():
        groups, notes = checkpoint.load(_resume_file(out))
        _check_same(notes, config, own, _resume_file(out))
        model.load_state_dict(groups["model"])
        average.load_state_dict(groups["average"])
        checkpoint.restore_moments(optimiser, groups["optimiser"])
        rng.bit_generator.state, first, rel = notes["rng"][own.rank], notes["step"], notes["rel"]
        scaler.load_state_dict(notes["scaler"])
    shared = own.shared(model)
    journal = TrainingLogger(out.with_suffix(""), pool, first) if own.rank == 0 else None
    steps = tqdm(range(first, config.steps), out.stem, config.steps, initial=first, unit="step", disable=own.rank > 0)
    for step in steps:
        rate = rate_at(step, config)
        for group in optimiser.param_groups:
            group["lr"] = rate
        batch = Batch(*(t.to(own.device) for t in pool.draw(rng, config)))
        with torch.autocast(own.device.type, kind, enabled=kind != torch.float32):
            predicted = shared(batch.inputs, batch.artist, batch.chosen)
        terms = losses.terms(predicted, batch, config.loss)
        optimiser.zero_grad()
        scaler.scale(losses.total(terms, config.loss)).backward()
        scaler.unscale_(optimiser)
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        scaler.step(optimiser)
        scaler.update()
        with torch.no_grad():
            blend = min(config.ema, (step + 1) / (step + 10))
            for kept, new in zip(average.parameters(), model.parameters(), strict=True):
                kept.lerp_(new, 1 - blend)
        values = {name: value.item() for name, value in terms.items()}
        now = values["reconstruction"]
        rel = now if step == 0 else 0.98 * rel + 0.02 * now
        done = step + 1
        if journal:
            steps.set_postfix(rel=f"{rel:.3f}", refresh=False)
            journal.numbers(
                done, {f"loss/{k}": v for k, v in values.items()} | {"rate": rate, "gradient norm": norm.item()}
            )
            if config.sheet_every and done % config.sheet_every == 0:
                journal.sheets(done, average)
        if config.save_every and done % config.save_every == 0 and done < config.steps:
            notes = {"config": asdict(config), "step": done, "rel": rel, "scaler": scaler.state_dict()}
            notes["rng"] = own.everyones(rng.bit_generator.state)
            if own.rank == 0:
                groups = {"model": model.state_dict(), "average": average.state_dict()}
                groups["optimiser"] = checkpoint.moments(optimiser)
                checkpoint.save(_resume_file(out), groups, notes)
    if journal:
        journal.close()
    return average.cpu(), rel


def _resume_file(out: Path) -> Path:
    return out.with_suffix(".resume.safetensors")


def _type_of(precision: str, device: torch.device) -> torch.dtype:
    if precision != "auto":
        return _TYPES[precision]
    if device.type == "cpu":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def _check_same(notes: dict, config: TrainConfig, own: distributed.Team, path: Path) -> None:
    """Raises InputError unless the checkpoint's run was one like this."""
    now = json.loads(json.dumps(asdict(config)))
    if notes["config"] != now:
        raise InputError(f"{path} is of a training with other settings, artists or architecture: "
                         "finish that one with its own, or delete the file to begin anew.")  # fmt: skip
    if len(notes["rng"]) != own.size:
        raise InputError(f"{path} is of a training in {len(notes['rng'])} processes, not {own.size}: use as many.")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hold-out", metavar="FAMILY", help="leave this family out")
    parser.add_argument("--dataset", type=Path, default=Path("out/dataset"))
    parser.add_argument("--out", type=Path, help=f"weights file (default: out/train/{weights.FILE})")
    add = parser.add_argument
    add(
        "--arch", choices=("free", "fixed"), default="free", help="the deformer, or a network for one avatar's vertices"
    )
    add("--avatar", metavar="SOURCE", default="anny", help="fixed: whose, as of `prepare` (%(default)s)")
    add("--licence", help="fixed: under which the avatar may be used")
    add("--faces", type=int, default=40, help="fixed: people on its mesh to learn from (%(default)s)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    configs.add_options(parser)
    given = parser.parse_args(arguments)
    if given.out:
        check_name(given.out, ".safetensors")
    torch.set_num_threads(given.threads)
    if given.arch == "fixed":
        from . import fixed_topology  # which needs this module

        out = given.out or Path("out/train/fixed.safetensors")
        fixed_topology.train(
            configs.from_options(given), fixed_topology.avatar_of(given.avatar, given.licence), given.faces, out
        )
        return
    folder = f"out/train/without_{given.hold_out}" if given.hold_out else "out/train"
    train(configs.from_options(given), given.dataset, given.out or Path(folder) / weights.FILE, given.hold_out)
