"""Meshes to look at: training rigs made into other people and other styles."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.detection.views import pieces
from blendshape_addon.core.face.face_space import FaceSpace, point
from blendshape_addon.core.geometry.mesh import edges_of, vertex_normals, weld_points

from ..data.identities import random_style, random_warp, sample_neutral
from ..data.rigs import Rig, landmarks_of
from ..data.toon import warp as toon_warp
from . import extras
from .extras import Solid
from .toon_heads import toon_head

HIDEABLE = re.compile("lash|hair|eye|opacity|lacrimal|teeth|tongue|gums|glass|backpack", re.I)
CLOTHES = re.compile("hair|wear|robo", re.I)


@dataclass
class Scene:
    """vertices (V, 3), triangles (T, 3), piece (T,) in face space; points (L, 3) landmarks, None without a face."""

    vertices: np.ndarray
    triangles: np.ndarray
    piece: np.ndarray
    points: np.ndarray | None
    normals: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.normals = vertex_normals(self.vertices, self.triangles, weld_points(self.vertices))

    @staticmethod
    def of_solids(solids: list[Solid]) -> Scene:
        """Only these, each a piece."""
        nothing = np.zeros((0, 3))
        return Scene(*extras.join(nothing, nothing.astype(int), np.zeros(0, int), solids), None)

    def part(self, kept: np.ndarray) -> Scene:
        """Only the triangles where (T,) `kept`, whose face does not count."""
        return Scene(self.vertices, self.triangles[kept], self.piece[kept], None)

    def avatar(self, place: np.ndarray) -> Avatar:
        """The core's view of the scene after the (3, 3) map `place`: each piece an object."""
        corner = np.stack([self.triangles, np.broadcast_to(self.piece[:, None], self.triangles.shape)], -1)
        rows, triangles = np.unique(corner.reshape(-1, 2), axis=0, return_inverse=True)
        names, owner = np.unique(rows[:, 1], return_inverse=True)
        return Avatar(
            self.vertices[rows[:, 0]] @ place.T, triangles.reshape(-1, 3).astype(np.int32),
            owner.reshape(-1).astype(np.int32), tuple(f"piece {n}" for n in names),
        )  # fmt: skip


_PIECES: dict[str, np.ndarray] = {}


def _pieces(rig: Rig) -> np.ndarray:
    """(T,) `views.pieces` of `rig`, found once."""
    if rig.name not in _PIECES:
        _PIECES[rig.name] = pieces(rig.avatar())
    return _PIECES[rig.name]


def of_rig(rig: Rig, rng: np.random.Generator, strength: float = 1.0) -> Scene:
    """A random face on `rig`; strength 0 is the rig itself."""
    marks = partial(landmarks_of, rig)
    if strength == 0:
        vertices = FaceSpace.of(marks(rig.vertices)).to_face(rig.vertices)
        return Scene(vertices, rig.triangles, _pieces(rig), marks(vertices))
    vertices = sample_neutral(rig, rng)
    if rig.shapes and rng.random() < 0.5:
        for name in rng.choice(sorted(rig.shapes), 2):
            vertices = vertices + rig.shapes[name] * rng.uniform(0, 0.5)
    vertices = FaceSpace.of(marks(vertices)).to_face(vertices)
    vertices = random_warp(rng, strength * rng.uniform(0, 1.3))(vertices)
    is_toon = not rig.facts.toon and rng.random() < 0.55
    if is_toon:
        vertices = toon_warp(vertices, marks(vertices), rng)
    elif rng.random() < 0.6:
        vertices = random_style(marks(vertices), rng, strength)(vertices)
    has_drawn_face = is_toon and rng.random() < 0.5
    if not has_drawn_face and rng.random() < (0.5 if is_toon else 0.25):
        vertices = relax(vertices, rig.triangles, int(rng.integers(3, 25)), rng.uniform(0.3, 1))
    vertices = FaceSpace.of(marks(vertices)).to_face(vertices)
    points = marks(vertices)
    kept = drop_parts(rig, rng, has_drawn_face)
    triangles, piece = rig.triangles[kept], _pieces(rig)[kept]
    if rng.random() < 0.2:
        seam = weld_points(vertices)
        vertices = vertices + rng.normal(0, rng.uniform(0, 0.008), (seam.max() + 1, 3))[seam]
    if rng.random() < 0.25:
        vertices, triangles, whole = cluster(vertices, triangles, rng.uniform(0.02, 0.07))
        piece = piece[whole]
    if has_drawn_face:
        (vertices, triangles, piece), points = toon_head(vertices, triangles, piece, points, rng)
    solids: list[Solid] = []
    if not has_drawn_face and rng.random() < (0.6 if is_toon else 0.2):
        solids += extras.drawn_features(points, rng)
    solids += extras.attire(points, rng, 0.8 if is_toon else 0.3)
    return Scene(*extras.join(vertices, triangles, piece, solids), points)


