"""`python -m training body evaluate`: how well bodies from photos are measured, on people who were made up.

Each person is drawn from the front and from the side before one of three cameras, bare, in clothes that are as thick
everywhere, and in clothes that are not; read by the networks, and fitted with the height given and without. Beside it
stands the body of that height alone.
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
from ..learning.documents import write_between
from . import makehuman, networks, photo, posable
from .fit import Fitter, View
from .measurements.extractor import NAMES, measure
from .parameters import PHOTO
from .person import PersonReader
from .synthetic import CAMERAS, Studio

EIGHT = NAMES[1:]
BARE, EVEN, UNEVEN = "bare", "even clothes", "uneven clothes"
WORN = (BARE, EVEN, UNEVEN)
CLOTHES = (0.01, 0.02, 0.03)  # metres over the skin, of even ones
ALONE, REFUSED = "that height alone", "refused"
BEGIN, END = "<!-- figures: written by python -m training body evaluate -->", "<!-- end of figures -->"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m training body evaluate", description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--people", type=int, default=100, help="how many (default: %(default)s)")
    add("--jobs", type=int, default=2, help="people at a time (default: %(default)s)")
    add("--networks", type=Path, default=networks.FOLDER, help="folder of the networks (default: %(default)s)")
    add("--out", type=Path, default=Path("out/body/figures.json"), help="all figures (default: %(default)s)")
    add("--doc", type=Path, help=f"also write the table into this document, between “{BEGIN}” and “{END}”")
    given = parser.parse_args(arguments)
    PersonReader(given.networks)  # says what is missing before the work
    rows: list[dict] = []
    work = [(str(given.networks), seed, worn) for seed in range(given.people) for worn in WORN]
    with get_context("spawn").Pool(given.jobs) as pool:
        for number, found in enumerate(pool.imap_unordered(_person, work), 1):
            rows += found
            print(f"\r{number} of {len(work)}", end="", flush=True)
    print()
    figures = summary(rows)
    atomic_write(given.out, (json.dumps({"people": given.people, "rows": figures}, indent=1) + "\n").encode())
    print(table(figures))
    if given.doc:
        write_between(given.doc, BEGIN, END, table(figures))
    return 0


def _person(work: tuple[str, int, str]) -> list[dict]:
    return list(_rows(*work))


def _rows(folder: str, seed: int, worn: str) -> Iterator[dict]:
    """One row per way to fit a person. error: centimetres of EIGHT, ours less the true ones."""
    studio, fitter, reader = _tools(folder)
    rng = np.random.default_rng(seed)
    subject, camera = studio.subject(rng), CAMERAS[seed % len(CAMERAS)]
    cloth: float | np.ndarray = 0.0
    if worn == EVEN:
        cloth = CLOTHES[seed % len(CLOTHES)]
    elif worn == UNEVEN:
        cloth = studio.uneven(np.random.default_rng((seed, 1)))
    tall = subject.centimetres["height"]
    common = {"seed": seed, "worn": worn, "camera": seed % len(CAMERAS)}
    plain = measure(makehuman.measured(fitter.human, posable.usual().person()))
    alone = [plain[name] * tall / plain["height"] - subject.centimetres[name] for name in EIGHT]
    yield {**common, "way": ALONE, "error": alone, "seconds": 0.0}
    views: list[View] = []
    for side in (False, True):
        stance = studio.stance(camera, rng, side)
        pixels = studio.draw(subject, camera, stance, rng, cloth)
        shot = photo.Photo(f"{seed}", pixels, max(pixels.shape) * PHOTO.usual_lens, False)
        try:
            views.append(photo.view(shot, reader, side))
        except InputError as error:
            yield {**common, "way": REFUSED, "why": str(error), "error": None, "seconds": 0.0}
            return
    for name, shown in (("front", views[:1]), ("front and side", views)):
        for height, tight in ((tall / 100, False), (None, False), *([(tall / 100, True)] if worn == BARE else [])):
            began = time.thread_time()
            fit = fitter.fit(shown, height, tight=tight)
            spent = time.thread_time() - began
            found = measure(makehuman.measured(fitter.human, fit.shape.person()))
            scale = tall / found["height"]  # without a height figures are relative to it
            error = [found[one] * scale - subject.centimetres[one] for one in EIGHT]
            way = f"{name}, {'height' if height else 'no height'}{', told that nothing is loose' if tight else ''}"
            yield {**common, "way": way, "error": error, "seconds": spent}


_TOOLS: dict[str, tuple[Studio, Fitter, PersonReader]] = {}


def _tools(folder: str) -> tuple[Studio, Fitter, PersonReader]:
    """What draws, fits and reads, made once per process."""
    if folder not in _TOOLS:
        studio = Studio()
        _TOOLS[folder] = studio, Fitter(studio.human), PersonReader(Path(folder))
    return _TOOLS[folder]


def summary(rows: list[dict]) -> list[dict]:
    """By way and clothes: how many, mean and 95th percentile of the error over EIGHT, by measurement mean error and
    bias, all centimetres, and median seconds of one core."""
    found = []
    for worn in WORN:
        for way in dict.fromkeys(row["way"] for row in rows):
            own = [row for row in rows if row["way"] == way and row["worn"] == worn]
            if not own or way == REFUSED:
                found += [{"way": way, "worn": worn, "count": len(own)}] if own else []
                continue
            error = np.array([row["error"] for row in own])
            each = np.abs(error).mean(0)
            found.append({
                "way": way, "worn": worn, "count": len(own), "mean": float(each.mean()),
                "p95": float(np.quantile(np.abs(error), 0.95)),
                "by measurement": dict(zip(EIGHT, each.round(2).tolist(), strict=True)),
                "bias": dict(zip(EIGHT, error.mean(0).round(2).tolist(), strict=True)),
                "seconds": float(np.median([row["seconds"] for row in own])),
            })  # fmt: skip
    return found


def table(figures: list[dict]) -> str:
    """The summary as Markdown; per measurement the mean error, and what of it is bias."""
    names = [name.replace("_", " ") for name in EIGHT]
    lines = [
        f"| worn | way | people | mean cm | 95 % | seconds | {' | '.join(names)} |",
        "|" + "---|" * (6 + len(names)),
    ]
    for row in figures:
        if row["way"] == ALONE and row["worn"] != BARE:  # which hangs on no picture
            continue
        cells = [row["worn"], row["way"], str(row["count"])]
        if "mean" in row:
            cells += [f"**{row['mean']:.2f}**", f"{row['p95']:.1f}", f"{row['seconds']:.1f}"]
            cells += [f"{row['by measurement'][name]:.1f} ({row['bias'][name]:+.1f})" for name in EIGHT]
        else:
            cells += [""] * (3 + len(names))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
