"""What a mouth does, from a crop of the lower face and landmarks about it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from blendshape_addon.core.inference.mouth_format import MOUTH, MOUTH_PAIRS, MOUTH_POINTS, MOUTH_UNITS
from blendshape_addon.core.vocabulary import mirrored

from .gaze_model import PlacesBackbone, conv

PLACES = 32  # of features in a crop
DROPOUT = 0.1  # of what the head sees while the network is trained


def _mirrored_point(point: int) -> int:
    return next(b if point == a else a for a, b in MOUTH_PAIRS if point in (a, b))


# Of the mirrored face: where each landmark and unit is found.
MIRROR_POINTS = tuple(MOUTH_POINTS.index(_mirrored_point(point)) for point in MOUTH_POINTS)
MIRROR_UNITS = tuple(MOUTH_UNITS.index(mirrored(name)) for name in MOUTH_UNITS)


class MouthBackbone(PlacesBackbone):
    """(N, 3, 64, 64), 0 to 255, to (N, 128), with PLACES features; what else there is in the crop is told with where it
    is."""

    size = 128

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(conv(3, 16, 2, 5), conv(16, 24, 2), conv(24, 32), conv(32, 32))
        self.places = nn.Conv2d(32, PLACES, 1)
        self.rest = nn.Sequential(
            conv(32, 48, 2), conv(48, 48), nn.AvgPool2d(2), nn.Flatten(), nn.Dropout(DROPOUT),
            nn.Linear(48 * (MOUTH.size // 16) ** 2, self.size - 2 * PLACES), nn.ReLU(inplace=True),
        )  # fmt: skip
        line = torch.linspace(-2, 2, MOUTH.size // 4)
        down, across = torch.meshgrid(line, line, indexing="ij")
        self.register_buffer("grid", torch.stack([across.flatten(), down.flatten()], 1), persistent=False)


class MouthNet(nn.Module):
    """Mouths are told by how they differ from the same person's neutral face: `features` of either, and `units` of
    what they differ by."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = MouthBackbone()
        self.mix = nn.Linear(MouthBackbone.size + 3 * len(MOUTH_POINTS), MOUTH.features, bias=False)
        self.dropout = nn.Dropout(DROPOUT)
        self.bias = nn.Parameter(torch.zeros(MOUTH.features))
        self.head = nn.Sequential(
            nn.ReLU(), nn.Dropout(DROPOUT), nn.Linear(MOUTH.features, 64), nn.ReLU(), nn.Linear(64, len(MOUTH_UNITS))
        )

    def looks(self, crops: Tensor, points: Tensor) -> Tensor:
        """crops (N, 64, 64, 3), 0 to 255, and points (N, P, 3), see `core.motion.mouth`, to (N, 359), of which
        `features` are a linear map."""
        return torch.cat([self.backbone(crops.permute(0, 3, 1, 2)), 10 * points.flatten(1)], 1)

    def features(self, crops: Tensor, points: Tensor) -> Tensor:
        """Arguments of `looks` to (N, 128)."""
        return self.mix(self.looks(crops, points))

    def units(self, away: Tensor) -> Tensor:
        """(N, 128) features less those of the neutral face to (N, U), in the order of MOUTH_UNITS; 0 for 0."""
        told = self.head(torch.cat([away, 0 * away[:1]]) + self.bias)  # as one, so that halved weights give 0, too
        return told[:-1] - told[-1:]

    def forward(self, crops: Tensor, points: Tensor) -> Tensor:
        """crops (P, F, 64, 64, 3) and points (P, F, K, 3) of P people, the neutral face of each first, to
        (P, F - 1, U)."""
        looks = self.looks(crops.flatten(0, 1), points.flatten(0, 1)).unflatten(0, points.shape[:2])
        return self.head(self.mix(self.dropout(looks[:, 1:] - looks[:, :1])) + self.bias)


class Features(nn.Module):
    """The part of a network that its file `mouth.onnx` is."""

    def __init__(self, network: MouthNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, crop: Tensor, points: Tensor) -> Tensor:
        return self.network.features(crop, points)


class Units(nn.Module):
    """The part of a network that its file `mouth_units.onnx` is."""

    def __init__(self, network: MouthNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, away: Tensor) -> Tensor:
        return self.network.units(away)
