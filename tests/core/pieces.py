"""Simple solids to give the mask of numbers teeth, a tongue and eyes."""

from __future__ import annotations

import numpy as np

from blendshape_addon.core.mesh import Avatar


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
