"""How well each ARKit unit is read: `python -m training motion measure-units --renders FOLDER --out X.json`."""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.expressions import Gaze
from blendshape_addon.core.inference import registry
from blendshape_addon.core.inference.face_format import SCORES
from blendshape_addon.core.inference.mouth_format import MOUTH_POINTS, MOUTH_UNITS
from blendshape_addon.core.inference.session import open_session
from blendshape_addon.core.motion import eyes, mouth
from blendshape_addon.core.motion import units as unit_values
from blendshape_addon.core.motion.parameters import PERFORMANCE, UNITS
from blendshape_addon.core.motion.performance import LOOKS, READ
from blendshape_addon.core.vocabulary import ARKIT

from ..learning import arrays
from ..learning.atomic_files import atomic_write, check_name
from . import readings
from .readings import MIN_PICTURES, Readings, r2
from .train_mouth import FORMAT, LEFT_OUT

READERS = ("still face", "head raw", "head less neutral", "keyed")
SCALES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the measures' weights, which a fit without a family chooses among
SHARES = tuple(np.linspace(0, 1, 21).round(2).tolist())  # of the network of mouths, that `shares` chooses among
WORSE = 0.005  # R² by which a fit may be worse than the head on a family: rounding
_AT_ONCE = 64  # pictures that a network reads together


EyesOf = Callable[[Readings], tuple[np.ndarray, np.ndarray]]


class Measured:
    """Readings of people whose neutral face was read, as what each reader says of them.

    data: of N pictures. scores (N, 52) and measures (N, M), less the neutral picture's. gaze (N, 2) degrees and blink
    (N, 2), as the shipped network of eyes reads them, and mouths (N, U), as that of mouths does, likewise. unseen:
    (N, U) the same by networks that did not learn the picture's family, NaN where there is none.
    """

    def __init__(self, data: Readings, eyes_of: EyesOf | None = None, left_out: np.ndarray | None = None) -> None:
        """eyes_of: gives (N, 2, 2) degrees against the neutral picture and (N, 2) blinks in place of that network.
        left_out: as `left_out_mouths` gives it."""
        has = np.isin(data.person, data.person[data.neutral])
        nothing = np.full((data.count, len(MOUTH_UNITS)), np.nan)
        self.unseen = (nothing if left_out is None else left_out)[has]
        self.data = data = data.where(has)
        self.scores = readings.less_neutral(data.scores, data)
        self.measures = readings.less_neutral(unit_values.measures(data.landmarks), data)
        gaze, blink = (eyes_of or _eyes)(data)
        self.gaze = gaze.mean(1)
        rest = blink - readings.less_neutral(blink, data)
        self.blink = ((blink - rest) / np.maximum(1 - rest, UNITS.least_opening)).clip(0, 1)

    @cached_property
    def mouths(self) -> np.ndarray:
        return _mouths(self.data)

    def used(self, unit: str) -> np.ndarray:
        """(N,) bool, see `readings.tells_of`."""
        return readings.tells_of(self.data, unit)

    def truth(self, unit: str) -> np.ndarray:
        """(N,) of a unit."""
        return self.data.units[:, ARKIT.index(unit)]

    def keyed(self, unit: str, scales: Sequence[float] | None = None, mouths: np.ndarray | None = None) -> np.ndarray:
        """(N,) what an avatar's key would get; scales: of the weights; mouths: in place of those of the shipped
        network."""
        mouths = self.mouths if mouths is None else mouths
        side = 0 if unit.endswith("Left") else 1
        if unit in LOOKS:
            left, up = self.gaze.T
            direction = next(one for one in Gaze if f"eyeLook{one.value}" in unit)
            sideways = left if (direction is Gaze.OUT) == (side == 0) else -left
            degrees = {Gaze.UP: up, Gaze.DOWN: -up}.get(direction, sideways)
            return (degrees / PERFORMANCE.look[direction]).clip(0, 1)
        if unit.startswith("eyeBlink"):
            return self.blink[:, side]
        if scales is None:
            value = unit_values.value(unit, self.scores, self.measures, mouths)
        else:
            parts = unit_values.weights(unit).items()
            value = sum(s * weight * self.part(unit, part) for s, (part, weight) in zip(scales, parts, strict=True))
            value = unit_values.with_mouth(unit, value, mouths)
        value = value.clip(0, 1)
        return unit_values.without_blinks(value, self.blink[:, side]) if unit.startswith("eyeSquint") else value

    def part(self, unit: str, part: str) -> np.ndarray:
        """(N,) of one part of a unit's sum, see `units.weights`."""
        return (
            self.scores[:, SCORES.index(unit)]
            if part == "score"
            else self.measures[:, unit_values.MEASURES.index(part)]
        )

    def head(self, unit: str) -> np.ndarray:
        """(N,) the head less the neutral face."""
        return self.scores[:, SCORES.index(unit)].clip(0, 1)

    def values(self, unit: str) -> dict[str, np.ndarray]:
        """(N,) by reader of READERS."""
        raw = self.data.scores[:, SCORES.index(unit)]
        return dict(zip(READERS, (np.zeros(self.data.count), raw, self.head(unit), self.keyed(unit)), strict=True))


