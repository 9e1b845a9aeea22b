"""The face finder: a small encoder and decoder whose heatmaps' means are the landmarks (Sun et al. 2018, integral
regression), with a width of the Laplace error for each and one logit for `this is a face`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from blendshape_addon.core.vocabulary import LANDMARKS

COUNT = len(LANDMARKS)


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _conv(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.second(self.first(x)))


class FaceFinder(nn.Module):
    """image (N, 5, 96, 96) to points (N, L, 3) in crop units, log_width (N, L), logit (N,)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _conv(5, 16, 2)  # 48
        self.quarter = nn.Sequential(_conv(16, 32, 2), _Residual(32))  # 24
        self.eighth = nn.Sequential(_conv(32, 64, 2), _Residual(64))  # 12
        self.sixteenth = nn.Sequential(_conv(64, 128, 2), _Residual(128))  # 6
        self.up_eighth = nn.Conv2d(128, 64, 1)
        self.mix_eighth = _conv(64, 64)
        self.up_quarter = nn.Conv2d(64, 48, 1)
        self.skip_quarter = nn.Conv2d(32, 48, 1)
        self.mix_quarter = _conv(48, 64)
        self.heat = nn.Conv2d(64, COUNT, 1)
        self.summary = nn.Sequential(nn.Linear(128, 128), nn.ReLU(inplace=True))
        self.depth = nn.Linear(128, COUNT)
        self.width = nn.Linear(128, COUNT)
        self.logit = nn.Linear(128, 1)
        # The grid reaches past the crop so that a landmark at its border can be a mean of cells.
        axis = (torch.arange(24) + 0.5) / 12 - 1
        self.register_buffer("axis", axis * 1.1)
        nn.init.zeros_(self.heat.bias)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        quarter = self.quarter(self.stem(image))
        eighth = self.eighth(quarter)
        low = self.sixteenth(eighth)
        up = nn.functional.interpolate(self.up_eighth(low), scale_factor=2.0, mode="nearest")
        up = self.mix_eighth(up + eighth)
        up = nn.functional.interpolate(self.up_quarter(up), scale_factor=2.0, mode="nearest")
        up = self.mix_quarter(up + self.skip_quarter(quarter))
        heat = torch.softmax(self.heat(up).flatten(2), 2).view(-1, COUNT, 24, 24)
        x = (heat.sum(2) * self.axis).sum(2)
        y = -(heat.sum(3) * self.axis).sum(2)
        summary = self.summary(low.mean((2, 3)))
        z = self.depth(summary)
        return torch.stack([x, y, z], 2), self.width(summary).clamp(-7, 1), self.logit(summary)[:, 0]


def loss(
    output: tuple[Tensor, Tensor, Tensor], points: Tensor, is_face: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor]:
    """Laplace negative log likelihood of the landmarks of faces, and cross entropy of the logit: (points, face).

    points: (N, L, 3), is_face: (N,) 0 or 1, weight: (N,) of a picture's landmarks.
    """
    predicted, log_width, logit = output
    error = (predicted - points).abs() * predicted.new_tensor([1.0, 1.0, 0.5])
    likelihood = (error.sum(2) * torch.exp(-log_width) + 2 * log_width).mean(1)
    direct = 4 * error.sum(2).mean(1)  # large errors cost enough while the widths are still wide
    landmarks = ((likelihood + direct) * weight).sum() / weight.sum().clamp(min=1)
    return landmarks, nn.functional.binary_cross_entropy_with_logits(logit, is_face)
