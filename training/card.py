"""The card beside a model: what it is, what it was trained on, its hash and its figures.

The verb checks a model against its card and shows the card; --figures puts what `evaluate` measured on it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from blendshape_addon.core import registry

from .graph import OPSET
from .report import results
from .whole import write_together


def write(path: Path, data: bytes, fields: dict, figures: dict) -> None:
    """NAME.onnx with these bytes and its card NAME.toml, both or neither. Raises InputError when the disk is full."""
    lines = [f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in fields.items() if not isinstance(v, list)]
    lines += [f"sha256 = {json.dumps(hashlib.sha256(data).hexdigest())}", f"opset = {OPSET}", f"bytes = {len(data)}"]
    for rig in fields["trained_on"]:
        lines += ["", "[[trained_on]]", *(f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in rig.items())]
    lines += ["", "[figures]", *(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in figures.items())]
    write_together({path: data, path.with_suffix(".toml"): ("\n".join(lines) + "\n").encode()})


def figures_of(measured: Mapping) -> dict[str, float]:
    """The figures of the deformer alone, flat, out of what `evaluate` measured."""
    flat = {}
    for family, methods in measured["families"].items():
        for name, row in methods.get("deformer", {}).items():
            flat |= {f"{family} left out, {name}: {k}": round(v, 3) for k, v in row.items() if v is not None}
        if methods["viseme top-1"] is not None:
            flat[f"{family} left out, visemes: top-1"] = round(methods["viseme top-1"], 3)
    return flat


def finder_figures_of(measured: Mapping) -> dict[str, float]:
    """The figures of the face finder, flat."""
    return {f"{case}: {name}": value for case, row in measured["landmarks"].items() for name, value in row.items()}


def with_figures(model: registry.Model, measured: Mapping) -> tuple[dict, dict]:
    """Fields and figures of the card of `model` after `evaluate` has measured it; what export found out stays."""
    fields = {k: v for k, v in model.card.items() if k not in ("sha256", "opset", "bytes", "figures")}
    kept = {k: v for k, v in model.card.get("figures", {}).items() if k.startswith("parity")}
    fresh = figures_of(measured) if model.card["kind"] == "deformer" else finder_figures_of(measured)
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
