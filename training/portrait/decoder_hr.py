"""DecoderHR: what is added to a picture of twice the sides, and how much of the source's detail it takes."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from .blocks import Block, norm, zeroed
from .settings import Size

BANDS = 3  # of detail: what is finer than 2, 4 and 8 pixels


class DecoderHR(nn.Module):
    """(N, width, S, S) to (N, 3, 2S, 2S), what is added, and (N, BANDS, 2S, 2S), the logit of the share of each band of
    detail, the finest first. Both are 0 at the start."""

    def __init__(self, told: Size) -> None:
        super().__init__()
        self.body = nn.Sequential(Block(told.width, told.width), norm(told.width), nn.SiLU())
        self.out = zeroed(nn.Conv2d(told.width, 4 * (3 + BANDS), 3, padding=1))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        change, shares = functional.pixel_shuffle(self.out(self.body(features)), 2).split((3, BANDS), 1)
        return change, shares
