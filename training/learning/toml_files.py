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
