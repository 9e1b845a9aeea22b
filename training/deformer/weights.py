"""A trained deformer as a file: safetensors with its settings and what it was trained on."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.face import features
from blendshape_addon.core.inference import contract
from blendshape_addon.core.vocabulary import CONDITIONS

from ..config import ModelConfig, TrainConfig
from ..learning import checkpoint
from .model import Deformer

FILE = "deformer.safetensors"  # the name that `train` writes by default


def save(path: Path, model: Deformer, config: TrainConfig, amplitudes: np.ndarray, notes: dict) -> None:
    """Keep weights, settings, (artists, CONDITIONS) amplitudes and `notes` about the data. Raises InputError."""
    groups = {"model": model.state_dict(), "data": {"amplitudes": torch.from_numpy(amplitudes)}}
    checkpoint.save(path, groups, {"config": asdict(config), "learned_on": learned_on()} | notes)


def learned_on() -> str:
    """A hash of what weights rely on, as a card carries one: the vertex features and the order of CONDITIONS."""
    return contract.digest({"vertex features": features.layout(), "conditions": CONDITIONS})


def load(path: Path) -> tuple[Deformer, np.ndarray, dict]:
    """What `save` kept: the network, the amplitudes, and the notes with `config`.

    Raises InputError when there is no such file, and when it is damaged, of another architecture or learned on other
    features than those of this version.
    """
    if not path.is_file():
        raise InputError(f"There are no weights in {path}: make them with `python -m training train`.")
    groups, notes = checkpoint.load(path)
    try:
        if notes["learned_on"] != learned_on():
            raise KeyError("learned_on")
        settings = notes["config"]["model"]
        model = Deformer(ModelConfig(**settings | {"artists": tuple(settings["artists"])}))
        model.load_state_dict(groups["model"])
        return model.eval(), groups["data"]["amplitudes"].numpy(), notes
    except (KeyError, TypeError, RuntimeError) as error:
        raise InputError(f"{path} is of another architecture or version than this one: train it again.") from error
