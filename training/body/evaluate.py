"""`python -m training body evaluate`: how well bodies from photos are measured, on people who were made up.

Each person is drawn from the front and from the side before one of three cameras, bare or in clothes, read by the
networks and fitted, with the height given and without. Beside it stands the body of that height alone.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import InputError

from ..learning.atomic_files import atomic_write
from . import makehuman, networks, photo, posable
from .fit import Fitter, View
from .measurements.extractor import NAMES, measure
from .parameters import PHOTO
from .person import PersonReader
from .synthetic import CAMERAS, Studio

EIGHT = NAMES[1:]
CLOTHES = (0.0, 0.01, 0.02, 0.03)  # metres over the skin


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m training body evaluate", description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--people", type=int, default=100, help="how many, bare and in clothes each (default: %(default)s)")
    add("--jobs", type=int, default=2, help="people at a time (default: %(default)s)")
    add("--networks", type=Path, default=networks.FOLDER, help="folder of the networks (default: %(default)s)")
    add("--out", type=Path, default=Path("out/body/figures.json"), help="all figures (default: %(default)s)")
    given = parser.parse_args(arguments)
    PersonReader(given.networks)  # says what is missing before the work
    rows: list[dict] = []
    work = [(str(given.networks), seed, clad) for seed in range(given.people) for clad in (False, True)]
    with get_context("spawn").Pool(given.jobs) as pool:
        for number, found in enumerate(pool.imap_unordered(_person, work), 1):
            rows += found
            print(f"\r{number} of {len(work)}", end="", flush=True)
    print()
    figures = summary(rows)
    atomic_write(given.out, (json.dumps({"people": given.people, "rows": figures}, indent=1) + "\n").encode())
    print(table(figures))
    return 0


def _person(work: tuple[str, int, bool]) -> list[dict]:
    return list(_rows(*work))


def _rows(folder: str, seed: int, clad: bool) -> Iterator[dict]:
    """One row per way to fit a person. error: centimetres of EIGHT, ours less the true ones."""
    studio, fitter, reader = _tools(folder)
    rng = np.random.default_rng(seed)
    subject, camera = studio.subject(rng), CAMERAS[seed % len(CAMERAS)]
    cloth = CLOTHES[1 + seed % (len(CLOTHES) - 1)] if clad else 0.0
    tall = subject.centimetres["height"]
    common = {"seed": seed, "cloth": cloth, "camera": seed % len(CAMERAS)}
    plain = measure(makehuman.measured(fitter.human, posable.usual().person()))
    alone = [plain[name] * tall / plain["height"] - subject.centimetres[name] for name in EIGHT]
    yield {**common, "way": "that height alone", "error": alone, "seconds": 0.0}
    views: list[View] = []
    for side in (False, True):
        stance = studio.stance(camera, rng, side)
        pixels = studio.draw(subject, camera, stance, rng, cloth)
        shot = photo.Photo(f"{seed}", pixels, max(pixels.shape) * PHOTO.usual_lens, False)
        try:
            views.append(photo.view(shot, reader, side))
        except InputError as error:
            yield {**common, "way": "refused", "why": str(error), "error": None, "seconds": 0.0}
            return
    for name, shown in (("front", views[:1]), ("front and side", views)):
        for height in (tall / 100, None):
            began = time.thread_time()
            fit = fitter.fit(shown, height)
            spent = time.thread_time() - began
            found = measure(makehuman.measured(fitter.human, fit.shape.person()))
            scale = tall / found["height"]  # without a height figures are relative to it
            error = [found[one] * scale - subject.centimetres[one] for one in EIGHT]
            yield {**common, "way": f"{name}, {'height' if height else 'no height'}", "error": error, "seconds": spent}


_TOOLS: dict[str, tuple[Studio, Fitter, PersonReader]] = {}


def _tools(folder: str) -> tuple[Studio, Fitter, PersonReader]:
    """What draws, fits and reads, made once per process."""
    if folder not in _TOOLS:
        studio = Studio()
        _TOOLS[folder] = studio, Fitter(studio.human), PersonReader(Path(folder))
    return _TOOLS[folder]


def summary(rows: list[dict]) -> list[dict]:
    """By way and whether bare: how many, mean and 95th percentile of the error over EIGHT, by measurement mean error
    and bias, all centimetres, and median seconds of one core."""
    found = []
    for way in dict.fromkeys(row["way"] for row in rows):
        for clad in (False, True):
            own = [row for row in rows if row["way"] == way and bool(row["cloth"]) == clad]
            if not own or way == "refused":
                found += [{"way": way, "clad": clad, "count": len(own)}] if own else []
                continue
            error = np.array([row["error"] for row in own])
            each = np.abs(error).mean(0)
            found.append({
                "way": way, "clad": clad, "count": len(own), "mean": float(each.mean()),
                "p95": float(np.quantile(np.abs(error), 0.95)),
                "by measurement": dict(zip(EIGHT, each.round(2).tolist(), strict=True)),
                "bias": dict(zip(EIGHT, error.mean(0).round(2).tolist(), strict=True)),
                "seconds": float(np.median([row["seconds"] for row in own])),
            })  # fmt: skip
    return found


def table(figures: list[dict]) -> str:
    """The summary as lines of text."""
    lines = [f"{'way':30} {'':8} {'people':>6} {'mean cm':>8} {'p95':>6} {'s':>5}  by measurement"]
    for row in figures:
        start = f"{row['way']:30} {'clothed' if row['clad'] else 'bare':8} {row['count']:6}"
        if "mean" in row:
            each = ", ".join(f"{name.replace('_', ' ')} {value:.1f}" for name, value in row["by measurement"].items())
            start += f" {row['mean']:8.2f} {row['p95']:6.1f} {row['seconds']:5.1f}  {each}"
        lines.append(start)
    return "\n".join(lines)
