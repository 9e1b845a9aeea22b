"""Learn an artist's style from a few shapes, so that shapes that were not given come out in it too.

The network is frozen. Two things are learned over its basis, by least squares: an amplitude that varies over the face,
for what one artist does strongly around the lids another does around the mouth; and the given shapes themselves, of
which recipes make others. The amplitude is held near 1, and taken only as far as it helps shapes that are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from blendshape_addon.core.face.face_space import MIRROR_X
from blendshape_addon.core.inference.deformer import MIRROR
from blendshape_addon.core.refinement import style_offsets
from blendshape_addon.core.style.own_style import kind
from blendshape_addon.core.vocabulary import CONDITIONS, mirrored

from ..data.rigs import Rig
from .drawn_face import DrawnFace
from .onnx_patch import Base, StyleAdapter
from .parameters import FEW_SHOT

STEPS = np.array(FEW_SHOT.steps)  # how far along the way from the base's amplitude to the one that fits best


@dataclass(frozen=True)
class Face:
    """An avatar as the base sees it, N random vertices. basis, mirror: (N, width), of it and of its mirror image.
    to_face: (N, 3, 3). fade: (CONDITIONS, N), how far the preset that suits the face lets shapes reach. rows:
    (CONDITIONS, CONDITIONS), its recipes. mixes: (CONDITIONS, width, 3), the base's in the style of the preset. truth:
    {condition: (N, 3)} in face space, real shapes alone. landmarks: (L, 3) face space."""

    basis: np.ndarray
    mirror: np.ndarray
    to_face: np.ndarray
    fade: np.ndarray
    rows: np.ndarray
    mixes: np.ndarray
    truth: dict[str, np.ndarray]
    landmarks: np.ndarray

    @staticmethod
    def of(rig: Rig, base: Base) -> Face:
        """A rig with its own shapes, by the preset that suits its proportions."""
        drawn = DrawnFace.of(rig, FEW_SHOT.vertices)
        found, pick, style = drawn.features, drawn.pick, drawn.style
        fade = np.ones((len(CONDITIONS), len(found.index), 1), np.float32)
        style_offsets.keep_near_mouth(found, fade, CONDITIONS, style.reach)
        return Face(
            base.trunk(found.inputs()[pick]), base.trunk(found.inputs(mirror=True)[pick]),
            found.canonical.to_face[pick], fade[:, pick, 0], style.weights(CONDITIONS).astype(float),
            base.mixes_in(style.network_style),
            drawn.truth, found.landmarks,
        )  # fmt: skip

    def halves(self, adapter: StyleAdapter, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """What an adapter's mixes make of shapes, (S, N, 3) each, before its amplitude: seen directly, and by way of
        the mirror image; the product is their mean (see `core.inference.deformer`)."""
        mixes = adapter.mixes(self.mixes)
        index = [CONDITIONS.index(name) for name in names]
        rows = self.rows[index]
        made = []
        for basis, weights, flip in ((self.basis, rows, 1.0), (self.mirror, rows[:, MIRROR], MIRROR_X)):
            mixed = np.einsum("sx,xwk->swk", weights, mixes, optimize=True)
            moved = np.einsum("nw,swk->snk", basis, mixed, optimize=True) * flip
            moved = np.einsum("nij,snj->sni", self.to_face, moved, optimize=True)
            made.append(moved * self.fade[index][:, :, None])
        return made[0], made[1]

    def made(self, adapter: StyleAdapter, names: Sequence[str]) -> np.ndarray:
        """(S, N, 3) face-space offsets of shapes in a learned style."""
        straight, turned = self.halves(adapter, names)
        return (straight * adapter.over(self.basis)[:, None] + turned * adapter.over(self.mirror)[:, None]) / 2

    def errors(self, adapter: StyleAdapter, names: Sequence[str]) -> np.ndarray:
        """(S,) rel of shapes that the face has, as in `metrics.compare`."""
        return np.array([
            np.linalg.norm(made - self.truth[name]) / np.linalg.norm(self.truth[name])
            for name, made in zip(names, self.made(adapter, names), strict=True)
        ])  # fmt: skip


@dataclass(frozen=True)
class Learned:
    """A learned style, and what it did for given shapes that were left out: geometric mean of rel in the base's style,
    and with the amplitude learned from the others. step: how far the amplitude was taken, one of STEPS."""

    adapter: StyleAdapter
    before: float
    after: float
    step: float


def neutral(base: Base) -> StyleAdapter:
    """What changes nothing: the base's own styles."""
    conditions, width, _ = base.mixes.shape[1:]
    return StyleAdapter(np.eye(1, 1 + width)[0], np.zeros(conditions, bool), np.zeros((conditions, width, 3)))


