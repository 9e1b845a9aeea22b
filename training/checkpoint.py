"""What a run needs to go on where it was: tensors and notes in one safetensors file, no pickle."""

from __future__ import annotations

import json
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn, optim

from blendshape_addon.core.errors import InputError

_MODEL, _AVERAGE, _OPTIMISER = "model/", "average/", "optimiser/"


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that appears under its name only when whole. Raises InputError when the disk does not take it."""
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{path} cannot be written ({reason}): check the folder and the free space.") from error
    finally:
        part.unlink(missing_ok=True)


def save(path: Path, model: nn.Module, average: nn.Module, optimiser: optim.Optimizer, notes: dict) -> None:
    """Keep weights, averaged weights, the optimiser's moments and `notes`, whatever JSON can say."""
    tensors = {_MODEL + name: value for name, value in model.state_dict().items()}
    tensors |= {_AVERAGE + name: value for name, value in average.state_dict().items()}
    for number, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"{_OPTIMISER}{number}/{name}": value for name, value in moments.items()}
    write_whole(path, safetensors.torch.save(tensors, {"notes": json.dumps(notes)}))


def load(path: Path) -> tuple[dict[str, Tensor], dict]:
    """Tensors and notes of a checkpoint. Raises InputError when the file is damaged."""
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, json.loads(file.metadata()["notes"])
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged: delete it, and the training begins anew.") from error


def restore(tensors: dict[str, Tensor], model: nn.Module, average: nn.Module, optimiser: optim.Optimizer) -> None:
    """Put the tensors of `load` back where `save` took them from; they must be of the same configuration."""

    def below(prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

    model.load_state_dict(below(_MODEL))
    average.load_state_dict(below(_AVERAGE))
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in below(_OPTIMISER).items():
        number, which = name.split("/")
        moments.setdefault(int(number), {})[which] = value
    optimiser.load_state_dict({"state": moments, "param_groups": optimiser.state_dict()["param_groups"]})
