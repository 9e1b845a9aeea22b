"""Perceptual: how far pictures are from each other in the features of a network that is not trained.

By default it is the first half of the bundled network of face landmarks, rebuilt from its ONNX file; with a user's file
it is VGG16, as torchvision names its weights.
"""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference import registry

from ..motion.gaze_model import Vgg16Backbone

FACES = "the network of face landmarks"
VGG = "VGG16"
_VIEWS = ("Transpose", "Identity", "Reshape", "Sigmoid")  # operators behind the last convolutions
_STAGES = 4  # resolutions of the network of faces whose features are compared


class FaceFeatures(nn.Module):
    """(N, 3, S, S), 0 to 1, to the last features of each of the first resolutions of a network of plain convolutions,
    as its ONNX file has them."""

    def __init__(self, path: Path | None = None, whole: bool = False) -> None:
        """path: the ONNX file, the bundled one if None. whole: up to the end, to its last features and what it makes of
        them for landmarks, for pictures of the size that it was made for.

        Raises InputError for a file that is none, or has operators that the network of face landmarks has not."""
        super().__init__()
        path = path or registry.models_folder() / "face_landmarks.onnx"
        try:
            graph = onnx.load(path).graph
        except Exception as error:  # protobuf's own kinds of errors
            raise InputError(f"{path} is no ONNX file: install the add-on's networks anew.") from error
        constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
        self._steps: list[tuple[str, list[str], str, dict]] = []
        self.ends: list[str] = []
        names: dict[str, str] = {}  # of buffers, by those of constants
        views: dict[str, str] = {}  # what is only arranged otherwise, by what it is of
        for node in graph.node:
            if not whole and len(self.ends) == _STAGES:
                break
            if node.op_type == "Cast":
                constants[node.output[0]] = constants[node.input[0]]
                continue
            if node.op_type in _VIEWS and self._steps:
                views[node.output[0]] = node.input[0]
                continue
            if node.op_type not in ("Transpose", "Conv", "PRelu", "Add", "MaxPool", "Pad"):
                raise InputError(f"{path} is no network of face landmarks: its operator {node.op_type} is unknown.")
            told = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            if node.op_type == "Pad":
                told["pads"] = constants[node.input[1]].tolist()
            if node.op_type == "MaxPool":  # the last of its resolution
                self.ends.append(node.input[0])
            for name in node.input:
                if name in constants and name not in names and node.op_type != "Pad":
                    names[name] = f"constant_{len(names)}"
                    self.register_buffer(names[name], torch.from_numpy(constants[name].astype("float32")))
            inputs = [names.get(name, name) for name in node.input]
            self._steps.append((node.op_type, inputs, node.output[0], told))
        if whole:
            name = "landmarks"
            while name in views:
                name = views[name]
            self.ends = [next(inputs[0] for _, inputs, output, _ in self._steps if output == name), name]

    def forward(self, pictures: Tensor) -> list[Tensor]:
        values = dict(self.named_buffers())
        for kind, inputs, output, told in self._steps:
            x = pictures if kind == "Transpose" else values[inputs[0]]
            values[output] = x if kind == "Transpose" else _step(kind, x, [values.get(n) for n in inputs[1:]], told)
        return [values[name] for name in self.ends]


def _step(kind: str, x: Tensor, others: list[Tensor], told: dict) -> Tensor:
    if kind == "Conv":
        weight, bias = others
        if told["auto_pad"] == b"SAME_UPPER":
            sides: list[int] = []
            for axis in (3, 2):
                kernel, stride = weight.shape[axis], told["strides"][axis - 2]
                more = max(0, (-(-x.shape[axis] // stride) - 1) * stride + kernel - x.shape[axis])
                sides += [more // 2, more - more // 2]
            x = functional.pad(x, sides)
        return functional.conv2d(x, weight, bias, told["strides"], groups=told.get("group", 1))
    if kind == "PRelu":
        return functional.prelu(x, others[0].flatten())
    if kind == "Add":
        return x + others[0]
    if kind == "MaxPool":
        return functional.max_pool2d(x, told["kernel_shape"], told["strides"])
    before, after = told["pads"][:4], told["pads"][4:]
    return functional.pad(x, [n for axis in (3, 2, 1, 0) for n in (before[axis], after[axis])])


class VggFeatures(nn.Module):
    """(N, 3, S, S), 0 to 1, to the features of VGG16 before each of its poolings."""

    def __init__(self, weights: Path) -> None:
        """Raises InputError as `Vgg16Backbone` does."""
        super().__init__()
        self.backbone = Vgg16Backbone(weights)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        x = (255 * pictures - self.backbone.mean) / self.backbone.spread
        found = []
        for layer in self.backbone.features:
            if isinstance(layer, nn.MaxPool2d):
                found.append(x)
            x = layer(x)
        return found


class Perceptual(nn.Module):
    """(N, 3, S, S) pictures twice to a number: the mean absolute difference of features, each layer's in shares of its
    own mean size, so that no layer outweighs another."""

    def __init__(self, size: int, vgg: Path | None = None) -> None:
        """size: pixels of a side that the network sees. Raises InputError as `FaceFeatures` and `VggFeatures` do."""
        super().__init__()
        self.size, self.name = size, VGG if vgg else FACES
        self.features = VggFeatures(vgg) if vgg else FaceFeatures()
        self.requires_grad_(False)

    def of(self, pictures: Tensor) -> list[Tensor]:
        """Features of (N, 3, S, S) pictures, 0 to 1: (N, C, H, W) of each of some layers."""
        return self.features(functional.interpolate(pictures, self.size, mode="bilinear", align_corners=False))

    def forward(self, made: Tensor, true: Tensor) -> Tensor:
        count = len(made)
        rows = []
        for features in self.of(torch.cat([made, true])):
            a, b = features[:count], features[count:]
            rows.append((a - b).abs().mean() / b.abs().mean().clamp(min=1e-6))
        return torch.stack(rows).mean()
