"""Renders as the add-on's reader of faces sees them: what the networks of eyes and mouths learn from, and the truth."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from tqdm import tqdm

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference.eye_format import EYE_POINTS, EYES, LEFT, RIGHT
from blendshape_addon.core.inference.face_format import SCORES
from blendshape_addon.core.inference.mouth_format import MOUTH
from blendshape_addon.core.motion import eyes, mouth
from blendshape_addon.core.motion.descriptor import describe
from blendshape_addon.core.motion.face import FaceReader
from blendshape_addon.core.vocabulary import ARKIT

from ..data import families, rigs
from ..learning import arrays, model_card
from ..renders import shards

FORMAT = arrays.Format("readings of renders", 3, "delete it: the next training reads the renders again")
MIN_PICTURES = 20  # of which a unit has to be in effect, or it is not measured
FOLDER = "readings"  # beside the shards
# From an eye's centre of rotation to its iris, in distances between the outer corners: 10.5 of 90 mm, of an adult.
IRIS_RADIUS = 0.117


@dataclass(frozen=True)
class Readings:
    """N pictures in which a face was read.

    eyes: (N, 2, H, W, 3) uint8 and points: (N, 24, 2), see `core.motion.eyes`. mouths: (N, S, S, 3) uint8, see
    `core.motion.mouth`. scores: (N, 52) in the order of SCORES.
    landmarks: (N, 478, 3) float16 and rotation: (N, 3, 3), see `core.motion.descriptor`.
    iris: (N, 2, 2) degrees that the irises' places between the lids' corners say. units (N, 52) in the order of ARKIT,
    known and distilled (N, 52) bool, gaze (N, 2, 2), blink (N, 2): what is true. neutral: (N,) bool, the picture of the
    still face. person: (N,) number into people; fold: (N,) into folds. pictures: by fold, those without a face too.
    """

    eyes: np.ndarray
    points: np.ndarray
    mouths: np.ndarray
    scores: np.ndarray
    landmarks: np.ndarray
    rotation: np.ndarray
    iris: np.ndarray
    units: np.ndarray
    known: np.ndarray
    distilled: np.ndarray
    gaze: np.ndarray
    blink: np.ndarray
    neutral: np.ndarray
    person: np.ndarray
    fold: np.ndarray
    people: tuple[str, ...] = ()
    folds: tuple[str, ...] = ()
    pictures: dict[str, int] | None = None

    @property
    def count(self) -> int:
        return len(self.gaze)

    @property
    def people_read(self) -> tuple[str, ...]:
        """The people of these pictures."""
        return tuple(self.people[number] for number in np.unique(self.person))

    def where(self, chosen: np.ndarray) -> Readings:
        """Some of the pictures; chosen: (N,) bool."""
        rows = {f.name: getattr(self, f.name)[chosen] for f in fields(self) if f.name not in _NOTES}
        return Readings(**rows, people=self.people, folds=self.folds, pictures=self.pictures)


_NOTES = ("people", "folds", "pictures")


def read(folder: Path) -> Readings:
    """Readings of every shard of a folder; those that were read before are kept in files beside it.

    Raises InputError where there is no shard, or one is damaged.
    """
    reader: FaceReader | None = None
    parts: list[dict[str, np.ndarray]] = []
    people: list[str] = []
    of_person: list[str] = []
    pictures: dict[str, int] = {}
    paths = shards.paths_in(folder)
    for path in tqdm(paths, "reading faces", unit="person"):
        kept = folder / FOLDER / path.name
        if kept.exists():
            rows, notes = arrays.load(kept, FORMAT)
        else:
            reader = reader or FaceReader(provider="cpu")
            shard = shards.load(path)
            rows, notes = _read(reader, shard), {"fold": shard.fold, "person": shard.person, "of": len(shard.pictures)}
            arrays.save(kept, FORMAT, rows, notes)
        pictures[notes["fold"]] = pictures.get(notes["fold"], 0) + notes["of"]
        parts.append(rows | {"person": np.full(len(rows["gaze"]), len(people), np.int32)})
        people.append(notes["person"])
        of_person.append(notes["fold"])
    folds = sorted(set(of_person))
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    fold = np.array([folds.index(name) for name in of_person])[joined["person"]]
    return Readings(**joined, fold=fold, people=tuple(people), folds=tuple(folds), pictures=pictures)


def _read(reader: FaceReader, shard: shards.Shard) -> dict[str, np.ndarray]:
    found = [reader.follow(picture, None) for picture in shard.pictures]
    some = [number for number, one in enumerate(found) if one is not None]
    there = [found[number] for number in some]
    size = shard.pictures.shape[1]
    told = describe(there, (size, size), 1.0, 1, "")
    shape = (EYES.height, EYES.width, 3)
    crops = [eyes.crops(shard.pictures[number], found[number].landmarks) for number in some]
    points = [eyes.points(one.landmarks) for one in there]
    mouths = [mouth.view(shard.pictures[number], found[number].landmarks)[1] for number in some]
    rows = {
        "eyes": np.array(crops, np.uint8).reshape(-1, 2, *shape),
        "points": np.array(points, np.float32).reshape(-1, len(EYE_POINTS), 2),
        "mouths": np.array(mouths, np.uint8).reshape(-1, MOUTH.size, MOUTH.size, 3),
        "scores": np.array([one.scores for one in there], np.float32).reshape(-1, len(SCORES)),
        "landmarks": told.landmarks.astype(np.float16),
        "rotation": told.rotation.astype(np.float32),
        "iris": irises(told.landmarks).astype(np.float32),
        "neutral": np.array(some, int) == 0,
    }
    rows |= {name: getattr(shard, name)[some] for name in ("units", "gaze", "blink")}
    return rows | {name: np.repeat(getattr(shard, name)[None], len(some), 0) for name in ("known", "distilled")}


def irises(landmarks: np.ndarray) -> np.ndarray:
    """(F, 2, 2) degrees that the irises' places between the corners of the lids say, to the person's left and up, of
    the left and the right eye. landmarks: (F, 478, 3) normalised ones, see `core.motion.descriptor`."""
    found = []
    for inner, outer, *_, iris, _ in (LEFT, RIGHT):
        middle = (landmarks[:, inner] + landmarks[:, outer]) / 2
        found.append(np.degrees(np.arcsin(((landmarks[:, iris] - middle)[:, :2] / IRIS_RADIUS).clip(-1, 1))))
    return np.stack(found, axis=1)


def new_people(readings: Readings, share: int = 5) -> np.ndarray:
    """(N,) bool: pictures of every fifth person of each fold, who are left out of training."""
    first = np.unique(readings.person, return_index=True)[1]
    fold_of = dict(zip(readings.person[first], readings.fold[first], strict=True))
    left_out: list[int] = []
    for fold in range(len(readings.folds)):
        own = sorted(person for person in fold_of if fold_of[person] == fold)
        left_out += own[share - 1 :: share]
    return np.isin(readings.person, left_out)


def less_neutral(values: np.ndarray, readings: Readings, known: Sequence[float] | float = 0.0) -> np.ndarray:
    """(N, ...) values less those of the same person's neutral picture, which is `known`; people whose neutral face was
    not read are NaN."""
    found = np.full(values.shape, np.nan)
    for person in np.unique(readings.person):
        own = readings.person == person
        still = own & readings.neutral
        if still.any():
            found[own] = values[own] - values[still][0] + known
    return found


def joined(parts: Sequence[Readings]) -> Readings:
    """Readings of several folders as one; people of different parts are different people."""
    folds = sorted({fold for part in parts for fold in part.folds})
    first = np.cumsum([0, *(len(part.people) for part in parts)])
    rows = {f.name: np.concatenate([getattr(part, f.name) for part in parts])
            for f in fields(Readings) if f.name not in (*_NOTES, "person", "fold")}  # fmt: skip
    person = np.concatenate([part.person + start for part, start in zip(parts, first[:-1], strict=True)])
    fold = np.concatenate([np.array([folds.index(name) for name in part.folds])[part.fold] for part in parts])
    pictures = {name: sum((part.pictures or {}).get(name, 0) for part in parts) for name in folds}
    people = tuple(name for part in parts for name in part.people)
    return Readings(**rows, person=person, fold=fold, people=people, folds=tuple(folds), pictures=pictures)


def named_folds(readings: Readings, text: str) -> list[str]:
    """Folds named by comma. Raises InputError for one that no picture is of."""
    names = [name for name in text.split(",") if name]
    if unknown := [name for name in names if name not in readings.folds]:
        raise InputError(f"No render is of {', '.join(unknown)}: choose from {', '.join(readings.folds)}.")
    return names


def tells_of(readings: Readings, unit: str) -> np.ndarray:
    """(N,) bool: pictures that tell of a unit which the person's artist drew; neutral ones are left out."""
    column = ARKIT.index(unit)
    return readings.known[:, column] & ~readings.distilled[:, column] & ~readings.neutral


