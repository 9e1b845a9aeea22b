"""EMODataset: clips of people as folders of frames, varied so that a driver's picture tells nothing of who it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.interpolate import RBFInterpolator
from scipy.ndimage import map_coordinates

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference.eye_format import EYE_POINTS
from blendshape_addon.core.vocabulary import ARKIT

from ..motion.animator import pictures
from ..motion.crops import cut
from . import face_code
from .background import PersonMask, cut_out
from .framing import on_ground
from .pairs import Pair

_TURN, _STRETCH = 6.0, 0.06  # standard deviations of the warp: degrees, and share of either side
_KNOTS, _BEND = 3, 0.02  # of the spline: knots of a side, and standard deviation of how far each lies off, in sides


class EMODataset:
    """Windows of frames of clips: VIDEO_DIR/NAME/0001.png and so on.

    width, height: pixels of what is given; n_sample_frames of a window, sample_rate frames apart; img_scale: least and
    greatest share of a frame's shorter side that is cut out; json_file: a list of the names of clips to use, or a table
    of names and lists of the numbers of frames to use, from 1; None: all that are there. remove_background: what tells
    the person of a frame that is not transparent; each window or pair lies on a random plain colour then. warp: of the
    driver of a pair, in standard deviations that are usual; 0 for none.

    Raises InputError, in a sentence, for a folder or list that cannot be read, clips that are not there, of one frame
    or too few for a window, damaged pictures, pictures that are transparent while backgrounds stay, and values that
    make no sense.
    """

    def __init__(
        self, width: int, height: int, n_sample_frames: int, sample_rate: int, img_scale: tuple[float, float],
        video_dir: Path, json_file: Path | None = None, remove_background: PersonMask | None = None, warp: float = 1.0,
    ) -> None:  # fmt: skip
        self.width, self.height, self.count, self.rate, self.scale = (
            width,
            height,
            n_sample_frames,
            sample_rate,
            img_scale,
        )
        least = {"width": 16, "height": 16, "n_sample_frames": 1, "sample_rate": 1}
        for (name, low), value in zip(least.items(), (width, height, n_sample_frames, sample_rate), strict=True):
            if value < low:
                raise InputError(f"{name} is {value}: it must be at least {low}.")
        if not 0 < img_scale[0] <= img_scale[1] <= 1:
            raise InputError(f"img_scale is {img_scale}: it must be two shares up to 1, the lesser first.")
        if not 0 <= warp <= 4:
            raise InputError(f"warp is {warp:g}: it must be 0 to 4.")
        self.warp = warp
        if not video_dir.is_dir():
            raise InputError(
                f"There is no folder {video_dir}: put each clip's frames into a folder of their own in it."
            )
        self.names: list[str] = []
        self.clips: list[np.ndarray] = []
        self.not_square: list[str] = []  # names of clips that lose something at their sides
        for name, numbers in _listed(video_dir, json_file).items():
            frames = pictures.frames_in(video_dir / name, with_alpha=remove_background is not None)
            if numbers is not None:
                if not numbers or min(numbers) < 1 or max(numbers) > len(frames):
                    raise InputError(f"{json_file} asks for frames of {name} that are not there: it has {len(frames)}.")
                frames = frames[np.array(numbers) - 1]
            if len(frames) < max(2, 1 + (n_sample_frames - 1) * sample_rate):
                raise InputError(
                    f"{name} has {len(frames)} frames: a window of {n_sample_frames} frames {sample_rate} apart needs "
                    f"{max(2, 1 + (n_sample_frames - 1) * sample_rate)}."
                )
            if frames.shape[1] != frames.shape[2]:
                self.not_square.append(name)
            self.names.append(name)
            self.clips.append(frames if remove_background is None else _cut_out(frames, remove_background))

    def __len__(self) -> int:
        return len(self.clips)

    def window(self, clip: int, rng: np.random.Generator) -> np.ndarray:
        """(n_sample_frames, height, width, 3) uint8 of a clip, all cut out alike at random."""
        frames = self.clips[clip]
        first = rng.integers(len(frames) - (self.count - 1) * self.rate)
        return self._cropped(frames[first + self.rate * np.arange(self.count)], rng)

    def pair(self, rng: np.random.Generator) -> Pair:
        """Two different frames of a clip, of which nothing is known; the motion is read in a driver that is warped.
        Width and height must be equal."""
        frames = self.clips[rng.integers(len(self.clips))]
        source, driver = self._cropped(frames[rng.choice(len(frames), 2, replace=False)], rng)
        seen = warped(driver, rng, self.warp)
        shape = driver.shape[:2]
        source, driver, seen = (one / np.float32(255) for one in (source, driver, seen))
        read = torch.from_numpy(np.stack([source, source[:, ::-1], seen, seen[:, ::-1]])).movedim(3, 1)
        return Pair(
            source, driver, seen, codes=face_code.read(read).code.numpy().reshape(2, 2, -1),
            flow=np.zeros((*shape, 2), np.float32), share=np.zeros(shape, np.float32),
            care=np.zeros(shape, np.float32), poses=np.repeat(np.eye(3)[None], 2, 0), units=np.zeros((2, len(ARKIT))),
            units_known=np.zeros(len(ARKIT)), known=0.0, eyes=np.zeros((len(EYE_POINTS), 2)), eyes_known=0.0,
        )  # fmt: skip

    def _cropped(self, frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Frames cut out alike: a square of a share of the shorter side, brought to the greater of width and height,
        and of that the middle."""
        height, width = frames.shape[1:3]
        side = min(height, width) * rng.uniform(*self.scale)
        room = (np.array([width, height]) - side) / 2
        centre = np.array([width, height]) / 2 + rng.uniform(-1, 1, 2) * np.minimum(room, side / 4)
        pixels = max(self.width, self.height)
        left, top = (pixels - self.width) // 2, (pixels - self.height) // 2
        if frames.shape[3] == 4:
            ground = tuple(rng.integers(0, 256, 3).tolist())
            frames = np.stack([on_ground(frame, ground) for frame in frames])
        made = np.stack([cut(frame, centre, side, pixels) for frame in frames])
        return made[:, top : top + self.height, left : left + self.width]


