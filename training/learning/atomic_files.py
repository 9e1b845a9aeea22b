"""Files that appear under their name only when whole, written without pickle."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import InputError


def atomic_write(path: Path, data: bytes) -> None:
    """Write a file that appears under its name only when whole. Raises InputError when the disk does not take it."""
    write_together({path: data})


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write files that appear under their names only when all are whole. Raises InputError as `write_whole`."""
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
        raise InputError(f"{path} cannot be written ({reason}): check the folder and the free space.") from error
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def check_name(path: Path, suffix: str) -> None:
    """Before the work and not after it: raises InputError where the file to write does not end in `suffix`."""
    if path.suffix != suffix:
        raise InputError(f"{path.name} is no name for the file to write: let it end in {suffix}.")


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays by name as .npz; the same arrays are the same bytes. Raises InputError as write_whole does."""
    data = io.BytesIO()
    np.savez(data, **arrays)
    atomic_write(path, data.getvalue())


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Arrays of a .npz by name. Raises InputError, in a sentence, when it is damaged or not there."""
    try:
        with np.load(path, allow_pickle=False) as data:
            return {name: data[name] for name in data.files}
    except (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path} is damaged: the command that made it makes it again.") from error
