"""Mouths that open and eyes that close: landmarks say where, and a portrait with a shut mouth and open eyes does not
show what is inside of one and on the lids of the other."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from ..renders.parameters import PALETTE

# Landmarks of MediaPipe's mesh: along the inner edge of the lips, from the person's right corner over the upper lip;
# along the lids of the right and of the left eye, from the outer corner over the upper lid.
INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
LIDS = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249),
)
# All of these were tuned by eye on drawn people. By how much more than in the source lips have to be apart before
# something is painted, and until it hides all that is behind it; by how much less lids; in widths of mouth or eye.
_FREE, _FULL = 0.03, 0.13
_LID_FREE, _LID_FULL = 0.05, 0.13
_SHUT, _OPEN = (
    0.15,
    0.5,
)  # shares of the source's eye, below which an eye is shut, and from which it is as landmarks say
_ABOVE = 0.25  # widths of an eye above the upper lid, from where its colour is taken
_LASH, _DARK, _DENSE = 0.035, 0.35, 0.8  # half height of the line of lashes in widths of an eye; its colour, and cover
_LIGHT = (0.25, 0.8)  # the least light in a mouth, and the brightness of lips from which it has all of it
_SOFT = 0.006  # sides of the picture over which edges are soft, at least a pixel


def painted(pictures: Tensor, portrait: Tensor, source: Tensor, driver: Tensor) -> Tensor:
    """(N, 3, S, S) pictures, 0 to 1, with lids where eyes close and a dark inside where a mouth opens, both as against
    the source. portrait: (N or 1, 3, P, P) picture of the source; source, driver: (N or 1, 478, 3) landmarks of either,
    in sides of the picture."""
    source = source.expand(len(driver), -1, -1)
    for ring in LIDS:
        pictures = _closed(pictures, portrait, source[:, ring, :2], driver[:, ring, :2])
    return mouth(pictures, source, driver)


def mouth(pictures: Tensor, source: Tensor, driver: Tensor) -> Tensor:
    """The same of the mouth alone: on few pixels, lids say less than they hide."""
    return _opened(pictures, source[:, INNER, :2], driver[:, INNER, :2])


def _opened(pictures: Tensor, source: Tensor, driver: Tensor) -> Tensor:
    """With what lies between (N, 20, 2) lips dark, the darker the darker these are."""
    strength = ((_apart(driver) - _apart(source) - _FREE) / (_FULL - _FREE)).clamp(0, 1)
    if not strength.any():
        return pictures
    mask = inside(driver, pictures.shape[-1])
    lips = (pictures.mean(1, keepdim=True) * mask).sum((1, 2, 3)) / mask.sum((1, 2, 3)).clamp(min=1e-6)
    light = (lips / _LIGHT[1]).clamp(_LIGHT[0], 1).view(-1, 1, 1, 1)
    colour = pictures.new_tensor(PALETTE.inside).view(1, 3, 1, 1) * light
    return torch.lerp(pictures, colour.expand_as(pictures), mask * strength.view(-1, 1, 1, 1))


def _closed(pictures: Tensor, portrait: Tensor, source: Tensor, driver: Tensor) -> Tensor:
    """With lids over what the source's eye showed and the driver's does not; (N, 16, 2) rings of an eye."""
    before, after = _apart(source), _apart(driver)
    strength = ((before - after - _LID_FREE) / (_LID_FULL - _LID_FREE)).clamp(0, 1).view(-1, 1, 1, 1)
    if not strength.any():
        return pictures
    side = pictures.shape[-1]
    left_open = ((after / before.clamp(min=1e-6) - _SHUT) / (_OPEN - _SHUT)).clamp(0, 1).view(-1, 1, 1, 1)
    lid = inside(_carried(source, driver), side) * (1 - inside(driver, side) * left_open) * strength
    skin = _skin(portrait, source).view(-1, 3, 1, 1)
    pictures = torch.lerp(pictures, skin.expand_as(pictures), lid)
    width = (driver[:, 0] - driver[:, 8]).norm(dim=1).view(-1, 1, 1, 1)
    line = (1.5 - _along(driver[:, :9], side) / (_LASH * width).clamp(min=0.5 / side)).clamp(0, 1)
    return torch.lerp(pictures, (_DARK * skin).expand_as(pictures), _DENSE * line * strength)


def _skin(portrait: Tensor, ring: Tensor) -> Tensor:
    """(N, 3) colour above the upper lid."""
    up = ring[:, 4] - ring[:, 12]
    up = up / up.norm(dim=1, keepdim=True).clamp(min=1e-6) * (ring[:, 0] - ring[:, 8]).norm(dim=1, keepdim=True)
    places = ring[:, 2:7] + _ABOVE * up[:, None]
    grid = (places * 2 - 1)[:, None]
    seen = functional.grid_sample(
        portrait.expand(len(ring), -1, -1, -1), grid, "bilinear", "border", align_corners=False
    )
    return seen.mean((2, 3))


def _carried(source: Tensor, driver: Tensor) -> Tensor:
    """A (N, 16, 2) ring of the source, turned, scaled and moved so that its corners are the driver's."""
    one, other = (torch.view_as_complex(ring.contiguous()) for ring in (source, driver))
    turn = (other[:, 8] - other[:, 0]) / (one[:, 8] - one[:, 0] + 1e-9)
    return torch.view_as_real((one - one[:, :1]) * turn[:, None] + other[:, :1])


