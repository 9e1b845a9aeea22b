"""A head in anime proportions, made by code from the proxy, with eyeballs, lashes and teeth of its own.

The proxy's head is cut off at the neck and subdivided once (Loop, Smooth Subdivision Surfaces Based on Triangles,
1987), then a thin-plate spline takes its landmarks to where an anime face has them. The artist's units go the same way,
so they are the truth on the new head, too.
"""

from __future__ import annotations

import numpy as np

from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.face.face_space import FaceSpace, eye_centres, point
from blendshape_addon.core.geometry.thin_plate import ThinPlate
from blendshape_addon.core.vocabulary import LANDMARK_INDEX, LANDMARKS

from . import Face

NECK = -2.0  # eye distances below the eyes
# The left eye's opening about its centre, away from the nose and up, in eye distances.
EYE = {
    "eye_inner": (-0.29, -0.06), "lid_upper_in": (-0.18, 0.21), "lid_upper_mid": (0.0, 0.29),
    "lid_upper_out": (0.18, 0.24), "eye_outer": (0.31, 0.0), "lid_lower_out": (0.18, -0.21),
    "lid_lower_mid": (0.0, -0.26), "lid_lower_in": (-0.17, -0.23),
}  # fmt: skip
# Heights below the eyes, in eye distances: of the proxy (menton, mouth, subnasale), and of the anime face.
HEIGHTS = (("chin_under", -1.12), ("mouth_corner_l", -0.8), ("nose_base", -0.56))
MOUTH_GROWS = np.array([0.75, 0.6, 0.8])
# In eye distances: where the skull stays, for the spline would bend it, and the throat, which the chin takes along.
SKULL = np.array([[x, y, z] for x in (-1.4, 0, 1.4) for y in (-0.6, 0.6, 1.8) for z in (-2.6, -1.4)])
THROAT = np.array([[x, NECK, z] for x in (-0.9, 0, 0.9) for z in (-1.6, -0.4)])
THROAT_RISES = 0.45


def of(proxy: Face) -> Face:
    """The anime face that the proxy gives."""
    space = FaceSpace.of(proxy.landmarks)
    vertices, triangles = space.to_face(proxy.avatar.vertices), proxy.avatar.triangles
    triangles = triangles[(vertices[triangles][:, :, 1] > NECK).all(1)]
    used, triangles = np.unique(triangles, return_inverse=True)
    matrix, triangles = _subdivided(len(used), triangles.reshape(-1, 3))
    smooth = matrix @ vertices[used]
    marks = space.to_face(proxy.landmarks)
    warp = _warp(marks)
    neutral = warp(smooth)
    units = {}
    for name, offsets in proxy.units.items():
        moved = smooth + matrix @ (offsets[used] @ space.rotation.T / space.scale)
        units[name] = warp(moved) - neutral
    part = (matrix @ np.eye(len(proxy.avatar.object_names))[proxy.avatar.object_id[used]]).argmax(1)
    pieces = _Pieces(neutral, triangles, part, list(proxy.avatar.object_names), units)
    aims = warp(marks)
    for side in "lr":
        ring = _loop(triangles, neutral, point(aims, f"eye_inner_{side}", f"eye_outer_{side}"))
        pieces.add(f"Eye_{side.upper()}", *_eyeball(neutral[ring]))
        pieces.add_lash(f"Lash_{side.upper()}", ring)
    for row, name in ((1, "Teeth_Upper"), (-1, "Teeth_Lower")):
        pieces.add(name, *_teeth(aims, row))
    return pieces.face(space, aims)


