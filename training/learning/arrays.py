"""The one format of arrays on disk: safetensors, with its name and version in the file, no pickle.

Texts and other small facts stand beside the arrays as `notes`. The same content gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError, safe_open

from blendshape_addon.core.errors import InputError

from .atomic_files import atomic_write

SUFFIX = ".safetensors"
# All of the metadata under one key, since safetensors writes several keys in an order that differs from run to run.
_KEY = "blendshape_generator"


@dataclass(frozen=True)
class Format:
    """A kind of file. what: its name in a sentence. version: raised when the meaning of its content changes. again: how
    a user gets a new one, as the end of a sentence."""

    what: str
    version: int
    again: str


def save(path: Path, form: Format, arrays: Mapping[str, np.ndarray], notes: object = None) -> None:
    """Write arrays of numbers by name, and `notes`, which JSON must be able to say.

    The file appears under its name only when it is whole. Raises InputError when the disk does not take it.
    """
    header = {"format": form.what, "version": form.version, "notes": notes}
    dense = {name: np.asarray(value, order="C") for name, value in arrays.items()}
    atomic_write(path, safetensors.numpy.save(dense, {_KEY: json.dumps(header, ensure_ascii=False)}))


def load(path: Path, form: Format) -> tuple[dict[str, np.ndarray], object]:
    """Arrays and notes as `save` wrote them, bit by bit.

    Raises InputError, in a sentence, when the file is not there, damaged, of another format or of another version.
    """
    try:
        with safe_open(path, "np") as file:
            header = json.loads((file.metadata() or {})[_KEY])
            kind, version, notes = header["format"], header["version"], header["notes"]
            arrays = {name: file.get_tensor(name) for name in file.keys()} if kind == form.what else {}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged or no {form.what}: {form.again}.") from error
    if kind != form.what:
        raise InputError(f"{path} is a {kind} and no {form.what}: {form.again}.")
    if version != form.version:
        raise InputError(
            f"{path} was written by another version of this program ({form.what}, format {version} instead of "
            f"{form.version}): {form.again}."
        )
    return arrays, notes