def relax(vertices: np.ndarray, triangles: np.ndarray, rounds: int, share: float) -> np.ndarray:
    """Features smoothed away as cartoons do: `share` of `rounds` of Laplacian smoothing over the welded surface."""
    seam = weld_points(vertices)
    edges = edges_of(seam[triangles])
    ends = np.concatenate([edges, edges[:, ::-1]])
    degree = np.maximum(np.bincount(ends[:, 0], minlength=seam.max() + 1), 1)[:, None]
    smooth = np.zeros((seam.max() + 1, 3))
    smooth[seam] = vertices
    for _ in range(rounds):
        around = np.stack([np.bincount(ends[:, 0], smooth[ends[:, 1], k], len(smooth)) for k in range(3)], 1) / degree
        smooth += 0.5 * np.where(degree > 2, around - smooth, 0)
    return vertices + share * (smooth[seam] - vertices)


def drop_parts(rig: Rig, rng: np.random.Generator, bare: bool) -> np.ndarray:
    """(T',) triangles left without some of the parts that an avatar can lack; without all of them if `bare`."""
    hideable = [
        i for i, name in enumerate(rig.part_names) if HIDEABLE.search(name.split(":")[-1]) or CLOTHES.match(name)
    ]
    gone = [i for i in hideable if bare or rng.random() < 0.3]
    return np.flatnonzero(~np.isin(rig.part_id[rig.triangles[:, 0]], gone))


def cluster(vertices: np.ndarray, triangles: np.ndarray, cell: float) -> tuple[np.ndarray, ...]:
    """Decimation by vertex clustering (Rossignac and Borrel 1993): one vertex a cell of `cell` eye distances.

    Gives (V', 3), (T', 3) and the T' triangles' old numbers.
    """
    _, group = np.unique(np.round(vertices / cell).astype(int), axis=0, return_inverse=True)
    group = group.reshape(-1)
    count = np.bincount(group)
    merged = np.stack([np.bincount(group, vertices[:, k]) / count for k in range(3)], 1)
    faces = group[triangles]
    whole = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    return merged, faces[whole], np.flatnonzero(whole)


def blank(rig: Rig, rng: np.random.Generator) -> Scene:
    """A head whose face is smooth, sometimes with marks that make no face; hair and all else as heads have it."""
    whole = of_rig(rig, rng, 0)
    kept = drop_parts(rig, rng, True)
    mesh, points = toon_head(
        whole.vertices, whole.triangles[kept], whole.piece[kept], whole.points, rng, featureless=True
    )
    return Scene(*extras.join(*mesh, extras.attire(points, rng, 0.8)), None)


def headless(scene: Scene) -> Scene:
    """The scene's body cut off below the chin."""
    return scene.part((scene.vertices[:, 1] < point(scene.points, "chin_under")[1] - 0.05)[scene.triangles].all(1))
