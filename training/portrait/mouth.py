"""The inside of a mouth that opens: landmarks say where it is, and a portrait whose mouth is shut does not show it."""

from __future__ import annotations

import torch
from torch import Tensor

from ..renders.parameters import PALETTE

# Landmarks of MediaPipe's mesh along the inner edge of the lips, from the person's right corner over the upper lip.
INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
_UPPER, _LOWER, _CORNERS = 5, 15, (0, 10)  # rows of INNER: the middles of both lips, and the corners
# By how much more than in the source lips have to be apart before something is painted, and until it hides all that is
# behind it, in widths of the mouth; tuned by eye on drawn people.
_FREE, _FULL = 0.03, 0.13
_SOFT = 0.006  # sides of the picture over which the edge is soft, at least a pixel


def opened(pictures: Tensor, source: Tensor, driver: Tensor) -> Tensor:
    """(N, 3, S, S) pictures, 0 to 1, of which what lies between the lips is dark, where these are farther apart than in
    the source. source, driver: (N, 478, 3) landmarks of either, in sides of the picture."""
    mask = inside(source, driver, pictures.shape[-1])
    colour = pictures.new_tensor(PALETTE.inside).view(1, 3, 1, 1)
    return torch.lerp(pictures, colour.expand_as(pictures), mask)


def inside(source: Tensor, driver: Tensor, side: int) -> Tensor:
    """(N, 1, side, side) how much of each pixel is inside a mouth that is farther open than the source's."""
    ring = driver[:, INNER, :2]
    strength = ((_apart(ring) - _apart(source[:, INNER, :2]) - _FREE) / (_FULL - _FREE)).clamp(0, 1)
    made = ring.new_zeros(len(ring), 1, side, side)
    if not strength.any():
        return made
    soft = max(_SOFT, 1 / side)
    low = ((ring.amin((0, 1)) - soft) * side).floor().clamp(0, side - 1).long().tolist()
    high = ((ring.amax((0, 1)) + soft) * side).ceil().clamp(1, side).long().tolist()
    columns, rows = (torch.arange(first, max(last, first + 1)) for first, last in zip(low, high, strict=True))
    at = (torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1).to(ring) + 0.5) / side
    share = (0.5 + _depth(ring, at.flatten(0, 1)) / soft).clamp(0, 1)
    part = (share * strength[:, None]).unflatten(1, (len(rows), len(columns)))
    made[:, 0, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = part
    return made


def _apart(ring: Tensor) -> Tensor:
    """(N,) how far lips are apart, in widths of the mouth."""
    width = (ring[:, _CORNERS[0]] - ring[:, _CORNERS[1]]).norm(dim=1).clamp(min=1e-6)
    return (ring[:, _UPPER] - ring[:, _LOWER]).norm(dim=1) / width


def _depth(ring: Tensor, at: Tensor) -> Tensor:
    """(N, P) how far (P, 2) places are inside of (N, R, 2) polygons, below 0 outside."""
    start, edge = ring[:, None], (ring.roll(-1, 1) - ring)[:, None]
    away = at[None, :, None] - start
    along = ((away * edge).sum(3) / edge.square().sum(3).clamp(min=1e-12)).clamp(0, 1)
    distance = (away - along[..., None] * edge).norm(dim=3).amin(2)
    # A ray to the right crosses the edges of a polygon an odd number of times from the inside.
    below = away[..., 1] < 0
    crosses = (below != below.roll(-1, 2)) & (away[..., 0] < away[..., 1] / _unequal(edge[..., 1]) * edge[..., 0])
    return torch.where(crosses.sum(2) % 2 == 1, distance, -distance)


def _unequal(x: Tensor) -> Tensor:
    return torch.where(x.abs() < 1e-12, torch.full_like(x, 1e-12), x)
