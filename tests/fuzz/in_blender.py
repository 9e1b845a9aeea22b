"""Cases through real Blender: the button on objects that have the faults, and what becomes of the creator's keys."""

from __future__ import annotations

from functools import cache, partial

import bpy
import numpy as np

import blendshape_addon
from blendshape_addon.blender import check, files, job
from blendshape_addon.core import pipeline
from blendshape_addon.core.vocabulary import VISEMES
from tests.blender.helpers import coordinates, fingerprint, key_names, mesh_object, select

from . import cases as core
from .cases import SOUGHT, Case, Outcome
from .object_faults import OBJECT_FAULTS
from .subjects import Subject


def run(case: Case) -> Outcome:
    """What Generate Visemes makes of `case`, twice: keys of its own are made again, others are kept."""
    _registered()
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    subject = core.faulty(case)
    objects = _objects(subject)
    rng = np.random.default_rng(case.dice)
    for fault in case.faults:
        if fault in OBJECT_FAULTS:
            OBJECT_FAULTS[fault](objects, rng, case.word)
    select(*sorted(objects, key=lambda obj: -len(obj.data.vertices)))
    reports: list[dict] = []
    job.generate = partial(_generate, case, subject, reports)
    existing = ("KEEP", "REFUSE", "REPLACE")[case.dice % 3]
    before = {obj.name: fingerprint(obj) for obj in objects}
    for again in (False, True):
        try:
            with files.quiet():
                bpy.ops.vrc_blendshape.generate_visemes(preset=case.preset.upper(), existing=existing)
        except RuntimeError as error:
            if again and existing == "REFUSE" and "already has" in str(error):
                break  # what the first run made
            words = str(error).removeprefix("Error: ").strip()
            if again:
                return Outcome("failed", f"the second run: {words}")
            kept = {obj.name: fingerprint(obj) for obj in objects} == before
            return core.refusal(words) if kept else Outcome("failed", f"refused, and yet something changed: {words}")
        wrong = _wrong(objects, before, existing)
        if wrong:
            return Outcome("failed", "; ".join(wrong))
    return core.verdict([], reports[0])


def _generate(case: Case, subject: Subject, reports: list[dict], avatar, names, **options) -> pipeline.Generated:
    face = core.known_face(subject) if case.marks != SOUGHT else None
    made = pipeline.generate(avatar, names, **options, face=face)
    reports.append(made.report)
    return made


def _wrong(objects: list[bpy.types.Object], before: dict[str, list], existing: str) -> list[str]:
    """What is wrong with the keys of `objects`, whose fingerprints were `before`."""
    wrong = []
    for obj in objects:
        vertices, *creators = before[obj.name]
        now = fingerprint(obj)
        names = key_names(obj)
        if now[0] != vertices:
            wrong.append("the mesh was changed")
        if any(key not in now for key in creators if existing != "REPLACE" or key[0] not in VISEMES):
            wrong.append("a creator's key was changed or lost")
        order = [name for name in names if name in {key[0] for key in creators}]
        if order != [key[0] for key in creators]:
            wrong.append("the creator's keys have another order")
        if not creators and names and coordinates(obj.data.shape_keys.reference_key.data).tobytes() != vertices:
            wrong.append("the new Basis is not the mesh")
        blocks = obj.data.shape_keys.key_blocks if names else []
        if not all(np.isfinite(coordinates(key.data)).all() for key in blocks):
            wrong.append("keys with coordinates that are not numbers")
    creators = {key[0] for keys in before.values() for key in keys[1:]}
    if not creators:
        wrong += check.problems(objects)
    return list(dict.fromkeys(wrong))


def _objects(subject: Subject) -> list[bpy.types.Object]:
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
def _registered() -> None:
    blendshape_addon.register()
