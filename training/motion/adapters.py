"""Adapters: networks that bring faces of another kind, such as drawn ones, into the space of motion descriptors.

An adapter sees a crop of a face and the neutral one of the same clip by the features of the network that finds people's
landmarks, and says what differs: units, the turn of the head and where the eyes look. It learns from people, whose
motion is known, and from clips of the other kind, of which nothing need be known: by contrast (van den Oord et al.,
"Representation Learning with Contrastive Predictive Coding", 2018: two views of a picture are alike, all other pictures
are not) and by cycles (Dwibedi et al., "Temporal Cycle-Consistency Learning", 2019: the nearest of the other kind has
to lead back).
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from blendshape_addon.core.inference.face_format import SCORES
from blendshape_addon.core.motion import pose, units
from blendshape_addon.core.motion.descriptor import Descriptors
from blendshape_addon.core.vocabulary import ARKIT

from ..learning import arrays
from . import motions
from .animator.metrics import LandmarkFeatures
from .domains import NAMES

FORMAT = arrays.Format("motion adapter", 1, "train it again with python -m training motion train-adapter")
# Of the network that finds landmarks: the last features that are SIDE places wide, of which POOLED are kept. On drawn
# faces they tell more than the last of all (ridge regression: R² of yaw 0.71 and 0.55, of blinks 0.38 and 0.22).
SIDE, POOLED, CHANNELS = 8, 4, 128
FEATURES = CHANNELS * POOLED**2
EMBEDDING = 64
DROPOUT = 0.3
FACE = "face"  # among the arrays of a file
OUTER_EYES = 0.4  # share of a crop's side that is between the outer corners of the eyes
# What an output of 1 means, so that all are of order 1: units as they are, degrees of the head and of the eyes.
SCALES = (*(1.0 for _ in ARKIT), *(15.0 for _ in motions.HEAD), *(15.0 for _ in motions.GAZE))
SHARPNESS = 10.0  # of similarities, the inverse of their temperature


class Adapter(nn.Module):
    """features, neutral: (N, FEATURES) of a face and of the neutral one, to (N, 57) in the order of `domains.NAMES`."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Sequential(
            nn.BatchNorm1d(FEATURES, affine=False), nn.Dropout(DROPOUT),
            nn.Linear(FEATURES, 128), nn.ReLU(inplace=True), nn.Linear(128, EMBEDDING),
        )  # fmt: skip
        self.head = nn.Sequential(nn.Linear(EMBEDDING, 96), nn.ReLU(inplace=True), nn.Linear(96, len(NAMES)))
        self.register_buffer("scales", torch.tensor(SCALES))

    def forward(self, features: Tensor, neutral: Tensor) -> Tensor:
        return self.told(self.embedding(features) - self.embedding(neutral))

    def told(self, away: Tensor) -> Tensor:
        """(N, 57) of (N, EMBEDDING) embeddings less the neutral face's."""
        return (self.head(away) - self.head(torch.zeros_like(away[:1]))) * self.scales


class Terms(NamedTuple):
    """Weights of the terms of the loss."""

    descriptor: float = 1.0
    contrast: float = 0.1
    cycle: float = 0.05
    paired: float = 1.0


def descriptor_loss(told: Tensor, truth: Tensor, scales: Tensor) -> Tensor:
    """Smooth L1 of (N, 57) where (N, 57) truth is known; 0 if it is nowhere."""
    known = torch.isfinite(truth)
    missed = functional.smooth_l1_loss(told / scales, torch.nan_to_num(truth) / scales, reduction="none", beta=0.2)
    return (missed * known).sum() / known.sum().clamp(min=1)


def contrast(one: Tensor, other: Tensor) -> Tensor:
    """Cross-entropy of finding (N, D) embeddings among (N, D) ones of other views of the same pictures."""
    alike = SHARPNESS * functional.normalize(one, dim=1) @ functional.normalize(other, dim=1).T
    wanted = torch.arange(len(one), device=one.device)
    return (functional.cross_entropy(alike, wanted) + functional.cross_entropy(alike.T, wanted)) / 2


