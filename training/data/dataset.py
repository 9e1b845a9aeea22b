"""Augmented instances of rigs, kept on disk as one file each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.face import features as core_features
from blendshape_addon.core.vocabulary import CONDITIONS

from ..learning import arrays
from . import augment, augment_mouth, toon
from .augment import Solid
from .identities import random_style, random_warp, sample_neutral
from .labelled_face import LabelledFace
from .rigs import Rig
from .surface_rings import sampled_triangles

FORMAT = arrays.Format("face to train on", 1, "run `python -m training prepare` again, into another folder")
LANDMARK_NOISE = 0.012  # eye distances: what a detector leaves
MAX_VERTICES = 5000
STYLED = 0.4  # how often a face is also drawn towards anime, child or muzzle …
TOON = 0.4  # … and how often of these it takes a toon's proportions landmark by landmark


@dataclass
class Instance:
    """One face as the network trains on it.

    canonical, normals, side (N, 3) and part (N,) as in core.features; to_face (N, 3, 3); targets (N, E, 3) face-space
    offsets; energy (E,) mean squared offset over all its vertices; known (E,) bool. places (N, 3) in face space and
    triangles (T, 3) between them, see `surface_rings`.
    """

    canonical: np.ndarray
    normals: np.ndarray
    side: np.ndarray
    part: np.ndarray
    to_face: np.ndarray
    targets: np.ndarray
    energy: np.ndarray
    known: np.ndarray
    places: np.ndarray
    triangles: np.ndarray


def warped(face: LabelledFace, rng: np.random.Generator, strength: float) -> LabelledFace:
    """Another face on the same mesh: smoothly bent, and often towards anime, child or muzzle."""
    if rng.random() < STYLED:
        if rng.random() < TOON:
            face = toon.toonish(face, rng)
        else:
            face = face.mapped(random_style(face.marks, rng, strength * rng.uniform(0.2, 1)))
    return face.mapped(random_warp(rng, strength))


def rebuilt(face: LabelledFace, rng: np.random.Generator, bodies: Sequence[Solid]) -> LabelledFace:
    """The same face as another mesh: a random few of the ways in `augment`; one of `bodies` for a head without."""

    def happens(probability: float) -> bool:
        return rng.random() < probability

    if happens(0.2):
        face = augment_mouth.opened(face, rng.uniform(0.03, 0.25))
    if happens(0.1):
        face = augment_mouth.sealed(face)
    elif happens(0.15):
        face = augment_mouth.without_mouth(face)
    if happens(0.1):
        face = augment_mouth.fused(face)
    elif happens(0.2):
        face = augment.merged(face)
    if happens(0.2):
        face = augment.noisy(face, rng, rng.uniform(0, 0.006))
    fineness = rng.random()
    if fineness < 0.25:
        face = augment.decimated(face, int(np.exp(rng.uniform(np.log(250), np.log(2500)))))
    elif fineness < 0.32:
        face = augment.subdivided(face, 4 * len(face.vertices))
    if happens(0.25):
        face = augment.retriangulated(face, rng)
    if happens(0.15):
        face = augment.split(face, rng, cuts=int(rng.choice([0, 3, 8])))
    elif happens(0.2):
        face = augment.welded(face)
    if bodies and augment.body_of(face) is None and happens(0.3):
        face = augment.beside(face, *bodies[rng.integers(len(bodies))], "Body")
    return face


def make_head(
    rig: Rig, rng: np.random.Generator, strength: float = 1.0, bodies: Sequence[Solid] = (), same_mesh: bool = False
) -> LabelledFace:
    """A random face of `rig`; at strength 0 its own mesh, not warped. bodies: for heads that have none. same_mesh: it
    is warped only, so that vertices and triangles are still the rig's."""
    head = LabelledFace.of(rig, sample_neutral(rig, rng))
    if strength > 0:
        head = warped(head, rng, strength)
        head = head if same_mesh else rebuilt(head, rng, bodies)
    return head


def make_instance(rig: Rig, rng: np.random.Generator, strength: float = 1.0, bodies: Sequence[Solid] = ()) -> Instance:
    """What training sees of `make_head`."""
    return instance_of(make_head(rig, rng, strength, bodies), rng)


def instance_of(face: LabelledFace, rng: np.random.Generator) -> Instance:
    """What training sees of a face, with landmarks as a detector would find them."""
    found = core_features.compute(face.avatar, face.marks + rng.normal(0, LANDMARK_NOISE, face.marks.shape))
    shown = ~face.hidden[found.index]
    turn = (found.space.rotation.T / found.space.scale).astype(np.float32)
    targets = np.zeros((len(found.index), len(CONDITIONS), 3), np.float32)
    known = np.zeros(len(CONDITIONS), bool)
    for name, offset in zip(face.names, face.offsets, strict=True):
        known[CONDITIONS.index(name)] = True
        targets[:, CONDITIONS.index(name)] = offset[found.index] @ turn
    energy = (targets[shown] ** 2).sum(-1).mean(0)
    # Half of the sample evenly, half where things move.
    motion = np.sqrt((targets.astype(float) ** 2).sum(-1).mean(1)) * shown
    share = shown / shown.sum() + motion / motion.sum()
    share /= share.sum()
    size = min(MAX_VERTICES, int(shown.sum()))
    pick = rng.choice(len(share), size, replace=False, p=share) if size < shown.sum() else np.flatnonzero(shown)
    return Instance(
        canonical=found.canonical.positions[pick].astype(np.float32),
        normals=found.normals[pick].astype(np.float16),
        side=found.side[pick].astype(np.float16),
        part=found.part[pick],
        to_face=found.canonical.to_face[pick].astype(np.float32),
        targets=targets[pick].astype(np.float16),
        energy=energy.astype(np.float32),
        known=known,
        places=found.positions[pick].astype(np.float32),
        triangles=sampled_triangles(face.vertices, _shown(face), found.index[pick]),
    )


def _shown(face: LabelledFace) -> np.ndarray:
    """(T, 3) triangles whose truth means something."""
    return face.triangles[~face.hidden[face.triangles].any(1)]


def save(instance: Instance, path: Path) -> None:
    """Write one instance. Raises InputError as `arrays.save` does."""
    arrays.save(path, FORMAT, vars(instance))


def load(path: Path) -> Instance:
    """Read what `save` wrote. Raises InputError when the file is damaged or another version's."""
    one = Instance(**arrays.load(path, FORMAT)[0])
    if one.targets.shape != (len(one.part), len(CONDITIONS), 3):
        raise InputError(f"{path} was made by a version with other shapes: make the dataset anew, in another folder.")
    return one
