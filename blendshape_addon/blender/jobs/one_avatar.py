"""One avatar in Blender: read, compute, write. Operators and the command line both use it.

Reading (mesh_io.read) and writing touch Blender and belong on the main thread; computing may be on any.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...core.avatar.avatar import Avatar
from ...core.detection.detect import Face
from ...core.errors import FaceNotFound
from ...core.idle_objects import without_idle_objects
from ...core.options import GenerateOptions
from ...core.pipeline import FaceAnalysis, GenerationResult, Progress, analyse, find_face, generate
from ...core.shape_markers import main_object, vertex_to_mark, with_shape_markers
from .. import session
from ..io import avatar_objects, mesh_io
from ..keys import artist_keys, key_blocks, shape_keys
from ..stored import tuning

_log = logging.getLogger(__name__)


@dataclass
class Done:
    """One finished avatar. face_object carries every key; generated.seconds counts reading and writing as well."""

    objects: list[mesh_io.Object]
    face_object: mesh_io.Object
    avatar: Avatar
    generated: GenerationResult
    written: shape_keys.Written


def run(objects: Sequence[mesh_io.Object], options: GenerateOptions, progress: Progress | None = None) -> Done:
    """Put shapes on the avatar that `objects` make up. Nothing is changed if an error is raised.

    Raises UserError, see core.pipeline.generate.
    """
    began = time.perf_counter()
    avatar = mesh_io.read(objects)
    options = with_own_keys(objects, avatar, options)
    reading = time.perf_counter() - began
    try:
        result = compute(avatar, options, progress)
    except FaceNotFound as error:
        raise avatar_objects.with_left_out(error, list(objects)) from error
    result.report["notes"] = [*mesh_io.remarks(list(objects)), *result.report["notes"]]
    if progress:
        progress(1.0, "writing")
    result.seconds = {"reading": reading, **result.seconds}
    return write(objects, avatar, result, options)


def with_own_keys(objects: Sequence[mesh_io.Object], avatar: Avatar, options: GenerateOptions) -> GenerateOptions:
    """`options` with the creator's keys on `objects`, which `avatar` was read from, where these are to be used."""
    if options.existing != "mine":
        return options
    return replace(options, own=artist_keys.read(objects, avatar, artist_keys.find(objects)))


def compute(avatar: Avatar, options: GenerateOptions, progress: Progress | None = None) -> GenerationResult:
    """core.pipeline.generate, with the analysis of the same avatar just before; the shapes have their markers."""
    known, analysis = _recall(avatar, options.provider, options.models)
    _log_avatar(avatar, analysis is not None)
    result = generate(known, options, analysis=analysis, progress=_logged(progress))
    _remember(known, result.analysis, options.provider, options.models)
    session.current().made_with |= dict.fromkeys(options.expressions, options)
    marked = vertex_to_mark(known, result.shapes, result.face, result.analysis.marked)
    result.analysis.marked = marked
    result.shapes = with_shape_markers(known, result.shapes, result.face, marked)
    _log_result(result)
    return result


def analysis_of(avatar: Avatar, provider: str, progress: Progress | None = None) -> FaceAnalysis:
    """core.pipeline.analyse, or the analysis of the same avatar just before."""
    known, analysis = _recall(avatar, provider, None)
    _log_avatar(avatar, analysis is not None)
    analysis = analysis or analyse(known, provider=provider, progress=_logged(progress))
    _remember(known, analysis, provider, None)
    return analysis


def face_of(avatar: Avatar, provider: str, progress: Progress | None = None) -> Face:
    """core.pipeline.find_face, or the face that was found on the same avatar just before."""
    known, analysis = _recall(avatar, provider, None)
    _log_avatar(avatar, analysis is not None)
    return analysis.face if analysis else find_face(known, provider, progress=_logged(progress))


