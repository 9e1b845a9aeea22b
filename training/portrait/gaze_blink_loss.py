"""GazeBlinkLoss: the eyes of what is made look and blink, for the bundled network of gaze, as the driver's do."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference import registry
from blendshape_addon.core.inference.eye_format import EYES, LEFT

from ..motion import gaze_model
from ..motion.gaze_model import GazeNet

_SIDE = len(LEFT)
_OUTER = [_SIDE + 1, 1]  # rows of the outer corners of the eyes, the picture's left one first


def network(path: Path | None = None) -> GazeNet:
    """The network of gaze with the weights of its ONNX file, the bundled one if None; not to be trained.

    Raises InputError for a file of another network.
    """
    path = path or registry.models_folder() / "gaze.onnx"
    other = InputError(f"{path} is no network of gaze with a small backbone: install the add-on's networks anew.")
    try:
        found = {one.name: numpy_helper.to_array(one) for one in onnx.load(path).graph.initializer}
    except Exception as error:  # protobuf's own kinds of errors
        raise other from error
    arrays = {name.removesuffix("_half"): torch.from_numpy(value.astype("float32")) for name, value in found.items()}
    made = gaze_model.build("small")
    state = made.state_dict()
    # The exporter folds each normalisation into its convolution and names both by number.
    folded = sorted((n for n in arrays if n.startswith("onnx::Conv_")), key=lambda n: int(n.rpartition("_")[2]))
    layers = [
        name.removesuffix(".0.weight")
        for name, value in state.items()
        if name.endswith(".0.weight") and value.ndim == 4
    ]
    if len(folded) != 2 * len(layers):
        raise other
    for layer, weight, bias in zip(layers, folded[::2], folded[1::2], strict=True):
        state[f"{layer}.0.weight"] = arrays[weight]
        count = len(arrays[bias])
        state |= {f"{layer}.1.running_mean": torch.zeros(count), f"{layer}.1.weight": torch.ones(count)}
        state |= {
            f"{layer}.1.running_var": torch.full((count,), 1 - nn.BatchNorm2d(1).eps),
            f"{layer}.1.bias": arrays[bias],
        }
    state |= {name.removeprefix("network."): value for name, value in arrays.items() if name.startswith("network.")}
    try:
        made.load_state_dict(state)
    except RuntimeError as error:
        raise other from error
    return made.eval().requires_grad_(False)


def crops(pictures: Tensor, points: Tensor) -> Tensor:
    """(N, 2, height, width, 3), 0 to 255, of either eye, the right one mirrored, as `core.motion.eyes.crops` cuts them,
    but that gradients go through. pictures: (N, 3, S, S), 0 to 1; points: (N, 24, 2) EYE_POINTS, in sides of the
    picture, right and down."""
    across = points[:, _OUTER[1]] - points[:, _OUTER[0]]
    unit = across / across.norm(dim=1, keepdim=True)
    down = torch.stack([-unit[:, 1], unit[:, 0]], 1)
    width = across.norm(dim=1) * EYES.reach
    x = torch.arange(EYES.width, device=points.device) / EYES.width - 0.5
    y = (torch.arange(EYES.height, device=points.device) - EYES.height / 2) / EYES.width
    found = []
    for first, turn in ((0, False), (_SIDE, True)):
        middle = points[:, first : first + 2].mean(1)
        at = middle[:, None, None] + width[:, None, None, None] * (
            y[None, :, None, None] * down[:, None, None] + x[None, None, :, None] * unit[:, None, None]
        )
        eye = 255 * functional.grid_sample(pictures, at * 2 - 1, "bilinear", "border", align_corners=False)
        found.append((eye.flip(3) if turn else eye).permute(0, 2, 3, 1))
    return torch.stack(found, 1)


def upright(points: Tensor) -> Tensor:
    """(N, 24, 2) as the network takes them, see `core.motion.eyes.points`; points: as for `crops`."""
    ends = points[:, _OUTER]
    across = ends[:, 1] - ends[:, 0]
    size = across.norm(dim=1, keepdim=True)
    (cosine, sine) = (across / size).unbind(1)
    turn = torch.stack([torch.stack([cosine, -sine], 1), torch.stack([sine, cosine], 1)], 1)
    return (points - ends.mean(1, keepdim=True)) @ turn / size[:, :, None]


class GazeBlinkLoss(nn.Module):
    """The mean absolute difference of the gaze, in units of `gaze_model.DEGREES` and only of open eyes, and of the
    blink that the network reads in made and true pictures at the same places."""

    def __init__(self, path: Path | None = None) -> None:
        """Raises InputError as `network` does."""
        super().__init__()
        self.network = network(path)

    def forward(self, made: Tensor, true: Tensor, points: Tensor, known: Tensor) -> Tensor:
        """made, true: (N, 3, S, S), 0 to 1; points: (N, 24, 2) of the true eyes, in sides of the picture; known: (N,)
        1 where there are such, else 0."""
        row = upright(points)
        a, b = (self.network(crops(pictures, points), row) for pictures in (made, true))
        shut = torch.sigmoid(b.blink)
        gaze = (a.gaze - b.gaze).abs().mean(2) / gaze_model.DEGREES * (1 - shut)
        each = (gaze + (torch.sigmoid(a.blink) - shut).abs()).mean(1)
        return (each * known).sum() / known.sum().clamp(min=1)
