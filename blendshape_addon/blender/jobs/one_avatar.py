"""The whole job on one avatar in Blender: read, compute, write. Operators and the command line both do it.

Reading (mesh_io.read) and writing touch Blender and belong on the main thread; computing may be on any.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...core.avatar.avatar import Avatar
from ...core.detection.detect import Face
from ...core.pipeline import FaceAnalysis, GenerationResult, Progress, analyse, find_face, generate
from ...core.shape_markers import main_object, with_shape_markers
from ...core.style.tuning import Tuning
from ..io import mesh_io
from ..keys import shape_keys

_last: dict[tuple, tuple[Avatar, FaceAnalysis]] = {}  # the session's cache: the avatar seen last, by its content


@dataclass
class Done:
    """One finished avatar. face_object carries every key; generated.seconds counts reading and writing as well."""

    objects: list[mesh_io.Object]
    face_object: mesh_io.Object
    avatar: Avatar
    generated: GenerationResult
    written: shape_keys.Written


def run(
    objects: Sequence[mesh_io.Object],
    names: Sequence[str],
    *,
    intensity: float = 1.0,
    preset: str = "auto",
    own_recipes: Path | None = None,
    tuning: Tuning | None = None,
    existing: str = "KEEP",
    provider: str = "auto",
    models: Path | None = None,
    model: Path | None = None,
    progress: Progress | None = None,
) -> Done:
    """Put the shapes `names` on the avatar that `objects` make up. Nothing is changed if an error is raised.

    existing: see shape_keys.write; the rest: see core.pipeline.generate. Raises UserError.
    """
    began = time.perf_counter()
    avatar = mesh_io.read(objects)
    reading = time.perf_counter() - began
    made = compute(
        avatar, names, intensity=intensity, preset=preset, own_recipes=own_recipes, tuning=tuning, provider=provider,
        models=models, model=model, progress=progress,
    )  # fmt: skip
    if progress:
        progress(1.0, "writing")
    made.seconds = {"reading": reading, **made.seconds}
    return write(objects, avatar, made, existing)


def compute(
    avatar: Avatar, names: Sequence[str], *, provider: str, models: Path | None = None, **how
) -> GenerationResult:
    """core.pipeline.generate, with what was seen of the same avatar just before."""
    known, seen = _recall(avatar, provider, models)
    made = generate(known, names, provider=provider, models=models, seen=seen, **how)
    _remember(known, made.seen, provider, models)
    return made


def seen_of(avatar: Avatar, provider: str, progress: Progress | None = None) -> FaceAnalysis:
    """core.pipeline.look, or what was seen of the same avatar just before."""
    known, seen = _recall(avatar, provider, None)
    seen = seen or analyse(known, provider=provider, progress=progress)
    _remember(known, seen, provider, None)
    return seen


def face_of(avatar: Avatar, provider: str, progress: Progress | None = None) -> Face:
    """core.pipeline.find_face, or the face that was seen of the same avatar just before."""
    _, seen = _recall(avatar, provider, None)
    return seen.face if seen else find_face(avatar, provider, progress=progress)


def write(objects: Sequence[mesh_io.Object], avatar: Avatar, made: GenerationResult, existing: str) -> Done:
    """Put what was made of `avatar`, which was read from `objects`, on them. Raises InputError, nothing changed."""
    began = time.perf_counter()
    objects = list(objects)
    made.shapes = with_shape_markers(avatar, made.shapes, made.face)
    main = main_object(avatar, made.face.points)
    written = shape_keys.write(objects, avatar, made.shapes, main, existing)
    shape_keys.remember_style(objects[main], **made.report["style"])
    made.seconds["writing"] = time.perf_counter() - began
    return Done(objects, objects[main], avatar, made, written)


def forget() -> None:
    """Empty the session's cache."""
    _last.clear()


def _recall(avatar: Avatar, provider: str, models: Path | None) -> tuple[Avatar, FaceAnalysis | None]:
    """The avatar of the same content that was seen last, with what it has computed, and what was seen of it."""
    return _last.get((avatar.content, provider, models), (avatar, None))


def _remember(avatar: Avatar, seen: FaceAnalysis, provider: str, models: Path | None) -> None:
    _last.clear()
    _last[avatar.content, provider, models] = avatar, seen
