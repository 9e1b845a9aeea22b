"""The card beside an exported model: what it is, what it was trained on, its hash and its figures."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from blendshape_addon.core.inference import contract

from .atomic_files import write_together

OPSET = 17  # of every exported graph
PARITY = 1e-4  # eye distances by which a vertex may lie elsewhere than in what a graph was made of


def write(path: Path, data: bytes, fields: dict, figures: dict) -> None:
    """NAME.onnx with these bytes and its card NAME.toml, both or neither. Raises InputError when the disk is full.

    The card says by `contract.of` what this version feeds networks of the kind in `fields`, so `data` has to be of a
    network that learned on just that; of a kind that the add-on does not run it says nothing.
    """
    lines = [f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in fields.items() if not isinstance(v, list)]
    if fields["kind"] in contract.KINDS | contract.OWN_KINDS:
        lines += [f"contract = {json.dumps(contract.of(fields['kind']))}"]
    lines += [f"sha256 = {json.dumps(hashlib.sha256(data).hexdigest())}", f"opset = {OPSET}", f"bytes = {len(data)}"]
    for table, rows in fields.items():
        for row in rows if isinstance(rows, list) else ():
            lines += ["", f"[[{table}]]", *(f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in row.items())]
    lines += ["", "[figures]", *(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in figures.items())]
    write_together({path: data, path.with_suffix(".toml"): ("\n".join(lines) + "\n").encode()})
