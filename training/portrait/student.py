"""Student: moves one of the avatars that it learned by heart, without the volumes of Gbase."""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..motion.animator.losses import fetched
from .blocks import larger, zeroed
from .g2d import Painted
from .resnet18 import ResNet18
from .settings import Size

NUM_AVATARS = 100
TOLD = 12  # numbers of a head: its rotation, where the middle between its eyes is, across and down, and how large it is
_SIDE = 16  # pixels of a side of an avatar's tensor
_PLACES = 2  # halves of the driver, across and down, whose features are told apart, so that they say where a head is
_FIRST = 4  # pixels of a side of the generator's first features
_REFINED = 16  # channels of the correction, at half of the picture's size
_REST = 1.0  # logit of the mask at the start, see `g2d`
_REACH = 0.25  # how far at most a pixel is fetched, in sides of the picture


class Moved(NamedTuple):
    """picture, flow, correction: as `g2d.Painted`; told: (N, TOLD + latent) what the encoder tells of the driver's
    motion: numbers of the head, and how the expression differs from that person's at rest, less the usual ones, in
    their standard deviations."""

    picture: Tensor
    flow: Tensor
    correction: Tensor
    told: Tensor


class Modulation(NamedTuple):
    """scale, shift: (N, C, s, s) of normalised features at each place, as an avatar has them."""

    scale: Tensor
    shift: Tensor


class Spade(nn.Module):
    """A convolution after a normalisation whose scale and shift an avatar's tensor says at each place (Park et al.,
    "Semantic Image Synthesis with Spatially-Adaptive Normalization", 2019, equation 1)."""

    def __init__(self, inputs: int, outputs: int, side: int, told: int) -> None:
        super().__init__()
        self.side = side
        self.norm = nn.BatchNorm2d(inputs, affine=False)
        self.modulate = zeroed(nn.Conv2d(told, 2 * inputs, 3, padding=1))
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)

    def modulation(self, avatar: Tensor) -> Modulation:
        """Of (N, told, 16, 16) tensors of avatars."""
        told = functional.interpolate(avatar, self.side, mode="bilinear", align_corners=False)
        scale, shift = self.modulate(told).chunk(2, 1)
        return Modulation(1 + scale, shift)

    def forward(self, x: Tensor, told: Modulation) -> Tensor:
        return self.conv(functional.relu(torch.addcmul(told.shift, self.norm(x), told.scale)))

    def settle(self, avatar: Tensor) -> Modulation:
        """The modulation of an avatar that has the normalisation in it, which is then left out."""
        told, spread = self.modulation(avatar), (self.norm.running_var + self.norm.eps).sqrt()[:, None, None]
        scale = told.scale / spread
        shift = told.shift - scale * self.norm.running_mean[:, None, None]
        self.norm = nn.Identity()
        return Modulation(scale, shift)


