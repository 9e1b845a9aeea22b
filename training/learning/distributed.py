"""The processes of one training: one, or as many as `torchrun` started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn


@dataclass(frozen=True)
class Team:
    """This process's number among `size`, and its device."""

    rank: int
    size: int
    device: torch.device

    def wrapped(self, network: nn.Module) -> nn.Module:
        """The network with its gradients averaged over all processes."""
        if self.size == 1:
            return network
        return nn.parallel.DistributedDataParallel(network)

    def all_gather(self, mine: object) -> list:
        """`mine` of every process, by rank."""
        if self.size == 1:
            return [mine]
        gathered: list = [None] * self.size
        distributed.all_gather_object(gathered, mine)
        return gathered


ALONE = Team(0, 1, torch.device("cpu"))


@contextmanager
def team() -> Iterator[Team]:
    """The team of this process, by the environment that `torchrun` sets, on the GPU where there is one."""
    rank, size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        torch.cuda.set_device(device)
    if size > 1:
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Team(rank, size, device)
    finally:
        if size > 1:
            distributed.destroy_process_group()
