"""The job from an avatar's arrays to checked shapes. The table of contents of the product."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .avatar.avatar import Avatar
from .detection import detect, manual
from .errors import InputError
from .face import drawn_eyes, features, parts, symmetry
from .inference import deformer, providers, registry
from .messages import Message
from .quality import report as quality_report
from .quality.gate import repair_or_reject
from .refinement import drawn_eye_motion, refine
from .style import recipes
from .style.tuning import Tuning
from .vocabulary import ALL_SHAPES, mirrored

HALVES = {"vrc.blink": ("vrc.blink_left", "vrc.blink_right")}

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Shape:
    """One shape key: where vertices move and by how much, in the avatar's own space.

    indices: (n,) int64 into Avatar.vertices, ascending, only vertices that move. deltas: (n, 3) float32.
    """

    name: str
    indices: np.ndarray
    deltas: np.ndarray


@dataclass
class FaceAnalysis:
    """What is known of an avatar before any shape is made, and the shapes last made of it.

    mirror: how its vertices mirror each other, once that was needed. last: what the shapes were asked with, and their
    (E, N, 3) refined offsets at full strength.
    """

    face: detect.Face
    features: features.Features
    mirror: symmetry.Mirror | None = None
    last: tuple[tuple, np.ndarray] | None = None


@dataclass
class GenerationResult:
    """What a run made. seconds: stage name to seconds; report: JSON-ready, see quality.report."""

    shapes: list[Shape]
    seen: FaceAnalysis
    report: dict
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def face(self) -> detect.Face:
        return self.seen.face


def analyse(
    avatar: Avatar,
    *,
    face: detect.Face | None = None,
    provider: str = "auto",
    models: Path | None = None,
    progress: Progress | None = None,
) -> FaceAnalysis:
    """The face of `avatar` (found, where `face` is None) and what the deformer sees of it; see `generate`."""
    return _analyse(avatar, face, provider, models, _Stages(progress))


def generate(
    avatar: Avatar,
    expressions: Sequence[str],
    *,
    intensity: float = 1.0,
    preset: str = "auto",
    own_recipes: Path | None = None,
    tuning: Tuning | None = None,
    provider: str = "auto",
    models: Path | None = None,
    model: Path | None = None,
    face: detect.Face | None = None,
    seen: FaceAnalysis | None = None,
    progress: Progress | None = None,
) -> GenerationResult:
    """Find the face of `avatar` and make a shape for each of `expressions` (names of vocabulary.ALL_SHAPES).

    A shape that fails its check, and cannot be mended, is left out; its row of the report says why.

    intensity: 0 to 1, the share of the full shapes. preset: the style, `natural`, `anime` or `auto`, which looks at the
    face's proportions. own_recipes: file of what differs from the bundled recipes.toml. tuning: what is wanted of this
    avatar alone. provider: `auto`, `cpu`, `cuda`, `directml` or `coreml`. models: folder of NAME.onnx and NAME.toml,
    the bundled one if None. model: a deformer that learned from an avatar (.onnx), in place of the folder's. face:
    landmarks that are known already, else they are found. seen: what `look` or an earlier run told of this very avatar,
    which is not computed again. progress(fraction, stage) is called often and may raise Cancelled, which ends the job.

    Raises FaceNotFound, ModelError, InputError (all UserError); the avatar is only read.
    """
    _check_arguments(expressions, intensity, preset)
    tuning = tuning or Tuning()
    styles = recipes.load(own_recipes, tuning.changes)
    stages = _Stages(progress)
    chosen = registry.deformer(models, model)
    seen = seen or _analyse(avatar, face, provider, models, stages)
    known = seen.features
    with stages("loading the deformer", 0.45, 0.47):  # after the face finder: a provider that failed it is left alone
        session = providers.open_session(chosen, provider)
    style = recipes.pick(styles, preset, known.landmarks)
    made = _requested_conditions(expressions, tuning)
    names = [name for name, _ in made]
    weights = style.weights(names)
    manner = style.preset, style.reach, tuple(style.opens.items()), tuning.asymmetric
    asked = (tuple(made), weights.tobytes(), manner, chosen.card["sha256"], session.provider)
    if seen.last is None or seen.last[0] != asked:
        with stages("network", 0.47, 0.6) as part:
            offsets = deformer.offsets(session, known, weights, part)
            style.keep_near_mouth(known, offsets, names)
            style.open_mouth(known, offsets, names)
            offsets *= np.array([more for _, more in made], np.float32)[:, None, None]
            eyes = drawn_eyes.find(avatar, known)
            wanted = drawn_eye_motion.requested_closing(eyes, offsets)
        with stages("refining", 0.6, 0.92) as part:
            offsets = refine.refine(avatar, known, offsets, names, part)
            drawn_eye_motion.move(known, eyes, offsets, wanted, weights)
            if not tuning.asymmetric:
                seen.mirror = seen.mirror or symmetry.find(avatar, known)
                symmetry.even_out(seen.mirror, offsets, _pairs(made, weights))
            seen.last = asked, offsets
    with stages("checking", 0.92, 1.0):
        shares = [intensity * min(1.0, tuning.strength(name)) for name in expressions]
        offsets = _combine_sides(expressions, made, seen.last[1], shares, tuning)
        masks = {name: mask[known.index] for name, mask in tuning.along_seams(avatar).items() if name in expressions}
        for name, mask in masks.items():
            offsets[expressions.index(name)] *= mask[:, None]
            shares[expressions.index(name)] = 0.0
        rows = repair_or_reject(avatar, known, expressions, offsets, shares)
        for name, mask in masks.items():
            offsets[expressions.index(name), mask == 0] = 0  # what was mended there, too
        fallback = Message("Ran on the CPU: {reason}.", reason=session.reason) if session.reason else ""
        notes = [style.sentence, fallback] if fallback else [style.sentence]
        report = quality_report.report(rows, known, seen.face.score, notes)
        report["provider"] = {"ran_on": session.provider, "fallback": fallback}
        report["style"] = {"preset": style.preset, "automatic": style.automatic}
        report["tuning"] = tuning.told()
    shapes = [
        _shape(name, known, offset)
        for name, offset in zip(expressions, offsets, strict=True)
        if name not in report["refused"]
    ]
    return GenerationResult(shapes, seen, report, stages.seconds)


def find_face(
    avatar: Avatar, provider: str, models: Path | None = None, progress: Progress | None = None
) -> detect.Face:
    """The face as its creator placed it, else as it is found. Raises FaceNotFound, ModelError, InputError."""
    return manual.face(avatar) or detect.find(parts.shown(avatar), models=models, provider=provider, progress=progress)


def _analyse(
    avatar: Avatar, face: detect.Face | None, provider: str, models: Path | None, stages: _Stages
) -> FaceAnalysis:
    with stages("landmarks", 0.0, 0.3) as part:
        face = face or find_face(avatar, provider, models, part)
    with stages("features", 0.3, 0.45):
        return FaceAnalysis(face, features.compute(avatar, face.points))


def _check_arguments(expressions: Sequence[str], intensity: float, preset: str) -> None:
    unknown = [name for name in expressions if name not in ALL_SHAPES]
    if unknown or not expressions:
        raise InputError("Unknown shapes: {names}.", names=", ".join(unknown) or Message("none given"))
    if not 0 <= intensity <= 1:
        raise InputError("Intensity is {number:g}: give a number from 0 to 1.", number=intensity)
    if preset not in recipes.CHOICES:
        raise InputError(
            "Unknown style “{preset}”: choose from {choices}.", preset=preset, choices=", ".join(recipes.CHOICES)
        )


def _overdrive(name: str, tuning: Tuning) -> float:
    """How much stronger than the full shape it is made, before geometry says where it ends: lips still meet."""
    return max(1.0, tuning.strength(name))


def _requested_conditions(expressions: Sequence[str], tuning: Tuning) -> list[tuple[str, float]]:
    """What the network is asked for: names of CONDITIONS, each with how much `_more` of it is wanted.

    Both sides are, where they are to be even, so that one shape alone comes out as it does among all.
    """
    made = [(half, _overdrive(name, tuning)) for name in expressions for half in HALVES.get(name, (name,))]
    if not tuning.asymmetric:
        made += [(mirrored(name), more) for name, more in made]
    return list(dict.fromkeys(made))


def _pairs(made: Sequence[tuple[str, float]], weights: np.ndarray) -> list[tuple[int, int]]:
    """Numbers of shapes among `made` that mirror each other by what they are made of."""
    partners = [made.index((mirrored(name), more)) for name, more in made]
    pairs = {(min(pair), max(pair)) for pair in enumerate(partners)}
    return [(a, b) for a, b in sorted(pairs) if (weights[a][deformer.MIRROR] == weights[b]).all()]


def _combine_sides(
    expressions: Sequence[str],
    made: Sequence[tuple[str, float]],
    offsets: np.ndarray,
    shares: Sequence[float],
    tuning: Tuning,
) -> np.ndarray:
    """(E, N, 3) `shares` of `expressions` from offsets of what was `made`: left and right add up to the whole."""
    rows = dict(zip(made, offsets, strict=True))
    return np.stack(
        [
            sum(rows[half, _overdrive(name, tuning)] * np.float32(share) for half in HALVES.get(name, (name,)))
            for name, share in zip(expressions, shares, strict=True)
        ]
    )


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
    def __call__(self, name: str, start: float, end: float) -> Iterator[Progress]:
        """A stage from `start` to `end` of the job; yields a progress(fraction of the stage, what is done)."""

        def part(fraction: float, what: str = name) -> None:
            if self._progress:
                self._progress(start + fraction * (end - start), what)

        part(0.0)
        began = time.perf_counter()
        yield part
        self.seconds[name] = time.perf_counter() - began
