"""The job from an avatar's arrays to checked shapes. The table of contents of the product."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from .avatar.avatar import Avatar
from .detection import detect, manual
from .expressions import TABLE
from .face import features, parts, symmetry
from .face.anatomy import FaceAnatomy
from .inference import deformer, registry
from .inference.session import Session, open_session
from .messages import Message
from .options import GenerateOptions
from .quality import report as quality_report
from .quality.checks import ShapeReport
from .quality.front_view import FrontView
from .quality.gate import repair_or_reject
from .refinement import drawn_eye_motion, lip_smoothing, refine, style_offsets
from .shapes import Shape
from .style import distinct, own_shapes, recipe_file, recipes, unified
from .style.own_shapes import OwnShape, OwnStyle
from .style.tuning import Tuning
from .vocabulary import CONDITIONS, VISEMES, mirrored

Progress = Callable[[float, str], None]
StageProgress = Callable[..., None]  # (fraction of the stage), or that and what is done
# Where each stage starts and ends, as fractions of the job: about the time that each takes on an avatar.
_SPANS = {
    "landmarks": (0.0, 0.3),
    "features": (0.3, 0.45),
    "loading the deformer": (0.45, 0.47),
    "network": (0.47, 0.6),
    "refining": (0.6, 0.92),
    "checking": (0.92, 1.0),
}
_FEW = 4  # shapes whose network output is kept: both sides of one that follows its slider
# Name of a condition or a unified shape, and how much stronger than full it is made.
Requested = Sequence[tuple[str, float]]


@dataclass
class FaceAnalysis:
    """What is known of an avatar before any shape is made, and the shapes made of it.

    full: of each shape and overdrive that was made, the cache key, which holds all that it depends on, and its (N, 3)
    refined offsets at full strength. Of each shape that of no overdrive is kept, and the last one of another. own: the
    style of the own shapes that were given last, and all that it depends on. network: all that the network's last run
    for a few shapes depends on, and what it returned. distinct: all that the visemes which a style changes on this
    face depend on, and their recipe rows. marked: the vertex that carries the hidden mark of the shapes that were made,
    see shape_markers.
    """

    face: detect.Face
    anatomy: FaceAnatomy
    full: dict[tuple[str, float], tuple[tuple[object, ...], np.ndarray]] = field(default_factory=dict)
    own: tuple[tuple[object, ...], OwnStyle] | None = None
    network: tuple[tuple[object, ...], np.ndarray] | None = None
    distinct: tuple[tuple[object, ...], dict[str, np.ndarray]] | None = None
    marked: int | None = None


@dataclass
class GenerationResult:
    """What a run made. seconds: stage name to seconds; report: JSON-ready, see quality.report.of_run. left_out: the
    shapes that failed their check, as they failed it.
    """

    shapes: list[Shape]
    analysis: FaceAnalysis
    report: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)
    left_out: list[Shape] = field(default_factory=list)

    @property
    def face(self) -> detect.Face:
        """The face that the shapes were made for."""
        return self.analysis.face


def analyse(
    avatar: Avatar,
    *,
    face: detect.Face | None = None,
    provider: str = "auto",
    models: Path | None = None,
    progress: Progress | None = None,
) -> FaceAnalysis:
    """The face of `avatar` (found, where `face` is None) and its features; see `generate` and GenerateOptions."""
    return _analyse(avatar, face, provider, models, _Stages(progress))


def generate(
    avatar: Avatar,
    options: GenerateOptions,
    *,
    face: detect.Face | None = None,
    analysis: FaceAnalysis | None = None,
    progress: Progress | None = None,
) -> GenerationResult:
    """Find the face of `avatar` and make a shape for each expression of `options`.

    A shape that fails its check, and cannot be repaired, is left out; its part of the report says why. A unified shape
    of a tongue or a pupil that the face has not is left out, too; a note of the report says so. None is made in place
    of an own shape of `options`.

    face: landmarks that are known already, else they are found. analysis: what `analyse` or an earlier run computed of
    this very avatar, which is not computed again. progress(fraction, stage) is called often and may raise Cancelled,
    which ends the job.

    Raises FaceNotFound, ModelError, InputError (all UserError); the avatar is only read.
    """
    styles = recipe_file.load(options.own_recipes, options.tuning.changes)
    stages = _Stages(progress)
    model = registry.deformer(options.models, options.model)
    analysis = analysis or _analyse(avatar, face, options.provider, options.models, stages)
    with stages("loading the deformer"):  # after the face finder: a provider that failed it is left alone
        session = open_session(model, options.provider)
    style = recipes.pick(styles, options.preset, analysis.anatomy.features.landmarks)
    by_place: dict[bool, list[OwnShape]] = {True: [], False: []}
    for one in options.own:
        by_place[own_shapes.on_face(one, analysis.anatomy.features)].append(one)
    options, elsewhere = replace(options, own=by_place[True]), by_place[False]
    used = {one.shape.name for one in options.own}
    if wanted := [name for name in options.expressions if name not in used]:
        expressions, missing = unified.possible(analysis.anatomy, wanted)
        options = replace(options, expressions=expressions)
        requested = _requested_conditions(options.expressions, options.tuning)
        own = _own_style(analysis, model, session, style, options.own)
        if own.speaks:  # the artist's visemes say how far lips part
            style = replace(style, opens={})
        elif style.apart and any(name in VISEMES for name, _ in requested):
            style = _distinct(analysis, model, session, style)
        made_as = _MadeAs(model, session, style, own, options.tuning.asymmetric, own_shapes.digest(options.own))
        full = _full_shapes(analysis, made_as, requested, stages)
        with stages("checking"):
            offsets, reports = _at_strength(analysis.anatomy, options, requested, full, style.opens)
    else:
        offsets, reports, missing, own = np.empty((0, 0, 3), np.float32), [], [], OwnStyle()
    said = own_shapes.remarks(options.own, own if wanted else None, elsewhere)
    report = _report(analysis, options, model, session, style, reports, missing, said)
    made: dict[bool, list[Shape]] = {True: [], False: []}
    for of_shape, offset in zip(reports, offsets, strict=True):
        made[of_shape.ok].append(_shape(of_shape.name, analysis.anatomy.features, offset))
    return GenerationResult(made[True], analysis, report, stages.seconds, made[False])


def find_face(
    avatar: Avatar, provider: str, models: Path | None = None, progress: Progress | None = None
) -> detect.Face:
    """The face as its creator placed it, else as it is found. Raises FaceNotFound, ModelError, InputError."""
    return manual.face(avatar) or detect.find(parts.shown(avatar), models=models, provider=provider, progress=progress)


def _analyse(
    avatar: Avatar, face: detect.Face | None, provider: str, models: Path | None, stages: _Stages
) -> FaceAnalysis:
    with stages("landmarks") as part:
        face = face or find_face(avatar, provider, models, part)
    with stages("features"):
        return FaceAnalysis(face, FaceAnatomy(avatar, features.compute(avatar, face.points)))


@dataclass(frozen=True)
class _MadeAs:
    """How the full shapes of a run are made. own: the style of own shapes; digest: differs where these do."""

    model: registry.Model
    session: Session
    style: recipes.Style
    own: OwnStyle
    asymmetric: bool
    digest: int

    def cache_key(self, one: tuple[str, float]) -> tuple[object, ...]:
        """All that a requested shape depends on beside the avatar: what its other side is made of, too, where both are
        made even."""
        style = self.style
        sides = dict.fromkeys([one[0]] if self.asymmetric else [one[0], mirrored(one[0])])
        style_key = (
            *(style.preset, style.network_style, style.reach, style.behind, tuple(style.opens.items())),
            *(style.soft_mouth, style.lids_meet),
        )
        weights = style.weights(unified.learned(list(sides))).tobytes()
        return weights, style_key, self.asymmetric, self.model.card["sha256"], self.session.provider, self.digest


def _own_style(
    analysis: FaceAnalysis, model: registry.Model, session: Session, style: recipes.Style, own: Sequence[OwnShape]
) -> OwnStyle:
    """The style of own shapes, beside what the network makes under their names."""
    if not own:
        return OwnStyle()
    key = own_shapes.digest(own), style.preset, style.weights(CONDITIONS).tobytes(), model.card["sha256"]
    if analysis.own is None or analysis.own[0] != key:
        found = analysis.anatomy.features
        offsets, _ = quality_report.dense(found, [one.shape for one in own])
        given = own_shapes.given_of(own, offsets, found)
        names = list(given)
        made = _from_network(found, model, session, style, names, style.weights(names))
        analysis.own = key, OwnStyle.of(given, dict(zip(names, made, strict=True)), own_shapes.inside_mouth(found.part))
    return analysis.own[1]


def _from_network(
    found: features.Features,
    model: registry.Model,
    session: Session,
    style: recipes.Style,
    names: Sequence[str],
    weights: np.ndarray,
    progress: Callable[[float], None] | None = None,
    chosen: np.ndarray | None = None,
) -> np.ndarray:
    """(E, N, 3) face-space offsets of `names` of (E, CONDITIONS) weights, as far as the style lets them reach.

    chosen: numbers of the feature vertices that are asked for; None: all N.
    """
    style_weights = deformer.style_weights(model, style.network_style)
    offsets = deformer.offsets(session, found, weights, style_weights, progress, chosen)
    style_offsets.keep_near_mouth(found, offsets, names, style.reach, chosen)
    style_offsets.end_behind_face(found, offsets, style.behind, chosen)
    return offsets


def _distinct(analysis: FaceAnalysis, model: registry.Model, session: Session, style: recipes.Style) -> recipes.Style:
    """`style` with the rows of those visemes changed that would look like another on this face."""
    anatomy, names = analysis.anatomy, VISEMES[1:]  # all but silence
    rows = style.weights(names)
    opens = tuple(style.opens.items())
    key = rows.tobytes(), style.apart, opens, style.reach, style.behind, style.network_style, model.card["sha256"]
    if analysis.distinct is None or analysis.distinct[0] != key:
        view, rims = FrontView(anatomy), [anatomy.mouth.upper, anatomy.mouth.lower] if anatomy.mouth else []
        near = np.unique(np.concatenate([view.compared[0], *rims]))
        offsets = np.zeros((len(names), len(anatomy.features.index), 3), np.float32)
        offsets[:, near] = _from_network(anatomy.features, model, session, style, names, rows, chosen=near)
        scales = style_offsets.open_mouth(anatomy, offsets, names, style.opens)
        mix = distinct.mixes(names, view.products(offsets[:, view.compared[0]]), style.apart)
        # A vowel that was scaled takes part as it is played.
        changed = mix @ (rows * np.array([scales.get(name, 1.0) for name in names])[:, None])
        moved = np.flatnonzero((mix != np.eye(len(names))).any(1))
        analysis.distinct = key, {names[n]: changed[n].astype(np.float32) for n in moved}
    return replace(style, rows={**style.rows, **analysis.distinct[1]})


def _full_shapes(analysis: FaceAnalysis, made_as: _MadeAs, requested: Requested, stages: _Stages) -> list[np.ndarray]:
    """(N, 3) refined face-space offsets of each that was `requested`, at full strength; those made before where all
    that they depend on is the same."""
    keys = {one: made_as.cache_key(one) for one in requested}
    known = analysis.full
    missing = [one for one in requested if one not in known or known[one][0] != keys[one]]
    if missing:
        made = _made(analysis, made_as, missing, stages)
        known |= {one: (keys[one], offset) for one, offset in zip(missing, made, strict=True)}
        names = {name for name, _ in missing}
        for stale in [one for one in known if one[0] in names and one[1] != 1 and one not in requested]:
            del known[stale]
    return [known[one][1] for one in requested]


def _made(analysis: FaceAnalysis, made_as: _MadeAs, requested: Requested, stages: _Stages) -> np.ndarray:
    """(E, N, 3) as _full_shapes, of what is not known yet."""
    anatomy, names = analysis.anatomy, [name for name, _ in requested]
    style, own = made_as.style, made_as.own
    learned = unified.learned(names)
    weights = style.weights(learned)
    with stages("network") as part:
        offsets = _network_offsets(analysis, made_as, learned, own.weights(weights, learned), part)
        own.apply(learned, offsets, weights)
        if style.soft_mouth:
            lip_smoothing.smooth_lips(anatomy, offsets, learned)
        style_offsets.open_mouth(anatomy, offsets, learned, style.opens)
        offsets, weights = unified.compose(anatomy.features, offsets, weights, names)
        offsets *= np.array([overdrive for _, overdrive in requested], np.float32)[:, None, None]
        wanted = drawn_eye_motion.requested_closing(anatomy.drawn_eyes, offsets)
    with stages("refining") as part:
        offsets = refine.refine(anatomy, offsets, names, part, style.soft_mouth, style.lids_meet)
        drawn_eye_motion.move(anatomy, offsets, wanted, weights)
        if not made_as.asymmetric:
            symmetry.even_out(anatomy.mirror, offsets, _pairs(requested, weights))
    return offsets


def _network_offsets(
    analysis: FaceAnalysis,
    made_as: _MadeAs,
    names: Sequence[str],
    weights: np.ndarray,
    progress: Callable[[float], None],
) -> np.ndarray:
    """As `_from_network`, not run again where it was last run for the same: a shape that follows its slider beyond full
    strength is refined anew each time, from the same offsets."""
    model, session, style = made_as.model, made_as.session, made_as.style
    reach = style.reach, style.behind
    key = (*names, weights.tobytes(), style.network_style, reach, model.card["sha256"], session.provider)
    if analysis.network is None or analysis.network[0] != key:
        made = _from_network(analysis.anatomy.features, model, session, style, names, weights, progress)
        if len(names) > _FEW:
            return made
        analysis.network = key, made
    return analysis.network[1].copy()


def _at_strength(
    anatomy: FaceAnatomy,
    options: GenerateOptions,
    requested: Requested,
    full: Sequence[np.ndarray],
    opens: Mapping[str, float],
) -> tuple[np.ndarray, list[ShapeReport]]:
    """(E, N, 3) offsets of the expressions, each at its strength and within its mask, after the check; its reports.

    opens: how far lips part in the style, see Style.
    """
    expressions, tuning = list(options.expressions), options.tuning
    strengths = [options.intensity * min(1.0, tuning.strength(name)) for name in expressions]
    offsets = _combine_sides(expressions, requested, full, strengths, tuning)
    masks = {
        expressions.index(name): mask[anatomy.features.index]
        for name, mask in tuning.along_seams(anatomy.avatar).items()
        if name in expressions
    }
    for number, mask in masks.items():
        offsets[number] *= mask[:, None]
        strengths[number] = 0.0  # no share of the full shape, which the checks of full shapes could be about
    reports = repair_or_reject(anatomy, expressions, offsets, strengths, opens)
    for number, mask in masks.items():
        offsets[number, mask == 0] = 0  # what was repaired there, too
    return offsets, reports


def _report(
    analysis: FaceAnalysis,
    options: GenerateOptions,
    model: registry.Model,
    session: Session,
    style: recipes.Style,
    reports: Sequence[ShapeReport],
    missing: Sequence[Message],
    of_own: Sequence[Message],
) -> dict[str, object]:
    """The JSON-ready report of a run. missing: sentences on what the face cannot have; of_own: on own shapes."""
    notes = [style.message]
    if session.reason:
        notes.append(Message("Ran on the CPU: {reason}.", reason=session.reason))
    fallback = notes[1] if session.reason else ""
    known_styles = deformer.styles(model)
    if style.network_style not in known_styles:
        notes.append(
            Message(
                "The model {model} has no style “{style}”: its style “{first}” was used.",
                model=model.name,
                style=style.network_style,
                first=known_styles[0],
            )
        )
    notes += [*missing, *of_own]
    return {
        **quality_report.of_run(reports, analysis.anatomy.features, analysis.face.score, notes),
        "provider": {"ran_on": session.provider, "fallback": fallback},
        "style": {"preset": style.preset, "automatic": style.automatic},
        "tuning": options.tuning.for_report(),
        "missing": missing,
        "own": {"used": {one.shape.name: one.key for one in options.own}, "notes": of_own},
    }


def _overdrive(name: str, tuning: Tuning) -> float:
    """How much stronger than the full shape it is made, before geometry says where it ends: lips still meet."""
    return max(1.0, tuning.strength(name))


def _requested_conditions(expressions: Sequence[str], tuning: Tuning) -> Requested:
    """What is made by itself: names of CONDITIONS and UNIFIED, each with its `_overdrive`.

    Both sides are, where they are to be even, so that one shape alone comes out as it does among all.
    """
    requested = [(half, _overdrive(name, tuning)) for name in expressions for half in TABLE[name].halves]
    if not tuning.asymmetric:
        requested += [(mirrored(name), overdrive) for name, overdrive in requested]
    return list(dict.fromkeys(requested))


def _pairs(requested: Requested, weights: np.ndarray) -> list[tuple[int, int]]:
    """Numbers of shapes among the `requested` that mirror each other by what they are made of."""
    partners = [requested.index((mirrored(name), overdrive)) for name, overdrive in requested]
    pairs = {(min(pair), max(pair)) for pair in enumerate(partners)}
    return [(a, b) for a, b in sorted(pairs) if (weights[a][deformer.MIRROR] == weights[b]).all()]


def _combine_sides(
    expressions: Sequence[str],
    requested: Requested,
    offsets: Sequence[np.ndarray],
    strengths: Sequence[float],
    tuning: Tuning,
) -> np.ndarray:
    """(E, N, 3) offsets of `expressions`, each at its strength, from those of what was `requested`: the halves of an
    expression add up to it."""
    made = dict(zip(requested, offsets, strict=True))
    return np.stack(
        [
            sum(made[half, _overdrive(name, tuning)] * np.float32(strength) for half in TABLE[name].halves)
            for name, strength in zip(expressions, strengths, strict=True)
        ]
    )


def _shape(name: str, known: features.Features, offset: np.ndarray) -> Shape:
    x, y, z = offset.T
    moved = np.flatnonzero((x != 0) | (y != 0) | (z != 0))
    deltas = known.space.vectors_to_avatar(offset[moved].astype(np.float64))
    return Shape(name, known.index[moved], deltas.astype(np.float32))


class _Stages:
    """Times each stage and tells the caller how far the job is."""

    def __init__(self, progress: Progress | None) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress

    @contextmanager
    def __call__(self, name: str) -> Iterator[StageProgress]:
        """The stage `name` of _SPANS; yields a progress(fraction of the stage, what is done)."""
        start, end = _SPANS[name]

        def part(fraction: float, what: str = name) -> None:
            if self._progress:
                self._progress(start + fraction * (end - start), what)

        part(0.0)
        began = time.perf_counter()
        yield part
        self.seconds[name] = time.perf_counter() - began
