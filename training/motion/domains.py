"""Clips of faces of one kind, people or drawn, as pictures for a network, with what is known of them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from tqdm import tqdm

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.motion import pose
from blendshape_addon.core.motion.face import FaceReader
from blendshape_addon.core.vocabulary import ARKIT

from ..renders import shards
from . import motions
from .animator.pictures import SUFFIX, frames_in
from .clip import TRUTH
from .crops import STORED, cut

NAMES = (*ARKIT, *motions.HEAD, *motions.GAZE)  # of what is known of a picture
LOOKED_AT = 5  # pictures of a clip in which the face is looked for
MARGIN = 1.6  # sides of a crop over those of the detector's box
MIDDLE = 0.8  # of a picture's shorter side, where nothing is found


@dataclass(frozen=True)
class Domain:
    """N pictures of clips.

    pictures: (N, STORED, STORED, 3) uint8, all of a clip of the same place. clip: (N,) number into clips; row: (N,) in
    the clip, 0 the neutral face. truth: (N, 57) in the order of NAMES, NaN where nothing is known.
    """

    pictures: np.ndarray
    clip: np.ndarray
    row: np.ndarray
    truth: np.ndarray
    clips: tuple[str, ...]

    @property
    def count(self) -> int:
        return len(self.pictures)

    def where(self, chosen: np.ndarray) -> Domain:
        """Some of the pictures; chosen: (N,) bool."""
        rows = {f.name: getattr(self, f.name)[chosen] for f in fields(self) if f.name != "clips"}
        return Domain(**rows, clips=self.clips)


def content_of(folder: Path) -> str:
    """A hash of the files' bytes, as the add-on has it of a folder of pictures."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob(f"*{SUFFIX}"), key=_natural):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _natural(path: Path) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", path.name.lower())]


def place(pictures: np.ndarray, reader: FaceReader) -> tuple[np.ndarray, float]:
    """Where the face of a clip is: centre (2,) and side of a square, pixels; the middle where the reader sees none."""
    found = []
    for number in np.unique(np.linspace(0, len(pictures) - 1, LOOKED_AT).astype(int)):
        found += reader.detect(pictures[number])[:1]
    height, width = pictures.shape[1:3]
    if not found:
        return np.array([width / 2, height / 2]), MIDDLE * min(width, height)
    centres = [(one.low + one.high) / 2 for one in found]
    sizes = [float((one.high - one.low).max()) for one in found]
    return np.median(centres, axis=0), MARGIN * float(np.median(sizes))


def crop(pictures: np.ndarray, at: tuple[np.ndarray, float]) -> np.ndarray:
    """(F, STORED, STORED, 3) of the face of a clip, at the centre and of the side that `place` gives."""
    return np.stack([cut(picture, *at, STORED) for picture in pictures])


def of_renders(folder: Path) -> Domain:
    """The people that `motion renders` drew. Raises InputError where there are none."""
    rows = []
    for path in shards.paths_in(folder):
        shard = shards.load(path)
        turn = np.degrees(pose.to_vectors(shard.head.astype(float)))
        truth = np.concatenate([np.where(shard.known, shard.units, np.nan), turn, shard.gaze.mean(1)], 1)
        rows.append((shard.person, shard.pictures, truth))
    return _of(rows)


def of_clips(folder: Path) -> Domain:
    """Folders of pictures below a folder, each a clip whose first picture is neutral, with the table that
    `motion draw` and `motion clip` write beside them, if there is one.

    Raises InputError where there is no clip of two pictures or more, or a table has another number of rows.
    """
    inside = sorted({path.parent for path in folder.rglob("*") if path.suffix.lower() == SUFFIX})
    rows = []
    for clip in inside:
        pictures = frames_in(clip)
        truth = np.full((len(pictures), len(NAMES)), np.nan)
        if (table := clip / TRUTH).exists():
            known = motions.load(table)
            if len(known) != len(pictures):
                raise InputError(f"{table} has {len(known)} rows for {len(pictures)} pictures: they have to match.")
            truth = np.array([_row(motion) for motion in known])
        rows.append((str(clip.relative_to(folder)), pictures, truth))
    if not rows:
        raise InputError(f"No clips are in {folder}: give a folder with a folder of frames per clip.")
    return _of(rows)


def _row(motion: motions.Motion) -> list[float]:
    return [*(motion.units.get(name, 0.0) for name in ARKIT), *motion.head, *(motion.gaze or (np.nan, np.nan))]


def _of(rows: list[tuple[str, np.ndarray, np.ndarray]]) -> Domain:
    reader = FaceReader(provider="cpu")
    counts = [len(pictures) for _, pictures, _ in rows]
    found = []
    for _, pictures, _ in tqdm(rows, "finding faces", unit="clip"):
        found.append(crop(pictures, place(pictures, reader)))
    row = np.concatenate([np.arange(count) for count in counts])
    truth = np.concatenate([truth for *_, truth in rows]).astype(np.float32)
    clip = np.repeat(np.arange(len(rows)), counts)
    return Domain(np.concatenate(found), clip, row, truth, tuple(name for name, *_ in rows))
