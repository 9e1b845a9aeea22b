"""A training that is asked for twice."""

from collections.abc import Callable

import torch
from torch import nn


def assert_not_done_again(train: Callable[[], nn.Module]) -> None:
    """The second network is the first one, of the checkpoint."""
    first, again = train(), train()
    for one, other in zip(first.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other)
