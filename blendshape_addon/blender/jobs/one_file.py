"""One avatar file on the command line: open it, do every avatar in it, save, report, draw."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import bpy

from ... import console
from ...core.errors import FaceNotFound, InputError
from ...core.messages import Message
from ...core.options import GenerateOptions
from ...core.style.tuning import strengths_of
from ..io import files, mesh_io, selection, single_user, textures, vrm
from ..keys import alias_keys, apply_modifier, join, own_keys, read_back, vrchat_check, vrm_expressions
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
    progress = console.Progress(path.name)
    progress(0.0, "reading")
    began = time.perf_counter()
    keeps_vrm = target.suffix.lower() in (".vrm", ".blend")
    notes = files.load(path, settings=keeps_vrm)
    reading = time.perf_counter() - began
    avatars = selection.avatars_of_scene(bpy.context, path.name)
    done: list[one_avatar.Done] = []
    refusals: list[FaceNotFound] = []
    for objects in avatars:
        shared = single_user.separate(objects)
        prepared = _prepare(path, objects, options)
        try:
            done.append(one_avatar.run(objects, _generate_options(names, objects, options), progress))
        except FaceNotFound as error:  # scenery beside an avatar is no mistake; a file without any face is one
            single_user.rejoin(shared)
            refusals.append(error)
            continue
        done[-1].generated.report["notes"] += prepared
        if shared:
            done[-1].generated.report["notes"].append(
                Message(
                    "Made single-user, since several objects shared a mesh: {names}.",
                    names=", ".join(obj.name for obj in shared),
                )
            )
    if not done:
        raise refusals[0]
    named = [[alias_keys.add(one.objects, kind, options.rename) for kind in options.aliases] for one in done]
    joins = [join.join(one.objects) if options.join else None for one in done]
    for one, joined in zip(done, joins, strict=True):
        one.objects = joined.objects if joined else one.objects
    progress(0.97, "saving")
    began = time.perf_counter()
    objects = [obj for one in done for obj in one.objects]
    bound = _bind(done, joins, target.suffix.lower() == ".vrm") if keeps_vrm else []
    if target.suffix.lower() == ".blend" and target.parent.resolve() != path.parent.resolve():
        notes += textures.pack(target.parent)
    notes += files.save(target, objects, lambda file: _differences(file, objects))
    saving = time.perf_counter() - began
    entries = []
    for number, one in enumerate(done):
        entry = {
            "input": str(path), "output": str(target), "avatar": one.face_object.name,
            "objects": [obj.name for obj in one.objects], **one.generated.report,
            "made": one.written.made, "replaced": one.written.replaced, "kept": one.written.kept,
            "backups": one.written.backups, "aliases": [name for added in named[number] for name in added.made],
            "expressions": bound,
            "vrchat": _readiness(one.objects), "joined": joins[number].parts if joins[number] else [],
            "seconds": {"opening": reading, **one.generated.seconds, "saving": saving},
        }  # fmt: skip
        apart = [finding.message for finding in vrchat_check.apart(one.objects)]
        said = [*joins[number].left_out, *joins[number].notes] if joins[number] else []
        left_out = files.left_out(one.objects) if target.suffix.lower() != ".blend" else []
        entry["notes"] = [*notes, *entry.get("notes", []), *said, *apart, *left_out]
        entry = translate_all(entry)
        entry |= {kind: str(picture) for kind, picture in _pictures(options, number, len(done))}
        entries.append(entry)
        console.say(table(entry))
    return entries, done


def _prepare(path: Path, objects: Sequence[mesh_io.Object], options: argparse.Namespace) -> list[Message]:
    """What `options` ask for before shapes are made on `objects`, which were read from `path`; returns notes."""
    notes = []
    if options.apply and (names := apply_modifier.apply_all(objects)):
        notes.append(Message("Applied to the meshes and their shape keys: {names}.", names=", ".join(names)))
    # What a .blend file holds is known by its notes, which also tell what was edited since.
    if options.existing == "replace" and path.suffix.lower() != ".blend" and (found := own_keys.adopt(objects)):
        notes.append(
            Message(
                "{count} keys of the file carry this tool's hidden mark and count as generated: they need no backups.",
                count=len(found),
            )
        )
    return notes


def _bind(done: Sequence[one_avatar.Done], joins: Sequence[join.Joined | None], to_vrm: bool) -> list[str]:
    """Bind keys to the expressions of avatars of VRM, and of what is to become one; returns names of expressions."""
    bound = []
    for one, joined in zip(done, joins, strict=True):
        if to_vrm or vrm.has_settings(one.objects):
            moved = dict.fromkeys(joined.parts, joined.face.name) if joined else {}
            bound += vrm_expressions.bind_all(one.objects, moved)
    return bound


def _differences(file: Path, objects: Sequence[mesh_io.Object]) -> list[Message]:
    """What does not come out of a written file as it is here."""
    try:
        read_back.count_keys(file, objects)
    except InputError as error:
        return [error.message]
    return []


def _readiness(objects: Sequence[mesh_io.Object]) -> dict[str, object]:
    """What Check says of the avatar for VRChat, without its shapes, which have rows of their own."""
    findings = vrchat_check.readiness(objects)
    return {
        "verdict": vrchat_check.verdict(finding.grade for finding in findings),
        "findings": [{"grade": finding.grade, "message": finding.message} for finding in findings],
    }


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
            write(picture, one.objects, one.avatar, one.generated.face.points, one.generated.shapes)


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
