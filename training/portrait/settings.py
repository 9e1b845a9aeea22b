"""Sizes, weights and numbers of a training, from TOML: portrait.toml, and a file that changes some of it."""

from __future__ import annotations

import argparse
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path

from blendshape_addon.core.errors import InputError

from ..learning import toml_files

SHIPPED = Path(__file__).with_name("portrait.toml")
ADVERSARIES = ("hinge", "least squares")


@dataclass(frozen=True)
class Size:
    """A table of `sizes` of portrait.toml."""

    size: int
    motion_size: int
    width: int
    volume: list[int]
    latent: int
    warp_width: int
    student_width: int


@dataclass(frozen=True)
class Losses:
    """Table `losses`: weights of the terms."""

    reconstruction: float
    perceptual: float
    adversarial: float
    feature_matching: float
    cycle: float
    gaze: float
    flow: float
    pose: float
    expression: float
    correction: float
    smooth: float
    landmarks: float = 0.0

    @property
    def judged(self) -> bool:
        """Whether a term needs the discriminator."""
        return bool(self.adversarial or self.feature_matching)


@dataclass(frozen=True)
class Terms:
    """Table `terms`: what the terms need beside their weights."""

    adversary: str
    care: float
    perceptual_size: int
    temperature: float
    margin: float


@dataclass(frozen=True)
class Training:
    """Table `training`."""

    steps: int
    pairs: int
    rate: float
    warmup: int
    decay: float
    clip: float
    ema: float
    flip: float
    zoom: float
    jitter: float
    code_noise: float
    save_every: int
    new_people: int


@dataclass(frozen=True)
class Settings:
    """All tables, of the sizes the chosen one."""

    size: Size
    losses: Losses
    terms: Terms
    training: Training

    def tables(self) -> dict[str, dict]:
        """As TOML has them."""
        return asdict(self)


_STAGES = ("hr", "student")  # that have tables of their own
_TABLES = {"size": Size, "losses": Losses, "terms": Terms, "training": Training}
_LEAST = {"training.steps": 1, "training.pairs": 2, "training.save_every": 1, "training.new_people": 2,
          "training.zoom": 0.25, "size.width": 4, "size.latent": 2, "size.warp_width": 4, "size.student_width": 4,
          "terms.perceptual_size": 32, "terms.temperature": 1e-3}  # fmt: skip
_SHARES = ("training.ema", "training.flip", "training.zoom", "training.decay")


def sizes() -> list[str]:
    """Names of the shipped sizes."""
    return list(toml_files.read(SHIPPED)["sizes"])


def load(size: str, file: Path | None = None, steps: int | None = None, stage: str = "base") -> Settings:
    """The shipped settings of a size and a stage, changed by a file, and the number of steps by an option.

    stage: base, hr or student; of the latter two, tables of their own say what they take instead. Raises InputError, in
    a sentence, for a file that cannot be read, unknown names, and values that make no sense.
    """
    found = toml_files.read(SHIPPED)
    theirs = toml_files.read(file) if file else {}
    own, their_own = ({name: tables.pop(name, {}) for name in _STAGES} for tables in (found, theirs))
    for tables in (own.get(stage, {}), theirs, their_own.get(stage, {})):
        _change(found, tables, file)
    if size not in found["sizes"]:
        raise InputError(f"There is no size {size}: choose from {', '.join(found['sizes'])}.")
    if steps is not None:
        found["training"]["steps"] = steps
    return of_tables({"size": found["sizes"][size]} | {name: found[name] for name in _TABLES if name != "size"})


def _change(found: dict, given: dict, file: Path | None) -> None:
    if not isinstance(given, dict):
        raise InputError(f"{file} has a stage that is no table: write it as [hr.losses], see {SHIPPED.name}.")
    for name, table in given.items():
        tables = table if name == "sizes" else {"": table}
        for inner, values in tables.items():
            there = found.get(name, {}).get(inner) if name == "sizes" else found.get(name)
            if there is None or not isinstance(values, dict):
                raise InputError(f"{file} has a table {name} {inner}, which a portrait has not: see {SHIPPED.name}.")
            toml_files.change(there, values, name, file, SHIPPED)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that every training has."""
    parser.add_argument("--size", choices=sizes(), default="tiny64", help="of the base (default: %(default)s)")
    parser.add_argument("--config", type=Path, help="a .toml file that changes some of portrait.toml")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument("--vgg", type=Path, help="weights of VGG16, for the perceptual term")


def from_options(given: argparse.Namespace, stage: str = "base") -> Settings:
    """The settings of a stage that `add_options` were given. Raises InputError as `load` does."""
    return load(given.size, given.config, given.steps, stage)


def of_tables(tables: dict[str, dict]) -> Settings:
    """Settings of whole tables; what came later has a default, so that older checkpoints can be read. Raises InputError
    for values that make no sense."""
    late = {
        name: {f.name: f.default for f in fields(kind) if f.default is not MISSING} for name, kind in _TABLES.items()
    }
    tables = {name: late[name] | tables[name] for name in _TABLES}
    for table, kind in _TABLES.items():
        for field in fields(kind):
            _check(f"{table}.{field.name}", str(field.type), tables[table][field.name])
    told = Settings(**{name: kind(**tables[name]) for name, kind in _TABLES.items()})
    side, motion = told.size.volume[2], told.size.motion_size
    if told.size.size not in [side * 2**n for n in range(1, 7)] or side < 8 or side % 8:
        raise InputError(
            f"size is {told.size.size} and the side of the volume {side}: the side must be a multiple of 8, and the "
            "size 2, 4, 8 … times as long."
        )
    if motion not in [4 * 2**n for n in range(1, 9)]:
        raise InputError(f"motion_size is {motion}: it must be 8, 16, 32 and so on to 1024.")
    return told


def _check(name: str, kind: str, value: object) -> None:
    if kind == "list[int]":
        right = isinstance(value, list) and len(value) == 3 and all(isinstance(v, int) and v >= 4 for v in value)
        if not right or value[1] % 4:
            raise InputError(f"{name} is {value}: it must be three whole numbers from 4 on, the depth a multiple of 4.")
    elif kind == "str":
        if value not in ADVERSARIES:
            raise InputError(f"{name} is {value!r}: choose from {', '.join(ADVERSARIES)}.")
    else:
        toml_files.check_number(name, value, kind, _LEAST.get(name, 0), name in _SHARES)
