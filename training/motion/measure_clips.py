"""How well clips of new people drive avatars: `python -m training motion measure-clips --people 11 --out X.json`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.motion.clip import ArrayClip, read
from blendshape_addon.core.motion.face import FaceReader
from blendshape_addon.core.motion.performance import LOOKS, READ, DriveOptions, Performance, perform
from blendshape_addon.core.vocabulary import ARKIT

from ..data import rigs
from ..learning.atomic_files import atomic_write, check_name
from ..renders import people, random_scenes, render, shards
from ..renders.people import Person
from ..renders.scene import Scene
from . import clip_figures, motions
from .clip_figures import READERS, Truth
from .motions import ACTED_RATE

EYES_MM, MOVED_MM = 63.0, 0.5  # an adult's eye distance; motion from which a vertex counts as one that moves
FAMILIES = "antonia,facecap,ict,makehuman,rocketbox,uma,valid,vitruvian"  # modelled as people are
SEED = 20_000  # of people whom no training saw


class Acted(NamedTuple):
    """A film. scenes: what was drawn; truth: what is true of it; known: units that the person can make; values: by
    reader, (F,) of each unit; performance: what drives avatars; degrees: errors of the head and of the gaze."""

    person: Person
    scenes: list[Scene]
    truth: Truth
    known: frozenset[str]
    values: dict[str, dict[str, np.ndarray]]
    performance: Performance
    degrees: dict[str, float]


def film(person: Person, rng: np.random.Generator, size: int, reader: FaceReader) -> Acted:
    """Film a person who acts and read it, as a creator's clip is read. Raises InputError where no face is read."""
    acts = motions.acted(rng)
    first = random_scenes.scenes(person, 1, rng, size)[0]
    scenes = [
        replace(
            first, seed=number, head=one.head, gaze=(one.gaze, one.gaze),
            units={name: value for name, value in one.units.items() if name in person.makes},
        )
        for number, one in enumerate(acts)
    ]  # fmt: skip
    frames, truths = zip(*(render(scene) for scene in scenes), strict=True)
    told = read(ArrayClip(person.name, np.stack(frames), ACTED_RATE), reader, lambda *_: None)
    done = perform(told, DriveOptions(), person.name)
    truth = Truth(
        np.array([[truth.units[name] for name in ARKIT] for truth in truths]),
        np.stack([truth.head for truth in truths]),
        np.array([truth.gaze.mean(0) for truth in truths]),
    )
    known = (person.makes - person.distilled) | frozenset(LOOKS)
    values = clip_figures.readers(told, done)
    return Acted(person, scenes, truth, known, values, done, clip_figures.angles(told, done, truth))


def units(films: list[Acted]) -> dict[str, dict[str, dict[str, float]]]:
    """MAE and R² by unit and reader, over the frames of all whose artist drew the unit."""
    rows: dict[str, dict[str, dict[str, float]]] = {}
    for unit in READ:
        column, used = ARKIT.index(unit), [one for one in films if unit in one.known]
        true = np.concatenate([one.truth.units[:, column] for one in used]) if used else np.zeros(0)
        if not len(true) or true.max() <= clip_figures.ACTS:
            continue
        rows[unit] = {}
        for reader in READERS:
            told = np.concatenate([one.values[reader][unit] for one in used])
            spread = ((true - true.mean()) ** 2).sum()
            missed = ((told - true) ** 2).sum()
            rows[unit][reader] = {"MAE": float(np.abs(told - true).mean()), "R2": float(1 - missed / spread)}
    return rows


