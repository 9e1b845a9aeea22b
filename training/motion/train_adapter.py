"""Train an adapter to another kind of faces: `python -m training motion train-adapter --people A --domain B`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference.face_format import SCORES
from blendshape_addon.core.motion import mouth, pose, units
from blendshape_addon.core.motion.descriptor import Descriptors, describe
from blendshape_addon.core.motion.face import FaceReader
from blendshape_addon.core.motion.parameters import UNITS
from blendshape_addon.core.vocabulary import ARKIT, mirrored

from ..commands import require_least
from ..config import LoopConfig
from ..learning import arrays, loop
from ..learning.atomic_files import atomic_write, check_name
from ..learning.distributed import ALONE
from . import adapters, domains, motions, train_keypoints
from .adapters import Adapter, Features, Terms
from .animator.pictures import frames_in
from .descriptor_cache import DescriptorCache
from .domains import NAMES, Domain
from .keypoint_model import pixel_grid

CLIPS, FRAMES = 16, 4  # of each kind in a batch, and pictures of each beside the neutral one
VIEWS = 3  # of each picture
RECIPE = LoopConfig(
    steps=800, rate=2e-3, warmup=50, decay=0.01, clip=5.0, ema=0.99, precision="fp32", save_every=500, sheet_every=0
)
SHARE = 5  # every how manieth clip of the other kind is not learned from, unless names are given
# What is measured, and the columns that are its mean.
MEASURED = {
    "jawOpen": ("jawOpen",), "blink": ("eyeBlinkLeft", "eyeBlinkRight"), "smile": ("mouthSmileLeft", "mouthSmileRight"),
    "brows": ("browInnerUp",), "yaw": ("headYaw",), "pitch": ("headPitch",), "gaze across": ("gazeLeft",),
}  # fmt: skip
MIRROR = [NAMES.index(mirrored(name)) if name in ARKIT else n for n, name in enumerate(NAMES)]
SIGNS = np.array([-1.0 if name in ("headYaw", "headRoll", "gazeLeft") else 1.0 for name in NAMES], np.float32)
SOBEL = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]]) / 4


@dataclass(frozen=True)
class Views:
    """A domain as it is learned from, N pictures seen V times each: mirrored, cropped, lit and drawn in other ways, all
    pictures of a clip in the same way.

    features: (V, N, FEATURES). truth: (V, N, 57), NaN where unknown. clip, row: (N,) as of the domain.
    """

    features: np.ndarray
    truth: np.ndarray
    clip: np.ndarray
    row: np.ndarray


def views(data: Domain, features: Features, rng: np.random.Generator) -> Views:
    """A domain seen VIEWS times."""
    seen = np.zeros((VIEWS, data.count, adapters.FEATURES), np.float32)
    truth = np.zeros((VIEWS, *data.truth.shape), np.float32)
    for clip in tqdm(np.unique(data.clip), "looking at faces", unit="clip"):
        own = data.clip == clip
        for number in range(VIEWS):
            flip = rng.random() < 0.5
            seen[number, own] = features.of(view(data.pictures[own], flip, rng))
            truth[number, own] = data.truth[own][:, MIRROR] * SIGNS if flip else data.truth[own]
    return Views(seen, truth, data.clip, data.row)


class Batch(NamedTuple):
    """Of people and of the other kind, C clips in two views: faces (2, C * F, FEATURES), neutral (2, C, FEATURES),
    truth (2, C * F, 57), NaN where unknown."""

    people: Tensor
    people_neutral: Tensor
    people_truth: Tensor
    others: Tensor
    others_neutral: Tensor
    others_truth: Tensor


class Output(NamedTuple):
    """Of either kind, (2, N, 57) and (2, N, EMBEDDING) less the neutral face's; scales: (57,) of an Adapter."""

    people: Tensor
    people_away: Tensor
    others: Tensor
    others_away: Tensor
    scales: Tensor


