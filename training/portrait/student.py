"""Student: moves one of the avatars that it learned by heart, without the volumes of Gbase."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..motion.animator.losses import fetched
from .blocks import larger, zeroed
from .g2d import Painted
from .resnet18 import ResNet18
from .settings import Size

NUM_AVATARS = 100
_SIDE = 16  # pixels of a side of an avatar's tensor
_REST = 1.0  # logit of the mask at the start, see `g2d`
_REACH = 0.25  # how far at most a pixel is fetched, in sides of the picture


class Spade(nn.Module):
    """A convolution after a normalisation whose scale and shift an avatar's tensor says at each place (Park et al.,
    "Semantic Image Synthesis with Spatially-Adaptive Normalization", 2019, equation 1)."""

    def __init__(self, inputs: int, outputs: int, told: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, inputs, affine=False)
        self.modulate = zeroed(nn.Conv2d(told, 2 * inputs, 3, padding=1))
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)

    def forward(self, x: Tensor, avatar: Tensor) -> Tensor:
        told = functional.interpolate(avatar, x.shape[-1], mode="bilinear", align_corners=False)
        scale, shift = self.modulate(told).chunk(2, 1)
        return self.conv(functional.silu(self.norm(x) * (1 + scale) + shift))


class Student(nn.Module):
    """`Student(driver, avatar)`: (N, 3, S, S), 0 to 1, and (N,) numbers of avatars, to Painted. It begins as the copy
    of the avatar's portrait (MegaPortraits, 3.3)."""

    def __init__(self, told: Size, num_avatars: int = NUM_AVATARS) -> None:
        super().__init__()
        width = told.student_width
        self.size = told.size
        self.encoder = ResNet18(width)
        self.avatars = nn.Parameter(torch.randn(num_avatars, width, _SIDE, _SIDE) / _SIDE)
        portraits = torch.zeros(num_avatars, 3, told.size, told.size, dtype=torch.uint8)
        self.register_buffer("portraits", portraits)
        self.start = nn.Linear(8 * width, 8 * width * 16)
        blocks, inputs, side = [], 8 * width, 4
        while side < told.size // 2:
            outputs = max(width, inputs // 2)
            blocks.append(Spade(inputs, outputs, width))
            inputs, side = outputs, 2 * side
        self.up = nn.ModuleList(blocks)
        self.to_flow = zeroed(nn.Conv2d(inputs, 2, 3, padding=1))
        self.refine = nn.Conv2d(inputs + 3, 16, 3, padding=1)
        self.to_correction = zeroed(nn.Conv2d(16, 4, 3, padding=1))
        nn.init.constant_(self.to_correction.bias[3:], _REST)

    def know(self, portraits: Tensor) -> None:
        """Take (M, 3, S, S), 0 to 1, as the portraits of the first avatars."""
        self.portraits[: len(portraits)] = (portraits * 255).round().byte()

    def forward(self, driver: Tensor, avatar: Tensor) -> Painted:
        avatar = avatar.long()
        told = self.avatars[avatar]
        x = self.start(self.encoder(driver).mean((2, 3))).unflatten(1, (-1, 4, 4))
        for block in self.up:
            x = block(larger(x), told)
        flow = _REACH * torch.tanh(larger(self.to_flow(x)))
        warped = fetched(self.portraits[avatar].to(flow.dtype) / 255, flow)
        detail = functional.silu(self.refine(torch.cat([larger(x), warped * 2 - 1], 1)))
        change, mask = self.to_correction(detail).split((3, 1), 1)
        correction = torch.sigmoid(mask) * torch.tanh(change)
        return Painted(warped + correction, flow, correction)
