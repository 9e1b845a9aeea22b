"""Emtn: how the head of a picture is turned and moved, and its expression."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from blendshape_addon.core.motion.face import OUTER_EYES
from blendshape_addon.core.vocabulary import ARKIT

from . import face_code
from .blocks import zeroed
from .settings import Size


class Motion(NamedTuple):
    """rotation: (N, 3, 3) of the head against the camera, in the axes of `blocks.places`: right, down, away.
    translation: (N, 3) in halves of the picture. expression: (N, latent). points: (N, 478, 3) landmarks, right, down
    and away, in sides of the picture."""

    rotation: Tensor
    translation: Tensor
    expression: Tensor
    points: Tensor


class Emtn(nn.Module):
    """(N, 3, S, S) pictures of any side, 0 to 1, or their (N, K) codes, see `face_code`, to Motion; at the start no
    head is turned or moved (MegaPortraits, 3.1). `units` is what a loss asks of the expression, and nothing else uses
    it."""

    def __init__(self, told: Size) -> None:
        super().__init__()
        hidden = 4 * told.latent
        self.register_buffer("middle", torch.zeros(face_code.SIZE))
        self.register_buffer("spread", torch.ones(face_code.SIZE))
        first = nn.Linear(face_code.SIZE, hidden)
        self.body = nn.Sequential(first, nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU())
        self.expression = nn.Linear(hidden, told.latent)
        self.pose = zeroed(nn.Linear(hidden, 6))
        self.units = nn.Linear(told.latent, len(ARKIT))

    def usual(self, middle: Tensor, spread: Tensor) -> None:
        """Mean and standard deviation of codes, (K,) each, as they are to be expected."""
        self.middle.copy_(middle)
        self.spread.copy_(spread)

    def forward(self, seen: Tensor, noise: Tensor | None = None) -> Motion:
        """noise: (N, K) of the codes, in their standard deviations."""
        code = seen if seen.ndim == 2 else face_code.read(seen).code
        usual = (code - self.middle) / self.spread
        features = self.body(usual if noise is None else usual + noise)
        turn, translation = self.pose(features).float().split(3, 1)
        return Motion(rotations(turn), translation, self.expression(features), face_code.points(code))


def rotations(vectors: Tensor) -> Tensor:
    """(N, 3, 3) of (N, 3) rotation vectors, axis times radians: the exponential of their cross product matrices."""
    x, y, z = vectors.unbind(1)
    zero = torch.zeros_like(x)
    rows = [zero, -z, y, z, zero, -x, -y, x, zero]
    return torch.linalg.matrix_exp(torch.stack(rows, 1).unflatten(1, (3, 3)))


def adopted(source: Motion, driver: Motion, rest: Motion) -> Motion:
    """The motion of a source that does what somebody else does: from its own, what leads from that person's picture at
    rest to the driver's. N motions, or one where it is the same for all."""
    (own, here, size), (moved, there, larger), (still, start, usual) = (_upright(m) for m in (source, driver, rest))
    rotation = driver.rotation @ rest.rotation.mT @ source.rotation
    grown = size * larger / usual
    middle = here + (there - start) * (size / usual)
    points = (own + moved - still) @ rotation.mT * grown + middle
    translation = source.translation + driver.translation - rest.translation
    return Motion(rotation, translation, source.expression + driver.expression - rest.expression, points)


def held_as(source: Motion, rest: Motion) -> Motion:
    """Somebody at rest whose head is turned and placed as the source's: what that person does is then `adopted` as it
    is turned and placed in the driver's picture, and not from where the rest was."""
    still, (_, here, size) = _upright(rest)[0], _upright(source)
    points = still @ source.rotation.mT * size + here
    return Motion(source.rotation, source.translation, rest.expression, points)


def _upright(motion: Motion) -> tuple[Tensor, Tensor, Tensor]:
    """Landmarks as the head itself has them, (N, 478, 3) from the middle between the eyes in distances between their
    outer corners; and that middle (N, 1, 3) and that distance (N, 1, 1) in the picture."""
    outer = motion.points[:, list(OUTER_EYES)]
    middle = outer.mean(1, keepdim=True)
    size = (outer[:, :1] - outer[:, 1:]).norm(dim=2, keepdim=True).clamp(min=1e-6)
    return (motion.points - middle) / size @ motion.rotation, middle, size
