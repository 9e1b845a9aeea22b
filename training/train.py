"""Train the deformer on augmented instances; `--hold-out FAMILY` leaves a family out for evaluation."""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from blendshape_addon.core.vocabulary import CONDITIONS, mirrored

from . import dataset
from .model import Deformer, ModelConfig

_MIRROR = np.array([CONDITIONS.index(mirrored(name)) for name in CONDITIONS])


@dataclass
class TrainConfig:
    """steps of `batch` instances with `vertices` and `expressions` each; learning rate after a warm-up, cosine to 0.

    even_amplitude: 1 scales every family's shapes to the families' common amplitude, 0 leaves them as they are.
    """

    steps: int = 6000
    batch: int = 5
    vertices: int = 1200
    expressions: int = 40
    even_amplitude: float = 1.0
    rate: float = 2e-3
    warmup: int = 200
    decay: float = 1e-4
    clip: float = 1.0
    ema: float = 0.998
    code_noise: float = 0.02
    seed: int = 0
    model: ModelConfig = field(default_factory=ModelConfig)


class Pool:
    """All instances in memory, drawn family by family so that none outweighs another."""

    def __init__(self, folder: Path, hold_out: str | None, config: TrainConfig) -> None:
        paths = [p for p in sorted(folder.glob("*__*.npz")) if not p.name.startswith(f"{hold_out}__")]
        if not paths:
            raise SystemExit(f"No instances in {folder}: run `python -m training.dataset` first.")
        self.groups: dict[str, list[dataset.Instance]] = {}
        for path in paths:
            self.groups.setdefault(path.name.rsplit("__", 1)[0], []).append(dataset.load(path))
        self.gain = self._gains(config.even_amplitude)
        families = [g.split("__")[0] for g in self.groups]
        share = np.array([1 / families.count(f) for f in families])
        self.share = share / share.sum()

    def _gains(self, power: float) -> dict[str, np.ndarray]:
        """(E,) factors of each group's shapes. Artists differ in amplitude far more than in form (a smile of one rig is
        four of another's), which no face tells; so the form is learned at the families' geometric mean."""
        size = {}
        for group, instances in self.groups.items():
            own = [_amplitude(one.targets.astype(np.float32)) for one in instances[:4]]
            size[group] = np.log(np.maximum(np.mean(own, axis=0), 1e-6))
            size[group][~instances[0].known] = np.nan
        by_family: dict[str, list[np.ndarray]] = {}
        for group, logs in size.items():
            by_family.setdefault(group.split("__")[0], []).append(logs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # an expression that no family has
            common = np.nanmean([np.nanmean(rows, axis=0) for rows in by_family.values()], axis=0)
        return {g: np.exp(power * np.nan_to_num(common - logs)).astype(np.float32) for g, logs in size.items()}

    def draw(self, rng: np.random.Generator, config: TrainConfig) -> tuple[Tensor, ...]:
        """inputs (B, N, F), code (B, 3 L), to_face (B, N, 3, 3), targets (B, N, E, 3), energy (B, E), known (B, E) and the
        chosen expressions (E,)."""
        chosen = np.sort(rng.choice(len(CONDITIONS), config.expressions, replace=False))
        columns: list[list[np.ndarray]] = [[] for _ in range(6)]
        for group in rng.choice(len(self.groups), config.batch, p=self.share):
            name = list(self.groups)[group]
            one = self.groups[name][rng.integers(len(self.groups[name]))]
            pick = rng.integers(0, one.inputs.shape[1], config.vertices)
            flip = int(rng.random() < 0.5)
            source = _MIRROR[chosen] if flip else chosen
            to_face, gain = one.to_face[pick], self.gain[name][source]
            targets = one.targets[pick[:, None], source].astype(np.float32) * gain[:, None]
            energy, known = one.energy[source] * gain**2, one.known[source]
            if flip:
                sign = np.array([-1, 1, 1], np.float32)
                to_face, targets = to_face * sign[:, None] * sign, targets * sign
            values = (one.inputs[flip, pick].astype(np.float32), one.code[flip], to_face, targets, energy, known)
            for column, value in zip(columns, values, strict=True):
                column.append(value)
        return tuple(torch.from_numpy(np.stack(column)) for column in columns) + (torch.from_numpy(chosen),)


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
    pool = Pool(folder, hold_out, config)
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
        inputs, code, to_face, targets, energy, known, chosen = (t.to(device) for t in pool.draw(rng, config))
        code = code + config.code_noise * torch.randn_like(code)
        loss = loss_of(model.conditions(inputs, code, chosen), to_face, targets, energy, known)
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
    torch.save({"model": average.state_dict(), "config": asdict(config), "hold_out": hold_out}, out)
    out.with_suffix(".json").write_text(json.dumps(asdict(config) | {"rel": running}, indent=1))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hold-out", metavar="FAMILY", help="leave this family out")
    parser.add_argument("--dataset", type=Path, default=Path("out/dataset"))
    parser.add_argument("--out", type=Path, help="weights file (default out/train/NAME.pt)")
    parser.add_argument("--steps", type=int, default=TrainConfig.steps)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    name = f"without_{given.hold_out}" if given.hold_out else "deformer"
    out = given.out or Path("out/train") / f"{name}.pt"
    train(TrainConfig(steps=given.steps), given.dataset, out, given.hold_out)


if __name__ == "__main__":
    main()
