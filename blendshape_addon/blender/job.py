"""The whole job on one avatar in Blender: read, generate, write. Operators and the command line both call it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.mesh import Avatar
from ..core.nonempty import main_object, with_hidden_marks
from ..core.pipeline import Generated, generate
from . import mesh_io, shape_keys


@dataclass
class Done:
    """One finished avatar. face_object carries every key; generated.seconds counts reading and writing as well."""

    objects: list[mesh_io.Object]
    face_object: mesh_io.Object
    avatar: Avatar
    generated: Generated
    written: shape_keys.Written


def run(
    objects: Sequence[mesh_io.Object],
    names: Sequence[str],
    *,
    intensity: float = 1.0,
    preset: str = "auto",
    own_recipes: Path | None = None,
    existing: str = "KEEP",
    provider: str = "auto",
    models: Path | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Done:
    """Put the shapes `names` on the avatar that `objects` make up. Nothing is changed if an error is raised.

    existing: see shape_keys.write; the rest: see core.pipeline.generate. Raises UserError.
    """
    began = time.perf_counter()
    objects = list(objects)
    avatar = mesh_io.read(objects)
    reading = time.perf_counter() - began
    made = generate(
        avatar, names, intensity=intensity, preset=preset, own_recipes=own_recipes, provider=provider, models=models,
        progress=progress,
    )  # fmt: skip
    if progress:
        progress(0.95, "writing")
    began = time.perf_counter()
    made.shapes = with_hidden_marks(avatar, made.shapes, made.face)
    main = main_object(avatar, made.face)
    written = shape_keys.write(objects, avatar, made.shapes, main, existing)
    shape_keys.remember_style(objects[main], **made.report["style"])
    made.seconds = {"reading": reading, **made.seconds, "writing": time.perf_counter() - began}
    return Done(objects, objects[main], avatar, made, written)
