"""Files of settings that a user changes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from blendshape_addon.core.errors import InputError


def read(file: Path) -> dict[str, Any]:
    """What a TOML file says. Raises InputError for one that cannot be opened or is none."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{file} cannot be opened: {error.strerror or error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file} is no TOML file: {error}.") from error


def change(table: dict[str, Any], values: dict[str, Any], name: str, source: object, shipped: Path) -> None:
    """Set values of a table that is called `name`. source: where they are from; shipped: the file that has them all.
    Raises InputError for one that the table has not."""
    if unknown := sorted(values.keys() - table.keys()):
        raise InputError(f"{source} sets {name}.{unknown[0]}, which is no setting: see {shipped.name}.")
    table.update(values)


def check_number(name: str, value: object, kind: object, least: float = 0, share: bool = False) -> None:
    """Raises InputError where a setting is no number of its kind, "int" or "float", less than `least`, or more than 1
    though it is a share of something."""
    if isinstance(value, bool) or not isinstance(value, int if kind == "int" else (int, float)):
        raise InputError(f"{name} is {value!r}: it must be a {'whole ' if kind == 'int' else ''}number.")
    if not value >= least:
        raise InputError(f"{name} is {value}: it must be at least {least}.")
    if share and value > 1:
        raise InputError(f"{name} is {value}: it must be at most 1.")
