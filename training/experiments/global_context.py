"""Does seeing the whole face help? The deformer judges every vertex alone; here it is trained beside two variants that
also look at the rest of the surface, with the same data, steps and seed.

python -m training.experiments.global_context --families ict makehuman --steps 800
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from blendshape_addon.core.face import features as core_features
from blendshape_addon.core.face.features import Features
from blendshape_addon.core.vocabulary import ARKIT, CONDITIONS, MOUTH_UNITS

from .. import commands
from ..config import ModelConfig, TrainConfig
from ..data.metrics import compare
from ..data.rigs import Rig, labelled, landmarks_of
from ..data.sampler import Pool
from ..deformer import artist_blend
from ..deformer.model import Deformer
from ..deformer.task import OffsetTask
from ..learning import loop
from ..learning.distributed import ALONE

TOKENS = 128


class Pooled(Deformer):
    """A global code: mean and maximum over all vertices, added to each (PointNet, Qi et al. 2017)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.code = nn.Sequential(
            nn.Linear(2 * config.width, config.width), nn.SiLU(), nn.Linear(config.width, config.width)
        )

    def trunk(self, inputs: Tensor) -> Tensor:
        hidden = nn.functional.silu(self.stem(inputs))
        whole = torch.cat([hidden.mean(-2), hidden.amax(-2)], -1)
        hidden = hidden + self.code(whole).unsqueeze(-2)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return self.last(hidden)


class Attending(Deformer):
    """Every vertex attends to TOKENS random vertices of its face (Perceiver, Jaegle et al. 2021), four heads."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.attention = nn.MultiheadAttention(config.width, 4, batch_first=True)

    def trunk(self, inputs: Tensor) -> Tensor:
        hidden = nn.functional.silu(self.stem(inputs))
        batched = hidden if hidden.ndim == 3 else hidden[None]
        chosen = torch.randperm(batched.shape[1])[:TOKENS]
        for number, block in enumerate(self.blocks):
            if number == 1:
                tokens = batched[:, chosen]
                batched = batched + self.attention(batched, tokens, tokens, need_weights=False)[0]
            batched = batched + block(batched)
        out = self.last(batched)
        return out if hidden.ndim == 3 else out[0]


VARIANTS = {"each vertex alone": Deformer, "pooled global code": Pooled, "attention to samples": Attending}


def fit(kind: type[Deformer], pool: Pool, config: TrainConfig) -> tuple[Deformer, float]:
    """A variant trained as the deformer is, without averaged weights and checkpoints; and the minutes it took."""
    plain = replace(config, ema=0.0)
    task = OffsetTask(plain, pool, lambda: kind(ModelConfig(artists=pool.artists)))
    began = time.process_time()
    result = loop.train(task, plain, ALONE, np.random.default_rng(config.seed), kind.__name__)
    return result.network, (time.process_time() - began) / 60


def predict(model: Deformer, mixes: Tensor, rig: Rig) -> tuple[Features, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """What the bare network (nothing refined) makes of `rig` with labelled landmarks: its features, and each unit's
    offsets and their truth (N, 3), face space, 0 where the truth means nothing."""
    found = core_features.compute(rig.avatar(), landmarks_of(rig, rig.vertices))
    shown = ~np.isin(rig.part_id[found.index], rig.hidden_parts)[:, None]
    with torch.no_grad():
        hidden = model.trunk(torch.from_numpy(found.inputs()))
    rotation = found.space.rotation.T / found.space.scale
    out = {}
    for name in ARKIT:
        if name in rig.shapes:
            moved = np.einsum("nij,nj->ni", found.canonical.to_face, (hidden @ mixes[CONDITIONS.index(name)]).numpy())
            out[name] = moved * shown, (rig.shapes[name][found.index] @ rotation) * shown
    return found, out


def base_mixes(model: Deformer, pool: Pool) -> Tensor:
    """(CONDITIONS, width, 3) mixes of the base style."""
    base, *_ = artist_blend.styles(pool.artists, pool.amplitudes())
    return model.blend(torch.from_numpy(base.shares)[None])[0].detach()


def left_out(family: str) -> list[Rig]:
    """The labelled rigs of a fold."""
    return [rig for rig in labelled() if rig.facts.fold == family]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, default=Path("out/dataset"))
    parser.add_argument("--families", nargs="+", default=["ict", "makehuman"])
    parser.add_argument("--steps", type=int, default=800)
    given = parser.parse_args()
    torch.set_num_threads(1)
    config = TrainConfig(steps=given.steps)
    for family in given.families:
        pool = Pool(given.dataset, family)
        for name, kind in VARIANTS.items():
            model, minutes = fit(kind, pool, config)
            mixes = base_mixes(model, pool)
            rows: dict[str, dict[str, float]] = {}
            for rig in left_out(family):
                _, shapes = predict(model, mixes, rig)
                rows |= {f"{rig.name} {unit}": compare(made, truth) for unit, (made, truth) in shapes.items()}
            mouth = [row for unit, row in rows.items() if unit.split()[-1] in MOUTH_UNITS]
            size = sum(p.numel() for p in model.parameters()) / 1e6
            figures = "  ".join(
                "{}: rel {:.2f} cos {:.3f}".format(label, *(np.median([r[k] for r in group]) for k in ("rel", "cos")))
                for label, group in (("mouth+jaw", mouth), ("all units", list(rows.values())))
            )
            print(f"{family} left out, {name:20} {figures}  {size:.2f} M weights, {minutes:.1f} CPU min", flush=True)


if __name__ == "__main__":
    sys.exit(commands.run(main))