class AdapterTask:
    """Clips of people and of another kind, each in two views."""

    def __init__(self, people: Views, others: Views, weights: Terms) -> None:
        self.kinds, self.weights = (people, others), weights
        self.rows = [[np.flatnonzero(kind.clip == clip) for clip in np.unique(kind.clip)] for kind in self.kinds]

    def build(self) -> Adapter:
        return Adapter().train()

    def draw(self, rng: np.random.Generator) -> Batch:
        parts: list[Tensor] = []
        for kind, rows in zip(self.kinds, self.rows, strict=True):
            chosen = [rows[number] for number in rng.integers(len(rows), size=CLIPS)]
            pair = np.stack([rng.choice(VIEWS, 2, replace=False) for _ in chosen], 1)  # of each clip
            faces = np.concatenate([rng.choice(own[1:], FRAMES) for own in chosen])
            still = np.array([own[0] for own in chosen])
            of_faces = pair.repeat(FRAMES, axis=1)
            found = (kind.features[of_faces, faces], kind.features[pair, still], kind.truth[of_faces, faces])
            parts += [torch.from_numpy(one) for one in found]
        return Batch(*parts)

    def predict(self, network: nn.Module, batch: Batch) -> Output:
        found: list[Tensor] = []
        for faces, neutral in ((batch.people, batch.people_neutral), (batch.others, batch.others_neutral)):
            count = faces.shape[1]
            embedded = network.embedding(torch.cat([faces.flatten(0, 1), neutral.flatten(0, 1)]))
            still = embedded[2 * count :].reshape(2, neutral.shape[1], -1).repeat_interleave(FRAMES, 1)
            away = embedded[: 2 * count].reshape(2, count, -1) - still
            found += [network.told(away.flatten(0, 1)).reshape(2, count, -1), away]
        return Output(*found, network.scales)

    def terms(self, output: Output, batch: Batch) -> dict[str, Tensor]:
        return {
            "descriptor": adapters.descriptor_loss(output.people, batch.people_truth, output.scales),
            "paired": adapters.descriptor_loss(output.others, batch.others_truth, output.scales),
            "contrast": adapters.contrast(*output.people_away) + adapters.contrast(*output.others_away),
            "cycle": adapters.cycle(output.others_away[0], output.people_away[1]),
        }

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        return sum(getattr(self.weights, name) * value for name, value in terms.items())


def view(pictures: np.ndarray, flip: bool, rng: np.random.Generator) -> np.ndarray:
    """(N, S, S, 3) uint8 pictures of a clip: another crop, light and hand, the same for all of them."""
    images = torch.from_numpy(pictures.astype(np.float32) / 255).permute(0, 3, 1, 2)
    seen = train_keypoints.random_warp(rng, 1, 0.95, 0.0)
    if flip:
        seen.affine[:, 0] *= -1
    size = images.shape[2]
    places = seen(pixel_grid(size, size).reshape(1, -1, 2)).reshape(1, size, size, 2)
    images = functional.grid_sample(
        images, places.expand(len(images), -1, -1, -1), padding_mode="border", align_corners=False
    )
    gain, offset = train_keypoints.varied_colour(rng, 1)
    images = by_another_hand((images * gain + offset).clamp(0, 1), rng)
    return np.round(images.permute(0, 2, 3, 1).numpy() * 255).astype(np.uint8)


def by_another_hand(images: Tensor, rng: np.random.Generator) -> Tensor:
    """(N, 3, H, W) pictures, 0 to 1, as another artist might colour or line them: at random mixed channels, inverted
    light, flat areas, few levels, or lines where brightness changes."""
    if rng.random() < 0.4:
        mix = torch.from_numpy(rng.dirichlet((0.6, 0.6, 0.6), 3).astype(np.float32))
        images = torch.einsum("dc,nchw->ndhw", mix, images)
    if rng.random() < 0.15:
        images = 1 - images
    if rng.random() < 0.25:
        images = functional.avg_pool2d(images, 3, 1, 1)
    kind = rng.random()
    if kind < 0.25:
        steps = int(rng.integers(2, 6))
        images = torch.round(images * steps) / steps
    elif kind < 0.5:
        grey = images.mean(1, keepdim=True)
        across, down = (functional.conv2d(grey, kernel[None, None], padding=1) for kernel in (SOBEL, SOBEL.T))
        lines = (torch.hypot(across, down) * float(rng.uniform(2, 6))).clamp(0, 1)
        images = images * (1 - lines) if rng.random() < 0.5 else 1 - lines.expand(-1, 3, -1, -1)
    return images


