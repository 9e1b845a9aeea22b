"""The job from an avatar's arrays to checked shapes. The table of contents of the product."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from . import deformer, features, landmarks, providers, quality, recipes, refine, registry
from .errors import InputError
from .mesh import Avatar
from .vocabulary import ALL_SHAPES

HALVES = {"vrc.blink": ("vrc.blink_left", "vrc.blink_right")}

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Shape:
    """One shape key: where vertices move and by how much, in the avatar's own space.

    indices: (n,) int64 into Avatar.vertices, only vertices that move. deltas: (n, 3) float32.
    """

    name: str
    indices: np.ndarray
    deltas: np.ndarray


@dataclass
class Generated:
    """What a run made. seconds: stage name to seconds; report: JSON-ready, see quality.report."""

    shapes: list[Shape]
    face: landmarks.Face
    report: dict
    seconds: dict[str, float] = field(default_factory=dict)


def generate(
    avatar: Avatar,
    expressions: Sequence[str],
    *,
    intensity: float = 1.0,
    preset: str = "auto",
    own_recipes: Path | None = None,
    provider: str = "auto",
    models: Path | None = None,
    face: landmarks.Face | None = None,
    progress: Progress | None = None,
) -> Generated:
    """Find the face of `avatar` and make one shape for each of `expressions` (names of vocabulary.ALL_SHAPES).

    intensity: 0 to 1, the share of the full shapes. preset: the style, `natural`, `anime` or `auto`, which looks at the
    face's proportions. own_recipes: file to use instead of the bundled recipes.toml. provider: `auto`, `cpu`, `cuda`,
    `directml` or `coreml`. models: folder of NAME.onnx and NAME.toml, the bundled one if None. face: landmarks that are
    known already, else they are found. progress(fraction, stage) may raise Cancelled.

    Raises FaceNotFound, ModelError, InputError (all UserError); the avatar is only read.
    """
    _check_arguments(expressions, intensity, preset)
    styles = recipes.load(own_recipes)
    stages = _Stages(progress)
    with stages("loading models", 0.0):
        session = providers.open_session(registry.load("deformer", models), provider)
    with stages("landmarks", 0.05):
        face = face or _find_face(avatar, models, provider, progress)
    with stages("features", 0.35):
        seen = features.compute(avatar, face.points)
        style = recipes.pick(styles, preset, seen.landmarks)
    with stages("network", 0.5):
        made = list(dict.fromkeys(half for name in expressions for half in HALVES.get(name, (name,))))
        offsets = deformer.offsets(session, seen, style.weights(made))
        style.keep_near_mouth(seen, offsets, made)
        style.open_mouth(seen, offsets, made)
    with stages("refining", 0.75):
        offsets = refine.refine(avatar, seen, offsets, made) * np.float32(intensity)
        offsets = _wholes(expressions, made, offsets)
    with stages("checking", 0.9):
        rows = quality.examine(avatar, seen, expressions, offsets, intensity)
        notes = [f"Ran on {session.provider}: {session.reason}."] if session.reason else []
        report = quality.report(rows, seen, face.score, [f"{style}.", *notes])
        report["style"] = {"preset": style.preset, "automatic": style.automatic}
    shapes = [_shape(name, seen, offset) for name, offset in zip(expressions, offsets, strict=True)]
    return Generated(shapes, face, report, stages.seconds)


def _find_face(avatar: Avatar, models: Path | None, provider: str, progress: Progress | None) -> landmarks.Face:
    def within(fraction: float, stage: str) -> None:
        if progress:
            progress(0.05 + 0.3 * fraction, stage)

    return landmarks.find(avatar, models=models, provider=provider, progress=within)


def _check_arguments(expressions: Sequence[str], intensity: float, preset: str) -> None:
    unknown = [name for name in expressions if name not in ALL_SHAPES]
    if unknown or not expressions:
        raise InputError(f"Unknown shapes: {', '.join(unknown) or 'none given'}.")
    if not 0 <= intensity <= 1:
        raise InputError(f"Intensity is {intensity:g}: give a number from 0 to 1.")
    if preset not in recipes.CHOICES:
        raise InputError(f"Unknown style “{preset}”: choose from {', '.join(recipes.CHOICES)}.")


def _wholes(expressions: Sequence[str], made: Sequence[str], offsets: np.ndarray) -> np.ndarray:
    """(E, N, 3) offsets of `expressions` from those of what was `made`: left and right add up to the whole."""
    rows = {name: offsets[number] for number, name in enumerate(made)}
    return np.stack([sum(rows[half] for half in HALVES.get(name, (name,))) for name in expressions])


def _shape(name: str, seen: features.Features, offset: np.ndarray) -> Shape:
    moved = np.flatnonzero(offset.any(1))
    deltas = seen.space.vectors_to_avatar(offset[moved].astype(np.float64))
    return Shape(name, seen.index[moved], deltas.astype(np.float32))


class _Stages:
    """Times each stage and tells the caller how far the job is."""

    def __init__(self, progress: Progress | None) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress

    @contextmanager
    def __call__(self, name: str, fraction: float) -> Iterator[None]:
        if self._progress:
            self._progress(fraction, name)
        began = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - began
