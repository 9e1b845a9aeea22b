"""A training that is asked for twice."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from blendshape_addon.core.errors import InputError
from training.config import LoopConfig
from training.motion.readings import Readings


def assert_done_once(
    train: Callable[[Readings, LoopConfig, Path], nn.Module], recipe: LoopConfig, rows: Readings, file: Path
) -> None:
    """The second network is the first one, of the checkpoint, which is refused for other people."""
    config = replace(recipe, steps=2, warmup=1, save_every=1)
    first, again = (train(rows, config, file) for _ in range(2))
    for one, other in zip(first.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    with pytest.raises(InputError, match="other settings"):
        train(replace(rows, people=tuple("abcdefghij")), config, file)
