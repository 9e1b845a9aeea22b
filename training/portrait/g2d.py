"""G2D: the picture, from the volume as the driver's picture has it and the source that is fetched along the warps."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..motion.animator.losses import fetched
from ..motion.animator.model import Film
from .blocks import larger, places, zeroed
from .settings import Size

_REST = 1.0  # logit of the mask at the start: 0.73, so that a correction can begin to be learned
# Of the surface that is seen at the start, in halves of the picture: depths of its middle and of its edge, and standard
# deviation about it.
_FRONT, _BACK, _THICK = -0.4, 0.4, 0.2
_TRUST = 3.0  # logit of how much landmarks are followed where they are at the start, and less that far off
_REACH = 0.25  # how far at most a pixel is fetched beside the warps, in sides of the picture


class Painted(NamedTuple):
    """picture: (N, 3, S, S), 0 to 1 at the start and about so later: the source fetched from elsewhere, plus the masked
    correction. flow: (N, 2, S, S) from where each pixel is fetched, right and down, in sides of the picture.
    correction: (N, 3, S, S), times the mask."""

    picture: Tensor
    flow: Tensor
    correction: Tensor


def _bulge(depth: int, side: int) -> Tensor:
    """(D, s, s) logits of how likely a voxel is seen at the start: near a surface that bulges towards the camera in the
    middle, as faces do, so that a head that turns moves what is seen of it."""
    right, down, away = places(depth, side, side)
    surface = _FRONT + (_BACK - _FRONT) * (right.square() + down.square()).clamp(max=1)
    return -((away - surface) / _THICK).square() / 2


class G2D(nn.Module):
    """Starts as the source, fetched along the flow that the warps give and, near landmarks, as these move."""

    def __init__(self, told: Size) -> None:
        super().__init__()
        channels, depth, side = told.volume
        size, high = side, told.width * told.size // side
        self.depths = zeroed(nn.Conv3d(channels, 1, 3, padding=1))
        self.usual = nn.Parameter(_bulge(depth, side))
        self.enter = nn.Conv2d(channels * depth, high, 1)
        self.told = nn.Sequential(nn.Linear(2 * told.latent + 6, told.latent), nn.SiLU())
        self.first = Film(high, high, told.latent)
        blocks = []
        while size < told.size:
            blocks.append(Film(high, high // 2, told.latent))
            size, high = 2 * size, high // 2
        self.up = nn.ModuleList(blocks)
        self.to_flow = zeroed(nn.Conv2d(high, 3, 3, padding=1))
        self.refine = nn.Conv2d(high + 3, 16, 3, padding=1)
        self.to_correction = zeroed(nn.Conv2d(16, 4, 3, padding=1))
        nn.init.constant_(self.to_correction.bias[3:], _REST)

    def forward(
        self, source: Tensor, volume: Tensor, moved: Tensor, followed: tuple[Tensor, Tensor], motion: Tensor
    ) -> Painted:
        """source: (N, 3, S, S); volume: (N, C, D, s, s) as the driver's picture has it; moved: (N, 2, D, s, s) from
        where in the source its voxels come, right and down, in sides of the picture; followed: as
        `warp_generator.followed` gives it; motion: (N, 2 latent + 6)."""
        told = self.told(motion)
        seen = (self.depths(volume) + self.usual).softmax(2)  # which voxel of each ray is seen
        flow = larger((moved * seen).sum(2), source.shape[-1] // moved.shape[-1])
        x = self.first(self.enter(volume.flatten(1, 2)), told)
        for block in self.up:
            x = block(larger(x), told)
        beside, trust = self.to_flow(x).split((2, 1), 1)
        along, near = (larger(part, source.shape[-1] // part.shape[-1]) for part in followed)
        flow = torch.lerp(flow, along, torch.sigmoid(trust + _TRUST * (2 * near - 1))) + _REACH * torch.tanh(beside)
        warped = fetched(source, flow)
        detail = functional.silu(self.refine(torch.cat([x, warped * 2 - 1], 1)))
        change, mask = self.to_correction(detail).split((3, 1), 1)
        correction = torch.sigmoid(mask) * torch.tanh(change)
        return Painted(warped + correction, flow, correction)