def _eyes(data: Readings) -> tuple[np.ndarray, np.ndarray]:
    """(N, 2, 2) degrees against the neutral picture and (N, 2) blinks of the shipped network."""
    network = open_session(registry.load("gaze"), "cpu")
    found = [
        eyes.look(network, data.eyes[rows], data.points[rows])
        for rows in (slice(first, first + _AT_ONCE) for first in range(0, data.count, _AT_ONCE))
    ]
    _, blink, code = (np.concatenate(values) for values in zip(*found, strict=True))
    return eyes.away(network, code, code - readings.less_neutral(code, data)), blink


def _mouths(data: Readings) -> np.ndarray:
    """(N, U) of the shipped networks."""
    network = open_session(registry.load("mouth"), "cpu")
    points = data.landmarks[:, list(MOUTH_POINTS)].astype(np.float32)
    features = np.concatenate([
        network.run(["features"], {"crop": data.mouths[rows].astype(np.float32), "points": points[rows]})[0]
        for rows in (slice(first, first + _AT_ONCE) for first in range(0, data.count, _AT_ONCE))
    ])  # fmt: skip
    return mouth.units(readings.less_neutral(features, data))


def left_out_mouths(path: Path, data: Readings) -> np.ndarray:
    """(N, U) values of `train-mouth --hold-out` for readings. Raises InputError as `arrays.load` does, and where the
    file is of other renders."""
    rows, people = arrays.load(path, FORMAT)
    if list(data.people) != people or len(rows["mouths"]) != data.count:
        raise InputError(f"{path} is of other renders: {FORMAT.again}.")
    return rows["mouths"]


def measure(data: Measured, rows: np.ndarray) -> dict[str, dict[str, dict[str, float]]]:
    """MAE and R² by unit and reader on some pictures; rows: (N,) bool. Units that are too seldom in effect are left
    out."""
    found = {}
    for unit in READ:
        used = data.used(unit) & rows
        truth = data.truth(unit)[used]
        if (truth > 0).sum() < MIN_PICTURES:
            continue
        found[unit] = {
            reader: {"MAE": float(np.abs(value[used] - truth).mean()), "R2": r2(value[used], truth)}
            for reader, value in data.values(unit).items()
        }
    return found


def base_of(unit: str) -> str:
    """A unit without its side: both sides share their weights."""
    return unit.removesuffix("Left").removesuffix("Right")


def fit(data: Measured, units: Sequence[str], folds: Sequence[int]) -> list[float]:
    """Scales of the weights of both sides of a unit, that of its score first, which is kept, by the pictures of some
    folds alone: the best ones of a grid that on none of these folds are worse than the head."""
    parts = np.concatenate([
        np.stack([weight * data.part(unit, part) for part, weight in unit_values.weights(unit).items()], axis=1)
        for unit in units
    ])  # fmt: skip
    truth, head = (np.concatenate([read(unit) for unit in units]) for read in (data.truth, data.head))
    used, fold = np.concatenate([data.used(unit) for unit in units]), np.tile(data.data.fold, len(units))
    of_fold = [used & (fold == number) for number in folds]
    of_fold = [rows for rows in of_fold if (truth[rows] > 0).sum() >= MIN_PICTURES]
    every = used & np.isin(fold, list(folds))
    least = [r2(head[rows], truth[rows]) - WORSE for rows in of_fold]
    best, chosen = -np.inf, [1.0] + [0.0] * (parts.shape[1] - 1)
    for scales in itertools.product((1.0,), *[SCALES] * (parts.shape[1] - 1)):
        value = (parts @ scales).clip(0, 1)
        here = r2(value[every], truth[every])
        if here > best and all(r2(value[rows], truth[rows]) >= low for rows, low in zip(of_fold, least, strict=True)):
            best, chosen = here, list(scales)
    return chosen


