"""Portraits with videos of the same people: NAME.png beside NAME_video/0001.png and so on, all of it offline.

Faces are read once; what was read is kept in `descriptors` in the folder, with the hash of the pictures that it is of.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from tqdm import tqdm

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.motion import descriptor
from blendshape_addon.core.motion.descriptor import Descriptors
from blendshape_addon.core.motion.face import FaceReader, Reading

from ...learning.atomic_files import atomic_write
from .. import motions
from ..clip import TRUTH
from . import conditions, pictures
from .conditions import Window

VIDEO = "_video"  # the end of the name of a folder with frames
KEPT = "descriptors"
# What is known of the frames of a clip whose folder has units.csv, as `motion clip` and `animator-data` write it.
KNOWN = ("jawOpen", "mouthSmileLeft", "mouthPucker", "headYaw", "headPitch")
_RATE = 1.0  # of descriptors, whose times nothing here uses
_GREY = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


@dataclass(frozen=True)
class Clip:
    """A person. portrait: (S, S, 3) uint8; frames: (F, S, S, 3) uint8, of those in which a face was read; times: (F,)
    their numbers; rows: (1 + F, K) of `conditions`, the portrait's first. truth: (F, len(KNOWN)) what is true of the
    frames, where the folder says it."""

    name: str
    portrait: np.ndarray
    frames: np.ndarray
    times: np.ndarray
    rows: np.ndarray
    truth: np.ndarray | None = None

    @property
    def deltas(self) -> np.ndarray:
        """(F, K) what each frame does that the portrait does not."""
        return self.rows[1:] - self.rows[0]


class Windows(NamedTuple):
    """N windows of W frames. source: (N, S, S, 3) what is moved; own: (N, K) its rows of `conditions`; frames:
    (N, W, S, S, 3); drivers: (N, W, S, S), grey, 0 where there is none; deltas: (N, W, K); all float32, pictures 0 to
    1."""

    source: np.ndarray
    own: np.ndarray
    frames: np.ndarray
    drivers: np.ndarray
    deltas: np.ndarray


@dataclass(frozen=True)
class Variety:
    """How windows are varied, see animator.toml."""

    window: int = 2
    stride: int = 4
    flip: float = 0.5
    jitter: float = 0.15
    blank_driver: float = 0.3
    other_source: float = 0.3


class PortraitVideoDataset:
    """The people of a folder at a size.

    Raises InputError, in a sentence, for a folder without portraits, a portrait without a video, a video without a
    portrait, of one frame, or of frames of different sizes, for pictures that are transparent or damaged, and where no
    face is read in a portrait or in fewer than two frames.
    """

    def __init__(self, folder: Path, size: int, reader: FaceReader | None = None) -> None:
        self.clips: list[Clip] = []
        self.contents: list[str] = []  # hashes of the people's pictures
        for name in tqdm(names_in(folder), "reading faces", unit="person"):
            portrait = pictures.load(folder / f"{name}{pictures.SUFFIX}")
            frames = pictures.frames_in(folder / f"{name}{VIDEO}")
            content = content_of(portrait, frames)
            files = [folder / KEPT / f"{name}.{what}.npz" for what in ("portrait", "video")]
            told = _kept(files, content, (1, len(frames)))
            if told is None:
                reader = reader or FaceReader(provider="cpu")
                told = (
                    read_portrait(f"the portrait of {name}", portrait, reader, content),
                    read_frames(name, frames, reader, content),
                )
                for file, one in zip(files, told, strict=True):
                    atomic_write(file, descriptor.to_bytes(one))
            still, moving = (seen(movie, one, size) for movie, one in zip((portrait[None], frames), told, strict=True))
            rows, times = np.concatenate([still[1], moving[1]]), np.flatnonzero(told[1].found)
            truth = _truth(folder / f"{name}{VIDEO}" / TRUTH, times)
            self.clips.append(Clip(name, still[0][0], moving[0], times, rows, truth))
            self.contents.append(content)

    def __len__(self) -> int:
        return len(self.clips)

    def split(self, share: int) -> tuple[list[Clip], list[Clip]]:
        """People to learn from, and every `share`-th one in the order of names, who is new. Raises InputError where
        that leaves nobody on a side."""
        new = self.clips[share - 1 :: share]
        learned = [clip for clip in self.clips if clip not in new]
        if not new or not learned:
            raise InputError(
                f"There are {len(self)} people and every {share}. is kept to measure on: give {share} or more."
            )
        return learned, new


def names_in(folder: Path) -> list[str]:
    """Names of the people of a folder. Raises InputError as `PortraitVideoDataset` does."""
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}: make a dataset with python -m training motion animator-data.")
    portraits = {path.stem for path in folder.iterdir() if path.suffix == pictures.SUFFIX}
    videos = {path.name.removesuffix(VIDEO) for path in folder.iterdir() if path.is_dir() and path.name.endswith(VIDEO)}
    for name in sorted(videos - portraits):
        raise InputError(f"{folder / name}{VIDEO} has no portrait: put {name}{pictures.SUFFIX} beside it.")
    for name in sorted(portraits - videos):
        raise InputError(
            f"{folder / name}{pictures.SUFFIX} has no frames: put them as 0001.png and so on into {name}{VIDEO}."
        )
    if not portraits:
        raise InputError(f"{folder} has no portraits: it needs NAME.png and NAME{VIDEO}/0001.png and so on.")
    return sorted(portraits)


def _truth(file: Path, times: np.ndarray) -> np.ndarray | None:
    if not file.exists():
        return None
    found = motions.load(file)
    rows = [m.units | dict(zip(motions.HEAD, m.head, strict=True)) for m in found]
    if len(rows) <= times.max():
        raise InputError(f"{file} has {len(rows)} rows for at least {times.max() + 1} frames: delete it.")
    return np.array([[rows[number].get(name, 0.0) for name in KNOWN] for number in times])


def content_of(portrait: np.ndarray, frames: np.ndarray) -> str:
    """A hash of pictures."""
    digest = hashlib.sha256()
    for part in (portrait, frames):
        digest.update(str(part.shape).encode() + np.ascontiguousarray(part).data)
    return digest.hexdigest()


def read_portrait(name: str, portrait: np.ndarray, reader: FaceReader, content: str = "") -> Descriptors:
    """Descriptors of a picture. Raises InputError where no face is found in what the sentence calls `name`."""
    told = describe(portrait[None], reader, content)
    if not told.found.all():
        raise InputError(
            f"No face was found in {name}: it has to look at the camera, well lit, and fill a tenth of the picture or "
            "more; drawn faces cannot be read."
        )
    return told


def read_frames(name: str, frames: np.ndarray, reader: FaceReader, content: str = "") -> Descriptors:
    """Descriptors of a clip. Raises InputError where a face is found in fewer than two frames."""
    told = describe(frames, reader, content)
    if told.found.sum() < 2:
        raise InputError(
            f"A face was found in {told.found.sum()} of the {len(frames)} frames of {name}: two or more are needed."
        )
    return told


def describe(frames: np.ndarray, reader: FaceReader, content: str = "") -> Descriptors:
    """Descriptors of (F, H, W, 3) uint8 pictures, each followed from the one before."""
    readings: list[Reading | None] = []
    for picture in frames:
        readings.append(reader.follow(picture, readings[-1] if readings else None))
    height, width = frames.shape[1:3]
    return descriptor.describe(readings, (width, height), _RATE, 1, content)


def seen(frames: np.ndarray, told: Descriptors, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures as the animator sees them, those without a face left out: (N, size, size, 3) uint8 of one window of the
    (F, H, W, 3) uint8 frames, and (N, K) rows of `conditions`."""
    shape = (frames.shape[2], frames.shape[1])
    window = conditions.window(told, shape)
    cut = [cropped(picture, window, size) for picture in frames[told.found]]
    return np.stack(cut), conditions.rows(told, window, shape)[told.found]


