"""What another mesh of the same face does to the shapes: every augmentation alone, against the untouched rig."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import FaceNotFound
from blendshape_addon.core.face.face_space import EYE_DISTANCE_MM
from blendshape_addon.core.vocabulary import ARKIT, MOUTH_UNITS, VISEMES

from ..data import augment, augment_mouth, toon
from ..data.augment import Solid
from ..data.identities import random_style, random_warp, sample_neutral
from ..data.labelled_face import LabelledFace
from ..data.rigs import Rig
from .run import PipelineRun, Scores, labelled_face, run, score

DRAWS = 2  # of what is random in the face itself
Change = Callable[[LabelledFace, np.random.Generator], LabelledFace]


def changes(rig: Rig, head: LabelledFace, body: Solid | None) -> dict[str, list[Change]]:
    """Every augmentation of `head`, which is `rig`, by its name, as draws of it. body: for a head that has none."""
    faces: dict[str, Change] = {
        "smooth warp": lambda head, rng: head.mapped(random_warp(rng, 1.0, lopsided=False)),
        "asymmetry": lambda head, rng: head.mapped(random_warp(rng, 0.7, lopsided=True)),
        "child, muzzle": lambda head, rng: head.mapped(random_style(head.marks, rng, 1.0)),
        "toon proportions": toon.toonish,
    }
    if rig.people or rig.facts.people:
        faces = {"another person": lambda head, rng: person(rig, head, rng)} | faces
    meshes: dict[str, Change] = {
        "300 face vertices": lambda head, rng: augment.decimated(head, 300),
        "100,000 vertices": lambda head, rng: augment.subdivided(head, 100_000),
        "other diagonals": lambda head, rng: augment.retriangulated(head, rng, 1.0),
        "seams split": lambda head, rng: augment.split(head, rng),
        "flat shaded": lambda head, rng: augment.split(head, rng, cuts=0),
        "seams welded": lambda head, rng: augment.welded(head),
        "no mouth interior": lambda head, rng: augment_mouth.without_mouth(head),
        "mouth open in neutral": lambda head, rng: augment_mouth.opened(head, 0.15),
        "lips sealed": lambda head, rng: augment_mouth.sealed(head),
        "one object": lambda head, rng: augment.merged(head),
        "mouth grown to skin": lambda head, rng: augment_mouth.fused(head),
        "noise of 0.3 mm": lambda head, rng: augment.noisy(head, rng, 0.3 / EYE_DISTANCE_MM),
        "whole body": lambda head, rng: augment.beside(head, *body, "Body"),
        "head alone": lambda head, rng: augment.alone(head),
    }
    del meshes["head alone" if augment.body_of(head) is None else "whole body"]
    if body is None:
        meshes.pop("whole body", None)
    return {name: [change] * DRAWS for name, change in faces.items()} | {n: [c] for n, c in meshes.items()}


def person(rig: Rig, head: LabelledFace, rng: np.random.Generator) -> LabelledFace:
    """Another person on the rig's mesh."""
    other = LabelledFace.of(rig, sample_neutral(rig, rng))
    return replace(head, vertices=other.vertices, marks=other.marks)


def measure(
    rig: Rig, plain: PipelineRun, models: Path, body: Solid | None, detect: bool
) -> dict[str, dict[str, float]]:
    """Change of the median rel by augmentation: of all units, of mouth units, and of all with the face found.

    Against what the untouched rig got (`plain`, labelled landmarks), carried to the same vertices. A rig without units
    is measured by its visemes. NaN where the face was not found.
    """
    head = plain.head
    both = replace(
        head,
        names=head.names * 2,
        offsets=np.concatenate([head.offsets, [plain.shapes[name] for name in head.names]]).astype(np.float32),
        mark_offsets=np.concatenate([head.mark_offsets] * 2),
    )
    real, count = frozenset(n for n in head.names if n in rig.real), len(head.names)
    sets = {"all": ARKIT, "mouth": MOUTH_UNITS} if len(set(ARKIT) & set(head.names)) > 20 else {"all": VISEMES}
    table = {}
    for name, draws in changes(rig, head, body).items():
        rows: dict[str, list[float]] = defaultdict(list)
        for seed, change in enumerate(draws):
            changed = change(both, np.random.default_rng(seed))
            truth = replace(
                changed, names=head.names, offsets=changed.offsets[:count], mark_offsets=changed.mark_offsets[:count]
            )
            before = score(truth, dict(zip(head.names, changed.offsets[count:], strict=True)), real)
            after = score(truth, run(truth, models, labelled_face(truth)).shapes, real)
            for key, members in sets.items():
                rows[key].append(_median(after, members) - _median(before, members))
            if detect and seed == 0:
                try:
                    found = score(truth, run(truth, models, None).shapes, real)
                    rows["found"].append(_median(found, sets["all"]) - _median(before, sets["all"]))
                except FaceNotFound:
                    rows["found"].append(np.nan)
        table[name] = {key: float(np.mean(values)) for key, values in rows.items()}
        print(f"  {rig.name} {name}: " + ", ".join(f"{k} {v:+.3f}" for k, v in table[name].items()), flush=True)
    return table


def _median(scores: Scores, members: Sequence[str]) -> float:
    return float(np.median([row["rel"] for name, row in scores.items() if name in members]))


def mean_change(table: Mapping, name: str, key: str) -> float | None:
    """Mean of one augmentation's figure over the rigs that have it: None if none has, NaN if a face was not found."""
    values = [rows[name][key] for rows in table.values() if key in rows.get(name, {})]
    return float(np.mean([np.nan if value is None else value for value in values])) if values else None
