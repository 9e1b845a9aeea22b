"""Instances in memory, and the random batches that a training draws from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.face.face_space import MIRROR_X
from blendshape_addon.core.face.features import assemble
from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.vocabulary import CONDITION_MIRROR, CONDITIONS

from ..config import TrainConfig
from . import dataset, manifest
from .batch import Batch
from .surface_rings import RING, rings_of

_MIRROR = np.array(CONDITION_MIRROR)


class Pool:
    """All instances in memory, drawn artist by artist so that none outweighs another. hold_out: a fold left out.

    Raises InputError when there are none, or they are damaged or of another version.
    """

    def __init__(self, folder: Path, hold_out: str | None) -> None:
        paths = manifest.shards_in(folder, hold_out)
        if not paths:
            raise InputError(f"No instances in {folder}: run `python -m training prepare` first.")
        self.groups: dict[str, list[dataset.Instance]] = {}
        for path in paths:
            self.groups.setdefault(manifest.key_and_number(path.name)[0], []).append(dataset.load(path))
        owners = manifest.artists(folder, self.groups)
        self.artists = tuple(sorted(set(owners)))
        self.artist = [self.artists.index(owner) for owner in owners]
        size = np.array([len(instances) for instances in self.groups.values()], float)
        share = size / np.bincount(self.artist, size)[self.artist]
        self.share = share / share.sum()

    def amplitudes(self) -> np.ndarray:
        """(artists, E) how far each artist's shapes move, in eye distances; NaN for those they have not."""
        out = np.full((len(self.artists), len(CONDITIONS)), np.nan)
        for a in range(len(self.artists)):
            rows = []
            for instances, artist in zip(self.groups.values(), self.artist, strict=True):
                if artist == a:
                    own = [_amplitude(one.targets.astype(np.float32)) for one in instances[:4]]
                    rows.append(np.where(instances[0].known, np.mean(own, axis=0), np.nan))
            known = ~np.isnan(rows).all(0)
            out[a, known] = np.nanmean(np.array(rows)[:, known], axis=0)
        return out

    def draw(self, rng: np.random.Generator, config: TrainConfig) -> Batch:
        """`config.batch` random faces; with whole one-rings where the loss has a term of the surface.

        Raises InputError when it has and a face is all loose vertices.
        """
        chosen = np.sort(rng.choice(len(CONDITIONS), config.expressions, replace=False))
        columns: list[list[np.ndarray]] = [[] for _ in range(7)]
        for group in rng.choice(len(self.groups), config.batch, p=self.share):
            instances = list(self.groups.values())[group]
            inputs, to_face, targets, energy, known, places = _sample(
                instances[rng.integers(len(instances))], rng, chosen, config
            )
            row = inputs, to_face, targets, energy, known, np.array(self.artist[group]), places
            for column, value in zip(columns, row, strict=True):
                column.append(value)
        return Batch(*(torch.from_numpy(np.stack(column)) for column in columns), torch.from_numpy(chosen))


def _sample(
    one: dataset.Instance, rng: np.random.Generator, chosen: np.ndarray, config: TrainConfig
) -> tuple[np.ndarray, ...]:
    """Random vertices of an instance or of its mirror image, and after them the places of the last, whole one-rings."""
    pick = rng.integers(0, len(one.part), config.vertices)
    rings = _rings(one, rng, config.loss.rings) if config.loss.of_rings else np.zeros((0, 1 + 2 * RING), int)
    pick = np.concatenate([pick, rings.ravel()])
    canonical, normals = one.canonical[pick], one.normals[pick].astype(np.float32)
    side, part, to_face = one.side[pick].astype(np.float32), one.part[pick], one.to_face[pick]
    places = one.places[rings.ravel()] if rings.size else np.zeros((0, 3), np.float32)
    source = chosen
    if flip := rng.random() < 0.5:
        canonical, normals, side, source = canonical * MIRROR_X, normals * MIRROR_X, side[:, [0, 2, 1]], _MIRROR[chosen]
        to_face, places = to_face * MIRROR_X[:, None] * MIRROR_X, places * MIRROR_X
    targets = one.targets[pick[:, None], source].astype(np.float32) * (MIRROR_X if flip else 1)
    if rng.random() < config.merge_parts:
        side, part = _merged(side, part, rng)
    noise = rng.normal(0, config.jitter, (config.vertices, 3))
    shifts = rng.normal(0, config.jitter, (len(rings), 3))  # a ring moves as one: noise must not wrinkle it
    canonical = canonical + np.concatenate([noise, np.repeat(shifts, rings.shape[1], axis=0)])
    if rng.random() < 0.5:
        normals = normals * 0  # avatars with doubtful normals are common
    inputs = assemble(canonical, normals, side, part)
    return inputs, to_face.astype(np.float32), targets.astype(np.float32), one.energy[source], one.known[source], places


def _rings(one: dataset.Instance, rng: np.random.Generator, count: int) -> np.ndarray:
    """(count, 1 + 2 RING) vertices of random one-rings."""
    if not len(one.triangles):
        raise InputError("A face of the dataset has no surface, which the terms of the loss for laplacian, edge and "
                         "volume need: leave these at 0, or take its source out of the dataset.")  # fmt: skip
    rings = rings_of(one.triangles, len(one.part))
    return rings[rng.choice(np.unique(one.triangles), count)]


def _merged(side: np.ndarray, part: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Teeth, gums and tongue as they look where they are one mesh with the skin: skin with a lip side."""
    inner = np.isin(part, (Part.TEETH_UPPER, Part.TEETH_LOWER, Part.TONGUE, Part.MOUTH))
    sign = np.where(part == Part.TEETH_UPPER, 1, -1) * rng.random()
    side = side.copy()
    side[inner, 0] = sign[inner]
    return side, np.where(inner, Part.SKIN, part)


def _amplitude(targets: np.ndarray) -> np.ndarray:
    """(E,) root mean square motion where a shape moves by at least 0.3 of its peak, of (N, E, 3) offsets."""
    size = np.linalg.norm(targets, axis=-1)
    strong = size >= 0.3 * size.max(0)
    return np.sqrt((size**2 * strong).sum(0) / strong.sum(0))
