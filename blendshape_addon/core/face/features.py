"""What the deformer sees of each vertex: no vertex numbers, no topology, so that any mesh will do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..avatar.avatar import Avatar
from ..errors import FaceNotFound
from ..geometry.mesh import vertex_normals
from ..geometry.raster import nearest_pixels, rasterise
from ..vocabulary import LANDMARKS
from . import drawn_mouth
from .face_space import (
    LOCAL_SCALE,
    MIRROR_X,
    Canonical,
    FaceSpace,
    canonical_landmarks,
    crushed,
    eye_centres,
    mouth_corners,
    point,
)
from .lip_lid_fields import constraints, solve_on_skin
from .parameters import REACH, SEALED
from .parts import Part, classify

FREQUENCIES = (1.5, 3.0, 6.0, 12.0, 24.0)  # radians per eye distance
CLIP = 3.0  # eye distances from the origin of canonical space beyond which positions are not distinguished
COLUMNS = ("position", "normal", "fields", "part", "waves")  # groups of the network's inputs, in their order
INPUTS = 3 + 3 + 3 + (len(Part) - 1) + 2 * 3 * len(FREQUENCIES)


@dataclass(frozen=True)
class Features:
    """The vertices that an expression may move, as the network sees them (N of the avatar's V vertices).

    index: (N,) into Avatar.vertices. part: (N,) int8 of Part. positions, normals: (N, 3) face space.
    side: (N, 3) lip, left lid and right lid fields. drawn: (N,) bool, of a mouth that is drawn on the face.
    sealed: skin runs from lip to lip and no mouth is drawn on it. landmarks: (L, 3) face space.
    """

    index: np.ndarray
    part: np.ndarray
    positions: np.ndarray
    normals: np.ndarray
    side: np.ndarray
    drawn: np.ndarray
    sealed: bool
    landmarks: np.ndarray
    canonical: Canonical
    space: FaceSpace

    def inputs(self, mirror: bool = False, some: slice | np.ndarray = slice(None)) -> np.ndarray:
        """(N, INPUTS) float32 of `some` vertices, of the mirrored face if `mirror`."""
        positions, normals, side = self.canonical.positions[some], self.normals[some], self.side[some]
        if mirror:
            positions, normals, side = positions * MIRROR_X, normals * MIRROR_X, side[:, [0, 2, 1]]
        return assemble(positions, normals, side, self.part[some])

    def triangles(self, avatar: Avatar, *parts: Part) -> np.ndarray:
        """(T, 3) triangles of these parts, numbered as the feature vertices are."""
        local = np.full(len(avatar.vertices), -1)
        chosen = np.flatnonzero(np.isin(self.part, parts))
        local[self.index[chosen]] = chosen
        triangles = local[avatar.triangles]
        return triangles[(triangles >= 0).all(1)]


def assemble(canonical: np.ndarray, normals: np.ndarray, side: np.ndarray, part: np.ndarray) -> np.ndarray:
    """(N, INPUTS) float32 from canonical positions (N, 3) and the arrays named as in Features.

    Sines of canonical coordinates carry fine detail (Tancik et al. 2020, "Fourier Features Let Networks Learn High
    Frequency Functions", eq. 5, fixed frequencies).
    """
    canonical = np.clip(canonical, -CLIP, CLIP)
    waves = [wave(f * canonical) for f in FREQUENCIES for wave in (np.sin, np.cos)]
    one_hot = part[:, None] == np.arange(1, len(Part))
    groups = {"position": [canonical], "normal": [normals], "fields": [side], "part": [one_hot], "waves": waves}
    return np.concatenate([column for group in COLUMNS for column in groups[group]], axis=1).astype(np.float32)


def layout() -> dict[str, object]:
    """All that gives the columns of `assemble` their meaning, JSON-ready: a network that learned on them relies on it.

    Names count: one that is changed makes another layout, as another order does.
    """
    return {
        "columns": COLUMNS,
        "count": INPUTS,
        "frequencies": FREQUENCIES,
        "clip": CLIP,
        "parts": {part.name: part.value for part in Part},
        "landmarks": LANDMARKS,
        "canonical face": canonical_landmarks().tolist(),
        "local scale": LOCAL_SCALE,
    }


def compute(avatar: Avatar, landmarks: np.ndarray) -> Features:
    """Features of `avatar` with (L, 3) landmarks in avatar space.

    Raises FaceNotFound when the mesh has no surface there, or one that is drawn together to a point.
    """
    space = FaceSpace.of(landmarks)
    marks = space.to_face(landmarks)
    everything = space.to_face(avatar.vertices)
    part = classify(avatar, everything, marks)
    near = ((everything > REACH.low) & (everything < REACH.high)).all(1) & (part != Part.OTHER)
    if crushed(marks) or not near[avatar.triangles].all(1).any():
        raise FaceNotFound(
            "No face was found: the mesh has no surface between the places of eyes, mouth and chin. "
            "Undo what has drawn its vertices together, or export it again from where it was made."
        )
    index = np.flatnonzero(near)
    normals = vertex_normals(everything, avatar.triangles, avatar.weld)[index]
    side = solve_on_skin(avatar, everything, near & (part == Part.SKIN), constraints(marks))
    sealed = _sealed(everything, avatar.triangles[(part[avatar.triangles] == Part.SKIN).all(1)], side[:, 0], marks)
    halves = drawn_mouth.lip_side(avatar, everything, part, marks) if sealed else np.full(len(part), np.nan)
    drawn = np.isfinite(halves)
    part[drawn], side[drawn, 0] = Part.SKIN, halves[drawn]
    sealed = sealed and not drawn.any()
    return Features(
        index=index,
        part=part[index],
        positions=everything[index],
        normals=normals,
        side=side[index],
        drawn=drawn[index],
        sealed=sealed,
        landmarks=marks,
        canonical=Canonical.of(everything[index], marks),
        space=space,
    )


def _sealed(positions: np.ndarray, triangles: np.ndarray, side: np.ndarray, landmarks: np.ndarray) -> bool:
    """Whether skin runs from the upper to the lower lip: over most of the middle of the mouth there are triangles with
    a corner on either side that can be seen from the front. The mouth's wall, which joins the lips behind them, can
    not."""
    most, least = side[triangles].max(1), side[triangles].min(1)
    across = triangles[(most > 0) & (least < 0) & (most - least > SEALED.min_difference)]
    corners = mouth_corners(landmarks)
    seam = point(landmarks, "lip_upper_inner_mid", "lip_lower_inner_mid")
    half = SEALED.width * float(np.linalg.norm(corners[0] - corners[1]))
    place = (positions - seam) / [half, SEALED.depth, SEALED.depth]
    across = across[(np.abs(place[across].mean(1)) < 1).all(1)]
    if len(across) == 0:
        return False
    picture = rasterise(place, triangles, SEALED.pixels).depth
    centres = place[across].mean(1)
    column, row = nearest_pixels(centres, SEALED.pixels)
    visible = across[centres[:, 2] > picture[row, column] - SEALED.hidden / SEALED.depth]
    columns = np.linspace(-1, 1, SEALED.pixels)[:, None]
    x = place[visible][:, :, 0]
    sealed = ((x.min(1) <= columns) & (columns <= x.max(1))).any(1)
    return bool(sealed.mean() >= SEALED.min_columns)


def on_lids(features: Features, triangles: np.ndarray) -> np.ndarray:
    """(T,) bool: triangles around the eyes, where skin folds when lids close."""
    centres = features.positions[triangles].mean(1)
    beside = np.abs(centres[:, None] - eye_centres(features.landmarks)) < REACH.lids
    return beside.all(2).any(1)
