"""Motion descriptors of pictures, kept as files under a hash of the pictures and of the networks that read them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.motion import descriptor
from blendshape_addon.core.motion.clip import ArrayClip, read
from blendshape_addon.core.motion.descriptor import Descriptors, describe
from blendshape_addon.core.motion.face import FaceReader, networks_of

from ..learning.atomic_files import atomic_write


class DescriptorCache:
    """Reads faces, and no picture twice. folder: of the files, made when the first one is written; models: folder of
    the networks, the bundled ones if None. Raises ModelError as `registry.load` does."""

    def __init__(self, folder: Path, models: Path | None = None) -> None:
        self.folder, self._models = folder, models
        self._networks = networks_of(models)
        self._reader: FaceReader | None = None

    def of_clip(self, name: str, pictures: np.ndarray, rate: float) -> Descriptors:
        """Of (F, H, W, 3) uint8 pictures that follow each other, so many per second.

        Raises InputError where there is one picture only, or no face in any.
        """
        clip = ArrayClip(name, pictures, rate, _hash(pictures))
        return self._kept(f"clip {rate:g}", pictures, lambda: read(clip, self._read(), lambda *_: None))

    def of_pictures(self, pictures: np.ndarray) -> Descriptors:
        """Of (F, H, W, 3) uint8 pictures of a size that have nothing to do with each other; none may have a face."""

        def work() -> Descriptors:
            found = [self._read().follow(picture, None) for picture in pictures]
            height, width = pictures.shape[1:3]
            return describe(found, (width, height), 1.0, 1, _hash(pictures))

        return self._kept("pictures", pictures, work)

    def _kept(self, how: str, pictures: np.ndarray, work: Callable[[], Descriptors]) -> Descriptors:
        digest = hashlib.sha256(f"{descriptor.VERSION} {how} {self._networks} {_hash(pictures)}".encode()).hexdigest()
        path = self.folder / f"{digest[:32]}.npz"
        if path.exists():
            try:
                return descriptor.load(path)
            except InputError:  # damaged: it is read anew
                path.unlink()
        made = work()
        atomic_write(path, descriptor.to_bytes(made))
        return made

    def _read(self) -> FaceReader:
        self._reader = self._reader or FaceReader(self._models, "cpu")
        return self._reader


def _hash(pictures: np.ndarray) -> str:
    return hashlib.sha256(f"{pictures.shape}".encode() + np.ascontiguousarray(pictures).tobytes()).hexdigest()
