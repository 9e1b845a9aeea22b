"""What does each term of the loss buy? The deformer trained without a family, with one term at a time, all else equal.

python -m training.experiments.loss_terms --dataset out/dataset --families ict makehuman --steps 800 --weight 0.1

Prints a Markdown table: medians over the units of the rigs left out, of the bare network (nothing refined).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch

from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.geometry.mesh import flipped

from .. import commands
from ..config import LossConfig, TrainConfig
from ..data.metrics import compare
from ..data.rigs import Rig
from ..data.sampler import Pool
from ..data.surface_rings import rings_of
from ..deformer import losses
from ..deformer.model import Deformer
from .global_context import base_mixes, fit, left_out, predict

TERMS = tuple(one.name for one in fields(LossConfig) if one.type == "float")
COLUMNS = ("rel", "cos", *TERMS, "flipped")


def measure(model: Deformer, mixes: torch.Tensor, rig: Rig) -> Iterator[dict[str, float]]:
    """For each unit: rel, cos, each term's own value over the skin of the whole face, and the percentage of triangles
    that turn over though the truth's do not."""
    found, shapes = predict(model, mixes, rig)
    triangles = found.triangles(rig.avatar(), Part.SKIN)
    rings = torch.from_numpy(rings_of(triangles, len(found.index))[np.unique(triangles)])
    rest = torch.from_numpy(found.positions).float()[rings][None, :, :, None]
    for made, truth in shapes.values():
        one, true = (torch.from_numpy(o).float()[None, :, None] for o in (made, truth))
        near, near_true = (o[:, rings] for o in (one, true))
        row = {k: v for k, v in compare(made, truth).items() if k in COLUMNS}
        row["laplacian"] = losses.laplacian(near, near_true).item()
        row["edge"] = losses.edge(rest, near, near_true).item()
        row["volume"] = losses.volume(rest, near, near_true).item()
        row["reach"] = losses.reach(one, true).item()
        turned, meant = (flipped(found.positions, found.positions + o, triangles) for o in (made, truth))
        yield row | {"flipped": 100 * float((turned & ~meant).mean())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, default=Path("out/dataset"))
    parser.add_argument("--families", nargs="+", default=["ict", "makehuman"])
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--weight", type=float, default=0.1, help="of the term that is tried")
    given = parser.parse_args()
    torch.set_num_threads(1)
    trials = {"reconstruction alone": {}} | {f"+ {name}": {name: given.weight} for name in TERMS}
    trials["all"] = dict.fromkeys(TERMS, given.weight)
    print(f"| left out | loss | {' | '.join(COLUMNS)} | CPU minutes |\n|{'---|' * (len(COLUMNS) + 3)}", flush=True)
    for family in given.families:
        pool, rigs = Pool(given.dataset, family), left_out(family)
        for name, weights in trials.items():
            model, minutes = fit(Deformer, pool, TrainConfig(steps=given.steps, loss=LossConfig(**weights)))
            mixes = base_mixes(model, pool)
            rows = [row for rig in rigs for row in measure(model, mixes, rig)]
            figures = " | ".join(f"{np.median([row[column] for row in rows]):.4f}" for column in COLUMNS)
            print(f"| {family} | {name} | {figures} | {minutes:.1f} |", flush=True)


if __name__ == "__main__":
    sys.exit(commands.run(main))
