"""Heads whose faces are smooth masks with features that are only drawn on them, let in or stuck to them."""

from __future__ import annotations

import numpy as np

from blendshape_addon.core.face.face_space import point
from blendshape_addon.core.geometry.raster import rasterise
from blendshape_addon.core.vocabulary import LANDMARK_INDEX

CELLS = 112  # of the sheet that a toon's face is, each way
_BROWS = {s: [LANDMARK_INDEX[f"brow_{k}_{s}"] for k in ("inner", "mid", "outer")] for s in "lr"}


def toon_head(
    vertices: np.ndarray,
    triangles: np.ndarray,
    piece: np.ndarray,
    points: np.ndarray,
    rng: np.random.Generator,
    featureless: bool = False,
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """The head with a smooth mask for a face on which the features are drawn, let in or stuck: (mesh, points).

    featureless: shapes that mean nothing are drawn instead.
    """
    middle = np.array([0, (point(points, "forehead")[1] + point(points, "chin_under")[1]) / 2, 0])
    half = max(1.35, 0.55 * (point(points, "forehead")[1] - point(points, "chin_under")[1]))
    picture = rasterise((vertices - middle) / half, triangles, CELLS)
    ground = _smooth(np.where(picture.mask, picture.depth * half, np.nan), rng.uniform(1.5, 5))
    axis = ((np.arange(CELLS) + 0.5) / CELLS * 2 - 1) * half
    x, y = np.meshgrid(axis, middle[1] - axis)
    steep = np.hypot(*np.gradient(ground)) / (2 * half / CELLS)
    inside = (
        (steep < 2.2)
        & (y < point(points, "forehead")[1] + 0.05)
        & (y > point(points, "chin_tip")[1] - 0.02)
        & (ground > points[:, 2].mean() - 0.9)
    )
    nose = point(points, "nose_tip")
    if featureless or rng.random() < 0.4:  # round as a ball
        flat = 0.5 * rng.uniform(0.2, 0.9, 2)
        ball = np.quantile(ground[inside], 0.95) - flat[0] * x**2 - flat[1] * (y - 0.5 * nose[1]) ** 2
        ground = ground + (1 if featureless else rng.uniform(0.5, 1)) * (ball - ground)
    size = rng.uniform(0.04, 0.15)
    bump = 0.0 if featureless else rng.choice([0.0, rng.uniform(0, 0.2)])
    ground = ground + bump * np.exp(-((x - nose[0]) ** 2 + (y - nose[1]) ** 2) / (2 * size**2))

    marks = points.copy()
    column = np.clip(((points[:, 0] / half + 1) * CELLS / 2).astype(int), 0, CELLS - 1)
    row = np.clip(((1 - (points[:, 1] - middle[1]) / half) * CELLS / 2).astype(int), 0, CELLS - 1)
    on = inside[row, column]
    marks[on, 2] = ground[row, column][on]
    height, number = (random_curve if featureless else draw_features)(x, y, ground, points, rng)
    sheet = np.stack([x, y, height], -1)

    # The rig's own front gives way to the sheet.
    centre = vertices[triangles].mean(1)
    c = np.clip(((centre[:, 0] / half + 1) * CELLS / 2).astype(int), 0, CELLS - 1)
    r = np.clip(((1 - (centre[:, 1] - middle[1]) / half) * CELLS / 2).astype(int), 0, CELLS - 1)
    within = (np.abs(centre - middle)[:, :2] < half).all(1) & inside[r, c]
    kept = ~(within & (centre[:, 2] > ground[r, c] - 0.8))
    quad = inside[:-1, :-1] & inside[1:, :-1] & inside[:-1, 1:] & inside[1:, 1:]
    at = np.arange(CELLS * CELLS).reshape(CELLS, CELLS)
    a, b, d, e = at[:-1, :-1][quad], at[:-1, 1:][quad], at[1:, :-1][quad], at[1:, 1:][quad]
    faces = np.concatenate([np.stack([a, d, b], 1), np.stack([b, d, e], 1)])
    skin = np.bincount(piece[within]).argmax() if within.any() and rng.random() < 0.7 else piece.max() + 1
    drawn = np.tile(number[:-1, :-1][quad], 2)
    sheet_piece = np.where(drawn == 0, skin, piece.max() + 1 + drawn)
    mesh = (
        np.concatenate([vertices, sheet.reshape(-1, 3)]),
        np.concatenate([triangles[kept], faces + len(vertices)]),
        np.concatenate([piece[kept], sheet_piece]),
    )
    return mesh, marks


def draw_features(
    x: np.ndarray, y: np.ndarray, ground: np.ndarray, points: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Features on a face of (S, S) heights over (S, S) x, y: new heights, and numbers of drawn pieces, 0 for skin."""
    height, number = ground.copy(), np.zeros(x.shape, int)
    at = LANDMARK_INDEX

    def put(where: np.ndarray, shift: float | np.ndarray, probability: float) -> None:
        height[where] = (ground + shift)[where]
        if rng.random() < probability:
            number[where] = number.max() + 1

    card = rng.uniform(0.0, 0.05)
    sunk = rng.choice([0.0, card, -rng.uniform(0.03, 0.3)], p=[0.35, 0.25, 0.4])
    state = rng.integers(1 << 31)  # both sides alike
    for s in "lr":
        rng_side = np.random.default_rng(state)
        outline = _curve(points[[at[f"{n}_{s}"] for n in (
            "eye_inner", "lid_upper_in", "lid_upper_mid", "lid_upper_out", "eye_outer",
            "lid_lower_out", "lid_lower_mid", "lid_lower_in")]], True)  # fmt: skip
        eye = _inside(x, y, outline)
        separate = 1.0 if sunk == 0 else 0.8
        white = rng_side.random() < 0.75
        if white:
            put(eye, sunk, separate)
        if not white or rng_side.random() < 0.75:
            centre, reach = outline.mean(0), np.ptp(outline, axis=0) / 2
            iris = reach * [rng_side.uniform(0.45, 0.8), rng_side.uniform(0.7, 1.05)]
            for share in (1.0, *rng_side.choice([0.3, 0.5], int(rng_side.integers(0, 2)))):
                disc = ((x - centre[0]) / iris[0]) ** 2 + ((y - centre[1]) / iris[1]) ** 2 < share**2
                put(disc & eye if white else disc, sunk + rng_side.uniform(0, 0.02), 1.0)
        lash = rng_side.uniform(0.02, 0.1) * (rng_side.random() < 0.75)
        upper = _curve(points[[at[f"{n}_{s}"] for n in ("eye_inner", "lid_upper_in", "lid_upper_mid", "lid_upper_out",
                                                         "eye_outer")]])  # fmt: skip
        put(_near(x, y, upper) < lash, card, 1.0)
        brow = _curve(points[_BROWS[s]])
        put(_near(x, y, brow) < rng_side.uniform(0.01, 0.08) * (rng_side.random() < 0.85), card, 1.0)
        if rng_side.random() < 0.15:
            blush = point(points, f"cheek_{s}")
            put(((x - blush[0] * 0.8) / 0.2) ** 2 + ((y - blush[1]) / 0.1) ** 2 < 1, card, 1.0)
    corner = points[at["mouth_corner_l"]], points[at["mouth_corner_r"]]
    upper, lower = (points[at[f"lip_{v}_inner_mid"]] for v in ("upper", "lower"))
    if rng.random() < 0.9:
        line = _curve(np.stack([corner[0], (upper + lower) / 2, corner[1]]))
        if rng.random() < 0.7:
            mouth = _near(x, y, line) < rng.uniform(0.012, 0.05)
        else:
            names = ("mouth_corner_l", "lip_upper_outer_mid", "mouth_corner_r", "lip_lower_outer_mid")
            mouth = _inside(x, y, _curve(points[[at[n] for n in names]], True))
        put(mouth, rng.choice([0.0, card, -rng.uniform(0.02, 0.25)]), 0.9)
    if rng.random() < 0.3:
        nose = point(points, "nose_tip")
        put((x - nose[0]) ** 2 + (y - nose[1]) ** 2 < rng.uniform(0.015, 0.08) ** 2, card, 1.0)
    return height, number


def random_curve(
    x: np.ndarray, y: np.ndarray, ground: np.ndarray, points: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """As `draw_features`, but no face: nothing, or lines, plates and dots in any place."""
    height, number = ground.copy(), np.zeros(x.shape, int)
    low, high = points.min(0), points.max(0)
    for n in range(rng.integers(0, 5)):
        a, b = rng.uniform(low, high, (2, 3))
        if rng.random() < 0.5:
            where = _near(x, y, np.stack([a, b])[:, :2]) < rng.uniform(0.01, 0.06)
        else:
            size = rng.uniform(0.05, 0.6, 2)
            where = (np.abs(x - a[0]) / size[0]) ** 3 + (np.abs(y - a[1]) / size[1]) ** 3 < 1
        height[where] += rng.choice([0, rng.uniform(-0.15, 0.05)])
        number[where] = n + 1
    return height, number


def _curve(points: np.ndarray, closed: bool = False) -> np.ndarray:
    """(N, 2) a Catmull-Rom spline through (K, >= 2) points."""
    p = points[:, :2]
    p = np.concatenate([p[-1:], p, p[:2]]) if closed else np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    t = np.linspace(0, 1, 6, endpoint=False)[None, :, None]
    a, b, c, d = (p[k : len(p) - 3 + k, None] for k in range(4))
    spline = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    spline = spline.reshape(-1, 2)
    return spline if closed else np.concatenate([spline, p[-2:-1]])


def _inside(x: np.ndarray, y: np.ndarray, outline: np.ndarray) -> np.ndarray:
    """(S, S) bool: places inside a closed (N, 2) outline, by crossings."""
    result = np.zeros(x.shape, bool)
    for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, -1, 0), strict=True):
        if y0 != y1:
            result ^= ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return result


def _near(x: np.ndarray, y: np.ndarray, line: np.ndarray) -> np.ndarray:
    """(S, S) distances to the (N, 2) points of a line."""
    fine = np.concatenate([line[:-1] + t * np.diff(line, axis=0) for t in (0, 0.5)] + [line[-1:]])
    return np.sqrt(((x[..., None] - fine[:, 0]) ** 2 + (y[..., None] - fine[:, 1]) ** 2).min(-1))


def _smooth(depth: np.ndarray, sigma: float) -> np.ndarray:
    """(S, S) depth, NaN where nothing is, with its holes closed and its features washed out over `sigma` cells."""
    lowest = np.nanmin(depth)
    closed = np.where(np.isnan(depth), lowest, depth)
    for step in (np.maximum, np.minimum):  # a closing: eye sockets and the mouth's slit fill up
        for _ in range(5):
            padded = np.pad(closed, 1, mode="edge")
            closed = step.reduce([padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:], closed])
    weight = (~np.isnan(depth)).astype(float)
    offsets = np.arange(-int(3 * sigma), int(3 * sigma) + 1)
    kernel = np.exp(-(offsets**2) / (2 * sigma**2))

    def blur(a: np.ndarray) -> np.ndarray:
        for axis in (0, 1):
            a = np.apply_along_axis(np.convolve, axis, a, kernel, "same")
        return a

    return np.where(weight > 0, blur(closed * weight) / np.maximum(blur(weight), 1e-9), closed)
