"""Judge what is read of a clip, and a movie that follows it: `python -m training motion evaluate --clip C --out D`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.motion.performance import UNREAD, DriveOptions, perform
from blendshape_addon.core.vocabulary import ARKIT

from ..learning.atomic_files import write_together
from . import clip_figures, clip_page, motions, overlay
from .animator.pictures import frames_in
from .clip import TRUTH
from .descriptor_cache import DescriptorCache
from .viewer import sequence

RATE = 30.0  # frames per second of a folder, as `drive` counts them
SHOWN = 12  # units with a bar and a curve


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training motion evaluate",
        description="Measure what is read of a clip of a face, and how another movie follows it, such as that of an "
        "avatar that it drives: index.html with figures, curves and the clip with what was read drawn over it, "
        "figures.json and overlay.webp.",
    )
    parser.add_argument("--clip", type=Path, required=True, help="a folder of .png files, or an animated .gif")
    parser.add_argument("--out", type=Path, required=True, help="folder for the page")
    parser.add_argument(
        "--truth", type=Path, metavar="CSV", help=f"what the face does, a row per frame (default: {TRUTH} in the clip)"
    )
    parser.add_argument("--made", type=Path, help="frames, as many, of what follows the clip: an avatar or a portrait")
    parser.add_argument("--neutral", type=int, metavar="FRAME", help="of the clip, from 1 (default: found)")
    parser.add_argument("--rate", type=float, default=RATE, help="frames per second (default: %(default)g)")
    parser.add_argument("--cache", type=Path, default=Path("out/motion/descriptors"), help="(default: %(default)s)")
    given = parser.parse_args(arguments)
    if not 0 < given.rate <= 1000:
        raise InputError(f"--rate is {given.rate:g}: give frames per second, more than 0 and at most 1000.")
    frames, cache = frames_in(given.clip), DescriptorCache(given.cache)
    told = cache.of_clip(given.clip.name, frames, given.rate)
    neutral = None if given.neutral is None else given.neutral - 1
    done = perform(told, DriveOptions(neutral=neutral), given.clip.name)
    table = given.truth or given.clip / TRUTH
    truth = clip_figures.truth_of(motions.load(table)) if given.truth or table.is_file() else None

    tables: dict[str, list[list[str]]] = {}
    found: dict[str, object] = {"clip": str(given.clip), "frames": told.count, "found": int(told.found.sum())}
    if truth is not None:
        found["units"] = rows = clip_figures.units(told, done, truth)
        found["degrees"] = clip_figures.angles(told, done, truth)
        tables["Units"] = clip_page.unit_rows(rows)
        tables["Head and gaze, mean errors in degrees"] = clip_page.figure_rows(found["degrees"])
    found["coherence"] = clip_figures.coherence(told, done, truth)
    tables["Temporal coherence: mean second differences, in thousandths"] = clip_page.figure_rows(found["coherence"])
    others: list[np.ndarray] = []
    if given.made is not None:
        made = frames_in(given.made)
        if len(made) != len(frames):
            raise InputError(
                f"{given.made} has {len(made)} frames, but the clip {len(frames)}: give as many as the clip has."
            )
        seen = cache.of_clip(given.made.name, made, given.rate)
        follows = clip_figures.follows(done, perform(seen, DriveOptions(neutral=done.neutral), given.made.name))
        found["made"] = follows | clip_figures.pictures(made, frames)
        tables["The movie that follows"] = clip_page.figure_rows(found["made"])
        others.append(made)

    shown = clip_figures.moving(done, SHOWN)
    true = {} if truth is None else {unit: truth.units[:, ARKIT.index(unit)] for unit in shown}
    played = sequence.of(frames, told)
    movie = overlay.encode(
        overlay.draw(frames, played.landmarks, {unit: done.units[unit] for unit in shown}, true, others), given.rate
    )
    facts = [
        f"A face was found in {found['found']} of {told.count} frames; frame {done.neutral + 1} is neutral. "
        f"Not keyed, for pictures hardly tell it: {', '.join(UNREAD)}.",
        *map(str, done.notes),
    ]
    page = clip_page.Page(
        given.clip.name, facts, movie, tables, {unit: (done.units[unit], true.get(unit)) for unit in shown}
    )
    write_together({
        given.out / "index.html": clip_page.write(page).encode(),
        given.out / "figures.json": json.dumps(found, indent=1).encode(),
        given.out / "overlay.webp": movie,
    })  # fmt: skip
    for heading, cells in tables.items():
        print(f"\n{heading}")
        print("\n".join("  ".join(row) for row in cells))
    print(f"\nLook at {given.out / 'index.html'}")
