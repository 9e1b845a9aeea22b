"""Gbase: a source's picture that moves as a driver's picture does."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from . import openings
from .blocks import taken
from .eapp import Eapp
from .emtn import Emtn, Motion
from .g2d import G2D
from .g3d import G3D
from .settings import Size
from .warp_generator import WarpGenerator, canonical_to_driver, followed, source_to_canonical


class Output(NamedTuple):
    """picture, flow, correction: as `g2d.Painted`, but that the inside of a mouth is painted over the
    picture, see `openings`; source, driver: Motion of either picture."""

    picture: Tensor
    flow: Tensor
    correction: Tensor
    source: Motion
    driver: Motion


class Source(NamedTuple):
    """What of a source is the same whatever drives it: its picture, canonical volume, appearance, motion and the local
    part of its warp."""

    picture: Tensor
    volume: Tensor
    appearance: Tensor
    motion: Motion
    local: Tensor

    def first(self, count: int) -> Source:
        """The first so many sources."""
        motion = Motion(*(part[:count] for part in self.motion))
        return Source(self.picture[:count], self.volume[:count], self.appearance[:count], motion, self.local[:count])

    def repeated(self, count: int) -> Source:
        """One source, so many times."""

        def often(x: Tensor) -> Tensor:
            return x.expand(count, *x.shape[1:])

        motion = Motion(*map(often, self.motion))
        return Source(often(self.picture), often(self.volume), often(self.appearance), motion, often(self.local))


class Gbase(nn.Module):
    """`Gbase(source, driver)`: (N, 3, S, S), and a driver of any size, 0 to 1, or its code, to Output."""

    def __init__(self, told: Size) -> None:
        super().__init__()
        self.size = told.size
        self.eapp, self.emtn = Eapp(told), Emtn(told)
        self.warp_source, self.warp_driver = WarpGenerator(told), WarpGenerator(told)
        self.g3d, self.g2d = G3D(told), G2D(told)

    def forward(self, source: Tensor, driver: Tensor, seen_source: Tensor | None = None) -> Output:
        return self.drive(self.read(source, seen_source), self.emtn(driver))

    def read(self, source: Tensor, seen: Tensor | None = None, noise: Tensor | None = None) -> Source:
        """A source, once for all drivers. seen: what its motion is read in instead, a larger picture or its code;
        noise: of that code."""
        volume, appearance = self.eapp(source)
        motion = self.emtn(source if seen is None else seen, noise)
        local = self.warp_source.local(appearance, motion.expression)
        at = source_to_canonical(self.warp_source.everywhere(len(source)), motion, local)
        return Source(source, self.g3d(taken(volume, at)), appearance, motion, local)

    def drive(self, source: Source, motion: Motion) -> Output:
        """A source that moves so."""
        here = self.warp_driver.everywhere(len(motion.expression))
        canonical = canonical_to_driver(here, motion, self.warp_driver.local(source.appearance, motion.expression))
        volume = taken(source.volume, canonical)
        # Both warps, one after the other, in halves of the picture: where in the source each voxel comes from.
        moved = (source_to_canonical(canonical, source.motion, source.local) - here)[:, :2] / 2
        both = [source.motion.expression, motion.expression]
        turn = motion.rotation[:, :, :2] - source.motion.rotation[:, :, :2]
        along = followed(source.motion.points, motion.points, self.size // 2)
        made = self.g2d(source.picture, volume, moved, along, torch.cat([*both, turn.flatten(1)], 1))
        picture = openings.mouth(made.picture, source.motion.points, motion.points)
        return Output(picture, made.flow, made.correction, source.motion, motion)
