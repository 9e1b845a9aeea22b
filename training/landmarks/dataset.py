"""A cache of wide pictures of heads, bodies and other things; each gives many crops while training.

python -m training.landmarks.dataset --shards 30
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from blendshape_addon.core.detection.views import View, crop, draw, pieces
from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference.picture import PICTURE
from blendshape_addon.core.vocabulary import LANDMARK_MIRROR, LANDMARKS

from .. import commands
from ..data import families
from ..data.rigs import Rig, folders, learned, load
from ..learning import arrays
from . import extras, scenes

FORMAT = arrays.Format("shard of pictures", 1, "delete it and draw it again with python -m training.landmarks.dataset")
CACHE = Path("out/landmarks/pictures")
PIXELS = 192
CENTRE = np.array([0, PICTURE.face_centre, 0])  # of a face's window, eye distances from the middle between the eyes
HALF = 3.4  # half width of a cached picture, eye distances
SEALED = 0.12  # share of pictures whose pieces do not show: all of one piece, or cut up in other ways
VIEWS = 2  # pictures of one scene
NEGATIVES = 72  # pictures of one shard that show no face; `families.pictures` says how many show one, of which fold
NO_FOLD = "none"  # of pictures that show no rig


@dataclass
class Shard:
    """N pictures. depth: (N, S, S) float16 and normal: (N, 2, S, S) int8, both 0 where there is nothing.

    cover: (N, S, S) uint8, 0 nothing, 1 something, 2 a border of pieces.

    points: (N, L, 3) float32 landmarks relative to the centre in units of the half width, NaN without a face in front.
    fold: (N,) index into `folds`, whose pictures are left out together.
    """

    depth: np.ndarray
    normal: np.ndarray
    cover: np.ndarray
    points: np.ndarray
    fold: np.ndarray
    folds: tuple[str, ...]

    def view(self, n: int) -> View:
        """Picture `n` as the core's view, centred on the origin, half width 1."""
        cover = self.cover[n]
        channels = np.stack([self.depth[n], *(self.normal[n] / np.float32(127)), cover > 0, cover == 2])
        return View(np.eye(3), np.zeros(3), 1.0, channels.astype(np.float32))


def face_rigs() -> list[Rig]:
    """Every labelled rig of a fold that the finder learns from, those without expressions too."""
    used = families.pictures()
    return [rig for rig in map(load, learned()) if rig.facts.fold in used]


def faceless_rigs() -> list[Rig]:
    """Every rig that is known to have no face."""
    return [load(folder) for folder in folders() if not families.of(folder.parent.name, folder.name).face]


def turn(yaw: float, pitch: float, roll: float = 0.0) -> np.ndarray:
    """(3, 3) rows right, up, forward of a camera that looks at a +z face from `yaw`, `pitch` (radians)."""
    cy, sy, cp, sp, cr, sr = (f(a) for a in (yaw, pitch, roll) for f in (np.cos, np.sin))
    y = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    z = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
    return z @ x @ y


