"""The coarse search for faces: head-sized windows of an avatar, seen along its skeleton's forward or along the axes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..avatar.hints import Hints
from ..inference.session import Session
from ..vocabulary import LANDMARK_MIRROR, LANDMARKS
from .parameters import SEARCH
from .views import Crop, DrawnMesh, View, crop, draw


@dataclass(frozen=True)
class Detection:
    """What the network says of one crop.

    points: (L, 3) landmarks and width: (L,) of their error, avatar space. logit: of the probability of a face.
    """

    points: np.ndarray
    width: np.ndarray
    logit: float


def above_neck(mesh: DrawnMesh, hints: Hints) -> DrawnMesh:
    """The part of `mesh` above the joint of the head and, as chins are, a little below it."""
    height = (mesh.vertices - hints.head) @ hints.up
    kept = (height > -SEARCH.below_head * height[mesh.triangles].max())[mesh.triangles].all(1)
    return mesh._replace(triangles=mesh.triangles[kept], piece=mesh.piece[kept])


def orientations() -> list[list[tuple[np.ndarray, list[np.ndarray]]]]:
    """Directions that a face may look in, each with the ups to try: Blender's convention, glTF's, every other axis."""
    x, y, z = np.eye(3)
    usual = [[(-y, [z])], [(z, [y])]]
    axes = [sign * axis for axis in (x, y, z) for sign in (1, -1)]
    others = []
    for forward in axes:
        known = [up for [(f, [up])] in usual if np.array_equal(f, forward)]
        others.append((forward, [u for u in axes if u @ forward == 0 and not any(np.array_equal(u, k) for k in known)]))
    return [*usual, others]


def search(mesh: DrawnMesh, session: Session, forward: np.ndarray, ups: list[np.ndarray]) -> list[Detection]:
    """What may be a face that looks along `forward` with one of `ups`."""
    vertices = mesh.vertices[np.unique(mesh.triangles)]
    if len(vertices) == 0:
        return []
    up = ups[0]
    rotation = np.stack([np.cross(up, forward), up, forward])
    turned = vertices @ rotation.T
    low, high = turned.min(0), turned.max(0)
    half = SEARCH.half_width * float((high - low)[:2].max())
    if half == 0:  # all vertices are one point, or lie in one line along `forward`
        return []
    view = draw(*mesh, rotation, (low + high) / 2 @ rotation, half, SEARCH.pixels)
    crops = [
        crop(view, x, y, half, roll)
        for other in ups
        for roll in [float(np.arctan2(-(other @ rotation[0]), other @ rotation[1]))]
        for x, y, half in _windows(view, roll)
    ]
    detections = run(session, crops, [False] * len(crops))
    return [detection for detection in detections if detection.logit > SEARCH.min_logit]


def _windows(view: View, roll: float) -> Iterator[tuple[float, float, float]]:
    """Head-sized windows (x, y, half) at the top of what `view` shows, where up leans by `roll`."""
    mask = np.rot90(view.channels[3] > 0, -round(roll / (np.pi / 2)))
    size = len(mask)
    rows = np.flatnonzero(mask.any(1))
    if len(rows) == 0:
        return
    height = (rows[-1] - rows[0] + 1) / size * 2
    cosine, sine = np.cos(roll), np.sin(roll)
    for half in SEARCH.scales * height:
        band = np.nonzero(mask[rows[0] : rows[0] + max(2, int(half * size))])[1]
        middles = [float(np.median(band) + 0.5) / size * 2 - 1]
        if abs(middles[0]) > SEARCH.off_middle * half:
            middles.append(0.0)
        for below in SEARCH.below_top:
            y = 1 - rows[0] / size * 2 - below * half
            for x in middles:
                yield x * cosine - y * sine, x * sine + y * cosine, half


def run(session: Session, crops: list[Crop], mirrored: list[bool]) -> list[Detection]:
    """One detection per crop; `mirrored` says which crops show the mirrored mesh, whose left is the avatar's right."""
    detections = []
    for start in range(0, len(crops), SEARCH.batch):
        block = crops[start : start + SEARCH.batch]
        outputs = session.run(None, {"image": np.stack([c.image for c in block])})
        for window, flip, points, width, logit in zip(block, mirrored[start:], *outputs, strict=False):
            order = list(LANDMARK_MIRROR) if flip else list(range(len(LANDMARKS)))
            in_avatar = window.to_avatar(points[order].astype(float))
            detections.append(Detection(in_avatar, np.exp(width[order]) * window.half, float(logit)))
    return detections
