"""The card beside a face finder's ONNX file."""

from __future__ import annotations

import json
from pathlib import Path

from ..evaluation import card_figures
from ..learning import model_card
from .dataset import face_rigs, family_of

FIGURES = Path("out/landmarks/figures.json")


def write(path: Path, data: bytes, hold_out: str | None = None) -> None:
    """The model NAME.onnx and its card, with the figures that `evaluate` left, if it ran."""
    rigs = [rig for rig in face_rigs() if family_of(rig) != hold_out]
    fields = {
        "name": "VRChat face finder" + (f" without {hold_out}" if hold_out else ""),
        "kind": "landmarks",
        "file": path.name,
        "licence": "MIT",
        "what": "Whether a square picture of depth and normals shows a face, and where its 48 landmarks lie.",
        "trained_on": [{"name": f"{rig.family}/{rig.name}", "licence": rig.licence} for rig in rigs],
    }
    tables = json.loads(FIGURES.read_text()) if FIGURES.exists() and hold_out is None else {}
    model_card.write(path, data, fields, card_figures.finder_figures_of({"landmarks": tables}))