def train(people: Domain, others: Domain, weights: Terms, config: LoopConfig, file: Path | None) -> Adapter:
    """An adapter; goes on from the checkpoint `file` of a run that was cut short. Raises InputError as `loop.train`."""
    torch.set_num_threads(1)
    settings = {
        "people": list(people.clips), "others": [others.clips[n] for n in np.unique(others.clip)],
        "known": int(np.isfinite(others.truth).all(1).sum()), "weights": weights._asdict(), **asdict(config),
    }  # fmt: skip
    rng, features = np.random.default_rng(config.seed), Features()
    task = AdapterTask(views(people, features, rng), views(others, features, rng), weights)
    return loop.train(task, config, ALONE, rng, "adapter", file, settings).network


def told(adapter: Adapter, data: Domain) -> np.ndarray:
    """(N, 57) what an adapter says of the pictures of clips."""
    found = Features().of(data.pictures)
    first = {clip: np.flatnonzero((data.clip == clip) & (data.row == 0))[0] for clip in np.unique(data.clip)}
    return adapters.apply(adapter, found, found[[first[clip] for clip in data.clip]])


def by_reader(descriptors: Descriptors, row: np.ndarray) -> np.ndarray:
    """(F, 57) what the add-on's reader of people says of a clip, as `core.motion.performance` takes it; NaN in pictures
    without a face. row: (F,) 0 where the picture is neutral."""
    values = np.full((descriptors.count, len(NAMES)), np.nan)
    still = descriptors.found & (row == 0)
    if not still.any():
        return values
    found = descriptors.found
    away = descriptors.scores.astype(float) - descriptors.scores[still][0]
    rest = descriptors.blink[still][0]
    shut = (descriptors.blink - rest) / np.maximum(1 - rest, UNITS.least_opening)
    away[:, [SCORES.index("eyeBlinkLeft"), SCORES.index("eyeBlinkRight")]] = shut
    measured = units.measures(descriptors.landmarks)
    measured -= measured[still][0]
    mouths = mouth.against(descriptors.mouth, descriptors.mouth[still][0])
    for column, name in enumerate(NAMES):
        if name in SCORES:
            values[found, column] = units.value(name, away, measured, mouths).clip(0, 1)[found]
    values[found, NAMES.index("tongueOut")] = descriptors.tongue[found]
    turn = descriptors.rotation[still][0].T @ descriptors.rotation[found].astype(float)
    values[np.ix_(found, [NAMES.index(name) for name in motions.HEAD])] = np.degrees(pose.to_vectors(turn))
    gaze = (descriptors.gaze - descriptors.gaze[still][0]).mean(1)
    values[np.ix_(found, [NAMES.index(name) for name in motions.GAZE])] = gaze[found]
    return values


def still_face(people: Domain) -> np.ndarray:
    """(478, 3) the mean landmarks of people's neutral faces, as `Descriptors` has them.

    Raises InputError where none of the people has a face that is read.
    """
    reader = FaceReader(provider="cpu")
    read = [reader.follow(picture, None) for picture in people.pictures[people.row == 0]]
    found = [reading for reading in read if reading is not None]
    if not found:
        raise InputError("No face was read in the neutral pictures of the people: draw other ones, and larger.")
    size = people.pictures.shape[1]
    return describe(found, (size, size), 1.0, 1, "").landmarks.mean(0)


