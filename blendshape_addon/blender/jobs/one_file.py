"""One avatar file on the command line: open it, do every avatar in it, save, report, draw."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import bpy

from ...core.errors import FaceNotFound, InputError
from ...core.options import GenerateOptions
from ...core.style.tuning import strengths_of
from ..io import files, mesh_io
from ..keys import alias_keys
from ..stored import tuning
from ..translations import translate, translate_all
from ..viewport import render
from . import one_avatar


def run(
    path: Path, target: Path, names: Sequence[str], options: argparse.Namespace
) -> tuple[list[dict], list[one_avatar.Done]]:
    """Put the shapes `names` on every avatar of the file `path`, as `options` of the command line say; write `target`.

    Returns a report entry for each avatar and what `draw` takes. Raises UserError, and nothing is written, if none can
    be done.
    """
    tuning.register()
    progress = _Progress(path.name)
    progress(0.0, "reading")
    began = time.perf_counter()
    notes = files.load(path)
    reading = time.perf_counter() - began
    avatars = mesh_io.avatars_of(bpy.context.view_layer.objects)
    if not avatars:
        raise InputError("{file} holds no mesh with faces.", file=path.name)
    done: list[one_avatar.Done] = []
    refusals: list[FaceNotFound] = []
    for objects in avatars:
        try:
            done.append(one_avatar.run(objects, _generate_options(names, objects, options), progress))
        except FaceNotFound as error:  # scenery beside an avatar is no mistake; a file without any face is one
            refusals.append(error)
    if not done:
        raise refusals[0]
    named = [[alias_keys.add(one.objects, kind, options.rename) for kind in options.aliases] for one in done]
    progress(0.97, "saving")
    began = time.perf_counter()
    files.save(target, [obj for one in done for obj in one.objects])
    saving = time.perf_counter() - began
    entries = []
    for number, one in enumerate(done):
        entry = {
            "input": str(path), "output": str(target), "avatar": one.face_object.name,
            "objects": [obj.name for obj in one.objects], **one.generated.report,
            "made": one.written.made, "replaced": one.written.replaced, "kept": one.written.kept,
            "backups": one.written.backups, "aliases": [name for added in named[number] for name in added.made],
            "seconds": {"opening": reading, **one.generated.seconds, "saving": saving},
        }  # fmt: skip
        entry["notes"] = [*notes, *entry.get("notes", [])]
        entry = translate_all(entry)
        entry |= {kind: str(picture) for kind, picture in _pictures(options, number, len(done))}
        entries.append(entry)
        print(table(entry))
    return entries, done


def _generate_options(
    names: Sequence[str], objects: Sequence[mesh_io.Object], options: argparse.Namespace
) -> GenerateOptions:
    """What the command line asks of one avatar: the tuning that is kept with it, and what `options` say over that."""
    return GenerateOptions(
        expressions=names,
        intensity=options.intensity,
        preset=options.preset,
        own_recipes=options.recipes,
        tuning=tuning.read(objects).over(strengths_of(options.strength), options.asymmetric),
        provider=options.provider,
        models=options.models,
        model=options.model,
        existing=options.existing,
    )


def draw(done: Sequence[one_avatar.Done], options: argparse.Namespace) -> None:
    """Write the pictures that `options` ask for."""
    for number, one in enumerate(done):
        for kind, picture in _pictures(options, number, len(done)):
            write = render.sheet if kind == "sheet" else render.thumbnail
            write(picture, one.avatar, one.generated.face.points, one.generated.shapes)


def _pictures(options: argparse.Namespace, number: int, count: int) -> list[tuple[str, Path]]:
    """The pictures of avatar `number` of `count`, each with its path."""
    requested = {"sheet": options.sheet, "thumbnail": options.thumbnail}
    return [
        (kind, path if count == 1 else path.with_name(f"{path.stem}_{number + 1}{path.suffix}"))
        for kind, path in requested.items()
        if path
    ]


def table(entry: dict) -> str:
    """A report entry as text: shape, peak mm, lip gap mm, checks; then seconds and notes."""
    lines = [
        f"{entry['input']} → {entry['output']}: {entry['avatar']}",
        f"  {'shape':<20}{'peak mm':>9}{'lip gap mm':>12}  checks",
    ]
    for row in entry["shapes"]:
        verdict = "ok" if row["ok"] else translate("left out: {reasons}", reasons="; ".join(row["notes"]))
        if row["name"] in entry["kept"]:
            verdict = translate("not written: your own key was kept")
        lines.append(f"  {row['name']:<20}{row['peak_mm']:>9.2f}{row['lip_gap_mm']:>12.2f}  {verdict}")
    seconds = ", ".join(f"{stage} {spent:.2f}" for stage, spent in entry["seconds"].items())
    lines.append(f"  seconds: {sum(entry['seconds'].values()):.2f} ({seconds})")
    return "\n".join([*lines, *(f"  note: {note}" for note in entry["notes"])])


class _Progress:
    """Prints the progress on stderr, once per second at most."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._printed = time.perf_counter()

    def __call__(self, fraction: float, stage: str) -> None:
        now = time.perf_counter()
        if now - self._printed > 1.0:
            self._printed = now
            print(f"{self._name}: {fraction:4.0%} {stage}", file=sys.stderr, flush=True)
