"""`drive` of the command line: a clip is read once and drives the avatars of one file after another."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import bpy

from ... import console
from ...core.errors import InputError
from ...core.motion.performance import Performance, perform
from ..io import clips, files, mesh_io, selection
from ..keys import performance_keys
from ..translations import translate, translate_all
from . import drive

WRITABLE = tuple(kind for kind in files.WRITABLE if kind != ".vrm")  # which has no place for motion


def read(options: argparse.Namespace) -> tuple[dict, Performance]:
    """The clip's part of the report, and what its person does. Raises UserError."""
    began = time.perf_counter()
    clip = clips.open_clip(options.clip)
    try:
        found = drive.kept(clip, options.descriptors, options.models)
        if found is None:
            found = drive.descriptors_of(clip, options.models, options.provider, console.Progress(clip.name))
            if options.descriptors:
                drive.keep(found, options.descriptors)
    finally:
        clip.close()
    performance = perform(found, options.drive, clip.name, options.models)
    performance = replace(performance, notes=(*clip.notes, *performance.notes))
    spent = time.perf_counter() - began
    about = {"clip": str(options.clip), **drive.clip_entry(found, performance, options.drive, spent)}
    console.say(
        f"{clip.name}: a face in {about['found']} of {about['frames']} frames at {about['rate']:g} per second, neutral "
        f"in frame {about['neutral']}; read in {spent:.1f} s"
    )
    for note in performance.notes:
        console.say(f"  note: {translate(note)}")
    console.say(f"  not keyed, for pictures hardly tell it: {', '.join(about['not_read'])}")
    return about, performance


def run(source: Path, target: Path, performance: Performance, options: argparse.Namespace) -> list[dict]:
    """Drive the avatars of the file `source` and write `target`; returns a report entry for each.

    Raises UserError, and nothing is written, where none can be driven.
    """
    notes = files.load(source, settings=target.suffix.lower() in (".vrm", ".blend"))
    scene = bpy.context.scene
    if source.suffix.lower() != ".blend":
        rate = 1 / max(float(performance.times[1] - performance.times[0]), 1e-6)
        scene.render.fps, scene.render.fps_base = max(1, round(rate)), max(1, round(rate)) / rate
        scene.frame_end = scene.frame_start = 1
    done, refusals, objects = [], [], []
    for avatar in selection.avatars_of_scene(bpy.context, source.name):
        try:
            performance_keys.require_drivable(avatar)
        except InputError as error:
            refusals.append(error)
            continue
        sound = options.clip if options.clip.is_file() and not done else None
        hints, head = mesh_io.read(avatar).hints, not options.no_head
        done.append(drive.write(scene, avatar, performance, hints, options.clip.name, sound, scene.frame_start, head))
        objects += avatar
    if not done:
        raise refusals[0]
    if target.suffix.lower() != ".blend":  # exporters write the motion of the scene's frames
        scene.frame_end = max(one.written.last for one in done)
    files.save(target, objects, animated=True)
    if target.suffix.lower() != ".blend":
        notes += files.left_out(objects, animated=True)
    entries = []
    for one in done:
        entry = {"input": str(source), "output": str(target), **drive.entry(one, performance)}
        entry["notes"] = [*notes, *entry["notes"]]
        entries.append(translate_all(entry))
        console.say(_line(entries[-1]))
    return entries


def _line(entry: dict) -> str:
    what = "visemes and blinks" if entry["visemes"] else "shapes"
    lines = [
        f"{entry['input']} → {entry['output']}: {entry['avatar']}: {len(entry['keyed'])} {what} keyed, frames "
        f"{entry['first']} to {entry['last']}; head: {entry['head'] or 'still'}; eyes: {entry['eyes'] or 'still'}"
    ]
    return "\n".join([*lines, *(f"  note: {note}" for note in entry["notes"])])
