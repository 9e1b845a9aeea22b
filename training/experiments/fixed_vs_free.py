"""The deformer beside the network that is made for one avatar's vertices, on the same faces with the same steps.

python -m training.experiments.fixed_vs_free --avatar anny --steps 1000
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.vocabulary import CONDITIONS

from .. import commands
from ..config import ModelConfig, TrainConfig
from ..data import dataset, manifest
from ..data.labelled_face import LabelledFace
from ..data.metrics import compare
from ..data.prepare import instance_rng
from ..data.rigs import Rig, data_folder, labelled
from ..deformer import fixed_topology, train, weights
from ..deformer.model import Deformer
from ..evaluation.report.table import NOTHING, Table

HELD_OUT = 5  # people that neither network saw
RUNS = 5
FIXED_RATE = 5e-3  # the deformer's own rate is too slow for the other
Predict = Callable[[LabelledFace], tuple[np.ndarray, np.ndarray]]  # a head to vertices (N,), its shapes (S, N, 3)


def by_fixed(network: fixed_topology.FixedNetwork, index: np.ndarray, vertices: int) -> Predict:
    """index: the avatar's vertices that the network is for, of `vertices`."""

    def predict(head: LabelledFace) -> tuple[np.ndarray, np.ndarray]:
        if len(head.vertices) != vertices:
            raise InputError(
                f"This network is for an avatar of {vertices} vertices: this one has {len(head.vertices)}."
            )
        return index, fixed_topology.predict(network, head.vertices[index], head.names)

    return predict


def by_deformer(model: Deformer) -> Predict:
    """The deformer in its only artist's style, the network alone."""

    def predict(head: LabelledFace) -> tuple[np.ndarray, np.ndarray]:
        features = head.features
        kept = np.flatnonzero(~head.hidden[features.index])
        chosen = torch.tensor([CONDITIONS.index(name) for name in head.names])
        with torch.no_grad():
            inputs = torch.from_numpy(features.inputs()[kept])
            made = model.by_artist(inputs[None], torch.zeros(1, dtype=torch.long), chosen)[0].numpy()
        return features.index[kept], np.einsum("nij,nsj->sni", features.canonical.to_face[kept], made)

    return predict


def error(predict: Predict, head: LabelledFace, real: frozenset[str]) -> float | None:
    """Median rel of a head's real shapes; None when the network refuses it."""
    try:
        index, made = predict(head)
    except InputError:
        return None
    rows = zip(head.names, made, head.offsets, strict=True)
    return float(np.median([compare(shape, truth[index])["rel"] for name, shape, truth in rows if name in real]))


def shuffled(head: LabelledFace) -> LabelledFace:
    """The same head with its vertices in another order."""
    order = np.random.default_rng(0).permutation(len(head.vertices))
    return head.taken(order, np.argsort(order)[head.triangles])


def milliseconds(predict: Predict, head: LabelledFace) -> float:
    """Processor time of all shapes of a head whose features are known, the best of RUNS."""
    spent = []
    for _ in range(RUNS):
        began = time.process_time()
        predict(head)
        spent.append(time.process_time() - began)
    return min(spent) * 1e3


def _text(values: list[float | None]) -> str:
    """Their median, or that there is none."""
    if not values:
        return NOTHING
    return "refused" if None in values else f"{np.median(np.array(values, float)):.2f}"


def table(rig: Rig, others: list[Rig], config: TrainConfig, faces: int, work: Path) -> Table:
    """Train both below `work`, where trainings that are there already are taken, and compare them."""
    folder = work / "faces"
    for number in range(faces):
        path = folder / manifest.shard_of(manifest.key_of(rig), number)
        if not path.exists():
            dataset.save(
                dataset.instance_of(fixed_topology.head_of(rig, number), instance_rng(rig.name, number)[0]), path
            )
    minutes, paths = {}, {"fixed": work / "fixed.safetensors", "deformer": work / weights.FILE}
    for name, path in paths.items():
        began = time.process_time()
        if not path.exists():
            if name == "fixed":
                fixed_topology.train(replace(config, model=ModelConfig(), rate=FIXED_RATE), rig, faces, path)
            else:
                train.train(replace(config, model=ModelConfig()), folder, path)
            minutes[name] = f"{(time.process_time() - began) / 60:.1f}"
    network, index = fixed_topology.load(paths["fixed"])
    model = weights.load(paths["deformer"])[0]
    own = LabelledFace.of(rig)
    new = [fixed_topology.head_of(rig, faces + number) for number in range(HELD_OUT)]
    unseen = [(other, LabelledFace.of(other)) for other in others]
    rows = []
    for name, title, predict in (
        ("fixed", "fixed: one avatar's vertices", by_fixed(network, index, len(rig.vertices))),
        ("deformer", "free: any mesh", by_deformer(model)),
    ):
        size = sum(p.numel() for p in (network if name == "fixed" else model).parameters())
        rows.append((
            title, _text([error(predict, own, rig.real)]), _text([error(predict, head, rig.real) for head in new]),
            _text([error(predict, shuffled(own), rig.real)]),
            _text([error(predict, head, other.real) for other, head in unseen]),
            f"{size / 1e6:.2f}", f"{size * 4 / 2**20:.1f}", f"{milliseconds(predict, own):.0f}",
            minutes.get(name, NOTHING),
        ))  # fmt: skip
    note = (
        f"Median rel, the networks alone, labelled landmarks. Both learned from {faces} people on the mesh of "
        f"{rig.name}, {config.steps} steps; new people: {HELD_OUT} that neither saw; other avatars: "
        f"{len(unseen)} rigs of other families. ms: all {len(own.names)} shapes of {len(index)} vertices, one core."
    )
    head = (
        "network",
        "its avatar",
        "new people",
        "vertices reordered",
        "other avatars",
        "M weights",
        "MB",
        "ms",
        "CPU min",
    )
    return Table("Fixed and free topology", head, rows, note)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--avatar", metavar="SOURCE", default="anny", help="as of `prepare` (%(default)s)")
    parser.add_argument("--licence", help="under which the avatar may be used")
    parser.add_argument("--steps", type=int, default=1000, help="of both (%(default)s)")
    parser.add_argument("--faces", type=int, default=40, help="people on its mesh to learn from (%(default)s)")
    parser.add_argument("--work", type=Path, default=Path("out/architectures"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    rig = fixed_topology.avatar_of(given.avatar, given.licence)
    there = labelled() if data_folder().is_dir() else []
    others = [r for r in there if r.facts.fold != rig.facts.fold]
    config = TrainConfig(steps=given.steps, warmup=min(200, given.steps // 10), sheet_every=0)
    print(table(rig, others, config, given.faces, given.work).text())


if __name__ == "__main__":
    sys.exit(commands.run(main))
