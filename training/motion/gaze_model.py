"""Where eyes look and how far they are closed, from a crop of either eye and landmarks about both."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference.eye_format import EYE_POINTS, EYES, LEFT

BACKBONES = ("small", "vgg16")
DEGREES = 10.0  # that an output of 1 means, so that losses are of order 1
PLACES = 40  # of features in a crop
DROPOUT = 0.1  # of what the heads see while the network is trained
# Of the mirrored face: left landmarks are the right ones.
_SIDE = len(LEFT)
MIRROR = (*range(_SIDE, 2 * _SIDE), *range(_SIDE), *range(2 * _SIDE, len(EYE_POINTS)))
# Channels of VGG16's convolutions (Simonyan and Zisserman 2015, table 1, D), 0 for a pooling.
_VGG16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class Output(NamedTuple):
    """gaze: (N, 2, 2) degrees to the person's left and up, of the left and the right eye. blink: (N, 2) logits. code:
    (N, 2, C), which `GazeNet.away` compares."""

    gaze: Tensor
    blink: Tensor
    code: Tensor


def conv(inputs: int, outputs: int, stride: int = 1, width: int = 3) -> nn.Sequential:
    """A convolution, normalised over the batch, rectified."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, width, stride, width // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class PlacesBackbone(nn.Module):
    """(N, 3, H, W), 0 to 255, to (N, size): where each of some learned features lies in a crop, and what else there is
    in it. Places are means of a softmax over the picture (Levine, Finn, Darrell and Abbeel, "End-to-End Training of
    Deep Visuomotor Policies", 2016, section 5.1), which carry to new people better than a picture of features does.

    Who inherits makes `layers`, to features; `places`, of them; `grid`, (pixels, 2) where these lie; and `rest`.
    """

    layers: nn.Module
    places: nn.Module
    rest: nn.Module
    grid: Tensor

    def forward(self, image: Tensor) -> Tensor:
        mean = image.mean((2, 3), keepdim=True)  # neither light nor camera matter
        spread = (image - mean).square().mean((1, 2, 3), keepdim=True).sqrt()
        features = self.layers((image - mean) / (spread + 4.0))
        places = self.places(features).flatten(2).softmax(2) @ self.grid
        return torch.cat([places.flatten(1), self.rest(features)], 1)


class SmallBackbone(PlacesBackbone):
    """(N, 3, 32, 48), 0 to 255, to (N, 128), with PLACES features."""

    size = 128

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(conv(3, 24, 2, 5), conv(24, 32), conv(32, 48), conv(48, 48))
        self.places = nn.Conv2d(48, PLACES, 1)
        self.rest = nn.Sequential(
            conv(48, 48, 2), conv(48, 64, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(64, self.size - 2 * PLACES), nn.ReLU(inplace=True),
        )  # fmt: skip
        half = EYES.width / EYES.height
        down, across = torch.meshgrid(
            torch.linspace(-1, 1, EYES.height // 2), torch.linspace(-half, half, EYES.width // 2), indexing="ij"
        )
        self.register_buffer("grid", 2 * torch.stack([across.flatten(), down.flatten()], 1), persistent=False)


class Vgg16Backbone(nn.Module):
    """(N, 3, 32, 48), 0 to 255, to (N, 512): VGG16's convolutions with the weights of a file, which are not trained."""

    size = 512

    def __init__(self, weights: Path) -> None:
        """Raises InputError where the file is missing or holds no weights of VGG16."""
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for outputs in _VGG16:
            if outputs:
                layers += [nn.Conv2d(inputs, outputs, 3, 1, 1), nn.ReLU(inplace=True)]
                inputs = outputs
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.features.load_state_dict(_vgg16_weights(weights, self.features.state_dict()))
        self.features.requires_grad_(False)
        for name, values in zip(("mean", "spread"), _IMAGENET, strict=True):
            self.register_buffer(name, 255 * torch.tensor(values)[:, None, None])

    def forward(self, image: Tensor) -> Tensor:
        return self.features((image - self.mean) / self.spread).flatten(1)


def _vgg16_weights(path: Path, wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """The convolutions among a file's weights, named as in torchvision: features.0.weight and so on."""
    again = "give a .pth or .safetensors file of VGG16 as torchvision names its weights, such as vgg16-397923af.pth"
    if not path.is_file():
        raise InputError(f"There are no weights of VGG16 at {path}: {again}.")
    try:
        if path.suffix == ".safetensors":
            found = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
        rows = {name: found[f"features.{name}"] for name in wanted}
    except (
        OSError,
        SafetensorError,
        RuntimeError,
        EOFError,
        KeyError,
        TypeError,
        ValueError,
        pickle.UnpicklingError,
    ) as error:
        raise InputError(f"{path} holds no weights of VGG16: {again}.") from error
    if any(rows[name].shape != value.shape for name, value in wanted.items()):
        raise InputError(f"{path} holds weights of another network than VGG16: {again}.")
    return rows


class KeypointNet(nn.Module):
    """(N, 24, 2) landmarks to (N, 48)."""

    size = 48

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2 * len(EYE_POINTS), 96), nn.ReLU(inplace=True), nn.Linear(96, self.size), nn.ReLU(inplace=True)
        )

    def forward(self, points: Tensor) -> Tensor:
        return self.layers(10 * points.flatten(1))


def _head(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, 96), nn.ReLU(inplace=True), nn.Linear(96, outputs))