def carried(one: Acted, other: Person) -> dict[str, float]:
    """A film drives another person: the mean error in mm of what moves, what a still face would have, and the median
    cosine, against the same motion done by that person itself."""
    names = [name for name in other.face.names if name in READ and name not in LOOKS and name in one.known]
    offsets = np.stack([other.face.offsets[other.index[name]] for name in names]).astype(float)
    true = one.truth.units[:, [ARKIT.index(name) for name in names]]
    told = np.stack([one.performance.units[name] for name in names], 1)
    errors, stills, cosines = [], [], []
    for wanted, driven in zip(true, told, strict=True):
        moved, made = np.tensordot(wanted, offsets, 1), np.tensordot(driven, offsets, 1)
        moves = np.linalg.norm(moved, axis=1) * EYES_MM > MOVED_MM
        if moves.any():
            errors.append(EYES_MM * np.linalg.norm(made - moved, axis=1)[moves].mean())
            stills.append(EYES_MM * np.linalg.norm(moved, axis=1)[moves].mean())
            length = np.linalg.norm(moved[moves]) * np.linalg.norm(made[moves])
            cosines.append(float((moved[moves] * made[moves]).sum() / max(length, 1e-12)))
    return {"mm": float(np.mean(errors)), "still mm": float(np.mean(stills)), "cos": float(np.median(cosines))}


def read_back(one: Acted, other: Person, reader: FaceReader) -> dict[str, float]:
    """The other person, drawn as the film drives it, is read again: mean R² of what this says of the units that drove
    it, over units that move."""
    scenes = [
        replace(
            one.scenes[0], person=other, seed=number, head=tuple(np.degrees(one.performance.head[number]).tolist()),
            gaze=(tuple(one.performance.gaze[number]),) * 2,
            units={name: float(values[number]) for name, values in one.performance.units.items()
                   if name in other.makes and name not in LOOKS},
        )
        for number in range(len(one.scenes))
    ]  # fmt: skip
    frames = np.stack([render(scene)[0] for scene in scenes])
    told = read(ArrayClip(other.name, frames, ACTED_RATE), reader, lambda *_: None)
    again = perform(told, DriveOptions(neutral=one.performance.neutral), other.name)
    return clip_figures.follows(one.performance, again)


def table(rows: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Figures by unit as Markdown."""
    lines = ["| unit | " + " | ".join(f"{reader}: MAE, R²" for reader in READERS) + " |"]
    lines.append("|---" * (len(READERS) + 1) + "|")
    for unit, readers in rows.items():
        cells = [f"{readers[reader]['MAE']:.3f}, {readers[reader]['R2']:.2f}" for reader in READERS]
        lines.append(f"| {unit} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training motion measure-clips",
        description="Film new people who act, read the films as a creator's clip is read, and measure units, head and "
        "gaze against the truth; and let each film drive the next person.",
    )
    parser.add_argument("--people", type=int, default=16, help="(default: %(default)s)")
    parser.add_argument("--size", type=int, default=256, help="pixels of a side (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="who they are (default: %(default)s)")
    parser.add_argument("--families", default=FAMILIES, help="folds of rigs, by comma (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out/motion/clips.json"), help="(default: %(default)s)")
    given = parser.parse_args(arguments)
    check_name(given.out, ".json")
    if given.people < 2:
        raise InputError(f"--people is {given.people}: a film and another person are the least.")
    chosen = shards.choose(people.of_folds(people.drawable(), given.families), given.people, given.seed)
    load, reader = lru_cache(maxsize=1)(rigs.load), FaceReader(provider="cpu")
    films = []
    for folder, seed in tqdm(chosen, "films"):
        person = people.person(load(folder), seed, complete=False)
        films.append(film(person, np.random.default_rng(seed), given.size, reader))
    rows = units(films)
    degrees = {name: float(np.mean([one.degrees[name] for one in films])) for name in films[0].degrees}
    pairs = [carried(one, other.person) for one, other in zip(films, films[1:] + films[:1], strict=True)]
    second = {name: float(np.mean([pair[name] for pair in pairs])) for name in pairs[0]}
    second |= {f"read back: {name}": value for name, value in read_back(films[0], films[1].person, reader).items()}
    print(table(rows))
    for reader_name, (mean, well) in clip_figures.summary(rows).items():
        print(f"{reader_name}: MAE {mean:.3f}, {well} of {len(rows)} units with R² above 0.5")
    print(f"mean errors in degrees: {_line(degrees)}\nsecond people: {_line(second)}")
    found = {"people": [one.person.name for one in films], "units": rows, "degrees": degrees, "second": second}
    atomic_write(given.out, json.dumps(found, indent=1).encode())


def _line(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in values.items())
