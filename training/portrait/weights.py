"""Files of weights: what a training leaves, and .pth files, which are read without running anything in them."""

from __future__ import annotations

import pickle
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from blendshape_addon.core.errors import InputError

from ..learning import checkpoint
from . import settings
from .gbase import Gbase
from .settings import Settings, Size

BASE, HR, STUDENT = "portrait base", "portrait in high resolution", "student of a portrait"
PART = {BASE: "base", HR: "hr", STUDENT: "student"}  # of what a training holds, the part that is used
SUFFIX = ".safetensors"


def file_in(folder: Path, kind: str) -> Path:
    """Where a training of a kind leaves its checkpoint."""
    return folder / f"{PART[kind]}{SUFFIX}"


def of_checkpoint(path: Path, kind: str) -> tuple[dict[str, Tensor], Settings]:
    """Averaged weights of a training of a kind, and its settings; path: the file, or its folder. Raises InputError for
    another file."""
    return read(path, kind)[:2]


def read(path: Path, kind: str) -> tuple[dict[str, Tensor], Settings, dict[str, Any]]:
    """The same, and all that the training depended on, see `stage.run`."""
    path = file_in(path, kind) if path.is_dir() else path
    if not path.is_file():
        raise InputError(f"There is no {kind} at {path}: train one with python -m training portrait.")
    if path.suffix != SUFFIX:
        raise InputError(f"{path.name} is no {kind}: give the folder of its training, or {PART[kind]}{SUFFIX} in it.")
    groups, notes = checkpoint.load(path)
    other = InputError(f"{path} is no {kind} of this version: train one with python -m training portrait.")
    try:
        kept = notes["settings"]
        if kept["kind"] != kind:
            raise other
        told = settings.of_tables(kept["tables"])
        part = f"{PART[kind]}."
        rows = {n.removeprefix(part): value for n, value in groups["average"].items() if n.startswith(part)}
    except (KeyError, TypeError, AttributeError) as error:
        raise other from error
    return rows, told, kept


def base(path: Path) -> tuple[Gbase, Settings]:
    """Gbase of a training, ready for use. Raises InputError as `of_checkpoint` does."""
    rows, told = of_checkpoint(path, BASE)
    network = Gbase(told.size)
    fill(network, rows, path)
    return network.eval(), told


def load_into(network: nn.Module, path: Path) -> None:
    """Fill a network with the weights of a .pth or .safetensors file of whatever training.

    Raises InputError as `tensors` and `fill` do.
    """
    fill(network, tensors(path), path)


def load_base(network: Gbase, path: Path) -> None:
    """Fill a Gbase with the weights of such a file, or of base.safetensors in a folder.

    Raises InputError as `load_into` does.
    """
    load_into(network, file_in(path, BASE) if path.is_dir() else path)


def tensors(path: Path) -> dict[str, Tensor]:
    """Tensors by name of a .pth file, or the averaged weights of a .safetensors file of a training here.

    Nothing in a .pth file is run (`weights_only`). Raises InputError for a file that is missing, damaged, or holds
    anything but tensors.
    """
    if not path.is_file():
        raise InputError(f"There are no weights at {path}: give a .pth file, or a .safetensors file of a training.")
    if path.suffix == SUFFIX:
        groups, notes = checkpoint.load(path)
        part = f"{PART.get((notes.get('settings') or {}).get('kind'), '')}."
        return {n.removeprefix(part): v for n, v in groups.get("average", {}).items() if n.startswith(part)}
    again = f"{path} is damaged or holds more than weights: save the state_dict alone."
    try:
        rows = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, ValueError, pickle.UnpicklingError) as error:
        raise InputError(again) from error
    if not isinstance(rows, dict) or not all(isinstance(one, Tensor) for one in rows.values()):
        raise InputError(again)
    return rows


def fill(network: nn.Module, rows: dict[str, Tensor], path: Path) -> None:
    """Fill a network with tensors by name. Raises InputError for those of another network."""
    wanted = network.state_dict()
    if rows.keys() != wanted.keys():
        raise InputError(f"{path} holds the weights of another network: give one of the same kind.")
    if wrong := [name for name, value in wanted.items() if rows[name].shape != value.shape]:
        raise InputError(
            f"{path} is of a network of another size: {wrong[0]} is {tuple(rows[wrong[0]].shape)} there and "
            f"{tuple(wanted[wrong[0]].shape)} here. Choose its own size with --size."
        )
    network.load_state_dict(rows)


def check_size(path: Path, size: Size) -> None:
    """Raises InputError for a checkpoint of a portrait of another size, more plainly than the loop says it."""
    _, notes = checkpoint.load(path)
    try:
        there = notes["settings"]["tables"]["size"]
    except (KeyError, TypeError) as error:
        raise InputError(f"{path} is no checkpoint of a portrait: delete it, or choose another folder.") from error
    for name, value in asdict(size).items():
        if there.get(name) != value:
            raise InputError(
                f"{path} is of a portrait whose {name} is {there.get(name)}, and this training's is {value}: finish "
                "that one with its own settings, or choose another folder."
            )
