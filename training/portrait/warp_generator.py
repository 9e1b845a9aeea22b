"""WarpGenerator: where each voxel is fetched from, by a rigid part that is said and a local one that is learned."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .blocks import Block, larger, norm, places, taken, zeroed
from .emtn import Motion
from .settings import Size

_START = 4  # voxels of a side of the first volume
_NEAR, _FAR = 0.01, 0.3  # sides of the picture, as which landmarks are on a place, and from which nothing follows them
_REACH = 0.5  # how far at most a voxel moves by the local part, in halves of the picture


class WarpGenerator(nn.Module):
    """A warp of a volume (MegaPortraits, 3.1). The local part is made of an appearance and an expression: (N, latent)
    each, to (N, 3, D, s, s), 0 at the start."""

    def __init__(self, told: Size) -> None:
        super().__init__()
        width = told.warp_width
        _, depth, side = told.volume
        self.start = nn.Linear(2 * told.latent, width * _START**3)
        blocks, inputs = [], width
        while _START * 2 ** len(blocks) < side:
            outputs = max(8, inputs // 2)
            blocks.append(Block(inputs, outputs, 3))
            inputs = outputs
        self.blocks = nn.ModuleList(blocks)
        self.out = nn.Sequential(norm(inputs), nn.SiLU(), zeroed(nn.Conv3d(inputs, 3, 3, padding=1)))
        self.shape = (depth, side, side)
        self.register_buffer("places", places(*self.shape), persistent=False)

    def local(self, appearance: Tensor, expression: Tensor) -> Tensor:
        """(N, 3, D, s, s) by which the local part moves, in halves of the picture."""
        x = self.start(torch.cat([appearance, expression], 1)).unflatten(1, (-1, _START, _START, _START))
        for block in self.blocks:
            x = block(larger(x))
        x = nn.functional.interpolate(self.out(x), self.shape, mode="trilinear", align_corners=False)
        return _REACH * torch.tanh(x)

    def everywhere(self, count: int) -> Tensor:
        """(N, 3, D, s, s) places of all voxels."""
        return self.places.expand(count, -1, -1, -1, -1)


def followed(source: Tensor, driver: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Where the source's picture has what the driver's has at each of side x side pixels, as the landmarks around a
    place move: (N, 2, side, side), right and down, in sides of the picture; and (N, 1, side, side) how near landmarks
    are, 1 on them and 0 far off.

    source, driver: (N, L, 3) of either picture, in its sides. Inverse distance weighting (Shepard, 1968).
    """
    with torch.autocast(driver.device.type, enabled=False):  # bf16 would move things by a quarter of a pixel
        return _followed(source.float(), driver.float(), side)


def _followed(source: Tensor, driver: Tensor, side: int) -> tuple[Tensor, Tensor]:
    at = ((places(side, side).flatten(1).mT + 1) / 2).to(driver)
    weights = (torch.cdist(at.expand(len(driver), -1, -1), driver[..., :2]).square() + _NEAR**2) ** -2
    total = weights.sum(2, keepdim=True)
    moved = weights @ (source - driver)[..., :2] / total
    near = total / (total + driver.shape[1] * _FAR**-4)
    return moved.mT.unflatten(2, (side, side)), near.mT.unflatten(2, (side, side))


def turned(at: Tensor, rotation: Tensor) -> Tensor:
    """(N, 3, D, H, W) places, turned by (N, 3, 3)."""
    with torch.autocast(at.device.type, enabled=False):  # as in `followed`
        return torch.einsum("nij,njdhw->nidhw", rotation.float(), at.float())


def source_to_canonical(at: Tensor, motion: Motion, local: Tensor) -> Tensor:
    """Wsrc_to_can: where in the source's volume lies what is at canonical places `at`, (N, 3, D, H, W) both."""
    moved = at + taken(local, at)
    return turned(moved, motion.rotation) + motion.translation[:, :, None, None, None]


def canonical_to_driver(at: Tensor, motion: Motion, local: Tensor) -> Tensor:
    """Wcan_to_drv: where in the canonical volume lies what the driver's picture has at `at`, (N, 3, D, H, W) both."""
    still = turned(at - motion.translation[:, :, None, None, None], motion.rotation.mT)
    return still + taken(local, still)
