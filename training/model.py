"""The deformer: a neural field over a face, asked vertex by vertex, for many expressions at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from blendshape_addon.core.features import CODE, INPUTS
from blendshape_addon.core.vocabulary import CONDITIONS


@dataclass
class ModelConfig:
    """width of the trunk, number of its residual blocks, width of the landmark code."""

    width: int = 256
    blocks: int = 4
    code: int = 32
    code_dropout: float = 0.2


class Deformer(nn.Module):
    """inputs (V, INPUTS), landmarks (3 L,), expression (E, CONDITIONS), intensity (E,) -> offsets (E, V, 3).

    A trunk turns each vertex into `width` basis functions; an expression is three mixes of them (DeepONet, Lu et al.
    2021). Offsets are canonical, linear in expression and intensity, and exactly 0 at intensity 0.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = nn.Linear(INPUTS, config.width)
        self.code = nn.Sequential(nn.Linear(CODE, config.code), nn.Tanh(), nn.Dropout(config.code_dropout))
        self.mix = nn.Linear(config.code, config.width)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(config.width), nn.Linear(config.width, config.width), nn.SiLU(),
                nn.Linear(config.width, config.width),
            )
            for _ in range(config.blocks)
        )  # fmt: skip
        self.last = nn.LayerNorm(config.width)
        self.basis = nn.Parameter(torch.randn(len(CONDITIONS), config.width, 3) * 0.02 / config.width**0.5)

    def trunk(self, inputs: Tensor, landmarks: Tensor) -> Tensor:
        """(..., V, INPUTS) and (..., 3 L) to (..., V, width)."""
        hidden = self.stem(inputs) + self.mix(self.code(landmarks)).unsqueeze(-2)
        hidden = torch.nn.functional.silu(hidden)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return self.last(hidden)

    def forward(self, inputs: Tensor, landmarks: Tensor, expression: Tensor, intensity: Tensor) -> Tensor:
        mixes = torch.einsum("ec,cwk->ewk", expression * intensity[:, None], self.basis)
        return torch.matmul(self.trunk(inputs, landmarks).unsqueeze(0), mixes)

    def conditions(self, inputs: Tensor, landmarks: Tensor, chosen: Tensor) -> Tensor:
        """(B, V, INPUTS), (B, 3 L), (E,) to (B, V, E, 3): the chosen expressions at full intensity, for training."""
        flat = self.basis[chosen].permute(1, 0, 2).reshape(self.config.width, -1)
        out = self.trunk(inputs, landmarks) @ flat
        return out.reshape(*out.shape[:-1], len(chosen), 3)
