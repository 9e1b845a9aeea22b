"""G3D: completes the canonical volume."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .blocks import Block, larger, zeroed
from .settings import Size


class G3D(nn.Module):
    """(N, C, D, s, s) to the same: a small U-Net whose result is added, and 0 at the start (MegaPortraits, 3.1)."""

    def __init__(self, told: Size) -> None:
        super().__init__()
        channels = told.volume[0]
        self.high = Block(channels, channels, 3)
        self.low = nn.Sequential(Block(channels, 2 * channels, 3), Block(2 * channels, 2 * channels, 3))
        self.up = Block(3 * channels, channels, 3)
        self.out = zeroed(nn.Conv3d(channels, channels, 3, padding=1))

    def forward(self, volume: Tensor) -> Tensor:
        high = self.high(volume)
        low = larger(self.low(functional.avg_pool3d(high, 2)))
        return volume + self.out(functional.silu(self.up(torch.cat([high, low], 1))))
