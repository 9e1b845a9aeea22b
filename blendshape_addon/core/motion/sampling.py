"""Square pieces of a picture, turned upright and brought to a network's size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Steps per pixel that places are rounded to. OpenCV, which MediaPipe samples with, does so, and the networks that read
# faces notice it.
_STEPS = 32


@dataclass(frozen=True)
class Region:
    """A square of a picture. centre: (2,) pixels right and down; size: pixels; angle: radians, clockwise as seen."""

    centre: np.ndarray
    size: float
    angle: float = 0.0

    def to_picture(self, points: np.ndarray) -> np.ndarray:
        """(N, 2) places in the picture of (N, 2) in the region, where 0 and 1 are its edges."""
        return (points - 0.5) * self.size @ self._axes() + self.centre

    def _axes(self) -> np.ndarray:
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        return np.array([[cosine, sine], [-sine, cosine]])


def sample(picture: np.ndarray, region: Region, pixels: int, outside: bool) -> np.ndarray:
    """(pixels, pixels, 3) float32 values, 0 to 255 and rounded, of a region of a (H, W, 3) uint8 picture.

    Values between pixels are linear. outside: beyond its edges the picture goes on as at its edges, else it is black.
    Pixel i of the result lies at i / pixels of the region, and its corner where the picture's pixels have their middle:
    half a pixel from where it should be, but so did the networks learn it (MediaPipe, ImageToTensorCalculator).
    """
    places = np.arange(pixels) / pixels
    grid = np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2)
    at = np.round(region.to_picture(grid) * _STEPS) / _STEPS
    return np.round(values_at(picture, at, outside)).reshape(pixels, pixels, 3)


def values_at(picture: np.ndarray, at: np.ndarray, outside: bool) -> np.ndarray:
    """(N, 3) float32 values, 0 to 255, at (N, 2) places right and down of a (H, W, 3) uint8 picture, where pixel i lies
    at i; linear between pixels. outside: as of `sample`."""
    height, width = picture.shape[:2]
    first = np.floor(at).astype(np.intp)
    share = (at - first).astype(np.float32)
    result = np.zeros((len(at), 3), np.float32)
    flat = picture.reshape(-1, 3)
    for right in (0, 1):
        for down in (0, 1):
            x, y = first[:, 0] + right, first[:, 1] + down
            weight = (share[:, 0] if right else 1 - share[:, 0]) * (share[:, 1] if down else 1 - share[:, 1])
            if not outside:
                weight = weight * ((x >= 0) & (x < width) & (y >= 0) & (y < height))
            index = y.clip(0, height - 1) * width + x.clip(0, width - 1)
            result += flat[index] * weight[:, None]
    return result
