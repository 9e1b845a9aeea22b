"""Augmented instances of rigs, kept on disk as one file each and read back through memory maps."""

from __future__ import annotations

import argparse
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from blendshape_addon.core import features as core_features
from blendshape_addon.core.face_space import FaceSpace, eye_centres
from blendshape_addon.core.vocabulary import CONDITIONS

from . import labels
from .identities import random_warp, sample_neutral
from .rigs import Rig, load_all

LANDMARK_NOISE = 0.012  # eye distances: what a detector leaves
MAX_VERTICES = 5000


@dataclass
class Instance:
    """One face as the network trains on it.

    canonical, normals, side (N, 3) and part (N,) as in core.features; to_face (N, 3, 3); targets (N, E, 3) face-space
    offsets; energy (E,) mean squared offset over all its vertices; known (E,) bool.
    """

    canonical: np.ndarray
    normals: np.ndarray
    side: np.ndarray
    part: np.ndarray
    to_face: np.ndarray
    targets: np.ndarray
    energy: np.ndarray
    known: np.ndarray


def landmarks_of(rig: Rig, vertices: np.ndarray) -> np.ndarray:
    """(L, 3) labelled landmarks of `rig` on the given (V, 3) vertices."""
    index, weight = labels.load(rig.name)
    return np.einsum("lk,lkc->lc", weight, vertices[index])


def warped(rig: Rig, rng: np.random.Generator, strength: float) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """A random face on the rig's topology: vertices (V, 3), shapes {name: (V, 3)} and landmarks (L, 3), in face space.

    Neutral and expressions go through the same map, so what touches still touches.
    """
    neutral = sample_neutral(rig, rng)
    marks = landmarks_of(rig, neutral)
    space = FaceSpace.of(marks)
    # Expressions of a rig are one size: scale them with the person's face.
    base_marks = landmarks_of(rig, rig.vertices)
    grown = space.scale / float(np.linalg.norm(np.subtract(*eye_centres(base_marks))))
    warp = random_warp(rng, strength)
    before = space.to_face(neutral)
    vertices = warp(before)
    shapes = {}
    for name, offset in rig.shapes.items():
        moved = np.flatnonzero(np.abs(offset).max(1) > 0)
        delta = np.zeros_like(vertices)
        delta[moved] = warp(before[moved] + offset[moved] * grown @ space.rotation.T / space.scale) - vertices[moved]
        shapes[name] = delta
    return vertices, shapes, warp(space.to_face(marks))


def make_instance(rig: Rig, rng: np.random.Generator, strength: float = 1.0) -> Instance:
    """A random instance of `rig`; strength 0 leaves out the warp."""
    vertices, shapes, marks = warped(rig, rng, strength)
    noisy = marks + rng.normal(0, LANDMARK_NOISE, marks.shape)
    found = core_features.compute(rig.avatar(vertices), noisy)
    seen = ~np.isin(rig.part_id[found.index], rig.hidden_parts)
    rotation = found.space.rotation.T / found.space.scale
    targets = np.zeros((len(found.index), len(CONDITIONS), 3), np.float32)
    known = np.zeros(len(CONDITIONS), bool)
    for e, name in enumerate(CONDITIONS):
        if name in shapes:
            known[e] = True
            targets[:, e] = shapes[name][found.index] @ rotation
    energy = (targets[seen] ** 2).sum(-1).mean(0)
    # Half of the sample evenly, half where things move.
    motion = np.sqrt((targets.astype(float) ** 2).sum(-1).mean(1)) * seen
    share = seen / seen.sum() + motion / motion.sum()
    share /= share.sum()
    size = min(MAX_VERTICES, int(seen.sum()))
    pick = rng.choice(len(share), size, replace=False, p=share) if size < seen.sum() else np.flatnonzero(seen)
    return Instance(
        canonical=found.canonical.positions[pick].astype(np.float32),
        normals=found.normals[pick].astype(np.float16),
        side=found.side[pick].astype(np.float16),
        part=found.part[pick],
        to_face=found.canonical.to_face[pick].astype(np.float32),
        targets=targets[pick].astype(np.float16),
        energy=energy.astype(np.float32),
        known=known,
    )


def save(instance: Instance, path: Path) -> None:
    """Write one instance; appears under its name only when whole."""
    part = path.with_suffix(".part.npz")
    np.savez(part, **vars(instance))
    part.rename(path)


def load(path: Path) -> Instance:
    """Read what `save` wrote."""
    with np.load(path) as data:
        return Instance(**{k: data[k] for k in data.files})


def generate(folder: Path, per_rig: int, seed: int = 0) -> None:
    """Make `per_rig` instances of every rig below `folder`, FAMILY__RIG__NUMBER.npz; existing ones are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(rig, n) for n in range(per_rig) for rig in load_all() if rig.name in labels.names()]
    for rig, n in tqdm(jobs, desc="instances", unit="face"):
        path = folder / f"{rig.family}__{rig.name}__{n:04d}.npz"
        if not path.exists():
            rng = np.random.default_rng([seed, n, zlib.crc32(rig.name.encode())])
            save(make_instance(rig, rng, strength=0.0 if n == 0 else rng.uniform(0.2, 1.2)), path)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m training prepare", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/dataset"), help="folder (default: %(default)s)")
    parser.add_argument("--per-rig", type=int, default=60, help="instances of each rig (default: %(default)s)")
    given = parser.parse_args(arguments)
    generate(given.out, given.per_rig)