class GazeNet(nn.Module):
    """eyes (N, 2, 32, 48, 3), 0 to 255, and points (N, 24, 2), see `core.motion.eyes`, to Output.

    One backbone sees either eye; GazeHead and BlinkHead see an eye, the other one and the landmarks, for the right eye
    all mirrored, so that a mirrored face gives mirrored results. A code of the same compares an eye with how it looks
    in another picture of the person, see `away`.
    """

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.keypoints = KeypointNet()
        inputs = 2 * backbone.size + KeypointNet.size
        self.gaze, self.blink, self.code = _head(inputs, 2), _head(inputs, 1), nn.Linear(inputs, EYES.code)
        self.compare = nn.Sequential(
            nn.Linear(2 * EYES.code, 64), nn.ReLU(inplace=True), nn.Linear(64, 64), nn.ReLU(inplace=True),
            nn.Linear(64, 2),
        )  # fmt: skip
        self.dropout = nn.Dropout(DROPOUT)
        self.register_buffer("mirror", torch.tensor(MIRROR), persistent=False)
        self.register_buffer("back", torch.tensor([[1.0, 1.0], [-1.0, 1.0]]), persistent=False)  # what was mirrored

    def forward(self, eyes: Tensor, points: Tensor) -> Output:
        left, right = (self.backbone(eyes[:, side].permute(0, 3, 1, 2)) for side in (0, 1))
        mirrored = points[:, self.mirror] * points.new_tensor([-1.0, 1.0])
        of_left = self.dropout(torch.cat([left, right, self.keypoints(points)], 1))
        of_right = self.dropout(torch.cat([right, left, self.keypoints(mirrored)], 1))
        sides = torch.stack([of_left, of_right], 1).flatten(0, 1)
        gaze, blink, code = (head(sides).unflatten(0, (-1, 2)) for head in (self.gaze, self.blink, self.code))
        return Output(gaze * DEGREES * self.back, blink.squeeze(2), code)

    def away(self, code: Tensor, still: Tensor) -> Tensor:
        """(N, 2, 2) degrees to the person's left and up by which eyes of (N, 2, C) codes look elsewhere than those of
        the (N, 2, C) codes of a still picture; 0 for the still picture itself."""
        change, rest = (code - still).flatten(0, 1), still.flatten(0, 1)
        moved, rested = (self.compare(torch.cat([one, rest], 1)) for one in (change, torch.zeros_like(change)))
        return (moved - rested).unflatten(0, (-1, 2)) * DEGREES * self.back


def build(backbone: str, weights: Path | None = None) -> GazeNet:
    """A network with a backbone of BACKBONES; weights: the file that vgg16 needs. Raises InputError without it."""
    if backbone == "small":
        return GazeNet(SmallBackbone())
    if weights is None:
        raise InputError("The backbone vgg16 needs a file of its weights: name it with --weights.")
    return GazeNet(Vgg16Backbone(weights))


class Exported(nn.Module):
    """A network as its ONNX file is: of N pictures the gaze, degrees, the blink, 0 to 1, and the code; and of M codes
    beside still ones what `GazeNet.away` says."""

    def __init__(self, network: GazeNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, eyes: Tensor, points: Tensor, codes: Tensor, still: Tensor) -> tuple[Tensor, ...]:
        output = self.network(eyes, points)
        return output.gaze, torch.sigmoid(output.blink), output.code, self.network.away(codes, still)


def loss(output: Output, away: Tensor, gaze: Tensor, blink: Tensor) -> dict[str, Tensor]:
    """MAE and MSE of the gaze of eyes that are open, in units of DEGREES, by itself and against a still picture, and
    binary cross-entropy of the blink.

    Pictures come in groups of one person, all of a size, the still picture first. away: (G, K, 2, 2) what
    `GazeNet.away` says of K others of each group. gaze: (G (K + 1), 2, 2) degrees; blink: (G (K + 1), 2) how far eyes
    are closed, 0 to 1.
    """
    groups, size = away.shape[0], away.shape[1] + 1
    true = gaze.view(groups, size, 2, 2)
    mae, mse = _errors(output.gaze, gaze, blink)
    away_mae, away_mse = _errors(away, true[:, 1:] - true[:, :1], blink.view(groups, size, 2)[:, 1:])
    return {
        "gaze mae": mae, "gaze mse": mse, "away mae": away_mae, "away mse": away_mse,
        "blink": nn.functional.binary_cross_entropy_with_logits(output.blink, blink),
    }  # fmt: skip


def _errors(found: Tensor, true: Tensor, blink: Tensor) -> tuple[Tensor, Tensor]:
    """MAE and MSE of (..., 2) degrees, in units of DEGREES, of eyes that are open; blink: (...)."""
    seen = (1 - blink).clamp(0, 1)[..., None]  # of a closed eye nobody sees where it looks
    error = (found - true) / DEGREES * seen
    share = seen.mean().clamp(min=0.1)
    return error.abs().mean() / share, error.square().mean() / share
