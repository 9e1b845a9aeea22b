"""Train the detector of keypoints on renders: `python -m training motion train-keypoints --data FOLDER --out X`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.motion import pose
from blendshape_addon.core.vocabulary import ARKIT

from ..config import LoopConfig
from ..learning import arrays, loop
from ..learning.atomic_files import atomic_write, check_name
from ..learning.distributed import ALONE
from . import crops, keypoint_model
from .crops import Crops
from .descriptor_cache import DescriptorCache
from .keypoint_model import COUNT, SIZE, Detector, Learner, Output, Warp

FORMAT = arrays.Format("detector of keypoints", 1, "train it again with python -m training motion train-keypoints")
BATCH = 12  # pairs of pictures
RECIPE = LoopConfig(
    steps=1000, rate=2e-3, warmup=50, decay=0.0, clip=5.0, ema=0.99, precision="fp32", save_every=250, sheet_every=0
)
WEIGHTS = {"equivariance": 4.0, "painted": 3.0, "apart": 0.3, "spread": 1.0}
MIN_PICTURES = 10  # of new people in which a unit has to be in effect, or it is not measured
RIDGES = (1e-3, 1e-2, 1e-1, 1.0)  # shares of the mean square of what is regressed on
READERS = ("keypoints", "untrained", "landmarks of MediaPipe")


class Batch(NamedTuple):
    """source, target: (N, 3, SIZE, SIZE) of the same people, 0 to 1. affine, plate: of the Warp of the targets."""

    source: Tensor
    target: Tensor
    affine: Tensor
    plate: Tensor


class KeypointTask:
    """Pairs of pictures of a person, varied as cameras and distances vary them."""

    def __init__(self, data: Crops, size: int, count: int) -> None:
        self.data, self.size, self.count = data, size, count
        self.of_person = [np.flatnonzero(data.person == person) for person in np.unique(data.person)]

    def build(self) -> Learner:
        return Learner(self.count).train()

    def draw(self, rng: np.random.Generator) -> Batch:
        """A batch; half of it mirrored by chance."""
        chosen = [rng.choice(self.of_person[rng.integers(len(self.of_person))], 2) for _ in range(self.size)]
        rows = np.array(chosen)
        colour = varied_colour(rng, self.size)
        flip = torch.from_numpy(np.where(rng.random(self.size) < 0.5, -1.0, 1.0).astype(np.float32))
        pair = []
        for column in range(2):
            view = random_warp(rng, self.size, 0.85, 0.0)
            view.affine[:, 0] *= flip[:, None]
            pair.append(seen(self.data.pictures[rows[:, column]], view, *colour))
        return Batch(*pair, *random_warp(rng, self.size, 0.95, 0.01))

    def predict(self, network: nn.Module, batch: Batch) -> Output:
        return keypoint_model.predict(network, batch.source, batch.target, Warp(batch.affine, batch.plate))

    def terms(self, output: Output, batch: Batch) -> dict[str, Tensor]:
        return keypoint_model.loss(output, batch.target, Warp(batch.affine, batch.plate))

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        return sum(WEIGHTS[name] * value for name, value in terms.items())


def varied_colour(rng: np.random.Generator, count: int) -> tuple[Tensor, Tensor]:
    """Factors (N, 3, 1, 1) and offsets (N, 1, 1, 1) of colours, as light and cameras vary them."""
    gain = np.exp(rng.normal(0, 0.2, (count, 1, 1, 1)) + rng.normal(0, 0.1, (count, 3, 1, 1)))
    return torch.from_numpy(gain.astype(np.float32)), torch.from_numpy(
        rng.normal(0, 0.05, (count, 1, 1, 1)).astype(np.float32)
    )


def random_warp(rng: np.random.Generator, count: int, scale: float, bend: float) -> Warp:
    """Warps that see about `scale` of a picture's width, turned by some 10 degrees, and bent."""
    size = scale * np.exp(rng.normal(0, 0.1, count))
    angle = rng.normal(0, np.radians(8), count)
    turned = size[:, None, None] * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]).T
    affine = np.concatenate([turned, rng.normal(0, 0.06, (count, 2, 1))], 2)
    plate = rng.normal(0, bend, (count, keypoint_model.CONTROL**2, 2)) if bend else np.zeros((count, 25, 2))
    return Warp(torch.from_numpy(affine.astype(np.float32)), torch.from_numpy(plate.astype(np.float32)))


def seen(pictures: np.ndarray, view: Warp, gain: Tensor, offset: Tensor) -> Tensor:
    """(N, 3, SIZE, SIZE), 0 to 1: what warps see of (N, STORED, STORED, 3) uint8 crops, in varied colours."""
    image = torch.from_numpy(pictures.astype(np.float32) / 255).permute(0, 3, 1, 2)
    count = len(image)
    places = keypoint_model.pixel_grid(SIZE, SIZE).reshape(1, -1, 2).expand(count, -1, -1)
    grid = view(places).reshape(count, SIZE, SIZE, 2)
    found = nn.functional.grid_sample(image, grid, padding_mode="border", align_corners=False)
    return (found * gain + offset).clamp(0, 1)


