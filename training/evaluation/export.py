"""Write the deformer as ONNX with its card, on which the figures of the last evaluation stand, if there was one."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..deformer import weights
from ..deformer.export import export
from ..learning.atomic_files import check_name
from . import card_figures
from .report import results


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m training export", description=__doc__)
    add = parser.add_argument
    add("trained", metavar="WEIGHTS", type=Path, nargs="?", default=Path("out/train") / weights.FILE)
    add("--out", type=Path, default=Path("models/deformer.onnx"))
    add("--figures", type=Path, default=Path("out/evaluate") / results.FILE, help="what `evaluate` left")
    add("--dataset", type=Path, default=Path("out/dataset"), help="on whose meshes PyTorch and ONNX are compared")
    given = parser.parse_args(arguments)
    check_name(given.out, ".onnx")
    figures = card_figures.figures_of(results.read(given.figures)) if given.figures.exists() else {}
    export(given.trained, given.out, figures, given.dataset)
