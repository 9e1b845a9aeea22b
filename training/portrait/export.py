"""One avatar of a student as ONNX: `python -m training portrait export --student FOLDER --avatar NAME --out X.onnx`."""

from __future__ import annotations

import argparse
import io
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference import registry
from blendshape_addon.core.inference.portrait_format import DRIVER, KIND, OUTPUTS, PORTRAIT
from blendshape_addon.core.inference.session import open_session

from ..learning import model_card, onnx_files
from ..learning.atomic_files import check_name
from ..learning.model_card import OPSET
from . import weights
from .g2d import Painted
from .student import OneAvatar, Student

SUFFIX = ".onnx"
PARITY = 1e-2  # of the range of brightness, by which a graph's picture may differ: its weights are in half precision
_ALIKE = 0.04  # mean difference of a portrait that was cut from the same picture once more


def student(path: Path) -> tuple[Student, list[str]]:
    """A student of a training, ready for use, and the names of its avatars; path: the file, or its folder. Raises
    InputError as `weights.of_checkpoint` does."""
    rows, told, kept = weights.read(path, weights.STUDENT)
    network = Student(told.size)
    weights.fill(network, rows, path)
    return network.eval(), list(kept["avatars"])


def graph(one: OneAvatar) -> bytes:
    """An avatar as ONNX, checked, with a free number of drivers: `driver` (n, 3, M, M) to `picture`, `flow` and
    `correction` of Painted; and what it does not change, `portrait` (1, 3, S, S)."""
    data = io.BytesIO()
    side = one.student.motion_size
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Graph(one), (torch.zeros(2, 3, side, side),), data, opset_version=OPSET, dynamo=False,
            input_names=[DRIVER], output_names=[*OUTPUTS, PORTRAIT],
            dynamic_axes={name: {0: "n"} for name in (DRIVER, *OUTPUTS)},
        )  # fmt: skip
    model = onnx.load_from_string(data.getvalue())
    onnx_files.halve(model.graph)
    onnx.checker.check_model(model)
    return model.SerializeToString()


class _Graph(nn.Module):
    def __init__(self, one: OneAvatar) -> None:
        super().__init__()
        self.one = one

    def forward(self, driver: Tensor) -> tuple[Tensor, ...]:
        return *self.one(driver), self.one.portrait


class AvatarFile:
    """An avatar of a student, loaded from X.onnx and its card. name: of the avatar. size: pixels of a side of what it
    makes; motion_size: of drivers. portrait: (S, S, 3) uint8 that it learned by heart."""

    def __init__(self, path: Path) -> None:
        """Raises InputError for a file that is missing, damaged or of something else."""
        if path.suffix != SUFFIX:
            raise InputError(
                f"{path.name} is no {SUFFIX} file: python -m training portrait export makes one of what train-student "
                "left."
            )
        model = registry.load_file(path)
        if model.card.get("kind") != KIND:
            raise InputError(
                f"{path.name} is no student of a portrait: make one with python -m training portrait export."
            )
        try:
            self.name, self.motion_size = str(model.card["avatar"]), int(model.card["motion_size"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"The card of {path.name} does not say what it takes: export it anew.") from error
        self._session = open_session(model, "cpu")
        nobody = np.zeros((1, 3, self.motion_size, self.motion_size), np.float32)
        portrait = self._session.run([PORTRAIT], {DRIVER: nobody})[0][0]
        self.portrait = (portrait.transpose(1, 2, 0) * 255).round().astype(np.uint8)
        self.size = len(self.portrait)

    def check_portrait(self, picture: Tensor) -> None:
        """Raises InputError where a (1, 3, S, S) picture is not the one that it learned."""
        learned = torch.from_numpy(self.portrait / np.float32(255)).permute(2, 0, 1)
        if (picture - learned).abs().mean() > _ALIKE:
            raise InputError(
                f"The student moves the portrait of {self.name} and no other: give that picture as --source, or train "
                "one on this with train-student --portrait."
            )

    def drive(self, drivers: Tensor) -> Painted:
        """What it makes of (F, 3, M, M) drivers, 0 to 1, or larger ones."""
        if drivers.shape[-1] != self.motion_size:
            side = (self.motion_size, self.motion_size)
            drivers = functional.interpolate(drivers, side, mode="bilinear", align_corners=False, antialias=True)
        return Painted(*map(torch.from_numpy, self._session.run([*OUTPUTS], {DRIVER: drivers.numpy()})))


def write(network: Student, number: int, name: str, out: Path) -> None:
    """X.onnx of an avatar, and its card. Raises InputError when the disk is full."""
    one = OneAvatar(network, number)
    fields = {
        "name": f"Portrait of {name}",
        "kind": KIND,
        "file": out.name,
        "licence": "as the pictures that it learned on, and those of its base",
        "what": "Moves one portrait as a face in a picture does. What it makes is synthetic: use your own likeness, "
        "your avatar's, or that of somebody who allowed it.",
        "avatar": name,
        "size": network.size,
        "motion_size": network.motion_size,
    }
    model_card.write(out, graph(one), fields, {"weights, M": sum(p.numel() for p in one.parameters()) / 1e6})


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training portrait export",
        description="Write one avatar of a student as ONNX with its card, for animate --student.",
    )
    parser.add_argument("--student", type=Path, required=True, help="folder of train-student")
    parser.add_argument("--avatar", help="name of a portrait that it learned (default: the first)")
    parser.add_argument("--out", type=Path, required=True, help="X.onnx to write")
    given = parser.parse_args(arguments)
    check_name(given.out, SUFFIX)
    network, names = student(given.student)
    name = given.avatar or names[0]
    if name not in names:
        shown = ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
        raise InputError(f"The student knows no {name}: choose from {shown}.")
    write(network, names.index(name), name, given.out)
    print(f"{given.out}: {given.out.stat().st_size / 1e6:.1f} MB, moves {name}.")