def train(
    data: Crops,
    config: LoopConfig,
    file: Path,
    count: int = COUNT,
    schedule: Callable[[int, LoopConfig], float] = loop.rate_at,
) -> Learner:
    """A detector with its painter; goes on from the checkpoint `file` of a run that was cut short.

    Raises InputError as `loop.train` does.
    """
    torch.set_num_threads(1)
    settings = {"keypoints": count, "pictures": data.count, "people": list(data.people), **asdict(config)}
    task, rng = KeypointTask(data, BATCH, count), np.random.default_rng(config.seed)
    return loop.train(task, config, ALONE, rng, "keypoints", file, settings, schedule).network


def whole(pictures: np.ndarray) -> Tensor:
    """(N, 3, SIZE, SIZE), 0 to 1, of whole (N, STORED, STORED, 3) uint8 crops."""
    image = torch.from_numpy(pictures.astype(np.float32) / 255).permute(0, 3, 1, 2)
    return nn.functional.interpolate(image, (SIZE, SIZE), mode="bilinear", antialias=True)


@torch.no_grad()
def detect(detector: Detector, images: Tensor) -> Tensor:
    """(N, K, 2) points of (N, 3, SIZE, SIZE) pictures."""
    detector.eval()
    return torch.cat([detector(images[first : first + 128]).points for first in range(0, len(images), 128)])


