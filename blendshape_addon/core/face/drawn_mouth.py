"""A mouth drawn on the face: flat pieces that lie on the skin instead of a slit in it, as many toon avatars have.

Such a piece opens by its own upper and lower edge, so it is given the lip field that skin gets from its slit.
"""

from __future__ import annotations

import numpy as np

from ..avatar.avatar import Avatar
from ..geometry.raster import nearest_pixels, rasterise
from .face_space import mouth_corners
from .parameters import DRAWN_MOUTH
from .parts import Part


def lip_side(avatar: Avatar, vertices: np.ndarray, part: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(V,) from 1 on the upper edge to -1 on the lower edge of drawn mouths, NaN on everything else.

    vertices: (V, 3) and landmarks: (L, 3) in face space; part: (V,) of Part.
    """
    out = np.full(len(vertices), np.nan)
    corners = mouth_corners(landmarks)
    centre, width = corners.mean(0), float(np.linalg.norm(corners[0] - corners[1]))
    pieces = avatar.components
    reach, sunk = DRAWN_MOUTH.reach * width, DRAWN_MOUTH.sunk
    inside = (np.abs(vertices - centre) < reach).all(1)
    size, close = np.bincount(pieces), np.bincount(pieces, inside)
    skin = pieces == np.argmax(np.bincount(pieces, part == Part.SKIN))
    picture = None
    for piece in np.flatnonzero((close == size) & (size >= DRAWN_MOUTH.min_vertices)):
        mine = np.flatnonzero(pieces == piece)
        low, high = vertices[mine].min(0), vertices[mine].max(0)
        across = high[0] - low[0] > DRAWN_MOUTH.min_width * width and low[1] - sunk < centre[1] < high[1] + sunk
        if skin[mine[0]] or not across:
            continue
        if picture is None:
            triangles = avatar.triangles[skin[avatar.triangles].all(1)]
            picture = rasterise((vertices - centre) / width, triangles, DRAWN_MOUTH.pixels)
        place = (vertices[mine] - centre) / width
        column, row = nearest_pixels(place, DRAWN_MOUTH.pixels)
        behind = (picture.depth[row, column] - place[:, 2]) * width
        if np.mean((behind < sunk) & (behind > -np.inf)) >= DRAWN_MOUTH.on_skin:
            out[mine] = _halves(vertices[mine])
    return out


def _halves(piece: np.ndarray) -> np.ndarray:
    """(M,) -1 to 1: how high each of (M, 3) vertices lies between the edges of its piece there."""
    x, y = piece[:, 0], piece[:, 1]
    ends = np.linspace(x.min(), x.max(), DRAWN_MOUTH.columns)
    width = ends[1] - ends[0]
    near = np.abs(x[None] - ends[:, None]) <= width
    high, low = (np.array([pick(y[n]) if n.any() else np.nan for n in near]) for pick in (np.max, np.min))
    known = np.isfinite(high)
    high, low = (np.interp(x, ends[known], edge[known]) for edge in (high, low))
    return np.clip(2 * (y - low) / np.maximum(high - low, 1e-6) - 1, -1, 1)