def write(
    objects: Sequence[mesh_io.Object], avatar: Avatar, result: GenerationResult, options: GenerateOptions
) -> Done:
    """Put what `compute` made of `avatar`, which was read from `objects`, on them. Raises InputError and has changed
    nothing then."""
    began = time.perf_counter()
    objects = list(objects)
    main = main_object(avatar, result.face.points)
    names = set(options.expressions)
    keyed = [number for number, obj in enumerate(objects) if key_blocks.has_made(obj, beside=names)]
    result.shapes = without_idle_objects(
        avatar, result.shapes, main, result.face.eye_distance, options.intensity, keyed
    )
    own = {name: key for name, key in result.report["own"]["used"].items() if name in names}
    artist_keys.require_all_editable(objects, own)
    written = shape_keys.write(objects, avatar, result.shapes, main, options.existing)
    written.backups += artist_keys.copy(objects, own)
    written.used = own
    written.kept += [name for name, key in own.items() if name == key]
    used = [one.shape for one in options.own if one.shape.name in own]
    result.shapes = sorted([*result.shapes, *used], key=lambda shape: key_blocks.RANK[shape.name])  # for pictures
    result.report["notes"] = [*result.report["notes"], *shape_keys.remarks(written)]
    result.report["ok"] = result.report["ok"] and not written.empty
    if objects[main].data.shape_keys:  # own keys may be on another object alone
        shape_keys.remember_style(objects[main], **result.report["style"])
        tuning.note_made(objects[main], [*written.made, *written.replaced, *own], options.tuning)
    result.seconds["writing"] = time.perf_counter() - began
    _log.info("written to %s in %.3f s: %s", objects[main].name, result.seconds["writing"], written)
    return Done(objects, objects[main], avatar, result, written)


def _log_avatar(avatar: Avatar, known: bool) -> None:
    sizes = np.bincount(avatar.object_id, minlength=len(avatar.object_names))
    objects = ", ".join(f"{name} ({size} vertices)" for name, size in zip(avatar.object_names, sizes, strict=True))
    kept = [name for name in ("part_override", "manual_landmarks") if getattr(avatar, name) is not None]
    _log.info(
        "avatar of %s, %d triangles; the creator's: %s; %s",
        objects, len(avatar.triangles), ", ".join(kept) or "nothing", "analysed before" if known else "new",
    )  # fmt: skip


def _log_result(result: GenerationResult) -> None:
    report, provider = result.report, result.report["provider"]
    _log.info("ran on %s%s", provider["ran_on"], f": {provider['fallback']}" if provider["fallback"] else "")
    _log.info("face %s, style %s", report["face"], report["style"])
    for stage, seconds in result.seconds.items():
        _log.info("stage %s: %.3f s", stage, seconds)
    for row in report["shapes"]:
        remarks = "; ".join(map(str, [*row.get("sentences", {}).values(), *row.get("remarks", ())]))
        if remarks or not row["ok"]:
            _log.info("%s %s: %s", row["name"], "ok" if row["ok"] else "left out", remarks)
    for note in report["notes"]:
        _log.info("note: %s", note)


def _logged(progress: Progress | None) -> Progress | None:
    """`progress` that logs each stage as it begins, so that a log ends where a crash was."""
    if not _log.isEnabledFor(logging.DEBUG):
        return progress
    last = ""

    def show(fraction: float, stage: str) -> None:
        nonlocal last
        if stage != last:
            _log.debug("%3.0f %% %s", fraction * 100, stage)
            last = stage
        if progress:
            progress(fraction, stage)

    return show


def forget() -> None:
    """Empty the cache of what was analysed."""
    session.current().analysed.clear()
    session.current().made_with.clear()


def _recall(avatar: Avatar, provider: str, models: Path | None) -> tuple[Avatar, FaceAnalysis | None]:
    """The avatar of the same content that was analysed last, with what it has computed, and its analysis."""
    return session.current().analysed.get((avatar.content, provider, models), (avatar, None))


def _remember(avatar: Avatar, analysis: FaceAnalysis, provider: str, models: Path | None) -> None:
    analysed = session.current().analysed
    if (avatar.content, provider, models) not in analysed:
        forget()
    analysed[avatar.content, provider, models] = avatar, analysis
