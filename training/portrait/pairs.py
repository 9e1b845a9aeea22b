"""Pairs of a source and a driver of one person: from renders, with exact flow and pose, or from clips, without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference.eye_format import EYE_POINTS
from blendshape_addon.core.motion.face import FaceReader

from ..learning import arrays
from ..motion.animator.dataset import colours
from ..motion.gaze_model import MIRROR
from ..renders import shards
from .settings import Training

_EYES = arrays.Format("eyes of renders", 1, "delete it; it is read anew")
# From the axes of a face (to its left, up, forward) to those of `blocks.places` (right, down, away).
AXES = np.diag([1.0, -1.0, -1.0])
_MIRRORED = np.diag([-1.0, 1.0, 1.0])


class Pair(NamedTuple):
    """source, driver: (S, S, 3) float32, 0 to 1; seen: the driver's picture as its motion is read in it. flow:
    (S, S, 2) from where in the source each pixel of the driver comes, right and down, in sides of the picture; share:
    (S, S) of each pixel for which that holds. poses: (2, 3, 3) rotation of either head, see `emtn.Motion`; known: 1
    where there is such, else 0. eyes: (24, 2) EYE_POINTS of the driver in sides of the picture; eyes_known: 1 or 0."""

    source: np.ndarray
    driver: np.ndarray
    seen: np.ndarray
    flow: np.ndarray
    share: np.ndarray
    poses: np.ndarray
    known: float
    eyes: np.ndarray
    eyes_known: float


class Batch(NamedTuple):
    """N pairs as tensors, channels first."""

    source: Tensor
    driver: Tensor
    seen: Tensor
    flow: Tensor
    share: Tensor
    poses: Tensor
    known: Tensor
    eyes: Tensor
    eyes_known: Tensor


class Data(Protocol):
    """What pairs can be drawn from."""

    def pair(self, rng: np.random.Generator) -> Pair:
        """A random one."""


@dataclass(frozen=True)
class Either:
    """Pairs of one or the other, as often."""

    one: Data
    other: Data

    def pair(self, rng: np.random.Generator) -> Pair:
        return (self.one if rng.random() < 0.5 else self.other).pair(rng)


@dataclass(frozen=True)
class Rendered:
    """A person of renders. pictures: (F, S, S, 3) uint8; flow: (F - 1, S, S, 2) float16 from each to the next, in
    sides; share: (F - 1, S, S) float16; heads: (F, 3, 3), see `emtn.Motion`; eyes: (F, 24, 2), NaN where none were
    read; landmarks: (F, L, 2) in sides of the picture; units: (F, 52) in the order of ARKIT."""

    name: str
    pictures: np.ndarray
    flow: np.ndarray
    share: np.ndarray
    heads: np.ndarray
    eyes: np.ndarray
    landmarks: np.ndarray
    units: np.ndarray

    def at(self, number: int) -> Pair:
        """The pair of a picture, which drives, and the next one."""
        driver, source = (self.pictures[n] / np.float32(255) for n in (number, number + 1))
        eyes = self.eyes[number]
        known = float(np.isfinite(eyes).all())
        poses = self.heads[[number + 1, number]]
        return Pair(
            source, driver, driver, self.flow[number].astype(np.float32), self.share[number].astype(np.float32), poses,
            1.0, np.nan_to_num(eyes), known,
        )  # fmt: skip


class Renders:
    """People of renders in memory."""

    def __init__(self, people: Sequence[Rendered]) -> None:
        self.people = list(people)

    def pair(self, rng: np.random.Generator) -> Pair:
        person = self.people[rng.integers(len(self.people))]
        return person.at(int(rng.integers(len(person.flow))))

    def split(self, every: int) -> tuple[Renders, Renders]:
        """People to learn from, and every `every`-th one, who is new. Raises InputError where that leaves nobody on a
        side."""
        new = self.people[every - 1 :: every]
        learned = [person for n, person in enumerate(self.people) if n % every != every - 1]
        if not new or not learned:
            raise InputError(
                f"There are {len(self.people)} people and every {every}. is kept to measure on: give {every} or more."
            )
        return Renders(learned), Renders(new)


def load(folder: Path, size: int, with_eyes: bool = False) -> Renders:
    """All people of a folder that `portrait synth` made, at a size. with_eyes: where they are is read, too, and kept in
    the folder.

    Raises InputError where there are no shards, one is damaged, has no flow, or is smaller or no multiple of the size.
    """
    people, reader = [], None
    for path in tqdm(shards.paths_in(folder), "reading renders", unit="person"):
        shard = shards.load(path)
        there = shard.pictures.shape[1]
        if there % size:
            raise InputError(
                f"{path} has pictures of {there} pixels and {size} are trained: draw people with --size {size}, or "
                "twice that, and so on."
            )
        if not len(shard.flow):
            raise InputError(f"{path} has no optical flow: draw people with python -m training portrait synth.")
        eyes = np.full((len(shard.pictures), len(EYE_POINTS), 2), np.nan, np.float32)
        if with_eyes:
            reader = reader or FaceReader(provider="cpu")
            eyes = _eyes(path.parent / "eyes" / path.name, shard.pictures, reader)
        moved = smaller(shard.flow.astype(np.float32), there // size)
        heads = AXES @ shard.head.astype(float) @ AXES
        people.append(
            Rendered(
                shard.person, smaller(shard.pictures, there // size), (moved[..., :2] / there).astype(np.float16),
                moved[..., 2].astype(np.float16), heads.astype(np.float32), eyes, shard.landmarks[..., :2] / there,
                shard.units,
            )
        )  # fmt: skip
    return Renders(people)


def smaller(pictures: np.ndarray, factor: int) -> np.ndarray:
    """(F, S, S, C) means of squares of so many pixels; uint8 stays uint8."""
    count, height, width, channels = pictures.shape
    cells = pictures.reshape(count, height // factor, factor, width // factor, factor, channels).astype(np.float32)
    means = cells.mean((2, 4))
    return means.round().astype(np.uint8) if pictures.dtype == np.uint8 else means


def _eyes(file: Path, pictures: np.ndarray, reader: FaceReader) -> np.ndarray:
    """(F, 24, 2) EYE_POINTS in sides of the picture, NaN where no face is read, as kept in a file or read anew."""
    if file.exists():
        rows, _ = arrays.load(file, _EYES)
        if len(rows["eyes"]) == len(pictures):
            return rows["eyes"]
    found = np.full((len(pictures), len(EYE_POINTS), 2), np.nan, np.float32)
    for row, picture in zip(found, pictures, strict=True):
        if (reading := reader.follow(picture, None)) is not None:
            row[:] = (reading.landmarks[list(EYE_POINTS), :2] + 0.5) / pictures.shape[2]
    arrays.save(file, _EYES, {"eyes": found})
    return found


def draw(data: Data, told: Training, rng: np.random.Generator) -> Batch:
    """Random pairs, some mirrored, cut to a part of the picture, with other colours: source and driver alike, and what
    the motion is read in by itself, so that it tells nothing of colours."""
    rows, jitter = [], told.jitter
    for _ in range(told.pairs):
        pair = data.pair(rng)
        if rng.random() < told.flip:
            pair = mirrored(pair)
        gain, lift = colours(jitter, rng)
        own, own_lift = colours(jitter, rng)
        source, driver = ((one * gain + lift).clip(0, 1) for one in (pair.source, pair.driver))
        rows.append(pair._replace(source=source, driver=driver, seen=(pair.seen * own + own_lift).clip(0, 1)))
    return zoomed(batch_of(rows), told.zoom, rng)


def zoomed(batch: Batch, least: float, rng: np.random.Generator) -> Batch:
    """Pairs cut to random squares, of `least` or more of a picture's side, and brought back to the size."""
    count = len(batch.source)
    share = torch.from_numpy(rng.uniform(least, 1, (count, 1, 1))).float()
    middle = (1 - share) * torch.from_numpy(rng.uniform(-1, 1, (count, 2, 1))).float()
    grid = functional.affine_grid(
        torch.cat([share * torch.eye(2), middle], 2), list(batch.source.shape), align_corners=False
    )
    cut = {
        name: functional.grid_sample(getattr(batch, name), grid, "bilinear", "border", align_corners=False)
        for name in ("source", "driver", "seen", "flow", "share")
    }
    cut["flow"] = cut["flow"] / share[..., None]
    eyes = (batch.eyes - (middle.mT + 1 - share) / 2) / share
    return batch._replace(eyes=eyes, **cut)


def batch_of(rows: Sequence[Pair]) -> Batch:
    """Pairs as tensors."""
    parts = dict(zip(Pair._fields, (np.stack(part) for part in zip(*rows, strict=True)), strict=True))
    parts["share"] = parts["share"][..., None]
    for name in ("source", "driver", "seen", "flow", "share"):
        parts[name] = np.moveaxis(parts[name], -1, 1)
    return Batch(*(torch.from_numpy(np.ascontiguousarray(part, np.float32)) for part in parts.values()))


def mirrored(pair: Pair) -> Pair:
    """Both pictures mirrored, and what is true of them."""
    source, driver, seen, flow, share = (part[:, ::-1] for part in pair[:5])
    eyes = (pair.eyes * [-1, 1] + [1, 0])[list(MIRROR)]
    poses = _MIRRORED @ pair.poses @ _MIRRORED
    return Pair(source, driver, seen, flow * [-1, 1], share, poses, pair.known, eyes, pair.eyes_known)
