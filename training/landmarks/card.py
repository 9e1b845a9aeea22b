"""The card beside a face finder's ONNX file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ..data import families
from ..learning import model_card
from .dataset import face_rigs

FIGURES = Path("out/landmarks/figures.json")


def write(path: Path, data: bytes, hold_out: str | None = None) -> None:
    """The model NAME.onnx and its card, with the figures that `evaluate` left, if it ran."""
    rigs = [rig for rig in face_rigs() if rig.facts.fold != hold_out]
    fields = {
        "name": "VRChat face finder" + (f" without {hold_out}" if hold_out else ""),
        "kind": "landmarks",
        "file": path.name,
        "licence": "MIT",
        "what": "Whether a square picture of depth and normals shows a face, and where its 48 landmarks lie.",
        "trained_on": families.with_doubts(
            {"name": f"{rig.family}/{rig.name}", "licence": rig.licence} for rig in rigs
        ),
    }
    tables = json.loads(FIGURES.read_text()) if FIGURES.exists() and hold_out is None else {}
    model_card.write(path, data, fields, figures_of(tables))


def figures_of(tables: Mapping) -> dict[str, float]:
    """The figures of a card, flat, from tables of figures by case."""
    return {f"{case}: {name}": value for case, row in tables.items() for name, value in row.items()}