def learn(base: Base, faces: Sequence[Face], given: Sequence[Sequence[str]]) -> Learned:
    """The style of one artist from `faces`, each with the names of its shapes to learn from, FEW_SHOT.fewest of
    different `kinds` at least."""
    adapter = neutral(base)
    forms = [
        (kind(name), form)
        for face, names in zip(faces, given, strict=True)
        for name, form in zip(names, _forms(face, adapter, names), strict=True)
    ]
    plain = adapter.amplitude
    ways: list[np.ndarray] = []  # rel of each left-out shape, at every step
    for left_out in sorted({of for of, _ in forms}):
        found = _amplitude([form for other, form in forms if other != left_out], plain)
        ways += [_rel(form, plain + np.outer(STEPS, found - plain)) for other, form in forms if other == left_out]
    errors = np.exp(np.log(np.maximum(ways, FEW_SHOT.faint)).mean(0))
    best = int(errors.argmin())
    found = _amplitude([form for _, form in forms], plain)
    amplitude = plain + STEPS[best] * (found - plain)
    learned = _with_given(base, faces, given, replace(adapter, amplitude=amplitude))
    return Learned(learned, float(errors[0]), float(errors[best]), float(STEPS[best]))


_Form = tuple[np.ndarray, np.ndarray]  # (J, J) and (J,): rel² of an amplitude x is x·A·x - 2 b·x + 1


def _forms(face: Face, adapter: StyleAdapter, names: Sequence[str]) -> list[_Form]:
    """rel² of each shape as a quadratic form of the amplitude."""
    here, there = (np.concatenate([np.ones((len(b), 1)), b], axis=1) for b in (face.basis, face.mirror))
    out = []
    for name, straight, turned in zip(names, *face.halves(adapter, names), strict=True):
        truth = face.truth[name]
        size = (truth**2).sum()
        both = here.T @ (there * (straight * turned).sum(1)[:, None])
        square = sum(s.T @ (s * (o**2).sum(1)[:, None]) for s, o in ((here, straight), (there, turned)))
        cross = sum(s.T @ (o * truth).sum(1) for s, o in ((here, straight), (there, turned)))
        out.append(((square + both + both.T) / (4 * size), cross / (2 * size)))
    return out


def _rel(form: _Form, amplitudes: np.ndarray) -> np.ndarray:
    """(T,) rel of (T, J) amplitudes."""
    square = np.einsum("ti,ij,tj->t", amplitudes, form[0], amplitudes) - 2 * amplitudes @ form[1] + 1
    return np.sqrt(np.maximum(square, 0))


def _amplitude(forms: Sequence[_Form], plain: np.ndarray) -> np.ndarray:
    """(J,) the amplitude with the least sum of rel, and ridges around `plain`; by iteratively reweighted least squares
    (Daubechies et al. 2010, "Iteratively reweighted least squares minimization for sparse recovery", section 1)."""
    ridge = np.full(len(plain), FEW_SHOT.slope_ridge)
    ridge[0] = FEW_SHOT.amplitude_ridge
    found = plain
    for _ in range(FEW_SHOT.rounds):
        weights = [1 / max(_rel(form, found[None])[0], FEW_SHOT.min_rel) for form in forms]
        square = np.diag(ridge) + sum(w * a for w, (a, _) in zip(weights, forms, strict=True))
        cross = ridge * plain + sum(w * b for w, (_, b) in zip(weights, forms, strict=True))
        found = np.linalg.solve(square, cross)
    return found


def _with_given(
    base: Base, faces: Sequence[Face], given: Sequence[Sequence[str]], adapter: StyleAdapter
) -> StyleAdapter:
    """The adapter with given shapes and their mirror images as the artist drew them, near the base's first style where
    the faces say nothing."""
    known, own = adapter.given.copy(), adapter.own.copy()
    for name in sorted({side for names in given for shape in names for side in (shape, mirrored(shape))}):
        blocks = []
        for face, names in zip(faces, given, strict=True):
            back = np.linalg.inv(face.to_face)
            for shape, basis, flip in ((name, face.basis, 1.0), (mirrored(name), face.mirror, MIRROR_X)):
                if shape in names:
                    goal = np.einsum("nij,nj->ni", back, face.truth[shape]) * flip
                    blocks.append((basis * adapter.over(basis)[:, None], goal))
        basis, goal = (np.concatenate(column) for column in zip(*blocks, strict=True))
        row = CONDITIONS.index(name)
        square = basis.T @ basis
        ridge = FEW_SHOT.mix_ridge * np.trace(square) / len(square) * np.eye(len(square))
        start = base.mixes[0, row].astype(float)
        known[row], own[row] = True, start + np.linalg.solve(square + ridge, basis.T @ (goal - basis @ start))
    return StyleAdapter(adapter.amplitude, known, own)
