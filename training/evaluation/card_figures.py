"""The verb `card`: check a model against its card and show the card; --figures puts what `evaluate` measured on it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from blendshape_addon.core.inference import registry

from ..landmarks import card as landmark_card
from ..learning.model_card import write
from .report import results


def figures_of(measured: Mapping) -> dict[str, float]:
    """The figures of the deformer alone, flat, out of what `evaluate` measured."""
    flat = {}
    for family, methods in measured["families"].items():
        for name, row in methods.get("deformer", {}).items():
            flat |= {f"{family} left out, {name}: {k}": round(v, 3) for k, v in row.items() if v is not None}
        if methods["viseme top-1"] is not None:
            flat[f"{family} left out, visemes: top-1"] = round(methods["viseme top-1"], 3)
    return flat


def with_figures(model: registry.Model, measured: Mapping) -> tuple[dict, dict]:
    """Fields and figures of the card of `model` after `evaluate` has measured it; what export found out stays."""
    fields = {k: v for k, v in model.card.items() if k not in ("contract", "sha256", "opset", "bytes", "figures")}
    kept = {k: v for k, v in model.card.get("figures", {}).items() if k.startswith("parity")}
    fresh = (
        figures_of(measured) if model.card["kind"] == "deformer" else landmark_card.figures_of(measured["landmarks"])
    )
    return fields, kept | fresh


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training card", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("kind", choices=("deformer", "landmarks"), nargs="?", default="deformer", help="(default: %(default)s)")
    add("--models", type=Path, default=Path("models"), metavar="FOLDER", help="where it is (default: %(default)s)")
    add("--figures", type=Path, metavar="FILE", help=f"{results.FILE} that `evaluate` left, to put on the card")
    given = parser.parse_args(arguments)
    model = registry.load(given.kind, given.models)
    if given.figures:
        write(given.models / model.card["file"], model.data, *with_figures(model, results.read(given.figures)))
        model = registry.load(given.kind, given.models)
    for key, value in model.card.items():
        if key == "trained_on":
            print("trained on", *(f"  {rig['name']}: {rig['licence']}" for rig in value), sep="\n")
        elif key == "figures":
            print("figures", *(f"  {name}: {figure}" for name, figure in value.items()), sep="\n")
        else:
            print(f"{key}: {value}")
