"""The networks: a multi-pose encoder, with joints or without, a codebook, and a decoder of several experts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

MODEL_TYPES = ("without_joints", "with_joints", "without_joints_smoothened", "linear", "gated")
NETWORKS = MODEL_TYPES[:3]


@dataclass(frozen=True)
class Shape:
    """What a network is built of. now, past, joints: columns of the present frame, of the earlier ones and of the
    joints, 0 for none. latent: of the encoder. embeddings: of the codebook, 0 for none. experts: of the decoder.
    hidden: width. code: numbers per vertex, 0 for none, of `vertices`."""

    now: int
    past: int
    joints: int
    latent: int
    embeddings: int
    experts: int
    hidden: int
    code: int
    vertices: int


class Codebook(nn.Module):
    """The nearest of a few learned vectors (van den Oord et al. 2017, "Neural discrete representation learning")."""

    def __init__(self, count: int, size: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.empty(count, size).uniform_(-1 / count, 1 / count))

    def forward(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """The entry nearest to each of (S, L), with the gradient going straight to the latent, and the mean squared
        distances of equation 3 as (entry to latent, latent to entry)."""
        away = (self.vectors**2).sum(1) - 2 * latent @ self.vectors.T
        found = self.vectors[away.argmin(1)]
        losses = torch.stack([((found - latent.detach()) ** 2).mean(), ((found.detach() - latent) ** 2).mean()])
        return latent + (found - latent).detach(), losses


class Encoder(nn.Module):
    """The present frame, the earlier ones and the joints to one latent."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        sizes = (shape.now, shape.past, shape.joints)
        self.branches = nn.ModuleList(nn.Linear(size, shape.hidden) for size in sizes if size)
        self.code = nn.Linear(shape.code, shape.hidden, bias=False) if shape.code else None
        self.rest = nn.Sequential(
            nn.SiLU(), nn.Linear(shape.hidden, shape.hidden), nn.SiLU(), nn.Linear(shape.hidden, shape.latent)
        )

    def forward(self, parts: list[Tensor], code: Tensor | None) -> Tensor:
        """(S, L) of the parts that there are, each (S, columns) or (1, columns), and (S, code)."""
        summed = sum(branch(part) for branch, part in zip(self.branches, parts, strict=True))
        if self.code is not None:
            summed = summed + self.code(code)
        return self.rest(summed)


class Decoder(nn.Module):
    """Experts one after another, each of which sees the latent and what the one before it gave; their outputs are
    summed with learned weights."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        wide = shape.latent + shape.code
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(wide + (3 if number else 0), shape.hidden), nn.SiLU(), nn.Linear(shape.hidden, 3))
            for number in range(shape.experts)
        )
        self.shares = nn.Parameter(torch.full((shape.experts,), 1 / shape.experts))

    def forward(self, latent: Tensor, code: Tensor | None) -> Tensor:
        """(S, 3) of (S, L)."""
        seen = latent if code is None else torch.cat([latent, code], 1)
        before = self.experts[0](seen)
        total = self.shares[0] * before
        for share, expert in zip(self.shares[1:], self.experts[1:], strict=True):
            before = expert(torch.cat([seen, before], 1))
            total = total + share * before
        return total


class Network(nn.Module):
    """Encoder, codebook and decoder on columns that are brought to mean 0 and variance 1 by `middle` and `spread`."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder, self.decoder = Encoder(shape), Decoder(shape)
        self.codebook = Codebook(shape.embeddings, shape.latent) if shape.embeddings else None
        self.codes = nn.Parameter(torch.randn(shape.vertices, shape.code) * 0.5) if shape.code else None
        for name, size in (("now", shape.now), ("past", shape.past), ("joints", shape.joints)):
            self.register_buffer(f"middle_{name}", torch.zeros(size))
            self.register_buffer(f"spread_{name}", torch.ones(size))

    def forward(self, columns: Mapping[str, Tensor], vertex: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(S, 3) of (S, columns) by name, and the losses of the codebook. vertex: (S,) int64, every one if None."""
        parts = [
            (columns[name] - getattr(self, f"middle_{name}")) / getattr(self, f"spread_{name}")
            for name in ("now", "past", "joints")
            if getattr(self.shape, name)
        ]
        code = self.codes if vertex is None or self.codes is None else self.codes[vertex]
        latent = self.encoder(parts, code)
        losses = torch.zeros(2)
        if self.codebook is not None:
            entry, losses = self.codebook(latent)
            latent = latent + entry  # in its place it would leave one output per entry
        return self.decoder(latent, code), losses

    @torch.no_grad()
    def normalise(self, columns: Mapping[str, Tensor]) -> None:
        """Take mean and spread from (S, columns) samples; a column that hardly changes is left as small as it is."""
        for name, value in columns.items():
            if not value.shape[1]:
                continue
            getattr(self, f"middle_{name}").copy_(value.mean(0))
            getattr(self, f"spread_{name}").copy_(value.std(0).clamp_min(1e-3))