def cycle(here: Tensor, there: Tensor) -> Tensor:
    """Cross-entropy of coming back to each of (N, D) embeddings from its soft nearest among (M, D) of another kind."""
    here, there = functional.normalize(here, dim=1), functional.normalize(there, dim=1)
    nearest = torch.softmax(SHARPNESS * here @ there.T, 1) @ there
    back = SHARPNESS * nearest @ here.T
    return functional.cross_entropy(back, torch.arange(len(here), device=here.device))


def save(path: Path, adapter: Adapter, face: np.ndarray, notes: dict) -> None:
    """Write an adapter. face: (478, 3) landmarks, as `Descriptors` has them, that all its faces get. Raises InputError
    when the disk is full."""
    rows = {name: value.numpy() for name, value in adapter.state_dict().items()}
    arrays.save(path, FORMAT, rows | {FACE: face.astype(np.float32)}, notes)


def load(path: Path) -> tuple[Adapter, np.ndarray]:
    """An adapter and its face as `save` wrote them. Raises InputError as `arrays.load` does."""
    rows, _ = arrays.load(path, FORMAT)
    face = rows.pop(FACE)
    adapter = Adapter()
    adapter.load_state_dict({name: torch.from_numpy(value) for name, value in rows.items()})
    return adapter.eval(), face


class Features:
    """What the network that finds a person's landmarks sees in crops, whether or not it takes them for a face."""

    def __init__(self) -> None:
        self._network = LandmarkFeatures(SIDE)

    def of(self, crops: np.ndarray) -> np.ndarray:
        """(N, FEATURES) of (N, S, S, 3) uint8 crops."""
        step = SIDE // POOLED
        found = [self._network.by_place(crop).reshape(CHANNELS, POOLED, step, POOLED, step) for crop in crops]
        return np.stack([values.mean((2, 4)).ravel() for values in found]).astype(np.float32)


@torch.no_grad()
def apply(adapter: Adapter, features: np.ndarray, neutral: np.ndarray) -> np.ndarray:
    """(N, 57) in the order of `domains.NAMES`. features, neutral: (N, FEATURES)."""
    adapter.eval()
    return adapter(torch.from_numpy(features), torch.from_numpy(neutral)).numpy()


def describe(
    values: np.ndarray,
    face: np.ndarray,
    place: tuple[np.ndarray, float],
    size: tuple[int, int],
    rate: float,
    content: str,
) -> Descriptors:
    """Descriptors that `core.motion.performance` reads (N, 57) values from.

    face: (478, 3) landmarks of every frame: units are told by the scores alone, which are as high as they have to be
    for that. place: centre and side of the crop, pixels; size: height and width of the pictures. content: as of the
    clip.
    """
    count = len(values)
    column = {name: values[:, number] for number, name in enumerate(NAMES)}
    scores = np.zeros((count, len(SCORES)))
    for number, name in enumerate(SCORES):
        if name in column:
            scores[:, number] = column[name].clip(0, 1) / units.weights(name)["score"]
    turn = np.radians(np.stack([column[name] for name in motions.HEAD], 1))
    gaze = np.stack([column[name] for name in motions.GAZE], 1)
    blink = np.stack([column["eyeBlinkLeft"], column["eyeBlinkRight"]], 1).clip(0, 1)
    (centre, side), (height, width) = place, size
    at = np.array([centre[0] - width / 2, height / 2 - centre[1], OUTER_EYES * side]) / height
    rows = {
        "landmarks": np.repeat(face[None], count, 0), "rotation": pose.to_matrices(turn),
        "place": np.tile(at, (count, 1)), "scores": scores, "mouth": np.zeros((count, 0)),
        "tongue": column["tongueOut"].clip(0, 1),
        "gaze": np.repeat(gaze[:, None], 2, 1), "blink": blink, "presence": np.ones(count),
    }  # fmt: skip
    found = {name: row.astype(np.float32) for name, row in rows.items()}
    return Descriptors(np.arange(count) / rate, np.ones(count, bool), **found, faces=1, content=content)