def figures(values: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """R² of what is MEASURED of (N, 57) values where (N, 57) truth is known. Where values are NaN they are 0: what
    is not read does not move."""
    found = {"read, %": float(100 * np.isfinite(values).all(1).mean())}
    for name, columns in MEASURED.items():
        numbers = [NAMES.index(column) for column in columns]
        wanted = truth[:, numbers].mean(1)
        use = np.isfinite(wanted)
        if use.any() and np.ptp(wanted[use]) > 0:
            missed = np.nan_to_num(values[use][:, numbers].mean(1)) - wanted[use]
            found[name] = float(1 - (missed**2).sum() / ((wanted[use] - wanted[use].mean()) ** 2).sum())
    return found


def straight(folder: Path, data: Domain, cache: DescriptorCache) -> np.ndarray:
    """(N, 57) what the reader of people says of clips below a folder, without an adapter."""
    return np.concatenate([
        by_reader(cache.of_pictures(frames_in(folder / data.clips[clip])), data.row[data.clip == clip])
        for clip in np.unique(data.clip)
    ])  # fmt: skip


def held_out(clips: Sequence[str], texts: Sequence[str]) -> np.ndarray:
    """(C,) bool: clips whose names hold one of the texts; every fifth one if there are none.

    Raises InputError where no clip, or every clip, is left out.
    """
    chosen = np.array([any(text in clip for text in texts) for clip in clips])
    if not texts:
        chosen = np.arange(len(clips)) % SHARE == SHARE - 1
    if chosen.all() or not chosen.any():
        raise InputError(f"{chosen.sum()} of {len(clips)} clips would be left out to measure on: some must be, and not "
                         "all; give more clips, or other names with --hold-out.")  # fmt: skip
    return chosen


def some_known(data: Domain, clips: int) -> Domain:
    """The same with the truth of the first so many clips, spread over all; the others' is forgotten."""
    own = np.unique(data.clip)
    known = own[np.linspace(0, len(own) - 1, clips).astype(int)] if clips else own[:0]
    truth = np.where(np.isin(data.clip, known)[:, None], data.truth, np.nan).astype(np.float32)
    return replace(data, truth=truth)


def table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Figures by reader as Markdown."""
    names = ("read, %", *MEASURED)
    lines = ["| reader | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for reader, values in rows.items():
        cells = (f"{values[name]:.0f}" if "%" in name else f"{values.get(name, np.nan):.2f}" for name in names)
        lines.append(f"| {reader} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training motion train-adapter",
        description="Train an adapter that reads faces of another kind, such as drawn ones, and measure it on clips "
        "that it never saw, beside the add-on's reader of people.",
    )
    parser.add_argument("--people", type=Path, required=True, help="folder of people that `motion renders` made")
    parser.add_argument("--domain", type=Path, required=True, help="folder with a folder of frames per clip, the first "
                        "frame neutral; `motion draw` makes some")  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("out/motion/adapter.safetensors"), help="(%(default)s)")
    parser.add_argument("--paired", type=int, metavar="CLIPS", help="how many clips' units.csv are learned from "
                        "(default: all there are)")  # fmt: skip
    parser.add_argument("--hold-out", default="", metavar="TEXTS", help="clips with one of these texts, by comma, in "
                        "their names are left out to measure on (default: every fifth clip)")  # fmt: skip
    parser.add_argument("--no-alignment", action="store_true", help="learn from people and known motion "
                        "alone, as is done where all motion is known")  # fmt: skip
    parser.add_argument("--steps", type=int, default=RECIPE.steps, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    given = parser.parse_args(arguments)
    check_name(given.out, arrays.SUFFIX)
    require_least(given, steps=1, paired=0)
    people, others = domains.of_renders(given.people), domains.of_clips(given.domain)
    left_out = held_out(others.clips, [text for text in given.hold_out.split(",") if text])[others.clip]
    learned, new = others.where(~left_out), others.where(left_out)
    if given.paired is not None:
        learned = some_known(learned, given.paired)
    unknown = not np.isfinite(learned.truth).all()
    weights = Terms() if unknown and not given.no_alignment else Terms(contrast=0.0, cycle=0.0)
    face = still_face(people)
    checkpoint = given.out.with_name(f"{given.out.stem}_checkpoint{arrays.SUFFIX}")
    config = replace(RECIPE, steps=given.steps, seed=given.seed)
    adapter = train(people, learned, weights, config, checkpoint)
    rows = {}
    if np.isfinite(new.truth).any():
        cache = DescriptorCache(given.out.parent / "descriptors")
        rows = {"reader of people": figures(straight(given.domain, new, cache), new.truth)}
        rows["adapter"] = figures(told(adapter, new), new.truth)
        print(table(rows))
    known = int(np.isfinite(learned.truth).all(1).sum())
    notes = {"people": len(people.clips), "clips": len(np.unique(learned.clip)), "known": known, "figures": rows}
    adapters.save(given.out, adapter, face, notes)
    atomic_write(given.out.with_suffix(".json"), json.dumps(notes, indent=1).encode())
    checkpoint.unlink()
    print(f"{given.out}: learned from {notes['clips']} clips, of {known} pictures of which the motion was known.")
