"""Pictures of a mesh over time: grey, or coloured by how far it is from the truth."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from blendshape_addon.core.geometry import mesh
from blendshape_addon.core.geometry.raster import rasterise

from ..learning.atomic_files import atomic_write

SIZE = 360  # pixels
GREY = np.array([0.72, 0.72, 0.72])
# Error as a colour, from none to SCALE metres: black-body, which stays readable without colour.
STOPS = np.array([[0.18, 0.2, 0.55], [0.2, 0.65, 0.7], [0.98, 0.85, 0.3], [0.85, 0.15, 0.1]])
SCALE = 0.01
VIEW = np.deg2rad((-10.0, 40.0))  # looked at from above and from the side, pitch and yaw
MILLISECONDS = 100  # per picture of an animation


def colours(error: np.ndarray, scale: float = SCALE) -> np.ndarray:
    """(V, 3), 0 to 1, of (V,) errors in metres; the last colour from `scale` on."""
    place = np.clip(error / scale, 0, 1) * (len(STOPS) - 1)
    low = np.minimum(place.astype(int), len(STOPS) - 2)
    return STOPS[low] + (place - low)[:, None] * (STOPS[low + 1] - STOPS[low])


def draw(
    points: np.ndarray, triangles: np.ndarray, paint: np.ndarray | None, middle: np.ndarray, half: float
) -> np.ndarray:
    """(S, S, 3) uint8 picture of (V, 3) points, y up, seen along VIEW: what is `half` metres around `middle`. paint:
    (V, 3) colours, 0 to 1; grey if None."""
    (sp, sy), (cp, cy) = np.sin(VIEW), np.cos(VIEW)
    view = np.array([[cy, 0, -sy], [sp * sy, cp, sp * cy], [cp * sy, -sp, cp * cy]])
    seen = (points - middle) @ view.T / half
    picture = rasterise(seen, triangles, SIZE)
    normals = mesh.vertex_normals(seen, triangles)
    values = np.column_stack([normals, np.broadcast_to(GREY, points.shape) if paint is None else paint])
    found = picture.interpolate(values, triangles)
    length = np.linalg.norm(found[..., :3], axis=-1, keepdims=True)
    light = np.clip(found[..., :3] @ np.array([-0.35, 0.5, 0.79]), 0, None) / np.maximum(length[..., 0], 1e-9)
    lit = found[..., 3:] * (0.35 + 0.65 * light[..., None])
    out = np.where(picture.mask[..., None], np.clip(lit, 0, 1), 1.0)
    return (out * 255).astype(np.uint8)


def sheet(
    rows: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], triangles: np.ndarray, names: Sequence[str]
) -> list[np.ndarray]:
    """A picture per (skinned, predicted, truth) of `rows`, each (V, 3) metres: the three beside each other, then the
    errors of the skinned and of the predicted mesh. names: what is written below those five."""
    every = np.concatenate([truth for _, _, truth in rows])
    half = 0.52 * float((every.max(0) - every.min(0)).max())
    made = []
    for skinned, predicted, truth in rows:
        middle = (truth.max(0) + truth.min(0)) / 2
        parts = [draw(points, triangles, None, middle, half) for points in (skinned, predicted, truth)]
        for points in (skinned, predicted):
            error = np.linalg.norm(points - truth, axis=1)
            parts.append(draw(points, triangles, colours(error), middle, half))
        picture = Image.fromarray(np.concatenate(parts, axis=1))
        pen = ImageDraw.Draw(picture)
        for number, name in enumerate(names):
            pen.text((number * SIZE + 8, SIZE - 18), name, fill=(0, 0, 0))
        made.append(np.asarray(picture))
    return made


def save(path: Path, pictures: Sequence[np.ndarray]) -> None:
    """Write one picture as PNG, or several as a GIF, by the end of `path`. Raises InputError when the disk is full."""
    data = io.BytesIO()
    first, *others = [Image.fromarray(picture) for picture in pictures]
    if path.suffix == ".gif":
        first.save(data, "GIF", save_all=True, append_images=others, duration=MILLISECONDS, loop=0)
    else:
        first.save(data, "PNG")
    atomic_write(path, data.getvalue())
