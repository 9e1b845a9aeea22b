"""What is measured of a movie that somebody or something made, beside the one that it should be.

Pictures are (F, H, W, 3) uint8 in sRGB; differences are shares of the range, 0 to 1. Nothing here knows how a movie
was made: an avatar that follows a clip and a portrait that a network moves are measured alike.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import correlate1d, gaussian_filter, map_coordinates, uniform_filter1d

from blendshape_addon.core.errors import InputError

# SSIM of Wang, Bovik, Sheikh and Simoncelli (2004), section III.C: the window's standard deviation, and the constants.
_SSIM_SIGMA, _SSIM_REACH = 1.5, 3.5
_SSIM_C1, _SSIM_C2 = 0.01**2, 0.03**2
_GMSD_C = 170 / 255**2  # the constant of Xue et al. (2014), of brightness from 0 to 1
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
# Linear sRGB to CIE XYZ (IEC 61966-2-1), each row divided by the white point D65.
_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_TO_XYZ = _TO_XYZ / _TO_XYZ.sum(1, keepdims=True)
STILL = 1e-6  # variance of a value over a clip up to which it stands still


class Agreement(NamedTuple):
    """Of each of K values over a clip. mae: mean absolute error. r2: coefficient of determination, 1 at best, 0 for
    the mean guess. r: Pearson's correlation, 0 where the made value stands still. r2 and r are NaN where the truth
    stands still."""

    mae: np.ndarray
    r2: np.ndarray
    r: np.ndarray


def l1(made: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(F,) mean absolute difference of each picture. Raises InputError for movies of different shapes."""
    _check_alike(made, true)
    return np.abs(_values(made) - _values(true)).mean((1, 2, 3))


