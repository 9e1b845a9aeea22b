"""EncoderHR: features of what Gbase made, beside what the source has in high resolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .blocks import Block
from .settings import Size


class EncoderHR(nn.Module):
    """Two (N, 3, 2S, 2S) pictures, 0 to 1, to features (N, width, S, S)."""

    def __init__(self, told: Size) -> None:
        super().__init__()
        self.enter = nn.Conv2d(4 * 6, told.width, 3, padding=1)
        self.body = nn.Sequential(Block(told.width, told.width), Block(told.width, told.width))

    def forward(self, enlarged: Tensor, fetched: Tensor) -> Tensor:
        pixels = functional.pixel_unshuffle(torch.cat([enlarged, fetched], 1) * 2 - 1, 2)
        return self.body(self.enter(pixels))
