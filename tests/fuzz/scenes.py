"""Creators' scenes through real Blender: the button or the command line, and what becomes of keys and files."""

from __future__ import annotations

import io
import json
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from unittest import mock

import bpy
import numpy as np

from blendshape_addon import cli
from blendshape_addon.blender.io import files
from blendshape_addon.blender.io.mesh_io import basis, offsets
from blendshape_addon.blender.jobs import one_avatar
from blendshape_addon.blender.keys import shape_keys
from blendshape_addon.core.options import EXISTING
from blendshape_addon.core.vocabulary import VISEMES
from tests.blender.helpers import add_human_bones, coordinates, fingerprint, select
from training.devtools import roundtrips

from . import cases as core
from . import in_blender, subjects
from .cases import Case, Outcome
from .scene_traits import IN_PLACE, OPTIONS, TRAITS, Stage

_OLD = b"what was there before"
_SLACK = 1e-4  # of the eye distance: what formats may lose

Motion = tuple[
    np.ndarray, dict[str, np.ndarray]
]  # (V, 3) base, key: (V, 3) offsets as Blender shows them; of the world


def run(case: Case) -> Outcome:
    """What becomes of the scene of `case`, whose faults are what is done with it and its traits. The add-on is
    registered."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    one_avatar.forget()
    way, *traits = case.faults
    subject = subjects.subject(case.subject)
    stage = _stage(subject)
    rng = np.random.default_rng(case.dice)
    for trait, make in TRAITS.items():
        if trait in traits:
            make(stage, rng, case.word)
    bpy.context.view_layer.update()
    select(stage.face)
    reports: list[dict] = []
    existing = EXISTING[case.dice % len(EXISTING)]
    generate = partial(in_blender.generate, case, subject, reports)
    try:
        with mock.patch.object(one_avatar, "generate", generate):
            if way == IN_PLACE:
                return _in_place(case, stage, existing, reports)
            options = [option for option in OPTIONS if option in traits]
            return _to_file(case, stage, way.removeprefix("to "), options, existing, reports, subject.size)
    except Exception as error:
        return core.failure(error)


def _in_place(case: Case, stage: Stage, existing: str, reports: list[dict]) -> Outcome:
    meshes = [obj for obj in bpy.data.objects if obj.type == "MESH"]
    marks = {obj: fingerprint(obj) for obj in meshes}
    before = {obj: motion([obj]) for obj in meshes}
    try:
        with files.quiet():
            bpy.ops.vrc_blendshape.generate_visemes(preset=case.preset.upper(), existing=existing.upper())
    except RuntimeError as error:
        words = str(error).removeprefix("Error: ").strip()
        kept = all(fingerprint(obj) == marks[obj] for obj in meshes)
        return core.refusal(words) if kept else Outcome("failed", f"refused, and yet something changed: {words}")
    wrong = [f"“{obj.name}” is hidden and was changed" for obj in stage.aside if fingerprint(obj) != marks[obj]]
    for obj in meshes:
        if coordinates(obj.data.vertices).tobytes() != marks[obj][0]:
            wrong.append("the mesh was changed")
        wrong += lost(before[obj], motion([obj]), existing, 1e-6 * stage.size)
    return core.verdict(wrong, reports[0])


def _to_file(
    case: Case, stage: Stage, suffix: str, options: list[str], existing: str, reports: list[dict], size: float
) -> Outcome:
    """Through the command line: a .blend file in, a file of the kind `suffix` out, where another one is already."""
    seen = [stage.face, *stage.parts]
    aside = [obj.name for obj in stage.aside]
    applied = "apply" in options and any(len(obj.modifiers) > 1 for obj in seen)
    with tempfile.TemporaryDirectory() as name:
        source, target, report = (Path(name) / file for file in ("in.blend", f"out{suffix}", "report.json"))
        bpy.ops.wm.save_as_mainfile(filepath=str(source))
        _rest()
        before = [motion(seen)] if applied else [motion([obj]) for obj in seen]
        target.write_bytes(_OLD)
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            status = cli.main(["generate", str(source), "--output", str(target), "--report", str(report),
                               "--existing", existing, "--preset", case.preset, "--shapes", "visemes",
                               *(f"--{option}" for option in options)])  # fmt: skip
        left = sorted(path.name for path in Path(name).iterdir() if path not in (source, target, report))
        wrong = [f"left behind: {', '.join(left)}"] if left else []
        entry = json.loads(report.read_text(encoding="utf-8"))["avatars"][0]
        if status == cli.BAD_INPUT:
            if target.read_bytes() != _OLD:
                wrong.append("refused, and yet the file that was there is gone")
            return Outcome("failed", "; ".join(wrong)) if wrong else core.refusal(entry["error"])
        files.load(target)
    meshes = [obj for obj in bpy.data.objects if obj.type == "MESH"]
    if suffix != ".blend":
        wrong += [f"{name} is hidden and was written" for name in aside if name in {obj.name for obj in meshes}]
    _rest()
    after = motion([obj for obj in meshes if obj.name not in aside])
    for one in before:
        wrong += lost(one, after, existing, _SLACK * size, applied)
    return core.verdict(list(dict.fromkeys(wrong)), reports[0])


def _rest() -> None:
    for rig in bpy.data.armatures:
        rig.pose_position = "REST"
    bpy.context.view_layer.update()


def motion(objects: list[bpy.types.Object]) -> Motion:
    """The keys of all `objects`, those of one name as one."""
    bases, keys, begin = [], {}, 0
    count = sum(len(obj.data.vertices) for obj in objects)
    for obj in objects:
        matrix, places = np.array(obj.matrix_world), basis(obj)
        bases.append(places @ matrix[:3, :3].T + matrix[:3, 3])
        for key in obj.data.shape_keys.key_blocks[1:] if obj.data.shape_keys else ():
            rows = keys.setdefault(key.name, np.zeros((count, 3)))
            rows[begin : begin + len(places)] = offsets(obj, key) @ matrix[:3, :3].T
        begin += len(places)
    return np.concatenate(bases), keys


def lost(before: Motion, after: Motion, existing: str, slack: float, applied: bool = False) -> list[str]:
    """What is wrong with keys `after`: those of the creator, `before`, must move the same places in the same way, to
    `slack` (world units); where a modifier was `applied`, which makes other vertices, they must move, and not further
    than twice as far."""
    wrong = [
        f"{name} has coordinates that are not numbers" for name in after[1] if not np.isfinite(after[1][name]).all()
    ]
    if wrong:
        return wrong
    for name, rows in before[1].items():
        most = np.abs(rows).max()
        if not most > slack:  # an empty key may be filled
            continue
        mine = [name] if existing != "replace" or name not in VISEMES else [name, shape_keys.BACKUP.format(name)]
        found = [after[1][other] for other in mine if other in after[1]]
        if applied:
            kept = any(slack < np.abs(other).max() < 2 * most for other in found)
        else:
            old = before[0], rows[None]
            kept = any(roundtrips.apart(old, (after[0], other[None]), slack)[0] <= slack for other in found)
        if not kept:
            wrong.append(f"the creator's {name!r} was changed or lost")
    return wrong


def _stage(subject: subjects.Subject) -> Stage:
    """The subject's meshes under an armature that moves them by its head."""
    rig = bpy.data.objects.new("Armature", bpy.data.armatures.new("Armature"))
    bpy.context.scene.collection.objects.link(rig)
    add_human_bones(rig)
    face, *parts = sorted(in_blender.objects_of(subject), key=lambda obj: -len(obj.data.vertices))
    for obj in (face, *parts):
        obj.parent = rig
        obj.vertex_groups.new(name="head").add(range(len(obj.data.vertices)), 1.0, "REPLACE")
        obj.modifiers.new("Armature", "ARMATURE").object = rig
    bpy.data.objects.remove(bpy.data.objects["Avatar"])
    return Stage(face, parts, rig)
