"""How a training runs. The defaults are the shipped recipe; a TOML file beside this one changes some of it for a
purpose; options of the command line, named after the fields, change the rest: `--config restarts --model.width 256`.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.vocabulary import CONDITIONS

FOLDER = Path(__file__).parent


@dataclass
class ModelConfig:
    """width of the deformer's trunk and number of its residual blocks; artists: families that each have mixes of their
    own."""

    width: int = 192
    blocks: int = 3
    artists: tuple[str, ...] = ()


@dataclass
class LossConfig:
    """Weights of the terms that stand beside the reconstruction (see `deformer.losses`), and how many one-rings of each
    face they look at in a step. A term with weight 0 is not computed."""

    laplacian: float = 0.0
    edge: float = 0.0
    volume: float = 0.0
    reach: float = 0.0
    rings: int = 40

    @property
    def of_rings(self) -> bool:
        """Whether a term needs the surface around a vertex."""
        return max(self.laplacian, self.edge, self.volume) > 0


@dataclass
class LoopConfig:
    """What any training has (see `learning.loop`).

    steps of one batch each. rate: greatest learning rate, reached after `warmup` steps, from where `cycles` cosines to
    0 follow, each twice as long as the one before. decay: of the weights (AdamW). clip: norm of the gradient. ema: of
    the averaged weights, 0 for none. precision: fp32, bf16 or fp16; auto is the best that the device has. save_every,
    sheet_every: steps between checkpoints and between contact sheets, 0 for none.
    """

    steps: int = 2400
    rate: float = 2e-3
    warmup: int = 200
    cycles: int = 1
    decay: float = 1e-4
    clip: float = 1.0
    ema: float = 0.998
    seed: int = 0
    precision: str = "auto"
    save_every: int = 500
    sheet_every: int = 1000


@dataclass
class TrainConfig(LoopConfig):
    """The deformer's training: each step sees `batch` instances with `vertices` and `expressions` each.

    jitter: canonical noise per vertex, in eye distances; merge_parts: how often teeth and tongue are shown as skin.
    """

    batch: int = 5
    vertices: int = 1000
    expressions: int = 40
    jitter: float = 0.004
    merge_parts: float = 0.3
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)

    def changed(self, changes: dict[str, object]) -> TrainConfig:
        """This configuration, with fields set by dotted name. Raises InputError for an unknown one or a wrong value."""
        known = dict(_leaves(self))
        for name, value in changes.items():
            if name not in known:
                raise InputError(f"There is no setting {name}: `python -m training train --help` lists them.")
            wanted = type(known[name])
            if not isinstance(value, (int, float) if wanted is float else wanted) or isinstance(value, bool):
                raise InputError(f"{name} must be of the kind of {known[name]!r}, not {value!r}.")
            *path, last = name.split(".")
            owner = self
            for step in path:
                owner = getattr(owner, step)
            setattr(owner, last, wanted(value))
        self._check()
        return self

    def _check(self) -> None:
        for name, value in _leaves(self):
            least = 1 if name in _COUNTS else 0
            if not isinstance(value, str) and not value >= least:
                raise InputError(f"{name} is {value}: it must be at least {least}.")
        if self.expressions > len(CONDITIONS):
            raise InputError(f"expressions is {self.expressions}: there are only {len(CONDITIONS)}.")
        if self.precision not in PRECISIONS:
            raise InputError(f"precision is {self.precision}: it must be one of {', '.join(PRECISIONS)}.")


PRECISIONS = ("auto", "fp32", "bf16", "fp16")
_COUNTS = ("steps", "batch", "vertices", "expressions", "cycles", "model.width", "model.blocks", "loss.rings")


def _leaves(config: object, prefix: str = "") -> Iterator[tuple[str, int | float | str]]:
    """Dotted name and value of every number and text; the artists of a model are the dataset's and no setting."""
    for one in fields(config):
        value = getattr(config, one.name)
        if is_dataclass(value):
            yield from _leaves(value, f"{prefix}{one.name}.")
        elif not isinstance(value, tuple):
            yield prefix + one.name, value


def names() -> list[str]:
    """What `--config` takes."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def add_options(parser: argparse.ArgumentParser) -> None:
    """An option for every field, and `--config`."""
    parser.add_argument("--config", choices=names(), help="changes to the shipped recipe, from training/config")
    group = parser.add_argument_group("settings")
    for name, value in _leaves(TrainConfig()):
        kind = type(value)
        option = f"--{name.replace('_', '-')}"
        group.add_argument(
            option, dest=name, type=kind, metavar=kind.__name__.upper(), default=argparse.SUPPRESS, help=f"({value})"
        )


def from_options(given: argparse.Namespace) -> TrainConfig:
    """The shipped recipe, changed by the file of `--config` and then by the options given. Raises InputError."""
    config = TrainConfig()
    if given.config:
        table = tomllib.loads((FOLDER / f"{given.config}.toml").read_text(encoding="utf-8"))
        nested = {f"{k}.{name}": value for k, v in table.items() if isinstance(v, dict) for name, value in v.items()}
        config.changed({k: v for k, v in table.items() if not isinstance(v, dict)} | nested)
    options = dict(_leaves(config))
    return config.changed({name: value for name, value in vars(given).items() if name in options})