class _Pieces:
    """A head in face space to which pieces are added, each an object of its own."""

    def __init__(
        self, vertices: np.ndarray, triangles: np.ndarray, part: np.ndarray, names: list[str], units: dict
    ) -> None:
        self.vertices, self.triangles, self.part, self.names, self.units = vertices, triangles, part, names, units
        self.known = np.ones(len(vertices), bool)

    def add(self, name: str, vertices: np.ndarray, triangles: np.ndarray) -> None:
        """A piece whose truth is not known."""
        still = np.zeros_like(vertices)
        self._add(name, vertices, triangles, dict.fromkeys(self.units, still), known=False)

    def add_lash(self, name: str, ring: np.ndarray) -> None:
        """A strip that grows from the upper half of a ring of lid vertices and moves with it."""
        lid = self.vertices[ring]
        upper = ring[lid[:, 1] > lid[:, 1].mean()]
        upper = upper[np.argsort(self.vertices[upper, 0])]
        strip = np.concatenate([self.vertices[upper] + [0, 0, 0.01], self.vertices[upper] + [0, 0.06, 0.07]])
        moves = {unit: np.tile(offsets[upper], (2, 1)) for unit, offsets in self.units.items()}
        self._add(name, strip, _grid(2, len(upper)), moves, known=True)

    def _add(self, name: str, vertices: np.ndarray, triangles: np.ndarray, moves: dict, known: bool) -> None:
        self.triangles = np.concatenate([self.triangles, triangles + len(self.vertices)])
        self.vertices = np.concatenate([self.vertices, vertices])
        self.part = np.concatenate([self.part, np.full(len(vertices), len(self.names))])
        self.names.append(name)
        self.units = {unit: np.concatenate([old, moves[unit]]) for unit, old in self.units.items()}
        self.known = np.concatenate([self.known, np.full(len(vertices), known)])

    def face(self, space: FaceSpace, marks: np.ndarray) -> Face:
        """The face, put back where the proxy's was."""

        def back(points: np.ndarray) -> np.ndarray:
            return space.vectors_to_avatar(points) + space.origin

        avatar = Avatar(
            back(self.vertices), self.triangles.astype(np.int32), self.part.astype(np.int32), tuple(self.names)
        )
        units = {unit: space.vectors_to_avatar(offsets) for unit, offsets in self.units.items()}
        return Face("anime", avatar, back(marks), units, self.known)


def _warp(marks: np.ndarray) -> ThinPlate:
    """The map of face space that takes (L, 3) landmarks of the proxy to anime proportions."""
    aims = marks.copy()
    at = LANDMARK_INDEX

    def starting(*words: str) -> list[int]:
        return [i for i, name in enumerate(LANDMARKS) if name.startswith(words)]

    below = starting("nose_tip", "nose_base", "nose_wing", "lip", "mouth", "cheek", "jaw", "chin")
    old, new = zip(*((point(marks, name)[1], height) for name, height in HEIGHTS), strict=True)
    aims[below, 1] = np.interp(marks[below, 1], [*old, 0], [*new, 0])
    for centre, side, away in zip(eye_centres(marks), "lr", (1, -1), strict=True):
        for name, place in EYE.items():
            aims[at[f"{name}_{side}"], :2] = centre[:2] + np.multiply(place, (away, 1))
        grown = aims[at[f"lid_upper_mid_{side}"], 1] - marks[at[f"lid_upper_mid_{side}"], 1]
        brow = [i for i in starting("brow") if LANDMARKS[i].endswith(f"_{side}")]
        aims[brow] += [0, grown + 0.02, -0.04]
        aims[at[f"jaw_angle_{side}"]] *= [0.85, 1, 1]
    aims[at["forehead"], 1] += grown
    lips = starting("lip", "mouth")
    middle = point(aims, "mouth_corner_l", "mouth_corner_r")
    aims[lips] = middle + (aims[lips] - middle) * MOUTH_GROWS
    nose = starting("nose_tip", "nose_base", "nose_wing")
    ground = (point(aims, "nose_bridge") + middle)[2] / 2
    aims[nose] = aims[nose] * [0.5, 1, 0.5] + [0, 0, 0.5 * ground]
    risen = THROAT + [0, THROAT_RISES, 0]
    return ThinPlate(np.concatenate([marks, SKULL, THROAT]), np.concatenate([aims, SKULL, risen]), 1e-4)


