"""Frames of a clip with what was read of them drawn over: landmarks, and a bar for each of the liveliest units."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

HEIGHT = 288  # pixels of a drawn frame
ROW, BAR, TEXT = 15, 70, 11  # pixels of a unit's row, of its bar, and of its name
_INK, _READ, _TRUE, _PAPER = (28, 36, 48), (21, 88, 192), (200, 120, 20), (255, 255, 255)
_DOT = (60, 230, 120)
_LOST = (179, 35, 24)


def draw(
    frames: np.ndarray,
    landmarks: np.ndarray,
    read: Mapping[str, np.ndarray],
    true: Mapping[str, np.ndarray],
    others: Sequence[np.ndarray] = (),
) -> list[Image.Image]:
    """Each frame with its landmarks, other movies of the same length beside it, and bars of units.

    frames: (F, H, W, 3) uint8. landmarks: (F, K, 2) pixels right and down, NaN where no face was found. read, true:
    (F,) values, 0 to 1, by unit; the true ones, of some of these units, are drawn below as a thin line.
    """
    font = ImageFont.load_default(TEXT)
    reach = max((font.getlength(name) for name in read), default=0)
    return [
        _frame([_marked(frames[n], landmarks[n]), *(_sized(other[n]) for other in others)],
               {name: (values[n], true[name][n] if name in true else None) for name, values in read.items()},
               font, int(reach))
        for n in range(len(frames))
    ]  # fmt: skip


def encode(images: Sequence[Image.Image], rate: float) -> bytes:
    """A moving picture (.webp) of images of one size, so many per second."""
    file = io.BytesIO()
    images[0].save(
        file, "WEBP", save_all=True, append_images=images[1:], duration=round(1000 / rate), loop=0, quality=70, method=2
    )
    return file.getvalue()


def _sized(picture: np.ndarray) -> Image.Image:
    height, width = picture.shape[:2]
    return Image.fromarray(picture).resize((max(1, round(width * HEIGHT / height)), HEIGHT))


def _marked(picture: np.ndarray, landmarks: np.ndarray) -> Image.Image:
    image = _sized(picture)
    pen = ImageDraw.Draw(image)
    if not np.isfinite(landmarks).all():
        pen.rectangle((0, 0, image.width - 1, image.height - 1), outline=_LOST, width=3)
        return image
    for x, y in landmarks * (HEIGHT / picture.shape[0]):
        pen.point((x, y), fill=_DOT)
    return image


def _frame(
    pictures: Sequence[Image.Image], bars: Mapping[str, tuple[float, float | None]], font: ImageFont.FreeTypeFont,
    reach: int,
) -> Image.Image:  # fmt: skip
    left = sum(picture.width for picture in pictures)
    whole = Image.new("RGB", (left + reach + BAR + 18, max(HEIGHT, ROW * len(bars) + 6)), _PAPER)
    at = 0
    for picture in pictures:
        whole.paste(picture, (at, 0))
        at += picture.width
    pen = ImageDraw.Draw(whole)
    for row, (name, (value, truth)) in enumerate(bars.items()):
        top, start = 4 + row * ROW, left + reach + 12
        pen.text((left + 6, top), name, fill=_INK, font=font)
        pen.rectangle((start, top + 2, start + BAR, top + TEXT), outline=_INK)
        pen.rectangle((start, top + 2, start + round(BAR * min(max(value, 0), 1)), top + TEXT - 3), fill=_READ)
        if truth is not None:
            pen.rectangle((start, top + TEXT - 2, start + round(BAR * truth), top + TEXT), fill=_TRUE)
    return whole
