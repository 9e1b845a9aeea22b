"""Driving avatars by a clip: what was read of it is kept as a file, and written to avatars as Actions."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from ...core.avatar.hints import Hints
from ...core.errors import InputError
from ...core.messages import Message
from ...core.motion import descriptor
from ...core.motion.clip import ClipReading, Progress, read
from ...core.motion.descriptor import Descriptors
from ...core.motion.face import FaceReader, networks_of
from ...core.motion.performance import UNREAD, DriveOptions, Performance
from ..io import mesh_io
from ..io.clips import FolderClip, MovieClip
from ..io.files import write_bytes
from ..keys import performance_keys
from ..translations import translate
from ..viewport import preview

_WAITING = 8  # pictures that may wait to be read
_PATIENCE = 0.2  # seconds between looks at whether the work was stopped

Clip = MovieClip | FolderClip


def descriptors_of(clip: Clip, models: Path | None, provider: str, progress: Progress) -> Descriptors:
    """What is read of a clip, here and now. Raises UserError as `core.motion.clip.read` does."""
    return read(clip, FaceReader(models, provider), progress)


def kept(clip: Clip, file: Path | None, models: Path | None) -> Descriptors | None:
    """The descriptors in `file`, if these networks read them of this very clip. Raises UserError as `descriptor.load`
    and `face.networks_of` do."""
    if file is None or not file.is_file():
        return None
    found = descriptor.load(file)
    return found if (found.content, found.networks) == (clip.content, networks_of(models)) else None


def keep(descriptors: Descriptors, file: Path) -> None:
    """Write descriptors to a file. Raises OutputError when it cannot be written."""
    write_bytes(file, descriptor.to_bytes(descriptors))


class Feed:
    """A clip whose pictures are drawn on the main thread, by `draw`, and read on another, by `read`."""

    def __init__(self, clip: Clip) -> None:
        self._clip, self._pictures = clip, clip.pictures()
        self._queue: queue.Queue[np.ndarray | Exception | None] = queue.Queue(_WAITING)
        self._drawn = False

    def draw(self) -> None:
        """Draw pictures until there are enough, or none is left. Blender's main thread alone may call this."""
        while not self._drawn and not self._queue.full():
            try:
                picture = next(self._pictures, None)
            except InputError as error:
                picture = error
            self._drawn = picture is None or isinstance(picture, Exception)
            self._queue.put(picture)

    def read(self, models: Path | None, provider: str, progress: Progress) -> Descriptors:
        """Read what is drawn. Raises UserError as `core.motion.clip.read` does, and Cancelled when it was stopped."""
        reading = ClipReading(self._clip, FaceReader(models, provider))
        for number, picture in enumerate(self.waiting(progress)):
            progress(number / max(self._clip.count, 1), Message("reading the face"))
            reading.add(picture)
        return reading.finish()

    def close(self) -> None:
        """Remove what drew the clip."""
        self._pictures.close()
        self._clip.close()

    def waiting(self, progress: Progress) -> Iterator[np.ndarray]:
        """Pictures as they come, on a thread other than the main one; progress is called while there is none."""
        done = 0
        while True:
            try:
                picture = self._queue.get(timeout=_PATIENCE)
            except queue.Empty:
                progress(done / max(self._clip.count, 1), Message("reading the face"))
                continue
            if picture is None:
                return
            if isinstance(picture, Exception):
                raise picture
            done += 1
            yield picture


@dataclass(frozen=True)
class Driven:
    """An avatar that a clip drives."""

    name: str
    written: performance_keys.Written


def write(
    scene: bpy.types.Scene,
    objects: Sequence[mesh_io.Object],
    performance: Performance,
    hints: Hints,
    clip_name: str,
    sound: Path | None,
    start: int,
    head: bool,
) -> Driven:
    """Key a performance on the avatar of `objects`, which `hints` tell the directions of, and lay the clip's sound
    beside it, in place of the clip that drove it before. Raises InputError, nothing changed, as
    `performance_keys.write` does."""
    preview.restore(objects)  # a file may have been saved with one
    written = performance_keys.write(scene, objects, performance, hints, Path(clip_name).stem, start, head)
    avatar = objects[0].name
    performance_keys.remove_of(scene, avatar)
    _mark(scene, performance, start, avatar)
    if sound is not None:
        performance_keys.add_sound(scene, str(sound), clip_name, avatar, written)
    return Driven(avatar, written)


def _mark(scene: bpy.types.Scene, performance: Performance, start: int, avatar: str) -> None:
    """Markers where the face was lost and where it is back."""
    rate = scene.render.fps / scene.render.fps_base
    for first, last in performance.lost:
        ends = [(translate("Face lost"), first), (translate("Face back"), last + 1)]
        for name, number in ends:
            if number < len(performance.times):
                frame = start + round(float(performance.times[number]) * rate)
                scene.timeline_markers.new(name, frame=frame)[performance_keys.MARK] = avatar


def entry(driven: Driven, performance: Performance) -> dict:
    """The avatar's part of a report."""
    written = driven.written
    peaks = {name: round(float(values.max()), 3) for name, values in performance.units.items()}
    return {
        "avatar": driven.name,
        "ok": True,
        "first": written.first,
        "last": written.last,
        "keyed": written.shapes,
        "missing": written.missing,
        "visemes": written.visemes,
        "head": written.head,
        "eyes": written.eyes,
        "actions": written.actions,
        "peaks": {name: peak for name, peak in peaks.items() if peak > 0},
        "notes": [*performance.notes, *written.notes],
    }


def clip_entry(descriptors: Descriptors, performance: Performance, options: DriveOptions, seconds: float) -> dict:
    """The clip's part of a report."""
    return {
        "frames": descriptors.count,
        "rate": round(1 / max(float(descriptors.times[1] - descriptors.times[0]), 1e-6), 3),
        "found": int(descriptors.found.sum()),
        "faces": descriptors.faces,
        "lost": [[first + 1, last + 1] for first, last in performance.lost],
        "neutral": performance.neutral + 1,
        "not_read": [name for name in UNREAD if name not in options.more],
        "seconds": round(seconds, 2),
    }
