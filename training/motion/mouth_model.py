"""What a mouth does, from a crop of the lower face and landmarks about it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from blendshape_addon.core.inference.mouth_format import MOUTH, MOUTH_PAIRS, MOUTH_POINTS, MOUTH_UNITS

from .gaze_model import conv

PLACES = 32  # of features in a crop
DROPOUT = 0.1  # of what the head sees while the network is trained
_SIDES = ("Left", "Right")


def _mirrored_point(point: int) -> int:
    return next(b if point == a else a for a, b in MOUTH_PAIRS if point in (a, b))


def _mirrored_unit(name: str) -> str:
    for side, other in (_SIDES, _SIDES[::-1]):
        if name.endswith(side):
            return name.removesuffix(side) + other
    return name


# Of the mirrored face: where each landmark and unit is found.
MIRROR_POINTS = tuple(MOUTH_POINTS.index(_mirrored_point(point)) for point in MOUTH_POINTS)
MIRROR_UNITS = tuple(MOUTH_UNITS.index(_mirrored_unit(name)) for name in MOUTH_UNITS)


class MouthBackbone(nn.Module):
    """(N, 3, 64, 64), 0 to 255, to (N, 128): where each of PLACES learned features lies in the crop, see
    `gaze_model.SmallBackbone`, and what else there is in it, where."""

    size = 128

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(conv(3, 16, 2, 5), conv(16, 24, 2), conv(24, 32), conv(32, 32))
        self.places = nn.Conv2d(32, PLACES, 1)
        self.rest = nn.Sequential(
            conv(32, 48, 2), conv(48, 48), nn.AvgPool2d(2), nn.Flatten(), nn.Dropout(2 * DROPOUT),
            nn.Linear(48 * (MOUTH.size // 16) ** 2, self.size - 2 * PLACES), nn.ReLU(inplace=True),
        )  # fmt: skip
        line = torch.linspace(-2, 2, MOUTH.size // 4)
        down, across = torch.meshgrid(line, line, indexing="ij")
        self.register_buffer("grid", torch.stack([across.flatten(), down.flatten()], 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        mean = image.mean((2, 3), keepdim=True)  # neither light nor camera matter
        spread = (image - mean).square().mean((1, 2, 3), keepdim=True).sqrt()
        features = self.layers((image - mean) / (spread + 4.0))
        places = self.places(features).flatten(2).softmax(2) @ self.grid
        return torch.cat([places.flatten(1), self.rest(features)], 1)


class MouthNet(nn.Module):
    """crops (N, 64, 64, 3), 0 to 255, and points (N, P, 3), see `core.motion.mouth`, to (N, U) values in the order of
    MOUTH_UNITS, which count less those of the person's neutral face."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = MouthBackbone()
        count = 3 * len(MOUTH_POINTS)
        self.points = nn.Sequential(nn.Linear(count, 64), nn.ReLU(inplace=True))
        self.head = nn.Sequential(
            nn.Dropout(DROPOUT), nn.Linear(MouthBackbone.size + count + 64, 96), nn.ReLU(inplace=True),
            nn.Linear(96, len(MOUTH_UNITS)),
        )  # fmt: skip

    def forward(self, crops: Tensor, points: Tensor) -> Tensor:
        flat = 10 * points.flatten(1)
        return self.head(torch.cat([self.backbone(crops.permute(0, 3, 1, 2)), flat, self.points(flat)], 1))