def left_out(data: Measured) -> dict[str, dict[str, dict[str, float]]]:
    """By unit, without its side, and by fold: R² of the head less neutral, and of what is keyed with weights that were
    fitted, and a network of mouths that was trained, without the fold; folds without such a network are left out of
    units that need one."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    folds = range(len(data.data.folds))
    for base, fold in itertools.product(dict.fromkeys(map(base_of, READ)), folds):
        units = [unit for unit in READ if base_of(unit) == base]
        rows = [data.used(unit) & (data.data.fold == fold) for unit in units]
        truth = np.concatenate([data.truth(unit)[used] for unit, used in zip(units, rows, strict=True)])
        if (truth > 0).sum() < MIN_PICTURES:
            continue
        scales = fit(data, units, [other for other in folds if other != fold]) if base in UNITS.weights else None
        keyed = [data.keyed(unit, scales, data.unseen) for unit in units]
        if not all(np.isfinite(value[used]).all() for value, used in zip(keyed, rows, strict=True)):
            continue
        values = {"head": [data.head(unit) for unit in units], "keyed": keyed}
        found.setdefault(base, {})[data.data.folds[fold]] = {
            reader: r2(np.concatenate([value[used] for value, used in zip(of, rows, strict=True)]), truth)
            for reader, of in values.items()
        }
    return found


def shares(data: Measured) -> dict[str, float]:
    """By unit of the mouth, without its side: the largest of SHARES, as the share of the network of mouths with which
    the unit is worse than the head on no family that the network did not learn."""
    return {base: _share(data, base) for base in dict.fromkeys(map(base_of, MOUTH_UNITS))}


def _share(data: Measured, base: str) -> float:
    units = [unit for unit in MOUTH_UNITS if base_of(unit) == base]
    nobody = np.zeros((data.data.count, 0))
    truth, head, told, summed = (
        np.concatenate([read(unit) for unit in units])
        for read in (
            data.truth, data.head, lambda unit: data.unseen[:, MOUTH_UNITS.index(unit)],
            lambda unit: unit_values.value(unit, data.scores, data.measures, nobody),
        )
    )  # fmt: skip
    used = np.concatenate([data.used(unit) for unit in units]) & np.isfinite(told)
    fold = np.tile(data.data.fold, len(units))
    of_fold = [used & (fold == number) for number in np.unique(fold)]
    of_fold = [rows for rows in of_fold if (truth[rows] > 0).sum() >= MIN_PICTURES]
    least = [r2(head[rows], truth[rows]) - WORSE for rows in of_fold]
    for share in SHARES[::-1]:
        value = ((1 - share) * summed + share * told).clip(0, 1)
        if all(r2(value[rows], truth[rows]) >= low for rows, low in zip(of_fold, least, strict=True)):
            return share
    return 0.0


def table(
    rows: Mapping[str, Mapping[str, Mapping[str, float]]], folds: Mapping[str, Mapping[str, Mapping[str, float]]]
) -> str:
    """Figures by unit as Markdown, with the family on which what is keyed falls farthest behind the head, or leads it
    least, when the family is left out."""
    lines = ["| unit | " + " | ".join(f"{reader}: MAE, R²" for reader in READERS) + " | nearest family, left out: R² |"]
    lines.append("|---" * (len(READERS) + 2) + "|")
    for unit, readers in rows.items():
        cells = [f"{readers[reader]['MAE']:.3f}, {readers[reader]['R2']:.2f}" for reader in READERS]
        of = folds.get(base_of(unit), {})
        fold = min(of, key=lambda name: of[name]["keyed"] - of[name]["head"], default=None)
        last = "–" if fold is None else f"{fold}: {of[fold]['keyed']:.2f} ({of[fold]['head']:.2f})"
        lines.append(f"| {unit} | " + " | ".join(cells) + f" | {last} |")
    return "\n".join(lines)


def worse(folds: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[str]:
    """Units that are worse than the head on a family that was left out, and on which."""
    return [
        f"{unit} on {fold} ({values['keyed']:.2f} against {values['head']:.2f})"
        for unit, of in folds.items()
        for fold, values in of.items()
        if values["keyed"] < values["head"] - WORSE
    ]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training motion measure-units",
        description="Measure how well the add-on's reader of faces tells each ARKit unit, on renders whose units are "
        "known: new people of known families, and each family with weights that were fitted without it.",
    )
    parser.add_argument("--renders", type=Path, required=True, help="folder that `motion renders` made")
    parser.add_argument("--out", type=Path, default=Path("out/motion/units.json"), help="(default: %(default)s)")
    parser.add_argument("--mouths", type=Path, default=LEFT_OUT, help="of train-mouth (default: %(default)s)")
    given = parser.parse_args(arguments)
    check_name(given.out, ".json")
    rows_read = readings.read(given.renders)
    data = Measured(rows_read, left_out=left_out_mouths(given.mouths, rows_read))
    rows = measure(data, readings.new_people(data.data))
    folds = left_out(data)
    print(table(rows, folds))
    for reader in READERS:
        values = [of[reader] for of in rows.values()]
        well = sum(value["R2"] > 0.5 for value in values)
        mean = np.mean([value["MAE"] for value in values])
        print(f"{reader}: MAE {mean:.3f}, {well} of {len(values)} units with R² above 0.5")
    print(f"Worse than the head less neutral on a family left out: {', '.join(worse(folds)) or 'none'}.")
    told = ", ".join(f"{unit} {share:g}" for unit, share in shares(data).items())
    print(f"Largest shares of the network of mouths: {told}.")
    atomic_write(given.out, json.dumps({"new people": rows, "left out": folds}, indent=1).encode())
