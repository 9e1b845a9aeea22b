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
from blendshape_addon.core.motion.face import networks_of
from blendshape_addon.core.vocabulary import ARKIT, LANDMARK_INDEX
from blendshape_addon.core.vocabulary import mirrored as other_side

from ..learning import arrays
from ..motion.animator.dataset import colours
from ..motion.gaze_model import MIRROR
from ..renders import shards
from . import face_code
from .blocks import tensor
from .settings import Training

_CODES = arrays.Format("codes of faces of renders", 1, "delete it; it is read anew")
_LEAST_SPREAD = 1e-3  # of a number of a code
# From the axes of a face (to its left, up, forward) to those of `blocks.places` (right, down, away).
AXES = np.diag([1.0, -1.0, -1.0])
_MIRRORED = np.diag([-1.0, 1.0, 1.0])
_UNIT_MIRROR = [ARKIT.index(other_side(name)) for name in ARKIT]
# What counts more, see `settings.Terms.care`: landmarks about it, and by how much of its width it is enlarged.
_CARE = (
    *((tuple(row for name, row in LANDMARK_INDEX.items() if name.startswith(("eye_", "lid_")) and name.endswith(side)),
       0.35) for side in ("_l", "_r")),
    (tuple(row for name, row in LANDMARK_INDEX.items() if name.startswith(("mouth_", "lip_"))), 0.25),
)  # fmt: skip


class Pair(NamedTuple):
    """source, driver: (S, S, 3) float32, 0 to 1; seen: (M, M, 3) the driver's picture as a student reads its motion;
    codes: (2, 2, K) of either picture, as it is and mirrored, from which a base reads it, see `face_code`. flow:
    (S, S, 2) from where in the source each pixel of the driver comes, right and down, in sides of the picture; share:
    (S, S) of each pixel for which that holds; care: (S, S) 1 about mouth and eyes of the driver, else 0. poses:
    (2, 3, 3) rotation of either head, see `emtn.Motion`; units: (2, 52) of either, in the order of ARKIT; units_known:
    (52,) 1 for those that the person can make; known: 1 where there is a truth of all these, else 0. eyes: (24, 2)
    EYE_POINTS of the driver in sides of the picture; eyes_known: 1 or 0."""

    source: np.ndarray
    driver: np.ndarray
    seen: np.ndarray
    codes: np.ndarray
    flow: np.ndarray
    share: np.ndarray
    care: np.ndarray
    poses: np.ndarray
    units: np.ndarray
    units_known: np.ndarray
    known: float
    eyes: np.ndarray
    eyes_known: float


_WIDE = ("source", "driver", "flow", "share", "care")  # parts that are pictures


class Batch(NamedTuple):
    """N pairs as tensors, channels first; codes: (N, 2, K) of the pictures as they are; noise: likewise, to be added to
    them, in their standard deviations."""

    source: Tensor
    driver: Tensor
    seen: Tensor
    codes: Tensor
    noise: Tensor
    flow: Tensor
    share: Tensor
    care: Tensor
    poses: Tensor
    units: Tensor
    units_known: Tensor
    known: Tensor
    eyes: Tensor
    eyes_known: Tensor


