"""The terms of the animator's loss. Each is a number; a term of weight 0 is not computed."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from .settings import Losses

READING = "reading"  # the term that teaches the reader of motion, of weight 1 where the reader is used


class Output(NamedTuple):
    """N windows of W frames, one after the other. picture: (N, W, 3, S, S); flow: (N, W, 2, S, S). itself: (M, 3, S, S)
    the first M frames driven by themselves. read_made, read_true: (N, W, K) what the reader sees in outputs and true
    frames; read_source: (N, 1, K). Parts that no term needs are None."""

    picture: Tensor
    flow: Tensor
    itself: Tensor | None
    read_made: Tensor | None
    read_true: Tensor | None
    read_source: Tensor | None


def terms(output: Output, frames: Tensor, deltas: Tensor, weights: Losses, blur: float) -> dict[str, Tensor]:
    """Unweighted terms by name. frames: (N, W, 3, S, S) what is true; deltas: (N, W, K) the motion asked for; blur: in
    sides of the picture."""
    size = frames.shape[-1]
    found: dict[str, Tensor] = {}
    apart = output.picture - frames
    if weights.reconstruction:
        found["reconstruction"] = apart.abs().mean()
    if weights.alignment_blurred:
        found["alignment_blurred"] = blurred(apart.flatten(0, 1), blur * size).abs().mean()
    if output.read_made is not None:
        found["alignment_descriptor"] = (output.read_made - output.read_true.detach()).abs().mean()
        found[READING] = (output.read_true - output.read_source - deltas).abs().mean()
    if output.itself is not None:
        found["identity"] = (output.itself - frames.flatten(0, 1)[: len(output.itself)]).abs().mean()
    if weights.total_variation:
        found["total_variation"] = total_variation(output.flow) * size
    if weights.temporal and frames.shape[1] > 1:
        found["temporal"] = (apart[:, 1:] - apart[:, :-1]).abs().mean()
    return found


def total(found: dict[str, Tensor], weights: Losses) -> Tensor:
    """The weighted sum."""
    return sum(getattr(weights, name, 1.0) * value for name, value in found.items())


def blurred(pictures: Tensor, sigma: float) -> Tensor:
    """(N, C, H, W) after a Gaussian blur of `sigma` pixels; beyond the edges they go on as at them."""
    reach = max(1, int(3 * sigma))
    at = torch.arange(-reach, reach + 1, dtype=pictures.dtype, device=pictures.device)
    kernel = torch.exp(-0.5 * (at / max(sigma, 1e-6)) ** 2)
    kernel = kernel / kernel.sum()
    channels = pictures.shape[1]
    for shape, edge in (((1, 1, 1, -1), (reach, reach, 0, 0)), ((1, 1, -1, 1), (0, 0, reach, reach))):
        padded = functional.pad(pictures, edge, mode="replicate")
        pictures = functional.conv2d(padded, kernel.view(shape).repeat(channels, 1, 1, 1), groups=channels)
    return pictures


def total_variation(values: Tensor) -> Tensor:
    """The mean absolute difference of neighbours, across and down, of (..., H, W) values."""
    return values.diff(dim=-1).abs().mean() + values.diff(dim=-2).abs().mean()
