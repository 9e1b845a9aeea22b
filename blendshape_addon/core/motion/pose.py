"""How a head is turned, from landmarks that expressions hardly move."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import numpy as np

from ..inference.face_format import OUTER_EYES

_FILE = Path(__file__).with_name("rigid_points.toml")


@cache
def rigid_points() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(K,) landmarks, their (K, 3) places on a face that looks at the camera, in centimetres, and (K,) weights."""
    rows: dict[int, tuple[float, ...]] = {}
    for right, left, x, y, z, weight in tomllib.loads(_FILE.read_text(encoding="utf-8"))["points"]:
        rows[right] = (x, y, z, weight)
        rows[left] = (-x if left != right else x, y, z, weight)
    table = np.array(list(rows.values()))
    return np.array(list(rows)), table[:, :3], table[:, 3] / table[:, 3].sum()


def fit(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rotations (F, 3, 3), scales (F,) and places (F, 3) that bring the face of `rigid_points` onto landmarks.

    landmarks: (F, 478, 3), x to the picture's right, y up, z towards the camera. Least squares with weights (Umeyama,
    1991): `landmarks = scale * rotation @ face + place`.
    """
    numbers, face, weights = rigid_points()
    points = landmarks[:, numbers]
    middle = np.einsum("k,fkc->fc", weights, points)
    face_middle = weights @ face
    seen, known = points - middle[:, None], face - face_middle
    left, spread, right = np.linalg.svd(np.einsum("k,fkc,kd->fcd", weights, seen, known))
    sign = np.ones_like(spread)
    sign[:, 2] = np.sign(np.linalg.det(left @ right))
    rotations = (left * sign[:, None]) @ right
    scales = (spread * sign).sum(1) / (weights @ (known**2).sum(1))
    places = middle - scales[:, None] * np.einsum("fcd,d->fc", rotations, face_middle)
    return rotations, scales, places


def straighten(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What a face looks like, apart from how its head is turned, where it is and how large.

    landmarks: (F, 478, 3) as of `fit`. Gives them in the head's own axes, from the middle between the outer corners of
    the eyes, in distances between these; rotations (F, 3, 3) as of `fit`; the middles (F, 3) and the distances (F,), in
    the unit that the landmarks were in.
    """
    rotations, _, _ = fit(landmarks)
    corners = landmarks[:, list(OUTER_EYES)]
    middles = corners.mean(1)
    turned = np.einsum("fkc,fcd->fkd", landmarks - middles[:, None], rotations)
    distances = np.linalg.norm(corners[:, 0] - corners[:, 1], axis=1)
    return turned / distances[:, None, None], rotations, middles, distances


def misfit(landmarks: np.ndarray) -> np.ndarray:
    """(F,) by how much, root mean square in the unit of (F, 478, 3) landmarks, the face of `rigid_points` misses them:
    how far a face is from a person's proportions."""
    numbers, face, weights = rigid_points()
    rotations, scales, places = fit(landmarks)
    fitted = scales[:, None, None] * np.einsum("fcd,kd->fkc", rotations, face) + places[:, None]
    return np.sqrt(((landmarks[:, numbers] - fitted) ** 2).sum(2) @ weights)


def turn(rotations: np.ndarray) -> np.ndarray:
    """(F,) degrees by which heads are turned away from the camera, to a side or up or down."""
    return np.degrees(np.arccos(np.clip(rotations[:, 2, 2], -1, 1)))


def side(rotations: np.ndarray) -> int:
    """Degrees, clockwise as seen and by quarters, by which most of the heads lie on their side or upside down: 0, 90,
    180 or 270."""
    rolls = np.arctan2(rotations[:, 1, 0], rotations[:, 0, 0])
    quarters = np.round(-2 * rolls / np.pi).astype(int) % 4
    return 90 * int(np.bincount(quarters, minlength=4).argmax())


def to_vectors(rotations: np.ndarray) -> np.ndarray:
    """(F, 3) rotation vectors, axis times radians, of (F, 3, 3) rotations by less than half a turn."""
    traces = np.trace(rotations, axis1=1, axis2=2)
    angles = np.arccos(np.clip((traces - 1) / 2, -1, 1))
    axes = np.stack(
        [
            rotations[:, 2, 1] - rotations[:, 1, 2],
            rotations[:, 0, 2] - rotations[:, 2, 0],
            rotations[:, 1, 0] - rotations[:, 0, 1],
        ],
        axis=1,
    )
    return axes * (0.5 / np.sinc(angles / np.pi))[:, None]


def to_matrices(vectors: np.ndarray) -> np.ndarray:
    """(F, 3, 3) rotations of (F, 3) rotation vectors (Rodrigues)."""
    angles = np.linalg.norm(vectors, axis=1)
    cross = np.zeros((len(vectors), 3, 3))
    cross[:, 0, 1], cross[:, 0, 2], cross[:, 1, 2] = -vectors[:, 2], vectors[:, 1], -vectors[:, 0]
    cross -= cross.transpose(0, 2, 1)
    half = np.sinc(angles / 2 / np.pi) ** 2 / 2
    return np.eye(3) + np.sinc(angles / np.pi)[:, None, None] * cross + half[:, None, None] * (cross @ cross)
