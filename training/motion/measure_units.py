"""How well each ARKit unit is read: `python -m training motion measure-units --renders FOLDER --out X.json`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from blendshape_addon.core.inference.face_format import SCORES
from blendshape_addon.core.vocabulary import ARKIT

from ..learning.atomic_files import atomic_write, check_name
from . import readings
from .readings import Readings

READERS = ("still face", "head raw", "head less neutral")
MIN_PICTURES = 20  # of which a unit has to be in effect, or it is not measured


def measure(data: Readings) -> dict[str, dict[str, dict[str, float]]]:
    """MAE and R² by unit and reader, of units that artists drew, in pictures of people whose neutral face was read."""
    scores = data.scores[:, [SCORES.index(name) if name in SCORES else 0 for name in ARKIT]]
    away = readings.less_neutral(scores, data).clip(0, 1)
    found = {}
    for column, name in enumerate(ARKIT):
        if name not in SCORES:
            continue
        used = data.known[:, column] & ~data.distilled[:, column] & np.isfinite(away[:, column]) & ~data.neutral
        truth = data.units[used, column]
        if (truth > 0).sum() < MIN_PICTURES:
            continue
        values = (np.zeros_like(truth), scores[used, column], away[used, column])
        found[name] = {
            reader: {
                "MAE": float(np.abs(value - truth).mean()),
                "R2": float(1 - ((value - truth) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()),
            }
            for reader, value in zip(READERS, values, strict=True)
        }
    return found


def table(rows: Mapping[str, Mapping[str, Mapping[str, float]]], worst: Mapping[str, tuple[str, float]]) -> str:
    """Figures by unit as Markdown, with the family on which the head less neutral is worst, and its R² there."""
    lines = ["| unit | " + " | ".join(f"{reader}: MAE, R²" for reader in READERS) + " | worst family: R² |"]
    lines.append("|---" * (len(READERS) + 2) + "|")
    for unit, readers in rows.items():
        cells = [f"{readers[reader]['MAE']:.3f}, {readers[reader]['R2']:.2f}" for reader in READERS]
        family, value = worst.get(unit, ("–", float("nan")))
        lines.append(f"| {unit} | " + " | ".join(cells) + f" | {family}: {value:.2f} |")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training motion measure-units",
        description="Measure how well the add-on's reader of faces tells each ARKit unit, on renders whose units are "
        "known. It learned from none of them.",
    )
    parser.add_argument("--renders", type=Path, required=True, help="folder that `motion renders` made")
    parser.add_argument("--out", type=Path, default=Path("out/motion/units.json"), help="(default: %(default)s)")
    given = parser.parse_args(arguments)
    check_name(given.out, ".json")
    data = readings.read(given.renders)
    rows = measure(data)
    families = {fold: measure(data.where(data.fold == number)) for number, fold in enumerate(data.folds)}
    last = READERS[-1]
    worst = {
        unit: min(((fold, of[unit][last]["R2"]) for fold, of in families.items() if unit in of), key=lambda one: one[1])
        for unit in rows
        if any(unit in of for of in families.values())
    }
    print(table(rows, worst))
    for reader in READERS:
        values = [of[reader] for of in rows.values()]
        well = sum(value["R2"] > 0.5 for value in values)
        mean = np.mean([value["MAE"] for value in values])
        print(f"{reader}: MAE {mean:.3f}, {well} of {len(values)} units with R² above 0.5")
    atomic_write(given.out, json.dumps({"all": rows, "families": families}, indent=1).encode())
