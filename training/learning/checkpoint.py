"""Files of tensors and notes, weights and what a run needs to go on where it was: safetensors, no pickle."""

from __future__ import annotations

import json
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, optim

from blendshape_addon.core.errors import InputError

from .atomic_files import atomic_write

Groups = dict[str, dict[str, Tensor]]


def save(path: Path, groups: Groups, notes: dict) -> None:
    """Keep named groups of tensors and `notes`, whatever JSON can say. Raises InputError when the disk is full."""
    tensors = {f"{group}/{name}": t.contiguous() for group, members in groups.items() for name, t in members.items()}
    atomic_write(path, safetensors.torch.save(tensors, {"notes": json.dumps(notes)}))


def load(path: Path) -> tuple[Groups, dict]:
    """What `save` kept, bit by bit. Raises InputError when the file is damaged or not one of these."""
    groups: Groups = {}
    try:
        with safe_open(path, "pt") as file:
            for key in file.keys():  # noqa: SIM118
                group, name = key.split("/", 1)
                groups.setdefault(group, {})[name] = file.get_tensor(key)
            return groups, json.loads(file.metadata()["notes"])
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged or no checkpoint of this tool: delete it and train again.") from error


def moments(optimiser: optim.Optimizer) -> dict[str, Tensor]:
    """What an optimiser remembers of each parameter, as a group for `save`."""
    state = optimiser.state_dict()["state"]
    return {f"{number}/{name}": value for number, row in state.items() for name, value in row.items()}


def restore_moments(optimiser: optim.Optimizer, kept: dict[str, Tensor]) -> None:
    """Put back what `moments` gave; the optimiser must be of the same parameters."""
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in kept.items():
        number, name = key.split("/")
        if value.ndim:  # in the parameter's own memory layout, or the next step would round otherwise
            value = torch.empty_like(parameters[int(number)], dtype=value.dtype).copy_(value)
        state.setdefault(int(number), {})[name] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
