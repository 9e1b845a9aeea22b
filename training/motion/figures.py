"""The figures of docs/drive.md, from what the measurements wrote: `python -m training motion figures --doc FILE`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.motion.performance import READ, UNREAD

from ..learning.documents import write_between
from .clip_figures import READERS
from .measure_units import base_of

BEGIN, END = "<!-- figures: written by python -m training motion figures -->", "<!-- end of figures -->"
NOTHING = "–"
EYE_READERS = ("network", "head", "mean")
SIDEWAYS = ("jaw", "mouth")  # which move to a side, so that nothing is left of the unit's name without it
NEW, WITHOUT = "new people", "without "  # names of sets of pictures, see `train_gaze`


def units(clips: Mapping, stills: Mapping, folds: Mapping) -> list[str]:
    """A row of figures per unit, both sides together, as Markdown. clips, stills: what `measure-clips` and
    `measure-units` wrote; folds: see `left_out`."""
    lines = [
        "| unit | films: still face, head raw, head less neutral, **keyed**: R² | keyed: MAE | random pictures: head "
        "less neutral, **keyed**: R² | nearest family, left out: keyed (head less neutral) |",
        "|---|---|---|---|---|",
    ]
    for base in dict.fromkeys(map(base_of, READ)):
        both = [unit for unit in READ if base_of(unit) == base]
        film = [clips["units"][unit] for unit in both if unit in clips["units"]]
        random = [stills["new people"][unit] for unit in both if unit in stills["new people"]]
        of = folds.get(base, {})
        cells = [
            ", ".join(f"**{text}**" if reader == "keyed" else text for reader in READERS
                      for text in [_mean(film, reader, "R2")]) if film else NOTHING,
            _mean(film, "keyed", "MAE", 3),
            f"{_mean(random, 'head less neutral', 'R2')}, **{_mean(random, 'keyed', 'R2')}**" if random else NOTHING,
        ]  # fmt: skip
        fold = min(of, key=lambda name: of[name]["keyed"] - of[name]["head"], default=None)
        cells.append(NOTHING if fold is None else f"{fold}: {of[fold]['keyed']:.2f} ({of[fold]['head']:.2f})")
        name = " and ".join(both) if base in SIDEWAYS else base
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def eyes(gaze: Mapping) -> list[str]:
    """Figures of gaze and blinks on stills of new people as Markdown. gaze: what `train-gaze` wrote."""
    lines = ["| reader | gaze across, ° | gaze up, ° | blink R² |", "|---|---|---|---|"]
    rows = (f"| {reader} | " + " | ".join(_eye_figures(gaze[NEW][reader])) + " |" for reader in EYE_READERS)
    return [*lines, *rows]


def families(gaze: Mapping, eye_units: Mapping) -> list[str]:
    """Figures of families that the network of eyes did not see, as Markdown. gaze, eye_units: what `train-gaze` wrote,
    by family but for new people."""
    lines = ["| family left out | network | head | units of eyes, keyed (head less neutral): R² |", "|---|---|---|---|"]
    for where, of in eye_units.items():
        cells = [", ".join(_eye_figures(gaze[where][reader])) for reader in ("network", "head")]
        cells.append(", ".join(f"{unit} {r2['keyed']:.2f} ({r2['head']:.2f})" for unit, r2 in of.items()) or NOTHING)
        lines.append(f"| {where.removeprefix(WITHOUT)} | " + " | ".join(cells) + " |")
    return lines


def _eye_figures(values: Mapping[str, float]) -> list[str]:
    return [f"{values[name]:.2f}" for name in ("gaze across, deg", "gaze up, deg", "blink R2")]


def left_out(stills: Mapping, eye_units: Mapping) -> dict[str, dict[str, dict[str, float]]]:
    """R² by unit, family and reader of what was measured on families that nothing had seen: what eyes tell is of
    networks that were trained without the family."""
    found = dict(stills["left out"])
    for base in {unit for of in eye_units.values() for unit in of}:
        found[base] = {where.removeprefix(WITHOUT): of[base] for where, of in eye_units.items() if base in of}
    return found


def text(clips: Mapping, stills: Mapping, gaze: Mapping, eye_units: Mapping) -> str:
    """All figures as Markdown."""
    folds = left_out(stills, eye_units)
    second, degrees = clips["second"], clips["degrees"]
    behind = [
        f"{base} on {fold}"
        for base, of in folds.items()
        for fold, values in of.items()
        if values["keyed"] < values["head"] - 0.005
    ]
    lines = [
        f"Films of {len(clips['people'])} new people who act, and random pictures of new people; both sides of a unit "
        "together:",
        "",
        *units(clips, stills, folds),
        "",
        "A family that was left out is read by networks of eyes and mouths that were trained without it, for fewer "
        "steps.",
        "",
        f"Units that are keyed and are worse than the head less neutral on a family that was left out: "
        f"{', '.join(behind) or 'none'}. Not keyed unless they are asked for, at any R²: {', '.join(UNREAD)}.",
        "",
        f"In the films the head's turn is off by {degrees['head']:.1f} degrees on average, the gaze of open eyes by "
        f"{degrees['gaze across']:.1f} across and {degrees['gaze up']:.1f} up and down. A film drives another person's "
        f"face {second['mm']:.2f} mm off where it should move, against {second['still mm']:.2f} mm of a still face "
        f"(median cosine {second['cos']:.2f}). A picture of that face, read again, agrees with what drove it: units to "
        f"{second['read back: units, MAE']:.3f} on average, the head with a correlation of "
        f"{second['read back: head, correlation']:.2f}.",
        "",
        "Gaze and blinks on random pictures of new people, against the person's neutral one:",
        "",
        *eyes(gaze),
        "",
        "Families that the network of eyes did not see, after fewer steps; gaze across and up, °, and R² of the blink:",
        "",
        *families(gaze, eye_units),
    ]
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training motion figures",
        description="Write the figures of measure-clips, measure-units and train-gaze into a document, between the "
        f"lines “{BEGIN}” and “{END}”.",
    )
    parser.add_argument("--doc", type=Path, default=Path("docs/drive.md"), help="(default: %(default)s)")
    for name in ("clips", "units", "gaze", "gaze-units"):
        default = Path("out/motion") / f"{name.replace('-', '_')}.json"
        parser.add_argument(f"--{name}", type=Path, default=default, help="(default: %(default)s)")
    given = parser.parse_args(arguments)
    read = [_load(path) for path in (given.clips, given.units, given.gaze, given.gaze_units)]
    write_between(given.doc, BEGIN, END, text(*read))


def _load(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} holds no figures: run the measurement that writes it first.") from error


def _mean(rows: Sequence[Mapping[str, Mapping[str, float]]], reader: str, name: str, digits: int = 2) -> str:
    return f"{np.mean([row[reader][name] for row in rows]):.{digits}f}" if rows else NOTHING
