"""Which vertices of a face can be seen from outside: what happens behind closed lips nobody sees."""

from __future__ import annotations

import numpy as np

from blendshape_addon.core.geometry.raster import nearest_pixels, rasterise

from ..landmarks.dataset import turn

VIEWS = ((0, 0), (-25, 0), (25, 0), (-50, 0), (50, 0), (0, -20), (0, 20))  # degrees that a camera is turned and raised
CENTRE = (0.0, -0.6, 0.0)  # of the pictures, in face space
HALF = 2.0  # eye distances to their edges: forehead to throat, and both ears
PIXELS = 700  # 0.4 mm each
DEPTH = 0.015  # eye distances, about 1 mm, that a vertex may lie behind the surface that its pixel shows


def visible(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(V,) bool: a vertex of the (T, 3) triangles that is seen from one of VIEWS. vertices: (V, 3) in face space.

    A vertex outside of the pictures is not.
    """
    seen = np.zeros(len(vertices), bool)
    used = np.unique(triangles)
    for yaw, pitch in VIEWS:
        view = (vertices - CENTRE) @ turn(*np.radians([yaw, pitch])).T / HALF
        depth = rasterise(view, triangles, PIXELS).depth
        inside = used[(np.abs(view[used, :2]) < 1).all(1)]
        column, row = nearest_pixels(view[inside], PIXELS)
        shown = depth[np.clip(row, 0, PIXELS - 1), np.clip(column, 0, PIXELS - 1)]
        seen[inside[view[inside, 2] > shown - DEPTH / HALF]] = True
    return seen