def _listed(video_dir: Path, json_file: Path | None) -> dict[str, Sequence[int] | None]:
    """Names of clips, and the numbers of the frames to use or None for all."""
    there = sorted(path.name for path in video_dir.iterdir() if path.is_dir())
    if json_file is None:
        found: dict[str, Sequence[int] | None] = dict.fromkeys(there)
    else:
        try:
            told = json.loads(json_file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{json_file} cannot be read as JSON: give a list of names of clips.") from error
        found = dict.fromkeys(told) if isinstance(told, list) and all(isinstance(n, str) for n in told) else told
        if not isinstance(found, dict) or not all(
            rows is None or (isinstance(rows, list) and all(type(n) is int for n in rows)) for rows in found.values()
        ):
            raise InputError(
                f"{json_file} must be a list of names of clips, or a table of names and numbers of frames."
            )
        if missing := sorted(found.keys() - set(there)):
            raise InputError(f"{video_dir} has no clip {missing[0]}, which {json_file.name} asks for.")
    if not found:
        raise InputError(f"{video_dir} has no clips: put each clip's frames into a folder of their own in it.")
    return found


def _cut_out(frames: np.ndarray, mask: PersonMask) -> np.ndarray:
    """(F, H, W, 4) uint8 frames with the alpha of the person where they have none of their own."""
    if frames[..., 3].min() < 255:
        return frames
    return np.stack([cut_out(frame, mask) for frame in frames])


def warped(picture: np.ndarray, rng: np.random.Generator, strength: float = 1.0) -> np.ndarray:
    """A (H, W, 3) uint8 picture turned and stretched a little, and bent by a thin plate spline through knots that lie
    off at random (Bookstein, 1989), so that its person's shape is hidden and its expression is not."""
    if not strength:
        return picture
    height, width = picture.shape[:2]
    axis = np.linspace(0, 1, _KNOTS)
    knots = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    angle = np.radians(rng.normal(0, strength * _TURN))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * np.exp(
        rng.normal(0, strength * _STRETCH, 2)
    )
    ends = (knots - 0.5) @ turn + 0.5 + rng.normal(0, strength * _BEND, knots.shape)
    plate = RBFInterpolator(knots, ends, kernel="thin_plate_spline")
    grid = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    x, y = (plate(np.stack(grid, -1).reshape(-1, 2)) * [width, height] - 0.5).T
    moved = [map_coordinates(picture[..., c].astype(float), [y, x], order=1, mode="nearest") for c in range(3)]
    return np.stack(moved, -1).reshape(picture.shape).round().astype(np.uint8)
