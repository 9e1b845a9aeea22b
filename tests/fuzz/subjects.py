"""What faults are put into: small heads with known landmarks, rigs where their data is and faces made of numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from blendshape_addon.core.avatar import hints
from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.face.face_space import FaceSpace, point
from tests.core import pieces, real_rigs

HEAD = np.array([[-1.6, -2.2, -1.6], [1.6, 1.6, 1.6]])  # what is kept of a rig, in face space
MOST = 2200  # vertices of a head; one of more is made coarse, so that a case takes a fraction of a second


@dataclass(frozen=True)
class Subject:
    """An avatar in the making; nothing about it need be sound.

    vertices: (V, 3). triangles: (T, 3). object_id: (V,) ascending, into names. marks: (L, 3) where its landmarks truly
    are. keys: name, (n, 3) places and (n, 3) offsets of what shape keys of the creator move. bones: name to (3,) place.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    object_id: np.ndarray
    names: tuple[str, ...]
    marks: np.ndarray
    keys: tuple[tuple[str, np.ndarray, np.ndarray], ...] = ()
    bones: tuple[tuple[str, np.ndarray], ...] = ()

    @property
    def size(self) -> float:
        """The distance between the eyes."""
        return FaceSpace.of(self.marks).scale

    def avatar(self, landmarks: np.ndarray | None = None) -> Avatar:
        """What the core sees, with (L, 3) `landmarks` that its creator placed. Raises InputError where it refuses."""
        parts = [(name, self.vertices[self.object_id == number]) for number, name in enumerate(self.names)]
        marks = None if landmarks is None else np.column_stack([landmarks, np.ones(len(landmarks))])
        return Avatar(self.vertices, self.triangles.astype(np.int32), self.object_id.astype(np.int32), self.names,
                      hints.collect(dict(self.bones), self.keys, parts),
                      manual_landmarks=marks)  # fmt: skip

    def mapped(self, linear: np.ndarray, shift: np.ndarray) -> Subject:
        """Everything through x -> linear x + shift; (3, 3) and (3,)."""
        return replace(
            self, vertices=self.vertices @ linear.T + shift, marks=self.marks @ linear.T + shift,
            keys=tuple((name, at @ linear.T + shift, push @ linear.T) for name, at, push in self.keys),
            bones=tuple((name, linear @ at + shift) for name, at in self.bones),
        )  # fmt: skip

    def joined(self, vertices: np.ndarray, triangles: np.ndarray, name: str | None = None) -> Subject:
        """With (M, 3) vertices and (K, 3) triangles more, in the last object or in one of their own."""
        names = self.names if name is None else (*self.names, name)
        return replace(
            self, vertices=np.concatenate([self.vertices, vertices]), names=names,
            triangles=np.concatenate([self.triangles, triangles.reshape(-1, 3) + len(self.vertices)]),
            object_id=np.concatenate([self.object_id, np.full(len(vertices), len(names) - 1)]),
        )  # fmt: skip


def clustered(subject: Subject, cell: float) -> Subject:
    """Every vertex at its object's mean in a grid of cells as wide as `cell`, one vertex a cell, in a mesh that is
    coarser the wider the cells are; triangles that collapse stay as they come."""
    key = np.column_stack([np.floor(subject.vertices / cell), subject.object_id])[:, [3, 0, 1, 2]]
    _, group = np.unique(key, axis=0, return_inverse=True)
    group = group.reshape(-1)
    count = np.bincount(group)
    mean = np.stack([np.bincount(group, subject.vertices[:, axis]) / count for axis in range(3)], 1)
    owner = np.zeros(len(count), np.int64)
    owner[group] = subject.object_id
    return replace(subject, vertices=mean, triangles=group[subject.triangles], object_id=owner)


def subdivided(subject: Subject, least: int) -> Subject:
    """Each triangle cut in four, until there are `least` vertices."""
    while len(subject.vertices) < least:
        edges = np.sort(np.concatenate([subject.triangles[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))]), axis=1)
        edges, middle = np.unique(edges, axis=0, return_inverse=True)
        order = np.argsort(subject.object_id[edges[:, 0]], kind="stable")
        rank = np.argsort(order)
        a, b, c = subject.triangles.T
        ab, bc, ca = len(subject.vertices) + rank[middle.reshape(-1)].reshape(3, -1)
        vertices = np.concatenate([subject.vertices, subject.vertices[edges[order]].mean(1)])
        owner = np.concatenate([subject.object_id, subject.object_id[edges[order, 0]]])
        triangles = np.concatenate([np.stack(t, 1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])
        # Objects follow one another, as Blender's do.
        order = np.argsort(owner, kind="stable")
        subject = replace(subject, vertices=vertices[order], triangles=np.argsort(order)[triangles],
                          object_id=owner[order])  # fmt: skip
    return subject


def _made(organs: bool) -> Subject:
    avatar, marks = pieces.mask(31, 39)
    if organs:
        for s in "lr":
            places, triangles = pieces.ball(0.17)
            middle = point(marks, f"eye_inner_{s}", f"eye_outer_{s}") - [0, 0, 0.17]
            avatar = pieces.attached(avatar, places + middle, triangles, f"Eye_{s.upper()}")
        seam = point(marks, "lip_upper_inner_mid", "lip_lower_inner_mid")
        for name, at, width, height in (("Teeth_Upper", 0.06, 0.3, 0.06), ("Teeth_Lower", -0.06, 0.3, 0.06)):
            places, triangles = pieces.sheet(np.linspace(-width, width, 9), np.linspace(-height, height, 4))
            bent = places + seam + [0, at, -0.1] - (places[:, :1] ** 2) * [0, 0, 1.5]
            avatar = pieces.attached(avatar, bent, triangles, name)
        places, triangles = pieces.ball(0.12)
        avatar = pieces.attached(avatar, places * [1, 0.4, 2] + seam - [0, 0.05, 0.4], triangles, "Tongue")
    return Subject(avatar.vertices, avatar.triangles.astype(np.int64), avatar.object_id, avatar.object_names, marks)


def _rig(name: str) -> Subject:
    folder = next(path for path in real_rigs.FACES if path.name == name)
    avatar, marks = real_rigs.avatar_of(folder), real_rigs.truth_of(folder, np.eye(3))
    space = FaceSpace.of(marks)
    places = space.to_face(avatar.vertices)
    kept = ((places > HEAD[0]) & (places < HEAD[1])).all(1)[avatar.triangles].all(1)
    used, triangles = np.unique(avatar.triangles[kept], return_inverse=True)
    order = used[np.argsort(avatar.object_id[used], kind="stable")]
    triangles = np.argsort(np.argsort(avatar.object_id[used], kind="stable"))[triangles.reshape(-1, 3)]
    subject = Subject(avatar.vertices[order], triangles, avatar.object_id[order], avatar.object_names, marks)
    cell = 0.06 * space.scale
    while len(subject.vertices) > MOST:
        subject, cell = clustered(subject, cell), 1.2 * cell
        whole = (np.diff(np.sort(subject.triangles, axis=1), axis=1) > 0).all(1)
        subject = replace(subject, triangles=subject.triangles[whole])
    return subject


# With the rigs' data there are twelve more, so a case of a run without it is another one.
NAMES = ("mask", "mask with organs", *(path.name for path in real_rigs.FACES))


@cache
def subject(name: str) -> Subject:
    """One of NAMES."""
    return _made(name == "mask with organs") if name.startswith("mask") else _rig(name)