class Data(Protocol):
    """What pairs can be drawn from."""

    def pair(self, rng: np.random.Generator) -> Pair:
        """A random one."""

    def usual_codes(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the codes of faces, (K,) each."""


@dataclass(frozen=True)
class Either:
    """Pairs of one or the other, as often."""

    one: Data
    other: Data

    def pair(self, rng: np.random.Generator) -> Pair:
        return (self.one if rng.random() < 0.5 else self.other).pair(rng)

    def usual_codes(self) -> tuple[np.ndarray, np.ndarray]:
        return self.one.usual_codes()


@dataclass(frozen=True)
class Rendered:
    """A person of renders, first with the neutral face. fold: the family. pictures: (F, S, S, 3) uint8; seen:
    (F, M, M, 3) the same in another size, see `Pair`; codes: (F, 2, K) of each, as it is and mirrored; flow:
    (F - 1, S, S, 2) float16 from each to the next, in sides; share: (F - 1, S, S) float16; heads: (F, 3, 3), see
    `emtn.Motion`; eyes: (F, 24, 2) EYE_POINTS as they were read; landmarks: (F, L, 2) in sides of the picture; units:
    (F, 52) in the order of ARKIT; units_known: (52,) whether the person can make a unit."""

    name: str
    fold: str
    pictures: np.ndarray
    seen: np.ndarray
    codes: np.ndarray
    flow: np.ndarray
    share: np.ndarray
    heads: np.ndarray
    eyes: np.ndarray
    landmarks: np.ndarray
    units: np.ndarray
    units_known: np.ndarray

    def at(self, number: int) -> Pair:
        """The pair of a picture, which drives, and the next one."""
        both = [number + 1, number]
        source, driver = self.pictures[both] / np.float32(255)
        return Pair(
            source, driver, self.seen[number] / np.float32(255), self.codes[both].astype(np.float32),
            self.flow[number].astype(np.float32), self.share[number].astype(np.float32),
            care(self.landmarks[number], len(driver)), self.heads[both], self.units[both],
            self.units_known, 1.0, self.eyes[number], 1.0,
        )  # fmt: skip


class Renders:
    """People of renders in memory."""

    def __init__(self, people: Sequence[Rendered]) -> None:
        self.people = list(people)

    def pair(self, rng: np.random.Generator) -> Pair:
        person = self.people[rng.integers(len(self.people))]
        return person.at(int(rng.integers(len(person.flow))))

    def usual_codes(self) -> tuple[np.ndarray, np.ndarray]:
        codes = np.concatenate([person.codes.astype(np.float32).reshape(-1, face_code.SIZE) for person in self.people])
        return codes.mean(0), codes.std(0) + _LEAST_SPREAD

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


def care(landmarks: np.ndarray, size: int) -> np.ndarray:
    """(S, S) float32, 1 about the mouth and the eyes of (L, 2) landmarks in sides of the picture, else 0."""
    found = np.zeros((size, size), np.float32)
    for rows, more in _CARE:
        low, high = landmarks[list(rows)].min(0), landmarks[list(rows)].max(0)
        reach = more * (high - low)[0]
        (left, top), (right, bottom) = ((low - reach) * size).astype(int).clip(0), np.ceil((high + reach) * size)
        found[top : int(bottom), left : int(right)] = 1
    return found


def load(folder: Path, size: int, motion_size: int = 0) -> Renders:
    """All people of a folder that `portrait synth` made, at a size; codes of their pictures are kept in the folder.
    motion_size: of the pictures that motion is read in, if it is larger than the size.

    Raises InputError where there are no shards, one is damaged, has no flow, or is smaller or no multiple of the sizes.
    """
    wide, networks = max(size, motion_size), networks_of()
    people = []
    for path in tqdm(shards.paths_in(folder), "reading renders", unit="person"):
        shard = shards.load(path)
        there = shard.pictures.shape[1]
        if there % wide or there % size:
            raise InputError(
                f"{path} has pictures of {there} pixels and {wide} are trained: draw people with --size {wide}, or "
                "twice that, and so on."
            )
        if not len(shard.flow):
            raise InputError(f"{path} has no optical flow: draw people with python -m training portrait synth.")
        codes, eyes = _codes(path.parent / "codes" / path.name, shard.pictures, networks)
        moved = smaller(shard.flow.astype(np.float32), there // size)
        heads = AXES @ shard.head.astype(float) @ AXES
        people.append(
            Rendered(
                shard.person, shard.fold, smaller(shard.pictures, there // size),
                smaller(shard.pictures, there // wide), codes, (moved[..., :2] / there).astype(np.float16),
                moved[..., 2].astype(np.float16), heads.astype(np.float32), eyes, shard.landmarks[..., :2] / there,
                shard.units, shard.known.astype(np.float32),
            )
        )  # fmt: skip
    return Renders(people)


def smaller(pictures: np.ndarray, factor: int) -> np.ndarray:
    """(F, S, S, C) means of squares of so many pixels; uint8 stays uint8."""
    count, height, width, channels = pictures.shape
    cells = pictures.reshape(count, height // factor, factor, width // factor, factor, channels).astype(np.float32)
    means = cells.mean((2, 4))
    return means.round().astype(np.uint8) if pictures.dtype == np.uint8 else means


@torch.no_grad()
def _codes(file: Path, pictures: np.ndarray, networks: str) -> tuple[np.ndarray, np.ndarray]:
    """(F, 2, K) float16 codes of pictures as they are and mirrored, and (F, 24, 2) EYE_POINTS in sides of the picture,
    as kept in a file, if these networks read it (see `face.networks_of`), or read anew."""
    if file.exists():
        rows, read_by = arrays.load(file, _CODES)
        if read_by == networks and rows["codes"].shape == (len(pictures), 2, face_code.SIZE):
            return rows["codes"], rows["eyes"]
    both = np.stack([pictures, pictures[:, :, ::-1]], 1).reshape(-1, *pictures.shape[1:])
    found = face_code.read(tensor(both))
    codes = found.code.numpy().astype(np.float16).reshape(len(pictures), 2, face_code.SIZE)
    eyes = found.eyes[::2].numpy()
    arrays.save(file, _CODES, {"codes": codes, "eyes": eyes}, networks)
    return codes, eyes


def draw(data: Data, told: Training, rng: np.random.Generator) -> Batch:
    """Random pairs, some mirrored, cut to a part of the picture, with other colours: source and driver alike, and what
    the motion is read in by itself, so that it tells nothing of colours."""
    rows = []
    for _ in range(told.pairs):
        pair = data.pair(rng)
        if rng.random() < told.flip:
            pair = mirrored(pair)
        gain, lift = colours(told.jitter, rng)
        own, own_lift = colours(told.jitter, rng)
        source, driver = ((one * gain + lift).clip(0, 1) for one in (pair.source, pair.driver))
        rows.append(pair._replace(source=source, driver=driver, seen=(pair.seen * own + own_lift).clip(0, 1)))
    batch = batch_of(rows)
    noise = told.code_noise * rng.standard_normal(batch.codes.shape, np.float32)
    batch = batch._replace(noise=torch.from_numpy(noise))
    return zoomed(batch, told.zoom, rng) if told.zoom < 1 else batch


def zoomed(batch: Batch, least: float, rng: np.random.Generator) -> Batch:
    """Pairs cut to random squares, of `least` or more of a picture's side, and brought back to the size."""
    count = len(batch.source)
    share = torch.from_numpy(rng.uniform(least, 1, (count, 1, 1))).float()
    middle = (1 - share) * torch.from_numpy(rng.uniform(-1, 1, (count, 2, 1))).float()
    affine = torch.cat([share * torch.eye(2), middle], 2)
    cut = {}
    for names in (_WIDE, ("seen",)):
        parts = [getattr(batch, name) for name in names]
        stacked = torch.cat(parts, 1)
        grid = functional.affine_grid(affine, list(stacked.shape), align_corners=False)
        moved = functional.grid_sample(stacked, grid, "bilinear", "border", align_corners=False)
        cut |= zip(names, moved.split([part.shape[1] for part in parts], 1), strict=True)
    cut["flow"] = cut["flow"] / share[..., None]
    eyes = (batch.eyes - (middle.mT + 1 - share) / 2) / share
    return batch._replace(eyes=eyes, **cut)


def batch_of(rows: Sequence[Pair]) -> Batch:
    """Pairs as tensors."""
    parts = dict(zip(Pair._fields, (np.stack(part) for part in zip(*rows, strict=True)), strict=True))
    for name in ("share", "care"):
        parts[name] = parts[name][..., None]
    parts["codes"] = parts["codes"][:, :, 0]
    parts["noise"] = np.zeros_like(parts["codes"])
    for name in (*_WIDE, "seen"):
        parts[name] = np.moveaxis(parts[name], -1, 1)
    return Batch(**{n: torch.from_numpy(np.ascontiguousarray(part, np.float32)) for n, part in parts.items()})


def mirrored(pair: Pair) -> Pair:
    """Both pictures mirrored, and what is true of them."""
    wide = {name: getattr(pair, name)[:, ::-1] for name in (*_WIDE, "seen")}
    wide["flow"] = wide["flow"] * [-1, 1]
    return pair._replace(
        **wide, codes=pair.codes[:, ::-1], poses=_MIRRORED @ pair.poses @ _MIRRORED, units=pair.units[:, _UNIT_MIRROR],
        units_known=pair.units_known[_UNIT_MIRROR], eyes=(pair.eyes * [-1, 1] + [1, 0])[list(MIRROR)],
    )  # fmt: skip
