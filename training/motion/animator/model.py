"""The networks: one that moves a portrait, and one that reads the motion back for a term of the loss."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from . import conditions
from .losses import Output, fetched
from .settings import Model

_REST = 1.0  # logit of the mask at the start: 0.73, so that a correction can begin to be learned
_QUICK = 10.0  # by which places learn sooner to follow the landmarks than to move by themselves
_NEAR, _FAR = 0.03, 0.2  # sides of the picture up to which landmarks are near, and from which nothing follows them


class Moved(NamedTuple):
    """picture: (N, 3, S, S), 0 to 1 at the start and about so later: the portrait, fetched from elsewhere, plus the
    masked correction. flow: (N, 2, S, S) from where each pixel is fetched, right and down, in sides of the picture.
    correction: (N, 3, S, S), times the mask."""

    picture: Tensor
    flow: Tensor
    correction: Tensor


class Film(nn.Module):
    """Two convolutions beside a shortcut, with scale and shift of each channel by the motion (FiLM; Perez et al., 2018,
    equation 1)."""

    def __init__(self, inputs: int, outputs: int, told: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.norm = nn.GroupNorm(math.gcd(8, outputs), outputs, affine=False)
        self.film = nn.Linear(told, 2 * outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        nn.init.zeros_(self.film.weight)
        nn.init.zeros_(self.film.bias)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        scale, shift = self.film(told)[:, :, None, None].chunk(2, 1)
        y = self.norm(self.first(x)) * (1 + scale) + shift
        return self.shortcut(x) + self.second(functional.silu(y))


class Animator(nn.Module):
    """`Animator(portrait, driver frame, descriptor)`: a small U-Net that starts as the copy of the portrait.

    It works at half the size and below; flow and features are brought back to the whole size, where the correction is
    made with the warped portrait in view. The flow has three parts: how the landmarks around a place move, where it
    follows them; an affine one by the motion alone, as a head moves before a background; and one of each place's own.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        high, middle, low = model.widths
        told = model.conditions
        self.size, self.reach, self.driver_pixels = model.size, model.reach, model.driver_pixels
        self.told = nn.Sequential(nn.Linear(conditions.SIZE, told), nn.SiLU(), nn.Linear(told, told), nn.SiLU())
        self.enter = nn.Conv2d(4 * (3 + 1 + 2), high, 3, padding=1)  # portrait, driver, places
        self.down1 = Film(high, high, told)
        self.to_middle = nn.Conv2d(high, middle, 3, 2, padding=1)
        self.down2 = Film(middle, middle, told)
        self.to_low = nn.Conv2d(middle, low, 3, 2, padding=1)
        self.bottom1, self.bottom2 = Film(low, low, told), Film(low, low, told)
        self.up2 = Film(low + middle, middle, told)
        self.up1 = Film(middle + high, high, told)
        self.to_affine = nn.Linear(conditions.SIZE + told, 6)
        self.to_flow = nn.Conv2d(high, 4, 3, padding=1)
        self.refine = nn.Conv2d(high // 2 + 3, 16, 3, padding=1)
        self.features = nn.Conv2d(high, high // 2, 1)
        self.to_correction = nn.Conv2d(16, 4, 3, padding=1)
        for layer in (self.to_affine, self.to_flow, self.to_correction):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        nn.init.constant_(self.to_correction.bias[3:], _REST)
        places = (torch.arange(model.size) + 0.5) / model.size * 2 - 1
        self.register_buffer("places", torch.stack(torch.meshgrid(places, places, indexing="xy")), persistent=False)

    def forward(self, portrait: Tensor, driver: Tensor, descriptor: Tensor) -> Moved:
        """portrait: (N, 3, S, S), 0 to 1. driver: (N, 1, S, S), `dataset.grey` of a driver's frame, or 0 for none.
        descriptor: (N, 2, conditions.SIZE), the portrait's own row, and a driver's frame's less that of the driver's
        still face."""
        count = len(portrait)
        coarse = functional.adaptive_avg_pool2d(driver, self.driver_pixels)
        coarse = functional.interpolate(coarse, self.size, mode="bilinear", align_corners=False)
        places = self.places.expand(count, -1, -1, -1)
        own, motion = descriptor.unbind(1)
        told = self.told(motion)
        x = self.enter(functional.pixel_unshuffle(torch.cat([portrait * 2 - 1, coarse, places], 1), 2))
        high = self.down1(x, told)
        middle = self.down2(self.to_middle(high), told)
        low = self.bottom2(self.bottom1(self.to_low(middle), told), told)
        middle = self.up2(torch.cat([_twice(low), middle], 1), told)
        high = self.up1(torch.cat([_twice(middle), high], 1), told)

        local, moves, follows = _twice(self.to_flow(high)).split((2, 1, 1), 1)
        affine = self.to_affine(torch.cat([motion, told], 1)).view(count, 2, 3)
        whole = torch.einsum("nij,njhw->nihw", affine[:, :, :2], places) + affine[:, :, 2, None, None]
        flow = self.reach * torch.tanh(local + torch.sigmoid(moves) * whole)
        flow = flow + torch.tanh(_QUICK * follows) * _twice(self._of_landmarks(own, motion))
        warped = fetched(portrait, flow)
        detail = functional.silu(self.refine(torch.cat([_twice(self.features(high)), warped * 2 - 1], 1)))
        change, mask = self.to_correction(detail).split((3, 1), 1)
        correction = torch.sigmoid(mask) * torch.tanh(change)
        return Moved(warped + correction, flow, correction)

    def _of_landmarks(self, own: Tensor, motion: Tensor) -> Tensor:
        """(N, 2, S / 2, S / 2) flow from where the landmarks around each place come: their mean by distance (Shepard,
        1968), and one that stands still far away."""
        here, there = conditions.places(own), conditions.places(own + motion)
        at = (functional.avg_pool2d(self.places[None], 2)[0].flatten(1).T + 1) / 2
        weights = (torch.cdist(at[None], there).square() + _NEAR**2) ** -2
        moved = (weights @ (here - there)) / (weights.sum(2, keepdim=True) + _FAR**-4)
        side = self.size // 2
        return moved.mT.unflatten(2, (side, side))


class MotionReader(nn.Module):
    """Reads the row of `conditions` in a picture, up to what is the person's own: (N, 3, S, S) to (N, SIZE)."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in ((3, 16), (16, 32), (32, 48), (48, 64)):
            layers += [nn.Conv2d(inputs, outputs, 3, 2, padding=1), nn.SiLU()]
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten())
        self.head = nn.Linear(64 * 16, conditions.SIZE)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.head(self.body(pictures * 2 - 1))

    def frozen(self, pictures: Tensor) -> Tensor:
        """The same, where gradients reach the pictures and not the reader."""
        weights = {name: value.detach() for name, value in self.named_parameters()}
        return functional_call(self, weights, (pictures,))


class Trained(nn.Module):
    """What a training holds: the animator, and the reader if a term of the loss needs it.

    identity_share: of the frames, which are driven by themselves as well.
    """

    def __init__(self, model: Model, reads: bool, identity_share: float = 0.0) -> None:
        super().__init__()
        self.animator = Animator(model)
        self.reader = MotionReader() if reads else None
        self.identity_share = identity_share

    def forward(self, source: Tensor, own: Tensor, frames: Tensor, drivers: Tensor, deltas: Tensor) -> Output:
        """What the terms of the loss look at. source: (N, 3, S, S); own: (N, conditions.SIZE) its rows; frames:
        (N, W, 3, S, S); drivers: (N, W, 1, S, S); deltas: (N, W, conditions.SIZE)."""
        windows, length = frames.shape[:2]
        true = frames.flatten(0, 1)
        sources, seen, motion = source.repeat_interleave(length, 0), drivers.flatten(0, 1), deltas.flatten(0, 1)
        told = torch.stack([own.repeat_interleave(length, 0), motion], 1)
        alone = math.ceil(self.identity_share * len(true))
        if alone:
            sources, seen = torch.cat([sources, true[:alone]]), torch.cat([seen, seen[:alone]])
            still = torch.stack([told[:alone].sum(1), torch.zeros_like(motion[:alone])], 1)
            told = torch.cat([told, still])
        made = self.animator(sources, seen, told)
        pictures, flow, correction = (part[: len(true)].unflatten(0, (windows, length)) for part in made)
        read = [None, None, None]
        if self.reader is not None:
            read = [
                self.reader.frozen(pictures.flatten(0, 1)).unflatten(0, (windows, length)),
                self.reader(true).unflatten(0, (windows, length)),
                self.reader(source)[:, None],
            ]
        return Output(pictures, flow, correction, made.picture[len(true) :] if alone else None, *read)


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