def cropped(picture: np.ndarray, window: Window, size: int) -> np.ndarray:
    """(size, size, 3) uint8 of a window of a (H, W, 3) uint8 picture, which goes on beyond its edges as at them."""
    height, width = picture.shape[:2]
    left, top = (middle - window.side / 2 for middle in window.centre)
    more = int(np.ceil(max(0.0, -left, -top, left + window.side - width, top + window.side - height)))
    padded = np.pad(picture, ((more, more), (more, more), (0, 0)), mode="edge")
    box = (left + more, top + more, left + more + window.side, top + more + window.side)
    return np.asarray(Image.fromarray(padded).resize((size, size), Image.Resampling.BILINEAR, box=box))


def draw(clips: list[Clip], count: int, variety: Variety, rng: np.random.Generator) -> Windows:
    """Random windows of random people: subsampled in time, forwards or backwards, mirrored, with other colours."""
    found = [_one(clips[rng.integers(len(clips))], variety, rng) for _ in range(count)]
    return Windows(*(np.stack(part).astype(np.float32) for part in zip(*found, strict=True)))


def _one(clip: Clip, variety: Variety, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    last = len(clip.frames) - 1
    stride = min(int(rng.integers(1, variety.stride + 1)), max(1, last // max(1, variety.window - 1)))
    reach = stride * (variety.window - 1)
    chosen = (rng.integers(0, max(1, last - reach + 1)) + stride * np.arange(variety.window)).clip(max=last)
    if rng.random() < 0.5:
        chosen = chosen[::-1]
    source, still = clip.portrait, clip.rows[0]
    if rng.random() < variety.other_source:
        other = rng.integers(last + 1)
        source, still = clip.frames[other], clip.rows[1 + other]
    deltas = clip.rows[1 + chosen] - still
    source, frames = source / np.float32(255), clip.frames[chosen] / np.float32(255)
    drivers = grey(clip.frames[chosen])
    if rng.random() < variety.flip:
        source, frames, drivers = source[:, ::-1], frames[:, :, ::-1], drivers[:, :, ::-1]
        still, deltas = conditions.mirrored(still), conditions.mirrored(deltas)
    gain, lift = colours(variety.jitter, rng)
    source, frames = ((picture * gain + lift).clip(0, 1) for picture in (source, frames))
    drivers = drivers * np.exp(rng.normal(0, variety.jitter)) * (rng.random() >= variety.blank_driver)
    return source, still, frames, drivers, deltas


def colours(jitter: float, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Factor of each channel (brightness, and half as much colour), and what is added for the contrast about 0.5."""
    contrast = np.exp(rng.normal(0, jitter))
    gain = contrast * np.exp(rng.normal(0, jitter / 2)) * np.exp(rng.normal(0, jitter / 2, 3))
    return gain.astype(np.float32), float(0.5 - 0.5 * contrast)


def grey(frames: np.ndarray) -> np.ndarray:
    """(F, S, S) float32 brightness of uint8 frames, of which mean and spread are those of no person: 0 and about 1."""
    values = frames.astype(np.float32) @ _GREY
    return (values - values.mean((1, 2), keepdims=True)) / np.maximum(values.std((1, 2), keepdims=True), 1.0)


def _kept(files: list[Path], content: str, counts: tuple[int, int]) -> tuple[Descriptors, Descriptors] | None:
    """What was read of just these pictures, if it is there."""
    found = []
    for file, count in zip(files, counts, strict=True):
        try:
            one = descriptor.load(file)
        except InputError:  # not there, of another version, or cut off: it is read anew
            return None
        if one.content != content or one.count != count:
            return None
        found.append(one)
    return found[0], found[1]
