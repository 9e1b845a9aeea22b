"""DecoderHR: a picture of twice the sides from features."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from .blocks import Block, norm, zeroed
from .settings import Size


class DecoderHR(nn.Module):
    """(N, width, S, S) to (N, 4, 2S, 2S), 0 at the start: what is added to a picture, and the logit of how much of the
    source in high resolution is laid over it."""

    def __init__(self, told: Size) -> None:
        super().__init__()
        self.body = nn.Sequential(Block(told.width, told.width), norm(told.width), nn.SiLU())
        self.out = zeroed(nn.Conv2d(told.width, 16, 3, padding=1))

    def forward(self, features: Tensor) -> Tensor:
        return functional.pixel_shuffle(self.out(self.body(features)), 2)