def on_faces(detector: Detector, frames: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(F, K, 2) points in the frames of a clip, pixels right and down, NaN where there is no face. frames: (F, H, W, 3)
    uint8; landmarks: (F, L, 2) of each face, likewise."""
    points = np.full((len(frames), detector.heat.out_channels, 2), np.nan)
    for number in np.flatnonzero(np.isfinite(landmarks).all((1, 2))):
        low, high = landmarks[number].min(0), landmarks[number].max(0)
        centre, size = (low + high) / 2, float((high - low).max()) * crops.MARGIN
        image = whole(crops.cut(frames[number], centre, size, crops.STORED)[None])
        points[number] = detect(detector, image)[0].numpy() * size / 2 + centre
    return points


@torch.no_grad()
def equivariance(detector: Detector, data: Crops) -> float:
    """By how much points miss where known warps bring them, mean in per cent of the width of the face."""
    rng = np.random.default_rng(1)
    images = whole(data.pictures)
    warp = random_warp(rng, len(images), 0.95, 0.01)
    missed = detect(detector, images) - warp(detect(detector, warp.picture(images)))
    return float(100 * (missed.norm(dim=2).mean(1).numpy() / data.face_width).mean())


def regression(learned: np.ndarray, truth: np.ndarray, new: np.ndarray, person: np.ndarray) -> np.ndarray:
    """What ridge regression of (N, T) truth on (N, P) values says of (M, P) new ones.

    Its strength is the one of RIDGES that tells every fourth of the (N,) people best from the others.
    """
    asked = person % 4 == 0
    if asked.all() or not asked.any():
        asked = np.arange(len(person)) % 4 == 0
    known = [_ridge(learned[~asked], truth[~asked], learned[asked], strength) for strength in RIDGES]
    missed = [((told - truth[asked]) ** 2 / (truth.var(0) + 1e-9)).sum() for told in known]
    return _ridge(learned, truth, new, RIDGES[int(np.argmin(missed))])


def _ridge(learned: np.ndarray, truth: np.ndarray, new: np.ndarray, strength: float) -> np.ndarray:
    mean, known = learned.mean(0), truth.mean(0)
    spread = learned.std(0) + 1e-6
    x = (learned - mean) / spread
    weights = np.linalg.solve(x.T @ x + strength * len(x) * np.eye(x.shape[1]), x.T @ (truth - known))
    return (new - mean) / spread @ weights + known


def explained(values: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(T,) R² of (N, T) values."""
    return 1 - ((values - truth) ** 2).sum(0) / np.maximum(((truth - truth.mean(0)) ** 2).sum(0), 1e-9)


def measure(detector: Detector, learned: Crops, new: Crops, cache: DescriptorCache) -> dict[str, dict[str, float]]:
    """By reader: equivariance and the error of regressed landmarks in per cent of the width of the face, and R² of yaw
    and units that are regressed on points, of new people; points are less those of the person's neutral face."""
    torch.manual_seed(0)
    found = {}
    for reader, network in (("keypoints", detector), ("untrained", Detector(detector.heat.out_channels))):
        points = [detect(network, whole(data.pictures)).numpy().reshape(data.count, -1) for data in (learned, new)]
        found[reader] = {"equivariance, %": equivariance(network, new)} | _regressed(*points, learned, new)
    told = [_landmarks(data, cache) for data in (learned, new)]
    found[READERS[2]] = _regressed(*told, learned, new)
    return found


def _landmarks(data: Crops, cache: DescriptorCache) -> np.ndarray:
    """(N, P) the landmarks that the add-on's reader finds in whole crops, NaN without a face."""
    rows = np.full((data.count, 3), np.nan)
    points = None
    for person in np.unique(data.person):
        own = np.flatnonzero(data.person == person)
        told = cache.of_pictures(data.pictures[own])
        flat = (told.landmarks @ told.rotation.transpose(0, 2, 1) * told.place[:, None, 2:])[..., :2]
        flat = (flat + told.place[:, None, :2]).reshape(len(own), -1)
        points = np.full((data.count, flat.shape[1]), np.nan) if points is None else points
        points[own[told.found]] = flat[told.found]
    return rows if points is None else points


def _regressed(known: np.ndarray, unseen: np.ndarray, learned: Crops, new: Crops) -> dict[str, float]:
    """Figures of (N, P) and (M, P) points; pictures that have none, or whose neutral picture has none, are left out."""
    figures = {}
    away = [less_neutral(points, data) for points, data in ((known, learned), (unseen, new))]
    usable = [np.isfinite(points).all(1) for points in away]
    if not all(use.any() for use in usable):
        return {"pictures": 0}
    places = [data.landmarks.reshape(data.count, -1) for data in (learned, new)]
    person = learned.person[usable[0]]
    told = regression(known[usable[0]], places[0][usable[0]], unseen[usable[1]], person)
    missed = np.linalg.norm((told - places[1][usable[1]]).reshape(len(told), -1, 2), axis=2).mean(1)
    figures["landmarks, %"] = float(100 * (missed / new.face_width[usable[1]]).mean())
    turns = [np.degrees(pose.to_vectors(data.head.astype(float)))[:, 1:2] for data in (learned, new)]
    truth = [np.concatenate([turn, data.units], 1) for turn, data in zip(turns, (learned, new), strict=True)]
    told = regression(away[0][usable[0]], truth[0][usable[0]], away[1][usable[1]], person)
    wanted = truth[1][usable[1]]
    for column, name in enumerate(("yaw", *ARKIT)):
        if (np.abs(wanted[:, column]) > 0).sum() >= MIN_PICTURES:
            figures[name] = float(explained(told[:, column : column + 1], wanted[:, column : column + 1])[0])
    return figures | {"pictures": len(wanted)}


def less_neutral(points: np.ndarray, data: Crops) -> np.ndarray:
    """(N, P) points less those of the same person's neutral picture."""
    away = np.full(points.shape, np.nan)
    for person in np.unique(data.person):
        own = data.person == person
        away[own] = points[own] - points[own & (data.row == 0)]
    return away


def table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Figures by reader as Markdown, a row per figure."""
    names = list(dict.fromkeys(name for values in rows.values() for name in values))
    lines = ["| | " + " | ".join(rows) + " |", "|---" * (len(rows) + 1) + "|"]
    for name in names:
        cells = (f"{values[name]:.2f}" if name in values else "–" for values in rows.values())
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def save(path: Path, detector: Detector, figures: Mapping[str, object]) -> None:
    """Write a detector. Raises InputError when the disk is full."""
    rows = {name: value.numpy() for name, value in detector.state_dict().items()}
    arrays.save(path, FORMAT, rows, {"keypoints": detector.heat.out_channels, "size": SIZE, "figures": figures})


def load(path: Path) -> Detector:
    """A detector as `save` wrote it. Raises InputError as `arrays.load` does."""
    rows, notes = arrays.load(path, FORMAT)
    detector = Detector(notes["keypoints"])
    detector.load_state_dict({name: torch.from_numpy(value) for name, value in rows.items()})
    return detector.eval()


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training motion train-keypoints",
        description="Train a detector of keypoints that nobody labelled on renders, and measure it on people that it "
        "never saw, beside one without training and the landmarks of the add-on's reader of faces.",
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that `motion renders` made")
    parser.add_argument("--out", type=Path, default=Path("out/motion/keypoints.safetensors"), help="(%(default)s)")
    parser.add_argument("--keypoints", type=int, default=COUNT, help="how many (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=RECIPE.steps, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    given = parser.parse_args(arguments)
    check_name(given.out, arrays.SUFFIX)
    for name, least, most in (("steps", 1, 10**6), ("keypoints", 4, 64)):
        if not least <= getattr(given, name) <= most:
            raise InputError(f"--{name} is {getattr(given, name)}: give a number from {least} to {most}.")
    data = crops.read(given.data)
    new = data.new_people()
    if not new.any():
        raise InputError(f"{given.data} has fewer than {crops.SHARE} people of any family, so that none can be left "
                         "out to measure on: draw more with python -m training motion renders.")  # fmt: skip
    config = replace(RECIPE, steps=given.steps, seed=given.seed)
    checkpoint = given.out.with_name(f"{given.out.stem}_checkpoint{arrays.SUFFIX}")
    learned = data.where(~new)
    detector = train(learned, config, checkpoint, given.keypoints).detector
    rows = measure(detector, learned, data.where(new), DescriptorCache(given.data / "descriptors"))
    print(table(rows))
    save(given.out, detector, rows)
    atomic_write(given.out.with_suffix(".json"), json.dumps(rows, indent=1).encode())
    checkpoint.unlink()
    print(f"{given.out}: {sum(value.numel() for value in detector.parameters())} weights")
