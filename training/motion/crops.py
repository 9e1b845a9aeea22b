"""Crops of faces on renders, with what is true of them in the crop."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from blendshape_addon.core.vocabulary import LANDMARK_INDEX

from ..renders import shards
from .keypoint_model import SIZE

MARGIN = 1.5  # sides of a crop over the greatest extent of the face's landmarks
STORED = 2 * SIZE  # pixels of a stored crop, of which a training sees a part
SHARE = 5  # every how manieth person of each fold is not learned from
FACE = ("jaw_angle_l", "jaw_angle_r")  # as wide as a face is


@dataclass(frozen=True)
class Crops:
    """N faces.

    pictures: (N, STORED, STORED, 3) uint8. landmarks: (N, L, 2) right and down, -1 to 1 across the crop, in the order
    of `vocabulary.LANDMARKS`. units (N, 52), known (N, 52) bool, head (N, 3, 3): as `renders.scene.Truth` has them.
    row: (N,) of the picture in its shard, 0 the neutral one. person: (N,) number into people; fold: (N,) into folds.
    """

    pictures: np.ndarray
    landmarks: np.ndarray
    units: np.ndarray
    known: np.ndarray
    head: np.ndarray
    row: np.ndarray
    person: np.ndarray
    fold: np.ndarray
    people: tuple[str, ...]
    folds: tuple[str, ...]

    @property
    def count(self) -> int:
        return len(self.pictures)

    @property
    def face_width(self) -> np.ndarray:
        """(N,) between the angles of the jaw of the person's neutral face, in the unit of `landmarks`."""
        left, right = (self.landmarks[:, LANDMARK_INDEX[name]] for name in FACE)
        own = np.linalg.norm(left - right, axis=1)
        return np.array([own[(self.person == person) & (self.row == 0)][0] for person in self.person])

    def where(self, chosen: np.ndarray) -> Crops:
        """Some of the faces; chosen: (N,) bool."""
        rows = {f.name: getattr(self, f.name)[chosen] for f in fields(self) if f.name not in ("people", "folds")}
        return Crops(**rows, people=self.people, folds=self.folds)

    def new_people(self) -> np.ndarray:
        """(N,) bool: pictures of every fifth person of each fold, who are left out of training."""
        chosen: list[int] = []
        for fold in range(len(self.folds)):
            chosen += list(np.unique(self.person[self.fold == fold]))[SHARE - 1 :: SHARE]
        return np.isin(self.person, chosen)


def read(folder: Path) -> Crops:
    """Crops of all pictures of a folder of renders. Raises InputError where there are none, or one is damaged."""
    parts: list[dict[str, np.ndarray]] = []
    people, of_person = [], []
    for path in tqdm(shards.paths_in(folder), "cropping faces", unit="person"):
        shard = shards.load(path)
        pictures, landmarks = zip(*map(crop, shard.pictures, shard.landmarks[..., :2]), strict=True)
        count = len(pictures)
        parts.append({
            "pictures": np.stack(pictures), "landmarks": np.stack(landmarks).astype(np.float32), "units": shard.units,
            "known": np.repeat(shard.known[None], count, 0), "head": shard.head, "row": np.arange(count),
            "person": np.full(count, len(people)),
        })  # fmt: skip
        people.append(shard.person)
        of_person.append(shard.fold)
    folds = sorted(set(of_person))
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    fold = np.array([folds.index(name) for name in of_person])[joined["person"]]
    return Crops(**joined, fold=fold, people=tuple(people), folds=tuple(folds))


def crop(picture: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The square about (L, 2) points, pixels right and down, of a (H, W, 3) picture, and the points in it."""
    low, high = points.min(0), points.max(0)
    centre, size = (low + high) / 2, float((high - low).max()) * MARGIN
    return cut(picture, centre, size, STORED), (points - centre) / (size / 2)


def cut(picture: np.ndarray, centre: np.ndarray, size: float, pixels: int) -> np.ndarray:
    """(pixels, pixels, 3) of a square of a picture; beyond its edges the picture goes on as at its edges."""
    low, high = np.asarray(centre) - size / 2, np.asarray(centre) + size / 2
    height, width = picture.shape[:2]
    beyond = int(np.ceil(max(0.0, *-low, *(high - [width, height]))))
    padded = np.pad(picture, ((beyond, beyond), (beyond, beyond), (0, 0)), mode="edge")
    box = tuple(float(value) for value in (*(low + beyond), *(high + beyond)))
    return np.asarray(Image.fromarray(padded).resize((pixels, pixels), Image.Resampling.BILINEAR, box=box))
