"""Sizes, weights and numbers of a training, from TOML: animator.toml, and a file that changes some of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path

from blendshape_addon.core.errors import InputError

from ...learning import toml_files

SHIPPED = Path(__file__).with_name("animator.toml")
STEP = 8  # the size is a multiple of it: the network halves it three times


@dataclass(frozen=True)
class Model:
    """Table `model` of animator.toml."""

    size: int
    widths: list[int]
    conditions: int
    driver_pixels: int
    reach: float


@dataclass(frozen=True)
class Losses:
    """Table `losses`: weights of the terms."""

    reconstruction: float
    alignment_blurred: float
    alignment_descriptor: float
    identity: float
    total_variation: float
    correction: float
    temporal: float


@dataclass(frozen=True)
class Terms:
    """Table `terms`: what the terms need beside their weights."""

    blurs: list[float]
    identity_share: float


@dataclass(frozen=True)
class Training:
    """Table `training`."""

    steps: int
    windows: int
    window: int
    stride: int
    rate: float
    warmup: int
    decay: float
    clip: float
    ema: float
    flip: float
    jitter: float
    blank_driver: float
    other_source: float
    save_every: int
    new_people: int


@dataclass(frozen=True)
class Metrics:
    """Table `metrics`."""

    every: int
    people: int
    frames: int
    preview_every: int


@dataclass(frozen=True)
class Settings:
    """All tables."""

    model: Model
    losses: Losses
    terms: Terms
    training: Training
    metrics: Metrics

    def tables(self) -> dict[str, dict]:
        """As TOML has them."""
        return asdict(self)


_TABLES = {"model": Model, "losses": Losses, "terms": Terms, "training": Training, "metrics": Metrics}
_LEAST = {
    "model.conditions": 1, "model.driver_pixels": 1, "training.steps": 1, "training.windows": 1, "training.window": 1,
    "training.stride": 1, "training.save_every": 1, "training.new_people": 2, "metrics.every": 1, "metrics.people": 1,
    "metrics.frames": 2, "metrics.preview_every": 1,
}  # fmt: skip
_SHARES = ("model.reach", "terms.identity_share", "training.ema", "training.flip", "training.blank_driver",
           "training.other_source")  # fmt: skip


def load(file: Path | None = None, changes: dict[str, dict] | None = None) -> Settings:
    """The shipped settings, changed by a file and then by `changes`, tables of values.

    Raises InputError, in a sentence, for a file that cannot be read, unknown names, and values that make no sense.
    """
    tables = toml_files.read(SHIPPED)
    for source, table in ((file, toml_files.read(file) if file else {}), ("the command line", changes or {})):
        _change(tables, table, str(source))
    return of_tables(tables)


def of_tables(tables: dict[str, dict]) -> Settings:
    """Settings of whole tables. Raises InputError for values that make no sense."""
    for name, table in tables.items():
        for key, value in table.items():
            _check(f"{name}.{key}", value)
    settings = Settings(**{name: kind(**tables[name]) for name, kind in _TABLES.items()})
    if settings.metrics.preview_every % settings.metrics.every:
        raise InputError(
            f"metrics.preview_every is {settings.metrics.preview_every}: it must be a multiple of metrics.every, "
            f"{settings.metrics.every}."
        )
    return settings


def _change(tables: dict[str, dict], table: dict[str, dict], source: str) -> None:
    for name, values in table.items():
        if name not in tables or not isinstance(values, dict):
            raise InputError(f"{source} has a table {name}, which the animator has not: see {SHIPPED.name}.")
        toml_files.change(tables[name], values, name, source, SHIPPED)


def _check(name: str, value: object) -> None:
    table, key = name.split(".")
    (kind,) = (field.type for field in fields(_TABLES[table]) if field.name == key)
    if name == "model.widths":
        right = isinstance(value, list) and len(value) == 3 and all(isinstance(v, int) and v >= 2 for v in value)
        if not right:
            raise InputError(f"model.widths is {value}: it must be three whole numbers from 2 on.")
        return
    if name == "terms.blurs":
        right = isinstance(value, list) and value and all(isinstance(v, int | float) and 0 <= v <= 1 for v in value)
        if not right:
            raise InputError(f"terms.blurs is {value}: it must be a list of numbers from 0 to 1.")
        return
    toml_files.check_number(name, value, kind, _LEAST.get(name, 0), name in _SHARES)
    if name == "model.size" and (value < 2 * STEP or value % STEP):
        raise InputError(f"model.size is {value}: it must be a multiple of {STEP}, and {2 * STEP} or more.")
