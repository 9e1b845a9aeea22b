"""EncoderHR: features of what Gbase made, beside what the source has in high resolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .blocks import Block, larger
from .settings import Size

_FLOW = 10.0  # a flow of a tenth of the picture's side counts as much as the range of brightness


class EncoderHR(nn.Module):
    """Two (N, 3, 2S, 2S) pictures, 0 to 1, and (N, 2, S, S) of the flow that the second was fetched along, to features
    (N, width, S, S), which see about a quarter of the picture's side: where a warp tears or folds, little of what was
    fetched can be trusted."""

    def __init__(self, told: Size) -> None:
        super().__init__()
        self.enter = nn.Conv2d(4 * 6 + 2, told.width, 3, padding=1)
        self.fine = Block(told.width, told.width)
        self.coarse = nn.Sequential(
            nn.Conv2d(told.width, 2 * told.width, 3, 2, padding=1),
            Block(2 * told.width, 2 * told.width),
            nn.Conv2d(2 * told.width, told.width, 1),
        )

    def forward(self, enlarged: Tensor, fetched: Tensor, flow: Tensor) -> Tensor:
        pixels = functional.pixel_unshuffle(torch.cat([enlarged, fetched], 1) * 2 - 1, 2)
        x = self.fine(self.enter(torch.cat([pixels, _FLOW * flow], 1)))
        return x + larger(self.coarse(x))
