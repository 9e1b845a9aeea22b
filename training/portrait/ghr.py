"""GHR: a picture of Gbase in twice its resolution, with the detail of the source."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..motion.animator.losses import fetched
from .blocks import larger
from .decoder_hr import DecoderHR
from .encoder_hr import EncoderHR
from .gbase import Gbase
from .settings import Size

_START = -3.0  # logit of the share of the source's own detail at the start: 0.05


class Sharp(NamedTuple):
    """picture: (N, 3, 2S, 2S); base: (N, 3, S, S) what Gbase made of it; enlarged: (N, 3, 2S, 2S) that, bicubic."""

    picture: Tensor
    base: Tensor
    enlarged: Tensor


class GHR(nn.Module):
    """`GHR(source, driver)`: (N, 3, 2S, 2S) and (N, 3, S, S), 0 to 1, to Sharp. Its Gbase is not trained."""

    def __init__(self, told: Size) -> None:
        super().__init__()
        self.base = Gbase(told).requires_grad_(False)
        self.encoder, self.decoder = EncoderHR(told), DecoderHR(told)

    def forward(self, source: Tensor, driver: Tensor) -> Sharp:
        with torch.no_grad():
            made = self.base(functional.avg_pool2d(source, 2), driver)
            enlarged = functional.interpolate(made.picture, scale_factor=2, mode="bicubic", align_corners=False)
            detail = fetched(source, larger(made.flow))
        change, share = self.decoder(self.encoder(enlarged, detail)).split((3, 1), 1)
        share = torch.sigmoid(share + _START)
        return Sharp(enlarged + share * (detail - enlarged) + torch.tanh(change), made.picture, enlarged)
