"""Files of tensors and notes: weights, and what a training needs to go on where it was."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, optim

from . import arrays

FORMAT = arrays.Format("checkpoint", 1, "delete it and train again")
Groups = dict[str, dict[str, Tensor]]


def save(path: Path, groups: Groups, notes: dict) -> None:
    """Keep named groups of tensors and `notes`, which JSON must be able to say. Raises InputError as `arrays.save`."""
    tensors = {
        f"{group}/{name}": t.detach().cpu().numpy() for group, rows in groups.items() for name, t in rows.items()
    }
    arrays.save(path, FORMAT, tensors, notes)


def load(path: Path) -> tuple[Groups, dict]:
    """What `save` kept, bit by bit. Raises InputError as `arrays.load` does."""
    found, notes = arrays.load(path, FORMAT)
    groups: Groups = {}
    for key, value in found.items():
        group, name = key.split("/", 1)
        groups.setdefault(group, {})[name] = torch.from_numpy(value)
    return groups, notes


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
