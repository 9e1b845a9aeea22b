"""What a worker does: read an avatar, make a face of it, check what was made. Each leaves files and returns little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from blendshape_addon.core import pipeline
from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.detection.detect import Face as FoundFace
from blendshape_addon.core.errors import InputError, UserError
from blendshape_addon.core.face.anatomy import FaceAnatomy
from blendshape_addon.core.inference import registry
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.quality import report
from blendshape_addon.core.vocabulary import ARKIT, CONDITIONS

from ..data import dataset, manifest
from ..data.augment import Solid
from ..data.labelled_face import LabelledFace
from ..data.prepare import bodies_of, instance_rng
from ..data.rigs import Rig
from ..data.sources import blenders, digest_of, sums
from ..data.sources.avatar import Shapes, rigs_of
from ..learning.arrays import SUFFIX
from . import avatar_cache, samples


@dataclass(frozen=True)
class Plan:
    """What every process knows. folder: of the avatars. blender: the command that runs a line of Python in Blender, but
    for that line. distil: shapes that an avatar lacks are made by the shipped deformer. same_mesh: faces are warped
    only. views: pixels of a rendered view, 0 for none."""

    folder: Path
    out: Path
    licence: str
    blender: tuple[str, ...]
    distil: bool = False
    same_mesh: bool = False
    views: int = 0

    def extras(self, shard: str) -> list[str]:
        """Paths below `out` of what is made beside an instance."""
        name = shard.removesuffix(SUFFIX)
        return [f"samples/{shard}", *([f"views_{self.views}/{name}.png"] if self.views else [])]


def stem_of(name: str) -> str:
    """What an avatar file, by its path below the folder of avatars, is called in the dataset."""
    return "_".join(Path(name).with_suffix("").parts)


def read(plan: Plan, name: str) -> list[tuple[str, manifest.Entry]]:
    """Read an avatar file in Blender, unless that was done; key and entry of each of its avatars.

    Raises UserError, in a sentence, when there is nothing in it to learn from.
    """
    file, stem = plan.folder / name, stem_of(name)
    place = plan.out / "avatars" / f"{stem}{SUFFIX}"
    digest = _digest(plan, file)
    rigs = avatar_cache.load(place, digest)
    if rigs is None:
        made = rigs_of(
            file, stem, plan.licence, blenders.read(plan.blender, file, place), distilled if plan.distil else None
        )
        rigs = [replace(rig, shapes=_with_sums(rig.shapes), digest=digest) for rig in made]
        avatar_cache.save(place, rigs)
    rigs = [replace(rig, licence=plan.licence) for rig in rigs]
    return [(manifest.key_of(rig), manifest.Entry.of(rig, f"avatar:{Path(name).as_posix()}")) for rig in rigs]


def _digest(plan: Plan, file: Path) -> str:
    """Hash of what decides an avatar's faces: the file, and what is made of it."""
    try:
        parts = [digest_of([file])]
    except OSError as error:
        raise InputError(f"{file.name} cannot be opened: {error.strerror or error}.") from error
    if plan.distil:
        parts.append(f"deformer {registry.load('deformer').card['sha256']}")
    return " + ".join([*parts, *(["same mesh"] if plan.same_mesh else [])])


def _with_sums(shapes: Shapes) -> Shapes:
    """With the visemes and emotions that an avatar lacks, as sums of its own units if it has these."""
    return sums.completed(shapes) if set(ARKIT) - shapes.keys() <= {"tongueOut"} else shapes


def distilled(avatar: Avatar, face: FoundFace, own: Shapes) -> Shapes:
    """(V, 3) offsets, by the shipped deformer, of every shape that `own` lacks and that moves something."""
    have = _with_sums(own)
    wanted = [name for name in CONDITIONS if name not in have and name != samples.SILENCE]
    out: Shapes = {}
    if not wanted:
        return out
    for shape in pipeline.generate(avatar, GenerateOptions(wanted, provider="cpu"), face=face).shapes:
        if len(shape.indices):
            out[shape.name] = np.zeros(avatar.vertices.shape)
            out[shape.name][shape.indices] = shape.deltas
    return out


@lru_cache(maxsize=2)
def _read_avatars(place: Path, digest: str) -> tuple[list[Rig], list[Solid]]:
    rigs = avatar_cache.load(place, digest)
    if rigs is None:
        raise InputError(f"{place} has changed under way: run the same command again.")
    return rigs, bodies_of(rigs)


def make(plan: Plan, source: str, key: str, digest: str, shard: str) -> dict[str, str]:
    """Make one face, the instance to train on and all that belongs to it; hashes of the files by path below `out`.

    source and digest: of the avatar as `read` gave them. Raises InputError when the disk is full.
    """
    rigs, bodies = _read_avatars(plan.out / "avatars" / f"{stem_of(source.removeprefix('avatar:'))}{SUFFIX}", digest)
    rig = next(rig for rig in rigs if manifest.key_of(rig) == key)
    rng, strength = instance_rng(rig.name, manifest.key_and_number(shard)[1])
    head = dataset.make_head(rig, rng, strength, bodies, plan.same_mesh)
    dataset.save(dataset.instance_of(head, rng), plan.out / shard)
    origin = ["key" if n in rig.real else "deformer" if n in rig.distilled else "sum" for n in head.names]
    face = samples.face_of(head, origin, _faults(head))
    paths = plan.extras(shard)
    samples.save(face, plan.out / paths[0])
    if plan.views:
        from . import views  # Pillow is for these alone

        views.save(face, plan.out / paths[1], plan.views)
    return {path: manifest.hash_of(plan.out / path) for path in (shard, *paths)}


def _faults(face: LabelledFace) -> list[str]:
    """What each expression failed in the check that the add-on's own shapes go through; empty for nothing."""
    features = face.features
    turn = (features.space.rotation.T / features.space.scale).astype(np.float32)
    rows = report.examine(FaceAnatomy(face.avatar, features), face.names, face.offsets[:, features.index] @ turn, 1.0)
    return ["; ".join(row.notes) if not row.ok else "" for row in rows]


@dataclass(frozen=True)
class Verdict:
    """On one face. problems: sentences, of files that are not as they should be. faults: by expression, what failed the
    quality check."""

    samples: int
    problems: Sequence[str]
    faults: dict[str, str]


def check(plan: Plan, shard: str, hashes: dict[str, str]) -> Verdict:
    """Look at the files of a face once more, against the hashes by path that were recorded."""
    problems = []
    for path, recorded in hashes.items():
        if not (plan.out / path).exists():
            problems.append(f"{plan.out / path} is missing.")
        elif manifest.hash_of(plan.out / path) != recorded:
            problems.append(f"{plan.out / path} is damaged: its hash is not the one in {manifest.NAME}.")
    if problems:
        return Verdict(0, problems, {})
    try:
        dataset.load(plan.out / shard)
        face = samples.load(plan.out / plan.extras(shard)[0])
    except UserError as error:
        return Verdict(0, [str(error)], {})
    for what, values in (("vertices", face.vertices), ("offsets", face.offsets), ("landmarks", face.landmark_offsets)):
        if not np.isfinite(values).all():
            problems.append(f"{plan.out / shard} has {what} that are no numbers.")
    faults = {name: fault for name, fault in zip(face.names, face.faults, strict=True) if fault}
    return Verdict(len(face.names) * len(samples.INTENSITIES), problems, faults)
