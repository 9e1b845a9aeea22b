"""Learning a corrective model from a clip: bones, linear map, and epochs of a network on top."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from blendshape_addon.core.corrective.frames import Frames
from blendshape_addon.core.inference.corrective_format import NEIGHBOURS

from ..learning import checkpoint
from . import estimate, linear
from .clip import Clip, nearest_joints
from .corrector import Corrector, Kind
from .linear import PoseMap
from .networks import NETWORKS, Network, Shape
from .parameters import TRAINING

METRES = 1000.0  # losses are of millimetres, so that they are near 1


@dataclass(frozen=True)
class Settings:
    """As the options of `train` of the same names."""

    model_type: str
    space: str
    num_frames: int
    num_condition_frames: int
    latent_size: int
    num_embeddings: int
    num_experts: int
    mini_batch_size: int
    seed: int


def prepare(source: Frames, target: np.ndarray, joints: np.ndarray | None, frames: int) -> Clip:
    """What is learned from: bones are estimated, each gets those whose rotations tell what is missing, and each vertex
    the joints nearest to it. frames: n. joints: (F, J, 3) or None."""
    bones = estimate.estimate(source.positions, source.edges)
    near = nearest_joints(source.positions[0], joints[0], NEIGHBOURS) if joints is not None else None
    clip = Clip(source.positions, bones, frames, target, joints, near)
    clip.bones = replace(bones, near=estimate.choose_near(bones, clip.motion.turn, clip.missing))
    return clip


def begin(clip: Clip, topology: str, settings: Settings, base: PoseMap | None = None) -> Corrector:
    """A model of a mesh of this topology before its first epoch, its linear map fitted to a clip with a target. base:
    that map where it is known already."""
    with_joints = settings.model_type == "with_joints"
    count = clip.joints.shape[1] if with_joints and clip.joints is not None else 0
    bones, joint_near = clip.bones, clip.joint_near if with_joints else None
    kind = Kind(settings.model_type, settings.space, clip.frames, clip.skinned.shape[1], topology, count)
    local = kind.space == "local"
    if base is None and local:
        base = linear.fit(clip, gated=kind.model_type == "gated")
    if kind.model_type not in NETWORKS:
        return Corrector(kind, bones, joint_near, base, None).eval()
    torch.manual_seed(settings.seed)
    poses = 3 * NEIGHBOURS
    shape = Shape(
        now=3 + (poses if local else 0),
        past=(clip.frames - 1) * (3 + (poses if local else 0)),
        joints=clip.frames * 3 * (NEIGHBOURS if local else count) if count else 0,
        latent=settings.latent_size,
        embeddings=settings.num_embeddings,
        experts=settings.num_experts,
        hidden=TRAINING.hidden,
        code=TRAINING.code if local else 0,
        vertices=kind.vertices,
    )
    corrector = Corrector(kind, bones, joint_near, base, Network(shape))
    if local:
        rng = np.random.default_rng(settings.seed)
        frame = rng.integers(0, len(clip.skinned), 20000)
        vertex = rng.choice(np.flatnonzero(_active(clip)), 20000)
        corrector.network.normalise(corrector.columns(clip, frame, vertex))
    return corrector


def _active(clip: Clip) -> np.ndarray:
    """(V,) bool: vertices that have something to learn, all of them where none has."""
    moves = np.sqrt((clip.missing**2).sum(-1).mean(0)) > TRAINING.active
    return moves if moves.any() else np.ones_like(moves)


class Trainer:
    """Epochs of a network. What it holds is all that a resumed training needs beside the data."""

    def __init__(self, corrector: Corrector, clip: Clip, edges: np.ndarray, settings: Settings) -> None:
        self.corrector, self.clip, self.settings = corrector, clip, settings
        self.optimiser = torch.optim.Adam(corrector.network.parameters(), lr=TRAINING.rate)
        local = corrector.kind.space == "local"
        self.vertices = np.flatnonzero(_active(clip)) if local else np.arange(corrector.kind.vertices)
        # What is to be learned, and by how much the network's output counts at each vertex.
        self.wanted = clip.missing - linear.predict(corrector.base, clip) if local else clip.target
        if local:
            rms = np.sqrt((self.wanted**2).sum(-1).mean(0)).astype(np.float32)
            corrector.scale.copy_(torch.from_numpy(rms)[:, None])
        self.smooth = corrector.kind.model_type == "without_joints_smoothened"
        self.edges = torch.from_numpy(edges)
        self.degree = torch.bincount(self.edges.flatten(), minlength=corrector.kind.vertices).clamp_min(1)[:, None]

    def epoch(self, number: int, device: torch.device) -> list[float]:
        """The losses of the steps of one epoch, the first of which has number 1; every pair of a frame and a vertex
        comes once. The same number gives the same order, whatever was trained before."""
        self.corrector.to(device).train()
        for group in self.optimiser.param_groups:
            group["lr"] = TRAINING.rate / number**0.5
        rng = np.random.default_rng([self.settings.seed, number])
        losses = []
        for frame, vertex in self._batches(rng):
            loss = self._loss(frame, vertex, device)
            self.optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.corrector.network.parameters(), 1.0)
            self.optimiser.step()
            losses.append(float(loss.detach()))
        self.corrector.cpu().eval()
        return losses

    def _batches(self, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Pairs of frames and vertices in random order; for the Laplacian, whole frames."""
        count, size = len(self.clip.skinned), self.settings.mini_batch_size
        if self.smooth:
            every = np.arange(self.corrector.kind.vertices)
            order = rng.permutation(count)
            for some in np.array_split(order, max(1, -(-count * len(every) // size))):
                if len(some):
                    yield np.repeat(some, len(every)), np.tile(every, len(some))
            return
        pairs = rng.permutation(count * len(self.vertices))
        for some in np.array_split(pairs, max(1, -(-len(pairs) // size))):
            yield some // len(self.vertices), self.vertices[some % len(self.vertices)]

    def _loss(self, frame: np.ndarray, vertex: np.ndarray, device: torch.device) -> Tensor:
        columns = {name: value.to(device) for name, value in self.corrector.columns(self.clip, frame, vertex).items()}
        at = torch.from_numpy(vertex).to(device)
        wanted = torch.from_numpy(self.wanted[frame, vertex]).to(device)
        made, book = self.corrector.network(columns, at)
        error = (made * self.corrector.scale[at] - wanted) * METRES
        loss = (error**2).mean() + book[0] + TRAINING.commitment * book[1]
        if self.smooth:
            loss = loss + TRAINING.smooth * (self._laplacian(error) ** 2).mean()
        return loss

    def _laplacian(self, error: Tensor) -> Tensor:
        """Differences of (frames x V, 3) errors from the means of their neighbours'."""
        every = error.reshape(-1, self.corrector.kind.vertices, 3)
        edges = self.edges.to(error.device)
        summed = torch.zeros_like(every)
        summed = summed.index_add(1, edges[:, 0], every[:, edges[:, 1]]).index_add(
            1, edges[:, 1], every[:, edges[:, 0]]
        )
        return every - summed / self.degree.to(error.device)

    def state(self) -> dict[str, Tensor]:
        """What the optimiser remembers."""
        return checkpoint.moments(self.optimiser)

    def restore(self, kept: dict[str, Tensor]) -> None:
        """Put back what `state` gave."""
        checkpoint.restore_moments(self.optimiser, kept)
