"""Train the deformer on augmented instances; `--hold-out FAMILY` leaves a family out for evaluation."""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from blendshape_addon.core.features import assemble
from blendshape_addon.core.parts import Part
from blendshape_addon.core.vocabulary import CONDITIONS, mirrored

from . import dataset, manifest
from .model import Deformer, ModelConfig

_FLIP = np.array([-1, 1, 1], np.float32)
_MIRROR = np.array([CONDITIONS.index(mirrored(name)) for name in CONDITIONS])


@dataclass
class TrainConfig:
    """steps of `batch` instances with `vertices` and `expressions` each; learning rate after a warm-up, cosine to 0.

    jitter: canonical noise a vertex, in eye distances; merge_parts: how often teeth and tongue are shown as skin.
    """

    steps: int = 2400
    batch: int = 5
    vertices: int = 1000
    expressions: int = 40
    rate: float = 2e-3
    warmup: int = 200
    decay: float = 1e-4
    clip: float = 1.0
    ema: float = 0.998
    jitter: float = 0.004
    merge_parts: float = 0.3
    seed: int = 0
    model: ModelConfig = field(default_factory=ModelConfig)


class Pool:
    """All instances in memory, drawn family by family so that none outweighs another."""

    def __init__(self, folder: Path, hold_out: str | None) -> None:
        paths = [p for p in sorted(folder.glob("*__*.npz")) if not p.name.startswith(f"{hold_out}__")]
        if not paths:
            raise SystemExit(f"No instances in {folder}: run `python -m training prepare` first.")
        self.groups: dict[str, list[dataset.Instance]] = {}
        for path in paths:
            self.groups.setdefault(path.name.rsplit("__", 1)[0], []).append(dataset.load(path))
        families = [g.split("__")[0] for g in self.groups]
        self.artists = tuple(sorted(set(families)))
        self.artist = [self.artists.index(f) for f in families]
        share = np.array([1 / families.count(f) for f in families])
        self.share = share / share.sum()

    def amplitudes(self) -> np.ndarray:
        """(artists, E) how far each artist's shapes move, in eye distances; NaN for those they have not."""
        out = np.full((len(self.artists), len(CONDITIONS)), np.nan)
        for a in range(len(self.artists)):
            rows = []
            for instances, artist in zip(self.groups.values(), self.artist, strict=True):
                if artist == a:
                    own = [_amplitude(one.targets.astype(np.float32)) for one in instances[:4]]
                    rows.append(np.where(instances[0].known, np.mean(own, axis=0), np.nan))
            known = ~np.isnan(rows).all(0)
            out[a, known] = np.nanmean(np.array(rows)[:, known], axis=0)
        return out

    def draw(self, rng: np.random.Generator, config: TrainConfig) -> tuple[Tensor, ...]:
        """inputs (B, N, F), to_face (B, N, 3, 3), targets (B, N, E, 3), energy (B, E), known (B, E), artist (B,)
        and the chosen expressions (E,)."""
        chosen = np.sort(rng.choice(len(CONDITIONS), config.expressions, replace=False))
        columns: list[list[np.ndarray]] = [[] for _ in range(6)]
        for group in rng.choice(len(self.groups), config.batch, p=self.share):
            instances = list(self.groups.values())[group]
            values = _sample(instances[rng.integers(len(instances))], rng, chosen, config)
            for column, value in zip(columns, (*values, np.array(self.artist[group])), strict=True):
                column.append(value)
        return tuple(torch.from_numpy(np.stack(column)) for column in columns) + (torch.from_numpy(chosen),)


def _sample(
    one: dataset.Instance, rng: np.random.Generator, chosen: np.ndarray, config: TrainConfig
) -> tuple[np.ndarray, ...]:
    """Random vertices of an instance or of its mirror image."""
    pick = rng.integers(0, len(one.part), config.vertices)
    canonical, normals = one.canonical[pick], one.normals[pick].astype(np.float32)
    side, part, to_face = one.side[pick].astype(np.float32), one.part[pick], one.to_face[pick]
    source = chosen
    if flip := rng.random() < 0.5:
        canonical, normals, side, source = canonical * _FLIP, normals * _FLIP, side[:, [0, 2, 1]], _MIRROR[chosen]
        to_face = to_face * _FLIP[:, None] * _FLIP
    targets = one.targets[pick[:, None], source].astype(np.float32) * (_FLIP if flip else 1)
    if rng.random() < config.merge_parts:
        side, part = _merged(side, part, rng)
    canonical = canonical + rng.normal(0, config.jitter, canonical.shape)
    if rng.random() < 0.5:
        normals = normals * 0  # avatars with doubtful normals are common
    inputs = assemble(canonical, normals, side, part)
    return inputs, to_face.astype(np.float32), targets.astype(np.float32), one.energy[source], one.known[source]


