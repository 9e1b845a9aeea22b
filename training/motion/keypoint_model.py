"""Keypoints of faces that nobody labelled: a small detector, and what it learns by.

Heatmaps of a network become points by their means (Siarohin et al., "First Order Motion Model", 2019, section 3.1). It
learns from pairs of pictures of one person: points follow known warps, and one picture is made of the other's looks and
the points of both (Jakab et al., "Unsupervised Learning of Object Landmarks through Conditional Image Generation",
2018).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from .gaze_model import conv

SIZE = 64  # pixels of a side of the crops
COUNT = 20
TEMPERATURE = 0.1  # of the softmax of heatmaps, as in the paper
SPREAD = 0.07  # standard deviation of a point in the pictures that the painter sees; -1 to 1 is the crop
APART = 0.08  # distance below which points push each other away, likewise
CONTROL = 5  # points of the thin plate along a side


class Keypoints(NamedTuple):
    """points: (N, K, 2) right and down, -1 to 1 across the crop. spread: (N, K) variance of each heatmap."""

    points: Tensor
    spread: Tensor


class Detector(nn.Module):
    """(N, 3, SIZE, SIZE) pictures, 0 to 1, to Keypoints: an hourglass of 0.14 M weights."""

    def __init__(self, count: int = COUNT) -> None:
        super().__init__()
        self.to_half, self.to_quarter, self.to_eighth = conv(3, 24, 2, 5), conv(24, 32, 2), conv(32, 64, 2)
        self.middle = conv(64, 64)
        self.up, self.top = conv(96, 48), conv(72, 32)
        self.heat = nn.Conv2d(32, count, 1)

    def forward(self, image: Tensor) -> Keypoints:
        half = self.to_half(image - image.mean((2, 3), keepdim=True))  # neither light nor camera matter
        quarter = self.to_quarter(half)
        small = self.middle(self.to_eighth(quarter))
        up = self.up(torch.cat([_double(small), quarter], 1))
        return to_points(self.heat(self.top(torch.cat([_double(up), half], 1))))


def _double(values: Tensor) -> Tensor:
    return functional.interpolate(values, scale_factor=2, mode="nearest")


def to_points(heat: Tensor) -> Keypoints:
    """Means and variances of (N, K, H, W) heatmaps."""
    height, width = heat.shape[2:]
    share = torch.softmax(heat.flatten(2) / TEMPERATURE, 2)
    grid = pixel_grid(height, width).to(heat).reshape(-1, 2)
    mean = share @ grid
    away = (grid - mean[:, :, None]).square().sum(3)
    return Keypoints(mean, (share * away).sum(2))


def pixel_grid(height: int, width: int) -> Tensor:
    """(H, W, 2) right and down, -1 to 1 from edge to edge, of the middles of pixels."""
    down = (torch.arange(height) + 0.5) * 2 / height - 1
    across = (torch.arange(width) + 0.5) * 2 / width - 1
    return torch.stack(torch.meshgrid(across, down, indexing="xy"), 2)


def blobs(points: Tensor, size: int) -> Tensor:
    """(N, K, size, size) Gaussians at (N, K, 2) points."""
    away = pixel_grid(size, size).to(points) - points[:, :, None, None]
    return torch.exp(away.square().sum(4) / (-2 * SPREAD**2))


class Painter(nn.Module):
    """Makes a picture of the looks of one and the points of two; it is thrown away after the training."""

    def __init__(self, count: int = COUNT) -> None:
        super().__init__()
        self.looks = nn.Sequential(conv(3, 24, 2, 5), conv(24, 32, 2), conv(32, 48))
        self.mixed = nn.Sequential(conv(48 + 2 * count, 64), conv(64, 64))
        self.paint = nn.Sequential(conv(64, 32), nn.Conv2d(32, 3, 3, padding=1))

    def forward(self, source: Tensor, of_source: Tensor, of_target: Tensor) -> Tensor:
        """(N, 3, SIZE / 2, SIZE / 2). source: (N, 3, SIZE, SIZE); of_source, of_target: (N, K, 2) points."""
        looks = self.looks(source)
        size = looks.shape[2]
        mixed = self.mixed(torch.cat([looks, blobs(of_source, size), blobs(of_target, size)], 1))
        return self.paint(_double(mixed))


class Learner(nn.Module):
    """The detector with the painter that it learns by."""

    def __init__(self, count: int = COUNT) -> None:
        super().__init__()
        self.detector, self.painter = Detector(count), Painter(count)


class Warp(NamedTuple):
    """Where a warped picture takes its pixels from: affine (N, 2, 3) and a thin plate's (N, CONTROL², 2) weights."""

    affine: Tensor
    plate: Tensor

    def __call__(self, places: Tensor) -> Tensor:
        """Places in the picture before the warp, of (N, M, 2) in the warped one."""
        control = pixel_grid(CONTROL, CONTROL).to(places).reshape(1, 1, -1, 2)
        away = (places[:, :, None] - control).square().sum(3)
        bent = (away * torch.log(away + 1e-6)) @ self.plate
        return places @ self.affine[:, :, :2].transpose(1, 2) + self.affine[:, :, 2][:, None] + bent

    def picture(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) warped; beyond its edges a picture goes on as at its edges."""
        count, _, height, width = image.shape
        places = pixel_grid(height, width).to(image).reshape(1, -1, 2).expand(count, -1, -1)
        grid = self(places).reshape(count, height, width, 2)
        return functional.grid_sample(image, grid, padding_mode="border", align_corners=False)


class Output(NamedTuple):
    """Keypoints of the three pictures. painted: (N, 3, SIZE / 2, SIZE / 2) the target as the painter has it."""

    of_source: Keypoints
    of_target: Keypoints
    of_warped: Keypoints
    painted: Tensor


def predict(learner: Learner, source: Tensor, target: Tensor, warp: Warp) -> Output:
    """What is learned from (N, 3, SIZE, SIZE) pictures of the same people in pairs."""
    found = learner.detector(torch.cat([source, target, warp.picture(target)]))
    count = len(source)
    parts = [Keypoints(*(values[n * count : (n + 1) * count] for values in found)) for n in range(3)]
    return Output(*parts, learner.painter(source, parts[0].points, parts[1].points))


def loss(output: Output, target: Tensor, warp: Warp) -> dict[str, Tensor]:
    """Terms of the loss: how far points are from following the warp, how far the painted picture is from the target,
    points that lie on each other, and heatmaps that are wide (Zhang et al., "Unsupervised Discovery of Object Landmarks
    as Structural Representations", 2018, section 3.1)."""
    points = output.of_target.points
    wanted = functional.avg_pool2d(target, 2)
    across, down = (_steps(output.painted, axis) - _steps(wanted, axis) for axis in (2, 3))
    between = (points[:, :, None] - points[:, None]).square().sum(3)
    apart = torch.exp(between / (-2 * APART**2)).sum((1, 2)) / points.shape[1] - 1
    return {
        "equivariance": (points - warp(output.of_warped.points)).abs().mean(),
        "painted": (output.painted - wanted).abs().mean() + across.abs().mean() + down.abs().mean(),
        "apart": apart.mean(),
        "spread": output.of_target.spread.mean(),
    }


def _steps(image: Tensor, axis: int) -> Tensor:
    return image.diff(dim=axis)
