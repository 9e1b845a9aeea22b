"""ResNet18 (He et al., "Deep Residual Learning", 2016, table 1), its weights named as in torchvision."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from blendshape_addon.core.errors import InputError

from . import weights

FULL = 64  # channels of the first layer of ResNet18
_MEAN, _SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet


class BasicBlock(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    """(N, 3, S, S), 0 to 1, to features (N, 8 width, S / 16 stride, S / 16 stride), without the last pooling and layer.
    stride: of the first convolution."""

    def __init__(self, width: int = FULL, stride: int = 2) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        inputs = width
        for number in range(4):
            outputs, stride = width * 2**number, 1 if number == 0 else 2
            blocks = nn.Sequential(BasicBlock(inputs, outputs, stride), BasicBlock(outputs, outputs, 1))
            setattr(self, f"layer{number + 1}", blocks)
            inputs = outputs
        for name, values in (("mean", _MEAN), ("spread", _SPREAD)):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        x = functional.relu(self.bn1(self.conv1((pictures - self.mean) / self.spread)))
        x = functional.max_pool2d(x, 3, 2, 1)
        for number in range(4):
            x = getattr(self, f"layer{number + 1}")(x)
        return x

    def settle(self) -> None:
        """Put what the normalisations do to evaluated pictures into the convolutions before them, for good."""
        for module in [self, *(block for n in range(4) for block in getattr(self, f"layer{n + 1}"))]:
            for number in (1, 2):
                conv, norm = (getattr(module, f"{name}{number}", None) for name in ("conv", "bn"))
                if conv is not None:
                    setattr(module, f"conv{number}", fuse_conv_bn_eval(conv, norm))
                    setattr(module, f"bn{number}", nn.Identity())
            if getattr(module, "downsample", None) is not None:
                module.downsample = fuse_conv_bn_eval(*module.downsample)

    def load(self, path: Path) -> None:
        """The weights of a user's file of ResNet18. Raises InputError for another file, and where this network is not
        of ResNet18's width."""
        if self.conv1.out_channels != FULL:
            raise InputError(
                f"--resnet needs student_width = {FULL}, which is {self.conv1.out_channels}: choose the size full512, "
                "or set it with --config."
            )
        rows = weights.tensors(path)
        weights.fill(self, {n: v for n, v in rows.items() if not n.startswith("fc.")}, path)
