"""Pictures of portraits and clips on disk."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from blendshape_addon.core.errors import InputError

from ...learning.atomic_files import atomic_write

SUFFIX = ".png"
KINDS = (SUFFIX, ".jpg", ".jpeg", ".webp", ".bmp")  # of the frames of a folder
_LEAST_SHOWN = 2  # hundredths of a second


def load(path: Path) -> np.ndarray:
    """(H, W, 3) uint8 of a picture's file. Raises InputError, in a sentence, for one that is not there, is damaged or
    transparent."""
    with _opened(path) as image:
        return _opaque(image, path)


def load_with_alpha(path: Path) -> np.ndarray:
    """(H, W, 4) uint8 of a picture's file. Raises InputError as `load` does, but for transparency."""
    with _opened(path) as image:
        return _pixels(image, path)


def frames_in(path: Path, with_alpha: bool = False) -> np.ndarray:
    """(F, H, W, 3) uint8, or 4 with alpha: the pictures of a folder in the order of their names, or the frames of an
    animated picture.

    Raises InputError, in a sentence, as `load` does, for fewer than two frames and for frames of different sizes.
    """
    pixels = _pixels if with_alpha else _opaque
    if path.is_dir():
        rows = []
        for file in sorted(file for file in path.iterdir() if file.suffix.lower() in KINDS):
            with _opened(file) as image:
                rows.append((file.name, pixels(image, file)))
    else:
        with _opened(path) as image:
            rows = [(f"frame {n}", pixels(one, path)) for n, one in enumerate(ImageSequence.Iterator(image), 1)]
    if len(rows) < 2:
        what = "one frame only, which shows no motion" if rows else "no frames"
        raise InputError(f"{path} has {what}: give two or more, as 0001.png and so on.")
    first = rows[0][1].shape
    for name, picture in rows:
        if picture.shape != first:
            raise InputError(
                f"{name} of {path} is of {_size(picture.shape)} pixels and {rows[0][0]} of {_size(first)}: bring all "
                "frames of a clip to one size."
            )
    return np.stack([picture for _, picture in rows])


def rate_of(path: Path) -> float | None:
    """Frames per second of an animated picture, on average; None of a folder, and where the file does not say. Raises
    InputError as `load` does."""
    if path.is_dir():
        return None
    with _opened(path) as image:
        shown = [float(one.info.get("duration") or 0) for one in ImageSequence.Iterator(image)]  # milliseconds
    return 1000 * len(shown) / sum(shown) if sum(shown) else None


def save(path: Path, picture: np.ndarray) -> None:
    """Write a (H, W, 3) uint8 picture as .png. Raises InputError when the disk does not take it."""
    atomic_write(path, png(picture))


def png(picture: np.ndarray) -> bytes:
    """A .png file of a (H, W, 3) or, with alpha, (H, W, 4) uint8 picture."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def save_gif(path: Path, frames: np.ndarray, rate: float, scale: int = 1) -> None:
    """Write (F, H, W, 3) uint8 frames as an animated .gif that plays on and on, so many per second, each pixel `scale`
    pixels wide. Raises InputError when the disk does not take it."""
    atomic_write(path, gif(frames, rate, scale))


def gif(frames: Iterable[np.ndarray], rate: float, scale: int = 1) -> bytes:
    """The same as bytes; one frame after another is taken. Of more than 50 frames per second some are left out."""
    images = _timed(frames, rate, scale)
    file = io.BytesIO()
    next(images).save(file, "GIF", save_all=True, append_images=images, loop=0, optimize=False)
    return file.getvalue()


def _timed(frames: Iterable[np.ndarray], rate: float, scale: int) -> Iterator[Image.Image]:
    """Pictures that say in hundredths of a second, as a .gif does, how long they are shown, so that the whole is as
    long as it should be: two at least, for browsers show what is shorter for ten."""
    shown = 0
    for number, one in enumerate(frames, 1):
        until = round(100 * number / rate)
        if until - shown < _LEAST_SHOWN:
            continue
        image = Image.fromarray(one).resize((one.shape[1] * scale, one.shape[0] * scale))
        image.info["duration"] = 10 * (until - shown)
        shown = until
        yield image


def beside(movies: Sequence[np.ndarray]) -> np.ndarray:
    """Movies of one size and length beside each other, the first one to the left."""
    return np.concatenate(movies, axis=2)


def _opened(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except FileNotFoundError as error:
        raise InputError(f"There is no picture {path}: look at the name.") from error
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise InputError(
            f"{path} cannot be read as a picture: save it as .png; of a movie, save the frames as .png into a folder."
        ) from error


def _pixels(image: Image.Image, path: Path) -> np.ndarray:
    """(H, W, 4) uint8, turned upright as the file says, and 16 bits of brightness as 8."""
    try:
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I"):
            upright = Image.fromarray((np.asarray(upright).clip(0, 65535) / 257).astype(np.uint8))
        return np.asarray(upright.convert("RGBA"))
    except (OSError, SyntaxError, ValueError) as error:  # Pillow raises SyntaxError for broken PNG chunks
        raise InputError(f"{path} is damaged: save it anew.") from error


def _opaque(image: Image.Image, path: Path) -> np.ndarray:
    pixels = _pixels(image, path)
    if pixels[..., 3].min() < 255:
        raise InputError(f"{path} is transparent in places: lay it on a background of one colour and save it again.")
    return pixels[..., :3]


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]}"