def _merged(side: np.ndarray, part: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Teeth, gums and tongue as they look where they are one mesh with the skin: skin with a lip side."""
    inner = np.isin(part, (Part.TEETH_UPPER, Part.TEETH_LOWER, Part.TONGUE, Part.MOUTH))
    sign = np.where(part == Part.TEETH_UPPER, 1, -1) * rng.random()
    side = side.copy()
    side[inner, 0] = sign[inner]
    return side, np.where(inner, Part.SKIN, part)


def _amplitude(targets: np.ndarray) -> np.ndarray:
    """(E,) root mean square motion where a shape moves by at least 0.3 of its peak, of (N, E, 3) offsets."""
    size = np.linalg.norm(targets, axis=-1)
    strong = size >= 0.3 * size.max(0)
    return np.sqrt((size**2 * strong).sum(0) / strong.sum(0))


def loss_of(predicted: Tensor, to_face: Tensor, targets: Tensor, energy: Tensor, known: Tensor) -> Tensor:
    """Mean `rel` over instances and known expressions: the error's norm over the truth's, so that a faint shape counts
    as much as a strong one and an artist with another amplitude does not rule."""
    offsets = torch.einsum("bnij,bnej->bnei", to_face, predicted)
    error = ((offsets - targets) ** 2).sum(-1).mean(1)
    scale = ((targets**2).sum(-1).mean(1) + energy) / 2 + 1e-6
    return torch.sqrt(error / scale + 1e-4)[known].mean()


def rate_at(step: int, config: TrainConfig) -> float:
    """Learning rate of a step: linear warm-up, then a cosine to 0."""
    if step < config.warmup:
        return config.rate * (step + 1) / config.warmup
    return config.rate * 0.5 * (1 + math.cos(math.pi * (step - config.warmup) / max(1, config.steps - config.warmup)))


def train(config: TrainConfig, folder: Path, out: Path, hold_out: str | None = None) -> Path:
    """Train to the end, or on from the last checkpoint; gives the file of the averaged weights."""
    out.parent.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    trained_on = manifest.trained_on(folder, hold_out)
    pool = Pool(folder, hold_out)
    config.model.artists = pool.artists
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = Deformer(config.model).to(device)
    average = copy.deepcopy(model).eval()
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.rate, weight_decay=config.decay)
    checkpoint, first = out.with_suffix(".resume.pt"), 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=False)
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        rng.bit_generator.state, first = state["rng"], state["step"]
    began, running = time.time(), 0.0
    for step in range(first, config.steps):
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step, config)
        inputs, to_face, targets, energy, known, artist, chosen = (t.to(device) for t in pool.draw(rng, config))
        loss = loss_of(model.by_artist(inputs, artist, chosen), to_face, targets, energy, known)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimiser.step()
        with torch.no_grad():
            blend = min(config.ema, (step + 1) / (step + 10))
            for kept, new in zip(average.parameters(), model.parameters(), strict=True):
                kept.lerp_(new, 1 - blend)
        running = loss.item() if step == first else 0.98 * running + 0.02 * loss.item()
        if (step + 1) % 100 == 0:
            spent = time.time() - began
            left = spent / (step + 1 - first) * (config.steps - step - 1)
            print(f"{out.stem}: step {step + 1}/{config.steps} rel {running:.3f}, {left / 60:.1f} min left", flush=True)
        if (step + 1) % 500 == 0:
            state = {"model": model.state_dict(), "average": average.state_dict(), "step": step + 1}
            torch.save(state | {"optimiser": optimiser.state_dict(), "rng": rng.bit_generator.state}, checkpoint)
    amplitudes = torch.from_numpy(pool.amplitudes())
    state = {"model": average.state_dict(), "config": asdict(config), "hold_out": hold_out, "amplitudes": amplitudes}
    state["trained_on"] = trained_on
    torch.save(state, out)
    out.with_suffix(".json").write_text(json.dumps(asdict(config) | {"rel": running}, indent=1))
    return out


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m training train", description=__doc__)
    parser.add_argument("--hold-out", metavar="FAMILY", help="leave this family out")
    parser.add_argument("--dataset", type=Path, default=Path("out/dataset"))
    parser.add_argument("--out", type=Path, help="weights file (default: out/train/deformer.pt)")
    parser.add_argument("--steps", type=int, default=TrainConfig.steps)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    folder = f"out/train/without_{given.hold_out}" if given.hold_out else "out/train"
    train(TrainConfig(steps=given.steps), given.dataset, given.out or Path(folder) / "deformer.pt", given.hold_out)
