"""The coarse search for faces: head-sized windows of an avatar, seen along its skeleton's forward or along the axes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..avatar.hints import Hints
from ..inference import providers
from ..vocabulary import LANDMARK_MIRROR, LANDMARKS
from .views import Crop, View, crop, look

SEARCH_PIXELS = 640
MIN_LOGIT = -3.0  # logit from which a window of the search is worth another look
# Half widths of windows in heights of what is looked at: from a tall body's head to a head alone.
SCALES = 0.07 * 1.5 ** np.arange(6)
BELOW_TOP = (1.1, 1.75)  # window centres below the top, in half widths: hair and hats take up room
BELOW_HEAD = 0.5  # heights above the head's joint that a chin may lie below it


@dataclass(frozen=True)
class Detection:
    """What the network says of one crop. points: (L, 3) avatar space, width: (L,) of their error there."""

    points: np.ndarray
    width: np.ndarray
    logit: float


def above_neck(mesh: tuple[np.ndarray, ...], hints: Hints) -> tuple[np.ndarray, ...]:
    """What lies above the joint of the head and, as chins do, a little below it."""
    vertices, triangles, normals, piece = mesh
    height = (vertices - hints.head) @ hints.up
    kept = (height > -BELOW_HEAD * height[triangles].max())[triangles].all(1)
    return vertices, triangles[kept], normals, piece[kept]


def orientations() -> list[list[tuple[np.ndarray, list[np.ndarray]]]]:
    """Directions a face may look to, each with the ups to try: Blender's habit, glTF's, then every other axis."""
    x, y, z = np.eye(3)
    usual = [[(-y, [z])], [(z, [y])]]
    axes = [sign * axis for axis in (x, y, z) for sign in (1, -1)]
    others = []
    for forward in axes:
        known = [up for [(f, [up])] in usual if np.array_equal(f, forward)]
        others.append((forward, [u for u in axes if u @ forward == 0 and not any(np.array_equal(u, k) for k in known)]))
    return [*usual, others]


def search(
    mesh: tuple[np.ndarray, ...], session: providers.Session, forward: np.ndarray, ups: list[np.ndarray]
) -> list[Detection]:
    """Sights that may be a face that looks to `forward` with one of `ups`."""
    vertices = mesh[0][np.unique(mesh[1])]
    if len(vertices) == 0:
        return []
    up = ups[0]
    rotation = np.stack([np.cross(up, forward), up, forward])
    seen = vertices @ rotation.T
    low, high = seen.min(0), seen.max(0)
    half = 0.51 * float((high - low)[:2].max())
    if half == 0:  # all in one point, or in a line that runs away from here
        return []
    view = look(*mesh, rotation, (low + high) / 2 @ rotation, half, SEARCH_PIXELS)
    crops = [
        crop(view, x, y, half, roll)
        for other in ups
        for roll in [float(np.arctan2(-(other @ rotation[0]), other @ rotation[1]))]
        for x, y, half in _windows(view, roll)
    ]
    sights = run(session, crops, [False] * len(crops))
    return [s for s in sights if s.logit > MIN_LOGIT]


def _windows(view: View, roll: float) -> Iterator[tuple[float, float, float]]:
    """Head-sized windows (x, y, half) at the top of what `view` shows, where up leans by `roll`."""
    mask = np.rot90(view.channels[3] > 0, -round(roll / (np.pi / 2)))
    size = len(mask)
    rows = np.flatnonzero(mask.any(1))
    if len(rows) == 0:
        return
    height = (rows[-1] - rows[0] + 1) / size * 2
    cosine, sine = np.cos(roll), np.sin(roll)
    for half in SCALES * height:
        band = np.nonzero(mask[rows[0] : rows[0] + max(2, int(half * size))])[1]
        middles = [(np.median(band) + 0.5) / size * 2 - 1]
        if abs(middles[0]) > 0.3 * half:
            middles.append(0.0)
        for below in BELOW_TOP:
            y = 1 - rows[0] / size * 2 - below * half
            for x in middles:
                yield x * cosine - y * sine, x * sine + y * cosine, half


def run(session: providers.Session, crops: list[Crop], mirrored: list[bool]) -> list[Detection]:
    sights = []
    for start in range(0, len(crops), 32):
        block = crops[start : start + 32]
        outputs = session.run(None, {"image": np.stack([c.image for c in block])})
        for window, flip, points, width, logit in zip(block, mirrored[start:], *outputs, strict=False):
            order = list(LANDMARK_MIRROR) if flip else list(range(len(LANDMARKS)))
            sights.append(
                Detection(
                    window.to_avatar(points[order].astype(float)), np.exp(width[order]) * window.half, float(logit)
                )
            )
    return sights
