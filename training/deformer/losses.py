"""The composite loss: reconstruction, and what the surface around a vertex must not do.

Every term is 0 where the truth is met, so that none pulls away from it: a mouth that opens does stretch its cheeks and
a lid does turn over. What a term adds is a preference among the errors that are left.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..config import LossConfig
from ..data.batch import Batch
from ..data.surface_rings import RING

FAINT = 1e-6  # squared eye distances: a shape or a bend that is hardly one
KEPT = 0.1  # part of its true signed volume below which a triangle of a one-ring counts as inverted
FARTHER = 1.25  # times the farthest true motion of a shape, from where on a motion is extreme
MIDDLE = (0.0, -0.5, -1.0)  # face space: inside of every head


def terms(predicted: Tensor, batch: Batch, weights: LossConfig) -> dict[str, Tensor]:
    """Terms of the loss by name, unweighted; those with weight 0 are left out. predicted: (B, V, E, 3) canonical."""
    offsets = torch.einsum("bnij,bnej->bnei", batch.to_face, predicted.float())
    single = offsets.shape[1] - batch.places.shape[1]
    made, true, known = offsets[:, :single], batch.targets[:, :single], batch.known
    out = {"reconstruction": reconstruction(made, true, batch.energy)[known].mean()}
    if weights.reach:
        out["reach"] = reach(made, true)[known].mean()
    if weights.of_rings:
        rest = batch.places.unflatten(1, (-1, 1 + 2 * RING)).unsqueeze(3)
        made, true = (o[:, single:].unflatten(1, (-1, 1 + 2 * RING)) for o in (offsets, batch.targets))
        if weights.laplacian:
            out["laplacian"] = laplacian(made, true)[known].mean()
        if weights.edge:
            out["edge"] = edge(rest, made, true)[known].mean()
        if weights.volume:
            out["volume"] = volume(rest, made, true)[known].mean()
    return out


def total(found: dict[str, Tensor], weights: LossConfig) -> Tensor:
    """The weighted sum that is minimised."""
    loss = found["reconstruction"]
    for name, value in found.items():
        if name != "reconstruction":
            loss = loss + getattr(weights, name) * value
    return loss


def reconstruction(made: Tensor, true: Tensor, energy: Tensor) -> Tensor:
    """(B, E) `rel`: the error's norm over the truth's, so that a faint shape counts as much as a strong one and an
    artist with another amplitude does not rule. Offsets (B, N, E, 3)."""
    error = ((made - true) ** 2).sum(-1).mean(1)
    scale = ((true**2).sum(-1).mean(1) + energy) / 2 + FAINT
    return torch.sqrt(error / scale + 1e-4)


def reach(made: Tensor, true: Tensor) -> Tensor:
    """(B, E) how far the farthest vertex goes beyond FARTHER times the farthest of the truth, as a part of that."""
    farthest = _length(true).amax(1) + FAINT**0.5
    return torch.relu(_length(made).amax(1) / farthest - FARTHER)


def laplacian(made: Tensor, true: Tensor) -> Tensor:
    """(B, E) error of the uniform Laplacian of the offsets over its truth (Sorkine et al. 2004, "Laplacian Surface
    Editing", section 2): wrinkles that the artist did not make. Offsets of rings (B, C, M, E, 3)."""
    bend, truth = (o[:, :, 1:].mean(2) - o[:, :, 0] for o in (made, true))
    error = ((bend - truth) ** 2).sum(-1).mean(1)
    return torch.sqrt(error / ((truth**2).sum(-1).mean(1) + FAINT) + 1e-4)


def edge(rest: Tensor, made: Tensor, true: Tensor) -> Tensor:
    """(B, E) mean difference between the lengths of edges and their true ones over the length at rest. rest: (B, C, M,
    1, 3)."""
    length, truth, before = (_length(p[:, :, 1:] - p[:, :, :1]) for p in (rest + made, rest + true, rest))
    return ((length - truth).abs() / (before + FAINT**0.5)).mean((1, 2))


def volume(rest: Tensor, made: Tensor, true: Tensor) -> Tensor:
    """(B, E) inverted volume, of one-rings and of the head, as parts of the volume at rest.

    Under a triangle of a ring lies a prism of signed volume h n·a, with a its area vector, n its true normal and h any
    depth; it must not fall under KEPT of its truth. A ring's triangles are judged one by one, since their sum depends
    on the ring's border alone: a vertex thrown across it would not be seen. The head's volume is the sum of signed
    tetrahedra from MIDDLE over all the rings (divergence theorem; Zhang and Chen 2001), which must be the truth's.
    """
    (area, whole), (truth, whole_truth), (before, whole_before) = (
        _volumes(p) for p in (rest + made, rest + true, rest)
    )
    size = _length(truth)
    upright = (area * truth).sum(-1) / size
    short = torch.relu(KEPT * size - upright).sum(2) / (_length(before).sum(2) + FAINT)
    swollen = (whole - whole_truth).sum((1, 2)).abs() / (whole_before.sum((1, 2)).abs() + FAINT)
    return short.mean(1) + swollen


def _volumes(places: Tensor) -> tuple[Tensor, Tensor]:
    """Of rings at (B, C, M, E, 3): area vectors of their triangles (B, C, RING, E, 3), and the signed volumes of the
    tetrahedra from them to MIDDLE (B, C, RING, E)."""
    centre, after, before = places[:, :, :1], places[:, :, 1::2], places[:, :, 2::2]
    area = torch.linalg.cross(after - centre, before - centre) / 2
    return area, (area * (centre - centre.new_tensor(MIDDLE))).sum(-1) / 3


def _length(vectors: Tensor) -> Tensor:
    """Norms of the last axis, with a gradient at 0 too."""
    return torch.sqrt((vectors**2).sum(-1) + 1e-12)