def _apart(ring: Tensor) -> Tensor:
    """(N,) how far the middles of upper and lower edge of (N, R, 2) rings are apart, in distances of their corners."""
    quarter = ring.shape[1] // 4
    width = (ring[:, 0] - ring[:, 2 * quarter]).norm(dim=1).clamp(min=1e-6)
    return (ring[:, quarter] - ring[:, 3 * quarter]).norm(dim=1) / width


def inside(ring: Tensor, side: int) -> Tensor:
    """(N, 1, side, side) how much of each pixel is inside of (N, R, 2) polygons."""
    soft = max(_SOFT, 1 / side)

    def share(at: Tensor) -> Tensor:
        start, edge = ring[:, None], (ring.roll(-1, 1) - ring)[:, None]
        away = at[None, :, None] - start
        # A ray to the right crosses the edges of a polygon an odd number of times from the inside.
        below = away[..., 1] < 0
        slope = edge[..., 0] / torch.where(edge[..., 1].abs() < 1e-12, 1e-12, edge[..., 1])
        crosses = (below != below.roll(-1, 2)) & (away[..., 0] < away[..., 1] * slope)
        far = _to_edges(away, edge)
        return (0.5 + torch.where(crosses.sum(2) % 2 == 1, far, -far) / soft).clamp(0, 1)

    return _drawn(ring, side, soft, share, 0.0)


def _along(line: Tensor, side: int) -> Tensor:
    """(N, 1, side, side) how far pixels are from (N, R, 2) lines, in sides of the picture; 1 where that is far."""

    def far(at: Tensor) -> Tensor:
        return _to_edges(at[None, :, None] - line[:, None, :-1], (line[:, 1:] - line[:, :-1])[:, None])

    return _drawn(line, side, 0.02, far, 1.0)


def _to_edges(away: Tensor, edge: Tensor) -> Tensor:
    """(N, P) distance of places to the nearest edge; away: (N, P, R, 2) from where edges begin."""
    along = ((away * edge).sum(3) / edge.square().sum(3).clamp(min=1e-12)).clamp(0, 1)
    return (away - along[..., None] * edge).norm(dim=3).amin(2)


def _drawn(ring: Tensor, side: int, reach: float, value: Callable[[Tensor], Tensor], elsewhere: float) -> Tensor:
    """value((P, 2) places), (N, P), in pixels as far as `reach` about rings."""
    made = ring.new_full((len(ring), 1, side, side), elsewhere)
    low = ((ring.detach().amin((0, 1)) - reach) * side).floor().clamp(0, side - 1).long().tolist()
    high = ((ring.detach().amax((0, 1)) + reach) * side).ceil().clamp(1, side).long().tolist()
    columns, rows = (torch.arange(first, max(last, first + 1)) for first, last in zip(low, high, strict=True))
    at = (torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1).to(ring) + 0.5) / side
    part = value(at.flatten(0, 1)).unflatten(1, (len(rows), len(columns)))
    made[:, 0, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = part
    return made
