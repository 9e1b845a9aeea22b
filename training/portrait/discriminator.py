"""Discriminator: says of each patch of a picture whether it was made, at several scales."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from .blocks import norm

_SCALES = 2


class Judged(NamedTuple):
    """Features of a discriminator of what was made, with gradients that reach the maker alone (fooled) and the
    discriminator alone (fake), and of the truth (real)."""

    fooled: list[list[Tensor]]
    fake: list[list[Tensor]]
    real: list[list[Tensor]]


class Discriminator(nn.Module):
    """(N, 3, S, S), 0 to 1, to the features of each layer at each scale, the last of each the verdicts on patches
    (Wang et al., "High-Resolution Image Synthesis … with Conditional GANs", 2018, section 3.2)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(_layers(width) for _ in range(_SCALES))

    def forward(self, pictures: Tensor) -> list[list[Tensor]]:
        found, x = [], pictures * 2 - 1
        for layers in self.scales:
            rows, y = [], x
            for layer in layers:
                y = layer(y)
                rows.append(y)
            found.append(rows)
            x = functional.avg_pool2d(x, 2)
        return found

    def frozen(self, pictures: Tensor) -> list[list[Tensor]]:
        """The same, where gradients reach the pictures and not the discriminator."""
        weights = {name: value.detach() for name, value in self.named_parameters()}
        return functional_call(self, weights, (pictures,))

    def judged(self, made: Tensor, true: Tensor) -> Judged:
        """What the terms of the loss need of made and true pictures."""
        return Judged(self.frozen(made), self(made.detach()), self(true))


def _layers(width: int) -> nn.ModuleList:
    layers = [nn.Sequential(nn.Conv2d(3, width, 4, 2, padding=1), nn.LeakyReLU(0.2))]
    for inputs in (width, 2 * width):
        conv = nn.Conv2d(inputs, 2 * inputs, 4, 2, padding=1)
        layers.append(nn.Sequential(conv, norm(2 * inputs), nn.LeakyReLU(0.2)))
    return nn.ModuleList([*layers, nn.Conv2d(4 * width, 1, 3, padding=1)])


def told_apart(made: list[list[Tensor]], true: list[list[Tensor]], kind: str) -> Tensor:
    """What the discriminator minimises. kind: hinge (Lim and Ye, 2017), or least squares (Mao et al., 2017)."""
    rows = []
    for a, b in zip(made, true, strict=True):
        if kind == "hinge":
            rows.append(functional.relu(1 + a[-1]).mean() + functional.relu(1 - b[-1]).mean())
        else:
            rows.append(a[-1].square().mean() + (b[-1] - 1).square().mean())
    return torch.stack(rows).mean()


def believed(made: list[list[Tensor]], kind: str) -> Tensor:
    """What a generator minimises, of the same kinds."""
    return torch.stack([-a[-1].mean() if kind == "hinge" else (a[-1] - 1).square().mean() for a in made]).mean()


def features_apart(made: list[list[Tensor]], true: list[list[Tensor]]) -> Tensor:
    """Feature matching: the mean absolute difference of all layers but the verdicts (Wang et al., 2018, equation 3)."""
    pairs = [
        (a, b) for rows, others in zip(made, true, strict=True) for a, b in zip(rows[:-1], others[:-1], strict=True)
    ]
    return torch.stack([(a - b.detach()).abs().mean() for a, b in pairs]).mean()
