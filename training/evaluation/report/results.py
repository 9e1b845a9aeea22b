"""results.json: all that an evaluation measured, and the folder that it lands in."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

import numpy as np
import onnxruntime
import torch

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference import registry

FILE = "results.json"


def plain(value: object) -> object:
    """`value` as JSON can hold it: arrays are lists, and figures that are not finite are null."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def origin(command: str, minutes: float) -> dict:
    """What the figures hold for: the command, how long it took, the shipped models and versions."""
    shipped = {kind: registry.load(kind).card["sha256"] for kind in ("deformer", "landmarks")}
    versions = {"Python": platform.python_version(), "NumPy": np.__version__, "PyTorch": torch.__version__}
    versions["onnxruntime"] = onnxruntime.__version__
    return {"command": command, "minutes": round(minutes, 1), "models": shipped, "versions": versions}


@contextmanager
def atomic_folder(out: Path) -> Iterator[Path]:
    """A folder beside `out` whose files move into it when the block ends well, index.html last; or not at all."""
    part = out.with_name(f"{out.name}.part")
    rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        out.mkdir(exist_ok=True)
        for file in sorted(part.iterdir(), key=lambda file: file.name == "index.html"):
            file.replace(out / file.name)
    finally:
        rmtree(part, ignore_errors=True)


def read(file: Path) -> dict:
    """The results of an earlier evaluation. Raises InputError when there are none that can be read."""
    try:
        results = json.loads(file.read_text(encoding="utf-8"))
        results["families"], results["sheets"]
    except FileNotFoundError as error:
        raise InputError(f"There is no {file}: run `python -m training evaluate` first.") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file} is damaged or of another version: evaluate again.") from error
    return results