class Student(nn.Module):
    """`Student(driver, avatar)`: (N, 3, M, M), 0 to 1, of the size in which motion is read, and (N,) numbers of
    avatars, to Moved, of the size S. It begins as the copy of the avatar's portrait (MegaPortraits, 3.3). Flow and
    correction are made of features at half of S."""

    def __init__(self, told: Size, num_avatars: int = NUM_AVATARS) -> None:
        super().__init__()
        width = told.student_width
        self.size, self.motion_size = told.size, told.motion_size
        stride = max(2, 2 * told.motion_size // told.size)
        self.encoder = ResNet18(width, stride)
        self.places = min(_PLACES, max(1, told.motion_size // (16 * stride)))  # of small features there is one
        self.avatars = nn.Parameter(torch.randn(num_avatars, width, _SIDE, _SIDE) / _SIDE)
        portraits = torch.zeros(num_avatars, 3, told.size, told.size, dtype=torch.uint8)
        self.register_buffer("portraits", portraits)
        features = 8 * width * self.places**2
        numbers = TOLD + told.latent
        self.tell = zeroed(nn.Linear(features, numbers))
        self.register_buffer("middle", torch.zeros(numbers))
        self.register_buffer("spread", torch.ones(numbers))
        self.start = nn.Sequential(
            nn.Linear(numbers, 8 * width), nn.SiLU(), nn.Linear(8 * width, 8 * width * _FIRST**2)
        )
        blocks, inputs, side = [], 8 * width, _FIRST
        while side <= told.size // 2:
            outputs = max(width, inputs // 2)
            blocks.append(Spade(inputs, outputs, side, width))
            inputs, side = outputs, 2 * side
        self.up = nn.ModuleList(blocks)
        self.to_flow = zeroed(nn.Conv2d(inputs, 2, 3, padding=1))
        self.refine = nn.Conv2d(inputs + 12, _REFINED, 3, padding=1)
        self.to_correction = zeroed(nn.Conv2d(_REFINED, 4 * 4, 3, padding=1))
        nn.init.constant_(self.to_correction.bias[12:], _REST)

    def know(self, portraits: Tensor) -> None:
        """Take (M, 3, S, S), 0 to 1, as the portraits of the first avatars."""
        self.portraits[: len(portraits)] = (portraits * 255).round().byte()

    def forward(self, driver: Tensor, avatar: Tensor, true: Tensor | None = None) -> Moved:
        """true: `Moved.told` of the drivers, which moves every other avatar in place of what the encoder tells, so that
        it can be learned how avatars move before the encoder can read. The encoder learns by what it tells alone: what
        pictures would teach it is noise while avatars do not move."""
        avatar = avatar.long()
        values, told = self.avatars[avatar], self.told(driver)
        used = told.detach()
        if true is not None:
            used = torch.where(torch.arange(len(told), device=told.device)[:, None] % 2 == 0, true, used)
        modulations = [block.modulation(values) for block in self.up]
        return Moved(*self.painted(used, self.portraits[avatar] / 255, modulations), told)

    def told(self, driver: Tensor) -> Tensor:
        """`Moved.told` of (N, 3, M, M) drivers."""
        return self.tell(functional.adaptive_avg_pool2d(self.encoder(driver), self.places).flatten(1))

    def painted(self, told: Tensor, portrait: Tensor, modulations: list[Modulation]) -> Painted:
        """Of `Moved.told`, with the portraits of the avatars that move so and the modulations of the blocks."""
        x = self.start(told).unflatten(1, (-1, _FIRST, _FIRST))
        for block, one in zip(self.up, modulations, strict=True):
            x = block(x if x.shape[-1] == block.side else functional.interpolate(x, scale_factor=2.0), one)
        flow = larger(_REACH * torch.tanh(self.to_flow(x)))
        warped = fetched(portrait.to(flow.dtype), flow)
        pixels = functional.pixel_unshuffle(warped, 2) * 2 - 1
        detail = self.to_correction(functional.relu(self.refine(torch.cat([x, pixels], 1))))
        change, mask = functional.pixel_shuffle(detail, 2).split((3, 1), 1)
        correction = torch.sigmoid(mask) * torch.tanh(change)
        return Painted(warped + correction, flow, correction)


class OneAvatar(nn.Module):
    """`OneAvatar(student, number)(driver)`: what the student makes of one avatar, (N, 3, M, M), 0 to 1, to Painted. All
    that is the same for every driver is computed once: the modulations, and what normalisations do."""

    def __init__(self, student: Student, number: int) -> None:
        super().__init__()
        self.student = copy.deepcopy(student).eval().requires_grad_(False)
        self.student.encoder.settle()
        told = self.student.avatars[number : number + 1]
        self.modulations = [block.settle(told) for block in self.student.up]
        self.portrait = self.student.portraits[number : number + 1] / 255
        self.student.avatars = self.student.portraits = None

    def forward(self, driver: Tensor) -> Painted:
        portrait = self.portrait.expand(driver.shape[0], -1, -1, -1)
        return self.student.painted(self.student.told(driver), portrait, self.modulations)
