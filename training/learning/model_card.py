"""The card beside a model: what it is, what it was trained on, its hash and its figures.

The verb checks a model against its card and shows the card; --figures puts what `evaluate` measured on it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ..deformer.onnx_graph import OPSET
from .atomic_files import write_together


def write(path: Path, data: bytes, fields: dict, figures: dict) -> None:
    """NAME.onnx with these bytes and its card NAME.toml, both or neither. Raises InputError when the disk is full."""
    lines = [f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in fields.items() if not isinstance(v, list)]
    lines += [f"sha256 = {json.dumps(hashlib.sha256(data).hexdigest())}", f"opset = {OPSET}", f"bytes = {len(data)}"]
    for table, rows in fields.items():
        for row in rows if isinstance(rows, list) else ():
            lines += ["", f"[[{table}]]", *(f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in row.items())]
    lines += ["", "[figures]", *(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in figures.items())]
    write_together({path: data, path.with_suffix(".toml"): ("\n".join(lines) + "\n").encode()})
