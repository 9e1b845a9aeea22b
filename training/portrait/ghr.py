"""GHR: a picture of Gbase in twice its resolution, with the detail of the source."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..motion.animator.losses import fetched
from .blocks import larger
from .decoder_hr import BANDS, DecoderHR
from .encoder_hr import EncoderHR
from .gbase import Gbase
from .settings import Size

# Logits of the shares of the bands at the start, the finest first: 0.5, 0.7 and 0.9, which on new people are nearer to
# the truth than the enlarged base before any training. Smaller shares are nearer still, but show halos about heads.
_START = (0.0, 0.85, 2.2)


class Sharp(NamedTuple):
    """picture: (N, 3, 2S, 2S); base: (N, 3, S, S) what Gbase made of it; enlarged: (N, 3, 2S, 2S) that, bicubic."""

    picture: Tensor
    base: Tensor
    enlarged: Tensor


class GHR(nn.Module):
    """`GHR(source, driver)`: (N, 3, 2S, 2S), 0 to 1, and a driver as Gbase takes it, to Sharp. Gbase is not trained.

    What Gbase made gives the colours of areas. The source's own pixels, fetched along Gbase's flow and corrected as
    there, give the detail in bands (a Laplacian pyramid, Burt and Adelson, 1983), of each of which the network takes a
    share at each place: what is fetched from the wrong place is worse than nothing, and the finer it is, the sooner.
    The network adds what both lack.
    """

    def __init__(self, told: Size) -> None:
        super().__init__()
        self.base = Gbase(told).requires_grad_(False)
        self.encoder, self.decoder = EncoderHR(told), DecoderHR(told)

    def forward(self, source: Tensor, driver: Tensor, seen_source: Tensor | None = None) -> Sharp:
        with torch.no_grad():
            made = self.base(functional.avg_pool2d(source, 2), driver, source if seen_source is None else seen_source)
            enlarged = functional.interpolate(made.picture, scale_factor=2, mode="bicubic", align_corners=False)
            detail = fetched(source, larger(made.flow)) + larger(made.correction)
        change, shares = self.decoder(self.encoder(enlarged, detail, made.flow))
        picture = smoothed(enlarged, BANDS) + torch.tanh(change)
        for number, (share, start) in enumerate(zip(shares.split(1, 1), _START, strict=True)):
            band = smoothed(detail, number) - smoothed(detail, number + 1)
            picture = picture + torch.sigmoid(share + start) * band
        return Sharp(picture, made.picture, enlarged)


def smoothed(pictures: Tensor, halvings: int) -> Tensor:
    """(N, C, S, S) without what is finer than 2 ** halvings pixels."""
    small = functional.avg_pool2d(pictures, 2**halvings) if halvings else pictures
    for _ in range(halvings):
        small = larger(small)
    return small
