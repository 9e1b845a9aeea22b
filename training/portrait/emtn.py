"""Emtn: how the head of a picture is turned and moved, and its expression."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .blocks import PictureEncoder, zeroed
from .settings import Size


class Motion(NamedTuple):
    """rotation: (N, 3, 3) of the head against the camera, in the axes of `blocks.places`: right, down, away.
    translation: (N, 3) in halves of the picture. expression: (N, latent)."""

    rotation: Tensor
    translation: Tensor
    expression: Tensor


class Emtn(nn.Module):
    """(N, 3, S, S), 0 to 1, to Motion; at the start no head is turned or moved (MegaPortraits, 3.1)."""

    def __init__(self, told: Size) -> None:
        super().__init__()
        hidden = 4 * told.latent
        self.body = nn.Sequential(PictureEncoder(told.size, told.width, hidden), nn.SiLU())
        self.expression = nn.Linear(hidden, told.latent)
        self.pose = zeroed(nn.Linear(hidden, 6))

    def forward(self, pictures: Tensor) -> Motion:
        features = self.body(pictures)
        turn, translation = self.pose(features).float().split(3, 1)
        return Motion(rotations(turn), translation, self.expression(features))


def rotations(vectors: Tensor) -> Tensor:
    """(N, 3, 3) of (N, 3) rotation vectors, axis times radians: the exponential of their cross product matrices."""
    x, y, z = vectors.unbind(1)
    zero = torch.zeros_like(x)
    rows = [zero, -z, y, z, zero, -x, -y, x, zero]
    return torch.linalg.matrix_exp(torch.stack(rows, 1).unflatten(1, (3, 3)))
