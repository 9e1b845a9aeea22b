"""Cases through real Blender: the button on objects that have the faults, and what becomes of the creator's keys."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, partial
from unittest import mock

import bpy
import numpy as np

import blendshape_addon
from blendshape_addon.blender.io import files
from blendshape_addon.blender.jobs import one_avatar
from blendshape_addon.blender.keys import shape_keys, vrchat_check
from blendshape_addon.core import pipeline
from blendshape_addon.core.options import EXISTING
from blendshape_addon.core.vocabulary import VISEMES
from tests.blender.helpers import coordinates, fingerprint, key_names, mesh_object, select

from . import cases as core
from .cases import SOUGHT, Case, Outcome
from .object_faults import OBJECT_FAULTS
from .subjects import Subject


def run(case: Case) -> Outcome:
    """What Generate Visemes makes of `case`, twice: keys of its own are made again, others are kept.

    The add-on is registered.
    """
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    subject = core.faulty(case)
    objects = objects_of(subject)
    rng = np.random.default_rng(case.dice)
    for fault in case.faults:
        if fault in OBJECT_FAULTS:
            OBJECT_FAULTS[fault](objects, rng, case.word)
    select(*sorted(objects, key=lambda obj: -len(obj.data.vertices)))
    reports: list[dict] = []
    existing = EXISTING[case.dice % len(EXISTING)]
    before = {obj.name: Before.of(obj) for obj in objects}
    for again in (False, True):
        try:
            with files.quiet(), mock.patch.object(one_avatar, "generate", partial(generate, case, subject, reports)):
                bpy.ops.vrc_blendshape.generate_visemes(preset=case.preset.upper(), existing=existing.upper())
        except RuntimeError as error:
            words = str(error).removeprefix("Error: ").strip()
            if again:
                return Outcome("failed", f"the second run: {words}")
            kept = all(fingerprint(obj) == before[obj.name].fingerprint for obj in objects)
            return core.refusal(words) if kept else Outcome("failed", f"refused, and yet something changed: {words}")
        wrong = _wrong(objects, before, existing, reports[0]["refused"])
        if wrong:
            return Outcome("failed", "; ".join(wrong))
    return core.verdict([], reports[0])


def generate(case: Case, subject: Subject, reports: list[dict], avatar, options, **others) -> pipeline.GenerationResult:
    if case.marks != SOUGHT:
        avatar = replace(avatar, manual_landmarks=np.column_stack([subject.marks, np.ones(len(subject.marks))]))
    made = pipeline.generate(avatar, options, **others)
    reports.append(made.report)
    return made


def _wrong(objects: list[bpy.types.Object], before: dict[str, Before], existing: str, left_out: list[str]) -> list[str]:
    """What is wrong with the keys of `objects`, which were as in `before`; the visemes `left_out` may be missing."""
    wrong = []
    for obj in objects:
        names, was = key_names(obj), before[obj.name]
        if coordinates(obj.data.vertices).tobytes() != was.vertices:
            wrong.append("the mesh was changed")
        effects = _effects(obj)
        for name, effect in was.effects.items():
            mine = [name] if existing == "keep" or name not in VISEMES else [name, shape_keys.BACKUP.format(name)]
            if not any(other in effects and np.allclose(effects[other], effect, atol=was.slack) for other in mine):
                # An empty key may be filled.
                wrong += [f"the creator's {name!r} was changed or lost"] if effect.any() else []
        if [name for name in names if name in was.effects] != list(was.effects):
            wrong.append("the creator's keys are gone or in another order")
        if existing == "keep" and any(key not in fingerprint(obj) for key in was.fingerprint[1:]):
            wrong.append("a creator's key is not as it was")
        if names and not was.effects and coordinates(obj.data.shape_keys.reference_key.data).tobytes() != was.vertices:
            wrong.append("the new Basis is not the mesh")
        if not all(np.isfinite(effect).all() for effect in effects.values()):
            wrong.append("keys with coordinates that are not numbers")
    if not any(was.effects for was in before.values()):
        missing = f"lacks {', '.join(left_out)}: "
        wrong += [words for words in vrchat_check.problems(objects) if not left_out or missing not in words]
    return list(dict.fromkeys(wrong))


def _effects(obj: bpy.types.Object) -> dict[str, np.ndarray]:
    """(V, 3) what each key of `obj` does, by name, over the key that it is relative to."""
    keys = obj.data.shape_keys.key_blocks if obj.data.shape_keys else []
    with np.errstate(invalid="ignore", over="ignore"):
        return {key.name: coordinates(key.data) - coordinates(key.relative_key.data) for key in keys}


@dataclass(frozen=True)
class Before:
    """What an object must keep. slack: the accuracy of its coordinates."""

    vertices: bytes
    fingerprint: list
    effects: dict[str, np.ndarray]
    slack: float

    @staticmethod
    def of(obj: bpy.types.Object) -> Before:
        places = coordinates(obj.data.vertices)
        return Before(places.tobytes(), fingerprint(obj), _effects(obj), 1e-6 * float(np.abs(places).max()))


def objects_of(subject: Subject) -> list[bpy.types.Object]:
    """Mesh objects of one avatar; those without triangles are left out."""
    root = bpy.data.objects.new("Avatar", None)
    bpy.context.scene.collection.objects.link(root)
    objects = []
    for number, name in enumerate(subject.names):
        mine = np.flatnonzero(subject.object_id == number)
        place = np.full(len(subject.vertices), -1)
        place[mine] = np.arange(len(mine))
        triangles = place[subject.triangles]
        triangles = triangles[(triangles >= 0).all(1)]
        if len(triangles):
            objects.append(mesh_object(name, subject.vertices[mine], triangles.tolist(), root))
    if not objects:
        objects.append(mesh_object("Nothing", np.zeros((3, 3)), [], root))
    return objects


@cache
def register_once() -> None:
    blendshape_addon.register()
