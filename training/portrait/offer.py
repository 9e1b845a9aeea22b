"""Put a base where the add-on's panel finds it, if it meets its bars: `python -m training portrait offer --base F`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference import registry

from ..learning import checkpoint
from ..learning.atomic_files import atomic_write
from . import bars, weights

FOLDER = "portrait"  # below a folder of models; blender/settings.py looks there, too
NAME, FIGURES = "base.safetensors", "figures.json"


def offer(base: Path, folder: Path) -> Path:
    """Write the weights of a base, without what a training needs to go on, and its figures; returns the weights' path.

    base: base.safetensors with figures.json beside it, or their folder. folder: of models. Raises InputError for files
    that are not there or of something else, and with each bar that is missed.
    """
    base = base / NAME if base.is_dir() else base
    network, told = weights.base(base)
    file = base.with_name(FIGURES)
    try:
        figures = json.loads(file.read_text(encoding="utf-8"))
        missed = bars.missed(figures)
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise InputError(
            f"{file} is missing or damaged: measure the base with python -m training portrait evaluate --base {base} "
            f"--out {base.parent}."
        ) from error
    if missed:
        raise InputError("\n".join(["This base is not offered in the add-on's panel:", *missed]))
    made = folder / FOLDER / NAME
    rows = {f"base.{name}": value for name, value in network.state_dict().items()}
    checkpoint.save(made, {"average": rows}, {"settings": {"kind": weights.BASE, "tables": told.tables()}})
    atomic_write(made.with_name(FIGURES), (json.dumps(figures, indent=1) + "\n").encode())
    return made


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training portrait offer",
        description="Put a base where the add-on's panel Talking Portrait finds it, if it meets its bars on new "
        "people. Without such a base the panel is not shown.",
    )
    parser.add_argument(
        "--base", type=Path, required=True, help=f"folder of {NAME} and {FIGURES}, as train-base leaves it"
    )
    parser.add_argument(
        "--to", type=Path, default=registry.models_folder(), metavar="FOLDER",
        help="the Extra Models Folder of the add-on's preferences (default: %(default)s)",
    )  # fmt: skip
    given = parser.parse_args(arguments)
    print(f"{offer(given.base, given.to)}: the panel shows Talking Portrait.")
