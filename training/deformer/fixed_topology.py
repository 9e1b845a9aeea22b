"""The network that this tool began with: made for the vertices of one avatar, in their order.

A mesh encoder reads where all vertices are, a condition encoder which expression is wanted, and their fusion becomes
the offsets of every vertex at once. It trains as the deformer does, which is for any number of vertices, and is
compared with it in `experiments.fixed_vs_free`.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.vocabulary import CONDITIONS

from ..config import ModelConfig, TrainConfig
from ..data import dataset, sources
from ..data.batch import Batch
from ..data.labelled_face import LabelledFace
from ..data.prepare import instance_rng
from ..data.rigs import Rig
from ..learning import checkpoint, distributed
from .model import OFFSET_SCALE
from .task import OffsetTask, finish, fit

SIZE = 0.1  # eye distances: how far a vertex of one person usually is from another's


class FixedNetwork(nn.Module):
    """Offsets of `vertices` vertices, linear in intensity and 0 at intensity 0, as the deformer's."""

    def __init__(self, config: ModelConfig, vertices: int) -> None:
        super().__init__()
        width = config.width

        def two(inputs: int) -> nn.Sequential:  # normalised, or the face would drown out the expression
            return nn.Sequential(
                nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, width), nn.LayerNorm(width)
            )  # fmt: skip

        self.register_buffer("middle", torch.zeros(vertices, 3))
        self.mesh_encoder = two(3 * vertices)
        self.condition_encoder = two(len(CONDITIONS))
        self.fusion = two(2 * width)
        self.offsets = nn.Linear(width, 3 * vertices)

    def forward(self, places: Tensor, artist: Tensor, chosen: Tensor) -> Tensor:
        """(B, V, 3) in face space and (E,) conditions to (B, V, E, 3) at full intensity; artist: there is one."""
        mesh = self.mesh_encoder(((places - self.middle) / SIZE).flatten(1))
        wanted = self.condition_encoder(torch.eye(len(CONDITIONS), device=places.device)[chosen])
        shape = (len(mesh), len(wanted), -1)
        fused = self.fusion(torch.cat([mesh[:, None].expand(shape), wanted[None].expand(shape)], -1))
        return self.offsets(fused).unflatten(-1, (-1, 3)).transpose(1, 2) * OFFSET_SCALE


class OneMesh:
    """Faces on one avatar's own mesh, in memory, for the trainer. places (F, V, 3) and targets (F, V, CONDITIONS, 3)
    face space, known (CONDITIONS,), index (V,) into the avatar's vertices."""

    def __init__(self, rig: Rig, numbers: range) -> None:
        self.heads = [head_of(rig, number) for number in tqdm(numbers, "warping", unit="face")]
        first = self.heads[0]
        moving = first.features.index
        self.index = moving[~first.hidden[moving]]
        self.artists = (rig.family,)
        order = [CONDITIONS.index(name) for name in first.names]
        self.known = np.isin(np.arange(len(CONDITIONS)), order)
        self.places = np.stack([head.vertices[self.index] for head in self.heads]).astype(np.float32)
        self.targets = np.zeros((len(self.heads), len(self.index), len(CONDITIONS), 3), np.float16)
        for target, head in zip(self.targets, self.heads, strict=True):
            target[:, order] = head.offsets[:, self.index].transpose(1, 0, 2)

    def draw(self, rng: np.random.Generator, config: TrainConfig) -> Batch:
        """`config.batch` random faces, whole."""
        chosen = np.sort(rng.choice(len(CONDITIONS), config.expressions, replace=False))
        faces = rng.integers(0, len(self.places), config.batch)
        targets = torch.from_numpy(self.targets[faces][:, :, chosen].astype(np.float32))
        count, vertices = targets.shape[:2]
        return Batch(
            torch.from_numpy(self.places[faces]), torch.eye(3).expand(count, vertices, 3, 3), targets,
            (targets**2).sum(-1).mean(1), torch.from_numpy(self.known[chosen]).expand(count, -1),
            torch.zeros(count, dtype=torch.long), torch.zeros(count, 0, 3), torch.from_numpy(chosen),
        )  # fmt: skip


def head_of(rig: Rig, number: int) -> LabelledFace:
    """Face `number` of an avatar, another person on its own mesh; number 0 is the avatar itself."""
    return dataset.make_head(rig, *instance_rng(rig.name, number), same_mesh=True)


def avatar_of(source: str, licence: str | None) -> Rig:
    """The one avatar of a source (see `sources`). Raises InputError when there are several."""
    rigs = sources.read(source, licence)
    if len(rigs) != 1:
        raise InputError(f"{source} has {len(rigs)} avatars, and a fixed network is for one: give a source of one.")
    return rigs[0]


def train(config: TrainConfig, rig: Rig, faces: int, out: Path) -> Path:
    """Train on the first `faces` faces of an avatar, or on from the last checkpoint; gives the file of the weights.

    Raises InputError as `train.train` does, and for a loss that needs the surface.
    """
    if config.loss.of_rings:
        raise InputError("A fixed network has the loss of reconstruction and reach alone: leave the other terms at 0.")
    with distributed.team() as team:
        pool = OneMesh(rig, range(faces))
        config.model.artists = pool.artists

        def build() -> FixedNetwork:
            network = FixedNetwork(config.model, len(pool.index))
            network.middle.copy_(torch.from_numpy(pool.places.mean(0)))
            return network

        result = fit(OffsetTask(config, pool, build), team, out)
        if team.rank == 0:
            notes = {"fixed": len(pool.index), "config": asdict(config), "avatar": rig.name, "licence": rig.licence}
            checkpoint.save(
                out, {"model": result.network.state_dict(), "data": {"index": torch.from_numpy(pool.index)}}, notes
            )
            finish(out, config, result)
    return out


def load(path: Path) -> tuple[FixedNetwork, np.ndarray]:
    """The network of a weights file, and the avatar's vertices (V,) that it is for.

    Raises InputError when the file is not there, damaged or of another architecture.
    """
    if not path.is_file():
        raise InputError(f"There are no weights in {path}: make them with `python -m training train --arch fixed`.")
    groups, notes = checkpoint.load(path)
    try:
        network = FixedNetwork(ModelConfig(**notes["config"]["model"]), notes["fixed"])
        network.load_state_dict(groups["model"])
        return network.eval(), groups["data"]["index"].numpy()
    except (KeyError, TypeError, RuntimeError) as error:
        raise InputError(f"{path} is of another architecture or version than this one: train it again.") from error


def predict(network: FixedNetwork, places: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """(S, V, 3) offsets of shapes at (V, 3) places, face space. Raises InputError for another number of vertices."""
    if places.shape != tuple(network.middle.shape):
        raise InputError(
            f"This network is for {len(network.middle)} vertices and no others: the face has {len(places)}."
        )
    chosen = torch.tensor([CONDITIONS.index(name) for name in names])
    with torch.no_grad():
        made = network(torch.from_numpy(places.astype(np.float32))[None], torch.zeros(1, dtype=torch.long), chosen)
    return made[0].transpose(0, 1).numpy()