def psnr(made: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(F,) peak signal-to-noise ratio in dB; infinite for equal pictures. Raises InputError as `l1` does."""
    _check_alike(made, true)
    squared = ((_values(made) - _values(true)) ** 2).mean((1, 2, 3))
    with np.errstate(divide="ignore"):
        return -10 * np.log10(squared)


def ssim(made: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(F,) structural similarity of the brightness, 1 at best (Wang et al., 2004, equation 13, with the Gaussian window
    of section III.C). Raises InputError as `l1` does."""
    _check_alike(made, true)

    def window(values: np.ndarray) -> np.ndarray:
        return gaussian_filter(values, (0, _SSIM_SIGMA, _SSIM_SIGMA), truncate=_SSIM_REACH, mode="nearest")

    x, y = _values(made) @ _LUMA, _values(true) @ _LUMA
    mean_x, mean_y = window(x), window(y)
    var_x, var_y = window(x * x) - mean_x**2, window(y * y) - mean_y**2
    shared = window(x * y) - mean_x * mean_y
    top = (2 * mean_x * mean_y + _SSIM_C1) * (2 * shared + _SSIM_C2)
    return (top / ((mean_x**2 + mean_y**2 + _SSIM_C1) * (var_x + var_y + _SSIM_C2))).mean((1, 2))


def gradient_deviation(made: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(F,) how unevenly the edges of the brightness differ from the true ones, 0 at best, about 0.35 at worst: gradient
    magnitude similarity deviation (Xue, Zhang, Mou and Bovik, 2014, equations 1 to 6, with the Prewitt filter after a
    mean of 2 x 2 pixels). Pictures have an even number of rows and columns. Raises InputError as `l1` does."""
    _check_alike(made, true)

    def gradient(movie: np.ndarray) -> np.ndarray:
        luma = _values(movie) @ _LUMA
        count, height, width = luma.shape
        small = luma.reshape(count, height // 2, 2, width // 2, 2).mean((2, 4))
        slopes = (correlate1d(uniform_filter1d(small, 3, 3 - axis), [-1, 0, 1], axis) for axis in (1, 2))
        return np.hypot(*slopes)

    x, y = gradient(made), gradient(true)
    return ((2 * x * y + _GMSD_C) / (x**2 + y**2 + _GMSD_C)).std((1, 2))


def flicker(made: np.ndarray, true: np.ndarray) -> float:
    """How much more or less the pictures change from one to the next than those of the true movie do: the mean absolute
    difference of both changes, 0 for a movie that moves as the true one does, whatever its colours. Raises InputError
    as `l1` does, and for fewer than two frames."""
    _check_alike(made, true)
    _check_moving(made)
    return float(np.abs(np.diff(_values(made), axis=0) - np.diff(_values(true), axis=0)).mean())


def warped_difference(frames: np.ndarray, flows: np.ndarray) -> float:
    """How much pictures change beyond known motion: the mean absolute difference of each picture and the next one
    brought back along the flow (temporal warping error; Lai et al., "Learning Blind Video Temporal Consistency", 2018,
    equation 8), weighted by the share of each pixel for which the flow holds.

    flows: (F - 1, H, W, 3) pixels right and down and that share, as shards of `motion renders --flow` have them.
    What moves out of the picture is not counted. Raises InputError for flows of another size or number, for fewer than
    two frames, and where no flow holds anywhere.
    """
    _check_moving(frames)
    count, height, width = frames.shape[:3]
    if flows.shape != (count - 1, height, width, 3):
        raise InputError(
            f"The optical flow is of {_named(flows)}, the movie of {_named(frames)}: it must have one row less and the "
            "same size."
        )
    values = _values(frames)
    down, across = np.mgrid[:height, :width].astype(float)
    total = weights = 0.0
    for before, after, flow in zip(values, values[1:], flows.astype(float), strict=False):
        x, y = across + flow[..., 0], down + flow[..., 1]
        share = flow[..., 2] * ((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1))
        moved = [map_coordinates(after[..., channel], [y, x], order=1, mode="nearest") for channel in range(3)]
        total += float((np.abs(np.stack(moved, -1) - before).mean(-1) * share).sum())
        weights += float(share.sum())
    if not weights:
        raise InputError("The optical flow holds for no pixel of the movie: there is nothing to measure along it.")
    return total / weights


def colour_drift(made: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(F,) distance between the mean colours of each picture and the true one, in CIELAB (dE*ab of 1976; about 2 is
    just seen). true: as many pictures, or one (1, H, W, 3) that all should keep to, such as the portrait. Raises
    InputError for pictures of different sizes."""
    if len(true) != 1 or made.shape[1:] != true.shape[1:]:
        _check_alike(made, true)
    means = [to_lab(movie).mean((1, 2)) for movie in (made, true)]
    return np.linalg.norm(means[0] - means[1], axis=1)


def agreement(made: np.ndarray, true: np.ndarray) -> Agreement:
    """How well values of a made movie follow the true ones: (F, K) each, such as scores, degrees of the head or of the
    gaze. Frames with a NaN on either side, where nothing was read, are left out.

    Raises InputError for values of different shapes and where fewer than two frames are left.
    """
    if made.shape != true.shape or made.ndim != 2:
        raise InputError(f"Values of {made.shape} and {true.shape} cannot be compared: both must be frames by values.")
    read = np.isfinite(made).all(1) & np.isfinite(true).all(1)
    if read.sum() < 2:
        raise InputError("Fewer than two frames were read on both sides: agreement needs more.")
    x, y = made[read].astype(float), true[read].astype(float)
    moving = y.var(0) > STILL
    spread = np.where(moving, y.var(0), 1)
    r2 = np.where(moving, 1 - ((x - y) ** 2).mean(0) / spread, np.nan)
    shared = ((x - x.mean(0)) * (y - y.mean(0))).mean(0)
    follows = x.var(0) > STILL
    r = np.where(moving, shared / np.sqrt(np.where(follows, x.var(0), 1) * spread) * follows, np.nan)
    return Agreement(np.abs(x - y).mean(0), r2, r)


def frechet_distance(made: np.ndarray, true: np.ndarray) -> float:
    """Fréchet distance of two Gaussians with the means and covariances of (N, K) and (M, K) features of pictures
    (Heusel et al., 2017, equation 6), 0 where both are alike. It depends on how many pictures there are: compare
    figures of equal numbers alone. Raises InputError for fewer than two pictures or different features."""
    if made.ndim != 2 or true.ndim != 2 or made.shape[1] != true.shape[1] or min(len(made), len(true)) < 2:
        raise InputError(
            f"Features of {made.shape} and {true.shape} cannot be compared: two pictures or more are needed of each."
        )
    root = _root(np.cov(made.astype(float), rowvar=False))
    other = np.atleast_2d(np.cov(true.astype(float), rowvar=False))
    # The trace of (A B)^(1/2) is that of (A^(1/2) B A^(1/2))^(1/2), which is symmetric.
    shared = np.trace(_root(root @ other @ root))
    apart = ((made.mean(0, dtype=float) - true.mean(0, dtype=float)) ** 2).sum()
    return float(max(apart + np.trace(root @ root) + np.trace(other) - 2 * shared, 0.0))


def to_lab(pictures: np.ndarray) -> np.ndarray:
    """CIELAB, D65, of (..., 3) uint8 colours in sRGB."""
    values = _values(pictures)
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    relative = linear @ _TO_XYZ.T
    bent = np.where(relative > (6 / 29) ** 3, np.cbrt(relative), relative * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = np.moveaxis(bent, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def _root(matrix: np.ndarray) -> np.ndarray:
    """The square root of a symmetric matrix without negative eigenvalues but for rounding."""
    values, vectors = np.linalg.eigh(np.atleast_2d(matrix))
    return (vectors * np.sqrt(values.clip(min=0))) @ vectors.T


def _values(pictures: np.ndarray) -> np.ndarray:
    return pictures.astype(float) / 255


def _check_alike(made: np.ndarray, true: np.ndarray) -> None:
    if made.shape != true.shape or made.ndim != 4 or not len(made):
        raise InputError(
            f"A movie of {_named(made)} cannot be compared with one of {_named(true)}: give both the same size and as "
            "many frames."
        )


def _check_moving(frames: np.ndarray) -> None:
    if len(frames) < 2:
        raise InputError("A movie of one frame has no changes to measure: give two frames or more.")


def _named(movie: np.ndarray) -> str:
    if movie.ndim != 4:
        return f"shape {movie.shape}"
    return f"{len(movie)} frames of {movie.shape[2]} x {movie.shape[1]} pixels"


def table(rows: dict[str, dict[str, float]]) -> str:
    """Figures as Markdown, a column per row of figures."""
    names = list(dict.fromkeys(name for found in rows.values() for name in found))
    lines = ["| figure | " + " | ".join(rows) + " |", "|---|" + "---|" * len(rows)]
    for name in names:
        cells = (f"{found[name]:.3f}" if name in found else "–" for found in rows.values())
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
