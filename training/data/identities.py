"""Random people of the rigs that have an identity basis, and smooth warps that take any rig far beyond them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from blendshape_addon.core.face.face_space import eye_centres, point

from .macro_features import AGES, GENDERS, PEOPLES, levels, random_local, shares
from .rigs import Rig

_LOCAL = 30  # single features of a random person, at most


def sample_neutral(rig: Rig, rng: np.random.Generator) -> np.ndarray:
    """(V, 3) neutral of a random person on `rig`'s topology; the rig's own neutral if it has no identity basis."""
    if rig.people:
        return rig.people(rng)
    if rig.facts.people:
        return _SAMPLERS[rig.facts.people](rig, rng)
    return rig.vertices.copy()


@cache
def _load(path: Path) -> dict[str, np.ndarray]:
    return dict(np.load(path, allow_pickle=False))


def _sample_modes(rig: Rig, rng: np.random.Generator) -> np.ndarray:
    """Modes of a Gaussian, one standard deviation each."""
    basis = _load(rig.folder.parent / "identity.npz")["basis"]
    weights = rng.normal(0, 0.8, len(basis)).astype(np.float32)
    return rig.vertices + np.tensordot(weights, basis.astype(np.float32), 1)


def _sample_targets(rig: Rig, rng: np.random.Generator) -> np.ndarray:
    """MakeHuman's macro targets (gender, age, muscle, weight, ethnicity) and a handful of mirrored local ones."""
    data = _load(rig.folder.parent / "identity.npz")
    names = [str(n) for n in data["names"]]
    out = rig.vertices.copy()

    def add(name: str, weight: float) -> None:
        if weight and name in names:
            rows = data["sp_shape"] == names.index(name)
            out[data["sp_vertex"][rows].astype(int)] += weight * data["sp_delta"][rows].astype(float)

    gender, age = shares(rng.random(), GENDERS), shares(rng.random(), AGES)
    muscle, weight = (shares(rng.random(), levels(what)) for what in ("muscle", "weight"))
    people = dict(zip(PEOPLES, rng.dirichlet([0.6] * 3), strict=True))
    for g, wg in gender.items():
        for a, wa in age.items():
            for p, wp in people.items():
                add(f"macro/{p}-{g}-{a}", wg * wa * wp)
            for m, wm in muscle.items():
                for w, ww in weight.items():
                    add(f"macro/universal-{g}-{a}-{m}-{w}", wg * wa * wm * ww)
    for name, w in random_local((n for n in names if not n.startswith("macro/")), _LOCAL, rng).items():
        add(name, w)
    return out


_SAMPLERS = {"modes": _sample_modes, "targets": _sample_targets}


def random_warp(
    rng: np.random.Generator, strength: float, lopsided: bool | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """A smooth map of face space: anisotropic scale, shear and a dozen Gaussian bumps, mirrored unless `lopsided`
    (by chance if None).

    strength 1 reaches childlike and cartoon proportions. The map takes and gives (..., 3).
    """
    scale = np.exp(rng.normal(0, 0.10 * strength, 3))
    shear = np.zeros((3, 3))
    shear[2, 1], shear[1, 2] = rng.normal(0, 0.06 * strength, 2)  # y-z only: keeps the mirror plane
    linear = np.diag(scale) + shear
    count = 12
    centre = rng.uniform([-1.2, -1.6, -0.6], [1.2, 0.9, 0.6], (count, 3))
    width = rng.uniform(0.3, 0.9, count)
    push = rng.normal(0, 0.085 * strength, (count, 3)) * (width / 0.6)[:, None]
    if not (rng.random() < 0.3 if lopsided is None else lopsided):
        centre = np.concatenate([centre, centre * [-1, 1, 1]])
        push = np.concatenate([push, push * [-1, 1, 1]])
        width = np.concatenate([width, width])

    def warp(points: np.ndarray) -> np.ndarray:
        flat = points.reshape(-1, 3)
        squared = (flat**2).sum(1)[:, None] - 2 * flat @ centre.T + (centre**2).sum(1)
        return (flat @ linear.T + np.exp(-squared / (2 * width**2)) @ push).reshape(points.shape)

    return warp


def random_style(points: np.ndarray, rng: np.random.Generator, strength: float) -> Callable[[np.ndarray], np.ndarray]:
    """A smooth mirrored map of face space towards anime, child or muzzle: larger eyes, a shorter narrower jaw, a snout.

    points: (L, 3) landmarks of the face. The map takes and gives (N, 3).
    """
    mouth, nose = point(points, "mouth_corner_l", "mouth_corner_r"), point(points, "nose_tip")
    # Each bump: where, how wide, by how much it pushes, and by how much it stretches about its centre.
    eye = strength * np.array([rng.uniform(0, 0.4), rng.uniform(0, 1.4), 0])
    bumps = [(centre, 0.38, 0, eye) for centre in eye_centres(points)]
    bumps.append((mouth, 0.4, 0, strength * np.array([rng.uniform(-0.4, 0.2), 0, 0])))
    chin = strength * np.array([0, rng.uniform(-0.15, 0.4), rng.uniform(-0.15, 0.1)])
    bumps.append((point(points, "chin_tip"), 0.7, chin, 0))
    narrow = rng.uniform(-0.15, 0.35) * strength
    if rng.random() < 0.35:
        snout = np.array([0, 0, rng.uniform(0.1, 0.8) * strength])
        bumps.append(((mouth + nose) / 2, rng.uniform(0.35, 0.6), snout, 0))
    elif rng.random() < 0.5:  # a small flat nose
        bumps.append((nose, 0.22, np.array([0, 0, -rng.uniform(0, 0.3) * strength]), 0))

    def style(positions: np.ndarray) -> np.ndarray:
        out = positions.copy()
        for centre, width, push, stretch in bumps:
            near = np.exp(-((positions - centre) ** 2).sum(1) / (2 * width**2))[:, None]
            out += near * (push + (positions - centre) * stretch)
        out[:, 0] *= 1 - np.clip(-positions[:, 1], 0, 1.5) / 1.5 * narrow
        return out

    return style
