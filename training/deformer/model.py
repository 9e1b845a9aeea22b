"""The deformer: a neural field over a face, evaluated vertex by vertex, for many expressions at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from blendshape_addon.core.face.features import INPUTS
from blendshape_addon.core.vocabulary import CONDITIONS

from ..config import ModelConfig

OFFSET_SCALE = 0.02  # eye distances: a usual offset


class Deformer(nn.Module):
    """A trunk turns each vertex into `width` basis functions; an expression is three mixes of them (DeepONet, Lu et al.
    2021). Every artist has mixes of their own over the one trunk, because artists differ: what all rigs teach about
    faces is shared, what one artist means by a smile is not. Offsets are canonical, linear in expression and
    intensity, and exactly 0 at intensity 0.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = nn.Linear(INPUTS, config.width)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(config.width), nn.Linear(config.width, config.width), nn.SiLU(),
                nn.Linear(config.width, config.width),
            )
            for _ in range(config.blocks)
        )  # fmt: skip
        self.last = nn.LayerNorm(config.width)
        size = (len(config.artists), len(CONDITIONS), config.width, 3)
        self.mixes = nn.Parameter(torch.randn(size) * 0.1 / config.width**0.5)

    def trunk(self, inputs: Tensor) -> Tensor:
        """(..., V, INPUTS) to (..., V, width)."""
        hidden = nn.functional.silu(self.stem(inputs))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return self.last(hidden)

    def by_artist(self, inputs: Tensor, artist: Tensor, chosen: Tensor) -> Tensor:
        """(B, V, INPUTS), (B,) artist numbers, (E,) conditions to (B, V, E, 3) at full intensity, for training."""
        mixes = self.mixes[artist][:, chosen] * OFFSET_SCALE
        flat = mixes.permute(0, 2, 1, 3).reshape(len(artist), self.config.width, -1)
        out = torch.bmm(self.trunk(inputs), flat)
        return out.reshape(*out.shape[:-1], len(chosen), 3)

    forward = by_artist  # what several processes share (DistributedDataParallel)

    def blend(self, shares: Tensor) -> Tensor:
        """(S, CONDITIONS, width, 3) mixes of S styles of (S, artists, CONDITIONS) factors, see `artist_blend`."""
        return torch.einsum("sac,acwk->scwk", shares, self.mixes) * OFFSET_SCALE
