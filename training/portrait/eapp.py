"""Eapp: the appearance of a picture, as a volume of features and as one descriptor."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from .blocks import Block, PictureEncoder
from .settings import Size


class Eapp(nn.Module):
    """(N, 3, S, S), 0 to 1, to a volume (N, C, D, s, s) and a global descriptor (N, latent) (MegaPortraits, 3.1)."""

    def __init__(self, told: Size) -> None:
        super().__init__()
        channels, self.depth, side = told.volume
        self.enter = nn.Conv2d(3, told.width, 7, padding=3)
        blocks, inputs, size = [], told.width, told.size
        while size > side:
            blocks.append(Block(inputs, 2 * inputs))
            inputs, size = 2 * inputs, size // 2
        self.down = nn.ModuleList(blocks)
        self.lift = nn.Conv2d(inputs, channels * self.depth, 1)
        self.volume = nn.Sequential(Block(channels, channels, 3), Block(channels, channels, 3))
        self.descriptor = PictureEncoder(told.size, told.width, told.latent)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        x = self.enter(pictures * 2 - 1)
        for block in self.down:
            x = block(functional.avg_pool2d(x, 2))
        volume = self.lift(x).unflatten(1, (-1, self.depth))
        return self.volume(volume), self.descriptor(pictures)