def r2(found: np.ndarray, truth: np.ndarray) -> float:
    """Of the truth's variance, how much is explained."""
    return float(1 - ((found - truth) ** 2).sum() / max(float(((truth - truth.mean()) ** 2).sum()), 1e-12))


def write_card(path: Path, model: bytes, facts: Mapping[str, str], learned: Readings, figures: Mapping) -> None:
    """A network that learned from readings, as an ONNX file with its card. facts: name, kind and what it does.

    Raises InputError when the disk is full.
    """
    names = sorted({person.rpartition("/")[0] for person in learned.people_read})
    metas = {name: json.loads((rigs.data_folder() / name / "meta.json").read_text(encoding="utf-8")) for name in names}
    rows = families.with_doubts({"name": name, "licence": metas[name]["licence"]} for name in names)
    model_card.write(path, model, {**facts, "file": path.name, "licence": "MIT", "trained_on": rows}, dict(figures))


def written_if(better: bool, path: Path, write: Callable[[], None]) -> int:
    """Write a network that is better than the head of blendshapes and say how large its file is, or why there is none.
    Returns a command's exit status: 0, or 1 where nothing was written."""
    if not better:
        print("The network does not beat the head of blendshapes on all that it did not learn: it is not written.")
        return 1
    write()
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    return 0
