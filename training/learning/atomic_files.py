"""Files that appear under their name only when they are whole."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from blendshape_addon.core.errors import InputError, OutputError


def atomic_write(path: Path, data: bytes) -> None:
    """Write a file that appears under its name only when whole. Raises OutputError, an InputError, when the disk does
    not take it."""
    write_together({path: data})


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write files that appear under their names only when all are whole. Raises OutputError as `atomic_write` does."""
    parts = {path: path.with_name(f"{path.name}.part") for path in files}
    path = Path()
    try:
        for path, data in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            parts[path].write_bytes(data)
        for path, part in parts.items():
            part.replace(path)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"{path} cannot be written ({reason}): check the folder and the free space.") from error
    finally:
        for part in parts.values():
            with suppress(OSError):  # where a file stands in the place of the folder, there is nothing to remove
                part.unlink(missing_ok=True)


def check_name(path: Path, suffix: str) -> None:
    """Check before the work, not after it, that the file to write ends in `suffix`. Raises InputError."""
    if path.suffix != suffix:
        raise InputError(f"{path.name} is no name for the file to write: let it end in {suffix}.")