def _subdivided(count: int, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Loop's subdivision of (T, 3) triangles between `count` vertices: the (V, count) weights of the new vertices and
    their (4 T, 3) triangles. Edges with one triangle are a crease."""
    sides = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges, number = np.unique(np.sort(sides, axis=1), axis=0, return_inverse=True)
    number = number.reshape(3, -1)
    uses = np.bincount(number.reshape(-1), minlength=len(edges))
    opposite = np.zeros((len(edges), count))
    np.add.at(opposite, (number.reshape(-1), triangles[:, [2, 0, 1]].T.reshape(-1)), 1 / 8)
    inner = uses == 2
    ends = np.zeros((len(edges), count))
    ends[np.arange(len(edges))[:, None], edges] = np.where(inner, 3 / 8, 1 / 2)[:, None]
    middles = ends + opposite * inner[:, None]

    near = np.zeros((count, count))
    near[edges[:, 0], edges[:, 1]] = near[edges[:, 1], edges[:, 0]] = 1
    rim = np.zeros((count, count))
    rim[edges[~inner, 0], edges[~inner, 1]] = rim[edges[~inner, 1], edges[~inner, 0]] = 1
    degree = near.sum(1, keepdims=True)
    share = np.where(degree > 3, 3 / 8 / degree, 3 / 16)
    kept = np.where(
        rim.any(1)[:, None], 3 / 4 * np.eye(count) + rim / 8, (1 - degree * share) * np.eye(count) + share * near
    )
    a, b, c = triangles.T
    ab, bc, ca = number + count
    corners = ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))
    return np.concatenate([kept, middles]), np.concatenate([np.stack(corner, 1) for corner in corners])


def _loop(triangles: np.ndarray, vertices: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """(n,) the vertices of the open edge around `centre` (3,)."""
    sides = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    edges, uses = np.unique(sides, axis=0, return_counts=True)
    edges = edges[uses == 1]
    ends = np.unique(edges)
    ring = {int(ends[np.linalg.norm(vertices[ends] - centre, axis=1).argmin()])}
    while more := set(edges[np.isin(edges, list(ring)).any(1)].reshape(-1).tolist()) - ring:
        ring |= more
    return np.array(sorted(ring))


def _eyeball(ring: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A flattened ball close behind an opening with the rim (n, 3), leaning as the rim does."""
    across, up, height = np.linalg.lstsq(np.c_[ring[:, :2], np.ones(len(ring))], ring[:, 2], rcond=None)[0]
    middle = (ring[:, :2].min(0) + ring[:, :2].max(0)) / 2
    reach = np.append(np.ptp(ring[:, :2], axis=0) / 2 * 1.3, 0.22)
    rows, columns = 12, 20
    v, u = np.meshgrid(np.linspace(0.02, np.pi - 0.02, rows), np.linspace(-np.pi, np.pi, columns), indexing="ij")
    ball = np.stack([np.sin(u) * np.sin(v), np.cos(v), np.cos(u) * np.sin(v)], -1).reshape(-1, 3) * reach
    ball[:, :2] += middle
    inside = np.clip(1 - (((ring[:, :2] - middle) / reach[:2]) ** 2).sum(1), 0, 1)
    back = (ring[:, 2] - ring[:, :2] @ [across, up] - height - reach[2] * np.sqrt(inside)).min() - 0.015
    ball[:, 2] += ball[:, :2] @ [across, up] + height + back
    return ball, _grid(rows, columns)


def _teeth(marks: np.ndarray, row: int) -> tuple[np.ndarray, np.ndarray]:
    """The upper (row 1) or lower (-1) row: a sheet bent around behind the lips."""
    left, right = point(marks, "mouth_corner_l"), point(marks, "mouth_corner_r")
    front = point(marks, "lip_upper_inner_mid", "lip_lower_inner_mid")
    x = np.linspace(0.9 * left[0], 0.9 * right[0], 11)
    z = front[2] - 0.12 - 0.35 * (x / x[0]) ** 2
    heights = front[1] + row * np.array([0.005, 0.05, 0.09])
    points = np.stack([np.tile(x, 3), np.repeat(heights, 11), np.tile(z, 3)], 1)
    return points, _grid(3, 11)


def _grid(rows: int, columns: int) -> np.ndarray:
    """(K, 3) triangles of a grid of rows by columns of vertices, row by row."""
    at = np.arange(rows * columns).reshape(rows, columns)
    quads = np.stack([at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]], -1).reshape(-1, 4)
    return np.concatenate([quads[:, :3], quads[:, [0, 2, 3]]])
