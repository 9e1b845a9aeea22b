"""The card beside a model: what it is, what it was trained on, its hash and its figures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from .graph import OPSET
from .whole import write_together


def write(path: Path, data: bytes, fields: dict, figures: dict) -> None:
    """NAME.onnx with these bytes and its card NAME.toml, both or neither. Raises InputError when the disk is full."""
    lines = [f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in fields.items() if not isinstance(v, list)]
    lines += [f"sha256 = {json.dumps(hashlib.sha256(data).hexdigest())}", f"opset = {OPSET}", f"bytes = {len(data)}"]
    for rig in fields["trained_on"]:
        lines += ["", "[[trained_on]]", *(f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in rig.items())]
    lines += ["", "[figures]", *(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in figures.items())]
    write_together({path: data, path.with_suffix(".toml"): ("\n".join(lines) + "\n").encode()})


def figures_of(results: Mapping) -> dict[str, float]:
    """The figures of the deformer alone, flat, out of what `evaluate` measured."""
    flat = {}
    for family, methods in results["families"].items():
        for name, row in methods.get("deformer", {}).items():
            flat |= {f"{family} left out, {name}: {k}": round(v, 3) for k, v in row.items() if v is not None}
        if methods["viseme top-1"] is not None:
            flat[f"{family} left out, visemes: top-1"] = round(methods["viseme top-1"], 3)
    return flat
