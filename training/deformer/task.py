"""What the training loop trains here: a network that gives offsets of shapes, on batches of faces."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

import numpy as np
from torch import Tensor, nn

from ..config import TrainConfig
from ..data.batch import Batch
from ..learning import loop
from ..learning.atomic_files import atomic_write
from ..learning.distributed import Team
from ..learning.training_log import Draw, TrainingLogger
from . import losses


class Faces(Protocol):
    """Where batches come from."""

    def draw(self, rng: np.random.Generator, config: TrainConfig) -> Batch:
        """Random faces."""


class OffsetTask:
    """A network of `build` that takes (inputs, artist, chosen) of a `Batch`, on `faces`, with the composite loss."""

    def __init__(self, config: TrainConfig, faces: Faces, build: Callable[[], nn.Module]) -> None:
        self.config, self.faces, self.build = config, faces, build

    def draw(self, rng: np.random.Generator) -> Batch:
        """`config.batch` random faces."""
        return self.faces.draw(rng, self.config)

    def predict(self, network: nn.Module, batch: Batch) -> Tensor:
        """(B, V, E, 3) canonical offsets at full intensity."""
        return network(batch.inputs, batch.artist, batch.chosen)

    def terms(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Those of `losses.terms`."""
        return losses.terms(output, batch, self.config.loss)

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        """Weighted by the settings."""
        return losses.total(terms, self.config.loss)


def fit(task: OffsetTask, team: Team, out: Path, draw: Draw | None = None) -> loop.Result:
    """Train to the end, or on from the checkpoint beside the weights file `out`; curves land in a folder beside it.

    draw: what makes contact sheets. Raises InputError as `loop.train` does.
    """
    config = task.config
    return loop.train(
        task, config, team, np.random.default_rng([config.seed, team.rank]), out.stem, _resume_file(out),
        asdict(config), logger=lambda first: TrainingLogger(out.with_suffix(""), first, draw),
    )  # fmt: skip


def finish(out: Path, config: TrainConfig, result: loop.Result) -> None:
    """Note the settings beside the weights `out`; the run's checkpoint is no longer needed."""
    settings = asdict(config) | {"rel": result.running["reconstruction"]}
    atomic_write(out.with_suffix(".json"), json.dumps(settings, indent=1).encode())
    _resume_file(out).unlink(missing_ok=True)


def _resume_file(out: Path) -> Path:
    return out.with_suffix(".resume.safetensors")