def draw_shard(
    rng: np.random.Generator,
    rigs: list[Rig],
    faceless: list[Rig],
    pictures: Mapping[str, int],
    negatives: int = NEGATIVES,
) -> Shard:
    """One shard with so many `pictures` of each fold, and `negatives` without a face.

    Raises InputError for a fold without rigs.
    """
    folds = (*pictures, NO_FOLD)
    rows = []
    for fold, count in pictures.items():
        own = [rig for rig in rigs if rig.facts.fold == fold]
        if not own:
            raise InputError(
                f"There is no labelled rig of {fold}: set VRC_BLENDSHAPE_DATA to a folder that has them all."
            )
        for _ in range(count // VIEWS):
            scene = scenes.of_rig(own[rng.integers(len(own))], rng)
            for _ in range(VIEWS):
                view = _look(scene, rng.uniform(-0.5, 0.5), rng, CENTRE, HALF)
                points = (scene.points - view.centre) @ view.rotation.T / HALF
                rows.append((view, points, fold))
    for _ in range(negatives // VIEWS):
        rows += _negative(rng, rigs, faceless)
    views = [r[0] for r in rows]
    nothing = np.full((len(LANDMARKS), 3), np.nan)
    return Shard(
        depth=np.stack([np.clip(v.channels[0], -9, 9) for v in views]).astype(np.float16),
        normal=np.stack([np.round(v.channels[1:3] * 127) for v in views]).astype(np.int8),
        cover=np.stack([v.channels[3] + v.channels[4] for v in views]).astype(np.uint8),
        points=np.stack([nothing if r[1] is None else r[1] for r in rows]).astype(np.float32),
        fold=np.array([folds.index(r[2]) for r in rows], np.int8),
        folds=folds,
    )


def _look(scene: scenes.Scene, yaw: float, rng: np.random.Generator, centre: np.ndarray, half: float) -> View:
    camera = turn(yaw, rng.uniform(-0.4, 0.4))
    return draw(scene.vertices, scene.triangles, scene.normals, scene.piece, camera, centre, half, PIXELS)


def _negative(
    rng: np.random.Generator, rigs: list[Rig], faceless: list[Rig]
) -> list[tuple[View, np.ndarray | None, str]]:
    """VIEWS pictures of the back or side of a head, a head with no features, another part of a body, a body cut below
    the chin, a body made so, furniture."""
    kind = rng.choice(
        ["behind", "blank", "body", "headless", "faceless", "furniture"], p=[0.2, 0.1, 0.25, 0.15, 0.1, 0.2]
    )
    fold = NO_FOLD
    if kind == "furniture":
        scene = scenes.Scene.of_solids(extras.furniture(rng))
    elif kind == "faceless":
        rig = faceless[rng.integers(len(faceless))]
        size = rig.vertices.max(0)[1] / 20  # a body is some twenty-odd eye distances tall
        scene = scenes.Scene((rig.vertices - rig.vertices.mean(0)) / size, rig.triangles, pieces(rig.avatar()), None)
    else:
        rig = rigs[rng.integers(len(rigs))]
        fold = rig.facts.fold
        scene = scenes.blank(rig, rng) if kind == "blank" else scenes.of_rig(rig, rng)
    low = None if scene.points is None else scene.points[:, 1].min()
    if low is not None and (kind == "headless" or (kind == "body" and scene.vertices[:, 1].min() > low - 2)):
        scene = scenes.headless(scene)
    if not len(scene.triangles):  # a head with nothing below it
        kind, scene = "furniture", scenes.Scene.of_solids(extras.furniture(rng))
    rows = []
    used = np.unique(scene.triangles)
    for _ in range(VIEWS):
        yaw, half, centre = rng.uniform(0, 2 * np.pi), float(np.exp(rng.uniform(np.log(0.8), np.log(7)))), np.zeros(3)
        if kind == "behind":
            yaw, half, centre = rng.uniform(1.4, 2 * np.pi - 1.4), rng.uniform(1.2, 3.4), CENTRE - [0, 0, 1]
        elif kind == "blank":
            yaw, half, centre = rng.uniform(-0.5, 0.5), rng.uniform(1.2, 3.4), CENTRE
        elif kind == "furniture":
            half = rng.uniform(0.7, 3)
        elif len(used):
            centre = scene.vertices[used[rng.integers(len(used))]]
        if kind == "body" and scene.points is not None:
            far = used[(scene.vertices[used, 1] < low - 0.6) | (np.abs(scene.vertices[used, 0]) > 4.5)]
            centre = scene.vertices[far[rng.integers(len(far))]]
            if abs(centre[0]) < 4:  # keep the face out of the picture
                half = min(half, max(low - 0.3 - centre[1], 0.5))
        rows.append((_look(scene, yaw, rng, centre, half), None, fold))
    return rows


class Crops(NamedTuple):
    """n crops, all float32: image (n, 5, s, s), points (n, L, 3), is_face (n,), 0 or 1, and weight (n,) of the
    landmarks."""

    image: np.ndarray
    points: np.ndarray
    is_face: np.ndarray
    weight: np.ndarray


def batch(shard: Shard, rows: np.ndarray, rng: np.random.Generator) -> Crops:
    """Random crops of the pictures `rows`.

    A face counts as one while it is mostly inside, upright within 25 degrees and of a sensible size; crops that turn
    it over or lose it are examples of no face.
    """
    images, targets, faces, weights = [], [], [], []
    for n in rows:
        view, points = shard.view(n), shard.points[n].astype(float)
        has_face = bool(np.isfinite(points).all())
        roll, half = rng.uniform(-0.44, 0.44), np.exp(rng.normal(np.log(PICTURE.face_half_width), 0.12))
        x, y = rng.normal(0, 0.12, 2)
        wide = rng.random() < 0.4
        if wide:  # what the first search offers
            half = np.exp(rng.uniform(np.log(1.35), np.log(3.2)))
            x, y = rng.uniform(-0.45, 0.45, 2) * max(half / 1.75, 1)
        spoiled = has_face and rng.random() < 0.2
        if spoiled and rng.random() < 0.6:
            roll += rng.choice([0.5, 1.0, 1.5]) * np.pi
        elif spoiled:  # past the face, or far too close
            if rng.random() < 0.5:
                angle = rng.uniform(0, 2 * np.pi)
                x, y = np.array([np.cos(angle), np.sin(angle)]) * half * rng.uniform(0.95, 1.4)
            else:
                half = rng.uniform(0.35, 0.7)
        if not has_face:
            x, y, half = rng.uniform(-1, 1), rng.uniform(-1, 1), rng.uniform(1, HALF)
            roll = rng.uniform(-np.pi, np.pi)
        mirror = rng.random() < 0.5
        window = crop(view, x / HALF, y / HALF, half / HALF, roll, mirror)
        window.image[4] *= rng.random() > SEALED
        images.append(window.image)
        faces.append(has_face and not spoiled)
        if has_face:
            local = window.from_avatar(points)
            targets.append(local[list(LANDMARK_MIRROR)] if mirror else local)
        else:
            targets.append(np.zeros((len(LANDMARKS), 3)))
        weights.append(float(has_face and not spoiled) * (half / PICTURE.face_half_width))
    return Crops(np.stack(images), np.stack(targets).astype(np.float32), np.array(faces, np.float32),
                 np.array(weights, np.float32))  # fmt: skip


def save(shard: Shard, path: Path) -> None:
    """Write one shard. Raises InputError as `arrays.save` does."""
    numbers = {name: value for name, value in vars(shard).items() if name != "folds"}
    arrays.save(path, FORMAT, numbers, {"folds": shard.folds})


def read(cache: Path, hold_out: str | None = None) -> Shard:
    """All shards of `cache` as one, without the pictures of a fold.

    Raises InputError when there are none, when one is damaged or of another version, or when no picture is of the fold.
    """
    paths = sorted(cache.glob(f"shard_*{arrays.SUFFIX}"))
    if not paths:
        older = " of this version" if any(cache.glob("shard_*.npz")) else ""
        raise InputError(f"No pictures{older} in {cache}: run python -m training.landmarks.dataset first.")
    folds: tuple[str, ...] = ()
    parts: dict[str, list[np.ndarray]] = {}
    for path in paths:
        numbers, notes = arrays.load(path, FORMAT)
        if folds and folds != tuple(notes["folds"]):
            raise InputError(f"{path} was drawn for other folds than {paths[0].name}: {FORMAT.again}.")
        folds = tuple(notes["folds"])
        if hold_out is not None and hold_out not in folds:
            raise InputError(f"No picture is of a fold {hold_out}: choose from {', '.join(folds[:-1])}.")
        keep = numbers["fold"] != (-1 if hold_out is None else folds.index(hold_out))
        for key, value in numbers.items():
            parts.setdefault(key, []).append(value[keep])
    return Shard(**{key: np.concatenate(value) for key, value in parts.items()}, folds=folds)


def main() -> None:
    """Draw shards that are not there yet; several runs may share the work with --first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, default=30)
    parser.add_argument("--first", type=int, default=0)
    arguments = parser.parse_args()
    rigs, faceless = face_rigs(), faceless_rigs()
    for number in range(arguments.first, arguments.shards):
        path = CACHE / f"shard_{number:03d}{arrays.SUFFIX}"
        if path.exists():
            continue
        shard = draw_shard(np.random.default_rng(number), rigs, faceless, families.pictures())
        save(shard, path)
        print(path, len(shard.fold), flush=True)


if __name__ == "__main__":
    sys.exit(commands.run(main))
