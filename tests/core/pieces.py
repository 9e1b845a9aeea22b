"""A face made of numbers: a mask through the canonical landmarks, with a mouth slit and eye holes, and simple solids to
give it teeth, a tongue and eyes."""

from __future__ import annotations

import numpy as np

from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.face.face_space import canonical_landmarks
from blendshape_addon.core.geometry.thin_plate import ThinPlate
from blendshape_addon.core.vocabulary import LANDMARK_INDEX


def mask(columns: int = 81, rows: int = 101, eye_holes: bool = True) -> tuple[Avatar, np.ndarray]:
    """An Avatar in face space (x left, y up, z forward, eye distance 1) and its (L, 3) landmarks.

    The surface is a height field through the landmarks; it is cut between the mouth's corners and open at the eyes,
    if these are to be holes.
    """
    marks = canonical_landmarks()
    names = LANDMARK_INDEX
    flat = marks * [1, 1, 0]
    # One height a place: jaw angles and inner lips would fold a height field.
    knots = [i for n, i in names.items() if not n.startswith(("jaw", "lip_lower_inner", "lip_upper_inner"))]
    height = ThinPlate(flat[knots] + np.eye(3)[2] * 1e-3 * np.arange(len(knots))[:, None], marks[knots], 0.01)
    seam = marks[[names["mouth_corner_l"], names["lip_upper_inner_mid"]]].mean(0)[1]
    corner = marks[names["mouth_corner_l"], 0]
    x = np.linspace(-1.2, 1.2, columns)
    y = np.sort(np.concatenate([np.linspace(-2.0, 0.9, rows), [seam]]))
    grid = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    points = np.concatenate([grid, np.zeros((len(grid), 1))], 1)
    points[:, 2] = height(points)[:, 2]
    at = np.arange(len(points)).reshape(len(y), columns)
    quads = [
        (at[r, c], at[r, c + 1], at[r + 1, c + 1], at[r + 1, c]) for r in range(len(y) - 1) for c in range(columns - 1)
    ]
    quads = np.array(quads)
    # The slit: quads above the seam row get vertices of their own between the corners.
    row = int(np.flatnonzero(np.isclose(y, seam))[0])
    inner = at[row, np.abs(x) < corner * 0.98]
    twin = {int(v): len(points) + n for n, v in enumerate(inner)}
    points = np.concatenate([points, points[inner] + [0, 0.004, 0]])
    above = points[quads].mean(1)[:, 1] > seam
    quads[above] = [[twin.get(int(v), int(v)) for v in quad] for quad in quads[above]]
    centre = points[quads].mean(1)
    for s in "lr" if eye_holes else "":
        inside = np.zeros(len(quads))
        ring = [f"eye_inner_{s}", *(f"lid_upper_{k}_{s}" for k in ("in", "mid", "out")), f"eye_outer_{s}"]
        ring += [f"lid_lower_{k}_{s}" for k in ("out", "mid", "in")]
        loop = marks[[names[n] for n in ring], :2]
        for a, b in zip(loop, np.roll(loop, -1, 0), strict=True):
            cross = (b[0] - a[0]) * (centre[:, 1] - a[1]) - (b[1] - a[1]) * (centre[:, 0] - a[0])
            inside += np.sign(cross)
        quads, centre = quads[np.abs(inside) < 8], centre[np.abs(inside) < 8]
    used, quads = np.unique(quads, return_inverse=True)
    points, quads = points[used], quads.reshape(-1, 4)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    return Avatar(points, triangles, np.zeros(len(points), np.int32), ("Face",)), marks


def attached(avatar: Avatar, vertices: np.ndarray, triangles: np.ndarray, name: str) -> Avatar:
    """The avatar with one more object of (M, 3) vertices and (K, 3) triangles."""
    return Avatar(
        np.concatenate([avatar.vertices, vertices]),
        np.concatenate([avatar.triangles, triangles + len(avatar.vertices)]).astype(np.int32),
        np.concatenate([avatar.object_id, np.full(len(vertices), len(avatar.object_names))]),
        (*avatar.object_names, name),
    )


def sheet(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A grid of x by y in the plane z = 0: (M, 3) vertices, row by row, and (K, 3) triangles."""
    points = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    at = np.arange(len(points)).reshape(len(y), len(x))
    quads = np.stack([at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]], -1).reshape(-1, 4)
    return np.c_[points, np.zeros(len(points))], np.concatenate([quads[:, :3], quads[:, [0, 2, 3]]])


def ball(radius: float) -> tuple[np.ndarray, np.ndarray]:
    """A ball about the origin: (M, 3) vertices and (K, 3) triangles."""
    flat, triangles = sheet(np.linspace(-np.pi, np.pi, 17), np.linspace(-1.5, 1.5, 9))
    u, v = flat[:, 0], flat[:, 1]
    return radius * np.stack([np.cos(v) * np.sin(u), np.sin(v), np.cos(v) * np.cos(u)], 1), triangles


def arch(half: float, depth: float, low: float, high: float, points: int = 13) -> tuple[np.ndarray, np.ndarray]:
    """A row of teeth as a band from `low` to `high` along half an ellipse, open to the back; its front is at z = 0, and
    a ledge as of gums runs inwards from the edge that is farther from y = 0: (M, 3) vertices and (K, 3) triangles."""
    turn = np.linspace(0, np.pi, points)
    x, z = half * np.cos(turn), depth * (np.sin(turn) - 1)
    gum, bite = (high, low) if abs(high) > abs(low) else (low, high)
    rings = [(1.0, bite), (1.0, gum), (0.7, gum)]
    vertices = np.concatenate([np.c_[s * x, np.full(points, y), s * (z + depth) - depth] for s, y in rings])
    at = np.arange(len(vertices)).reshape(len(rings), points)
    quads = np.stack([at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]], -1).reshape(-1, 4)
    return vertices, np.concatenate([quads[:, :3], quads[:, [0, 2, 3]]])
