"""What the networks are made of, in two and in three dimensions."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

_CONV = {2: nn.Conv2d, 3: nn.Conv3d}
_MODE = {2: "bilinear", 3: "trilinear"}


class Block(nn.Module):
    """Two convolutions beside a shortcut, each after a normalisation (He et al., "Identity Mappings", 2016)."""

    def __init__(self, inputs: int, outputs: int, dims: int = 2) -> None:
        super().__init__()
        conv = _CONV[dims]
        self.norm1, self.norm2 = norm(inputs), norm(outputs)
        self.conv1 = conv(inputs, outputs, 3, padding=1)
        self.conv2 = conv(outputs, outputs, 3, padding=1)
        self.shortcut = conv(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(functional.silu(self.norm1(x)))
        return self.shortcut(x) + self.conv2(functional.silu(self.norm2(y)))


class PictureEncoder(nn.Module):
    """(N, 3, S, S) to (N, outputs): convolutions of stride 2 down to 4 x 4 pixels, and one layer that sees them all."""

    def __init__(self, size: int, width: int, outputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs, most = 3, 8 * width
        while size > 4:
            channels = width if inputs == 3 else min(2 * inputs, most)
            layers += [nn.Conv2d(inputs, channels, 3, 2, padding=1), norm(channels), nn.SiLU()]
            inputs, size = channels, size // 2
        self.body = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Linear(inputs * size * size, outputs)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.head(self.body(pictures * 2 - 1))


def norm(channels: int) -> nn.GroupNorm:
    """Groups of channels, normalised."""
    return nn.GroupNorm(math.gcd(8, channels), channels)


def zeroed(layer: nn.Module) -> nn.Module:
    """A layer that gives 0 at the start."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def larger(x: Tensor, factor: int = 2) -> Tensor:
    """(N, C, [D,] H, W) of so many times the sides."""
    return functional.interpolate(x, scale_factor=factor, mode=_MODE[x.ndim - 2], align_corners=False)


def places(*shape: int) -> Tensor:
    """(3, D, H, W) middles of voxels, or (2, H, W) of pixels, -1 to 1: right, down and, of voxels, away."""
    axes = [(torch.arange(count) + 0.5) / count * 2 - 1 for count in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij")).flip(0)


def taken(volume: Tensor, at: Tensor) -> Tensor:
    """(N, C, D, H, W) values of a volume at (N, 3, D, H, W) places; beyond its sides it goes on as at them."""
    grid = at.permute(0, 2, 3, 4, 1)
    return functional.grid_sample(volume, grid, "bilinear", "border", align_corners=False)


def tensor(movie: np.ndarray) -> Tensor:
    """(F, C, S, S) float32, 0 to 1, of (F, S, S, C) uint8 pictures."""
    return torch.from_numpy(movie / np.float32(255)).permute(0, 3, 1, 2)
