"""The terms of the animator's loss. Each is a number; a term of weight 0 is not computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from .settings import Losses

READING = "reading"  # the term that teaches the reader of motion, of weight 1 where the reader is used


class Output(NamedTuple):
    """N windows of W frames, one after the other. picture, correction: (N, W, 3, S, S); flow: (N, W, 2, S, S). itself:
    (M, 3, S, S) the first M frames driven by themselves. read_made, read_true: (N, W, K) what the reader sees in
    outputs and true frames; read_source: (N, 1, K). Parts that no term needs are None."""

    picture: Tensor
    flow: Tensor
    correction: Tensor
    itself: Tensor | None
    read_made: Tensor | None
    read_true: Tensor | None
    read_source: Tensor | None


def terms(
    output: Output, source: Tensor, frames: Tensor, deltas: Tensor, weights: Losses, blurs: Sequence[float]
) -> dict[str, Tensor]:
    """Unweighted terms by name. source: (N, 3, S, S) what is moved; frames: (N, W, 3, S, S) what is true; deltas:
    (N, W, K) the motion asked for; blurs: of the alignment, in sides of the picture."""
    size = frames.shape[-1]
    found: dict[str, Tensor] = {}
    apart = output.picture - frames
    if weights.reconstruction:
        found["reconstruction"] = apart.abs().mean()
    if weights.alignment_blurred:
        found["alignment_blurred"] = misaligned(source, output.flow, frames, [blur * size for blur in blurs])
    if output.read_made is not None:
        found["alignment_descriptor"] = (output.read_made - output.read_true.detach()).abs().mean()
        found[READING] = (output.read_true - output.read_source - deltas).abs().mean()
    if output.itself is not None:
        found["identity"] = (output.itself - frames.flatten(0, 1)[: len(output.itself)]).abs().mean()
    if weights.total_variation:
        found["total_variation"] = total_variation(output.flow) * size
    if weights.correction:
        found["correction"] = output.correction.abs().mean()
    if weights.temporal and frames.shape[1] > 1:
        found["temporal"] = (apart[:, 1:] - apart[:, :-1]).abs().mean()
    return found


def total(found: dict[str, Tensor], weights: Losses) -> Tensor:
    """The weighted sum."""
    return sum(getattr(weights, name, 1.0) * value for name, value in found.items())


def misaligned(source: Tensor, flow: Tensor, frames: Tensor, sigmas: Sequence[float]) -> Tensor:
    """The mean absolute difference of the true frames and the source, fetched along the flow, without what is painted:
    both blurred before, by each of `sigmas` pixels, so that what lies far off is pulled, too."""
    windows = frames.shape[1]
    found = []
    for sigma in sigmas:
        near, true = (blurred(part, sigma) for part in (source, frames.flatten(0, 1)))
        found.append((fetched(near.repeat_interleave(windows, 0), flow.flatten(0, 1)) - true).abs().mean())
    return torch.stack(found).mean()


def fetched(pictures: Tensor, flow: Tensor) -> Tensor:
    """(N, C, S, S) pictures whose pixels are fetched from where (N, 2, S, S) `flow` says, right and down, in sides of
    the picture; beyond the edges they go on as at them."""
    size = pictures.shape[-1]
    places = (torch.arange(size, dtype=flow.dtype, device=flow.device) + 0.5) / size * 2 - 1
    grid = torch.stack(torch.meshgrid(places, places, indexing="xy")) + 2 * flow
    return functional.grid_sample(pictures, grid.permute(0, 2, 3, 1), "bilinear", "border", align_corners=False)


def blurred(pictures: Tensor, sigma: float) -> Tensor:
    """(N, C, H, W) after a Gaussian blur of `sigma` pixels, 0 for none; beyond the edges they go on as at them."""
    if not sigma:
        return pictures
    reach = max(1, int(3 * sigma))
    at = torch.arange(-reach, reach + 1, dtype=pictures.dtype, device=pictures.device)
    kernel = torch.exp(-0.5 * (at / sigma) ** 2)
    kernel = kernel / kernel.sum()
    channels = pictures.shape[1]
    for shape, edge in (((1, 1, 1, -1), (reach, reach, 0, 0)), ((1, 1, -1, 1), (0, 0, reach, reach))):
        padded = functional.pad(pictures, edge, mode="replicate")
        pictures = functional.conv2d(padded, kernel.view(shape).repeat(channels, 1, 1, 1), groups=channels)
    return pictures


def total_variation(values: Tensor) -> Tensor:
    """The mean absolute difference of neighbours, across and down, of (..., H, W) values."""
    return values.diff(dim=-1).abs().mean() + values.diff(dim=-2).abs().mean()
