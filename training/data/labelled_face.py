"""A face with its true shapes as arrays that every augmentation takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.face import features
from blendshape_addon.core.face.face_space import FaceSpace, eye_centres

from .rigs import Rig, landmarks_of


@dataclass(frozen=True)
class LabelledFace:
    """A mesh in the face space of its own landmarks, with everything that moves with it.

    vertices: (V, 3). triangles: (T, 3). part_id: (V,) into part_names. names: S conditions, offsets: (S, V, 3) float32
    their truth. hidden: (V,) bool, where the truth means nothing. marks: (L, 3) true landmarks, mark_offsets:
    (S, L, 3) their motion.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    part_id: np.ndarray
    part_names: tuple[str, ...]
    names: tuple[str, ...]
    offsets: np.ndarray
    hidden: np.ndarray
    marks: np.ndarray
    mark_offsets: np.ndarray

    @staticmethod
    def of(rig: Rig, neutral: np.ndarray | None = None) -> LabelledFace:
        """The labelled rig in face space; `neutral` (V, 3) is another person on its topology."""
        neutral = rig.vertices if neutral is None else neutral
        marks = landmarks_of(rig, neutral)
        space = FaceSpace.of(marks)
        # Expressions of a rig are one size: they are scaled with the person's face.
        size = np.linalg.norm(np.subtract(*eye_centres(landmarks_of(rig, rig.vertices))))
        turn = (space.rotation.T / size).astype(np.float32)
        names = tuple(rig.shapes)
        offsets = np.zeros((len(names), *neutral.shape), np.float32)
        mark_offsets = np.zeros((len(names), *marks.shape), np.float32)
        for n, name in enumerate(names):
            offsets[n] = rig.shapes[name] @ turn
            mark_offsets[n] = landmarks_of(rig, offsets[n])
        return LabelledFace(
            vertices=space.to_face(neutral), triangles=rig.triangles, part_id=rig.part_id, part_names=rig.part_names,
            names=names, offsets=offsets, hidden=np.isin(rig.part_id, rig.hidden_parts), marks=space.to_face(marks),
            mark_offsets=mark_offsets,
        )  # fmt: skip

    @cached_property
    def avatar(self) -> Avatar:
        """What the core sees of it."""
        return Avatar(self.vertices, self.triangles.astype(np.int32), self.part_id.astype(np.int32), self.part_names)

    @cached_property
    def features(self) -> features.Features:
        """What the core sees of it with the true landmarks."""
        return features.compute(self.avatar, self.marks)

    def taken(self, index: np.ndarray, triangles: np.ndarray) -> LabelledFace:
        """The head on (V',) of its vertices, some perhaps several times, with (T', 3) triangles between them."""
        return replace(
            self, vertices=self.vertices[index], triangles=triangles, part_id=self.part_id[index],
            offsets=self.offsets[:, index], hidden=self.hidden[index],
        )  # fmt: skip

    def kept(self, triangles: np.ndarray) -> LabelledFace:
        """The head with these (T', 3) of its triangles only, and the vertices that they use."""
        used, local = np.unique(triangles, return_inverse=True)
        return self.taken(used, local.reshape(-1, 3))

    def mapped(self, where: Callable[[np.ndarray], np.ndarray]) -> LabelledFace:
        """The head through a map of space, (N, 3) to (N, 3), expressions too: what touches still touches."""
        vertices, marks = where(self.vertices), where(self.marks)
        offsets = np.zeros_like(self.offsets)
        for row, old in zip(offsets, self.offsets, strict=True):
            moved = np.flatnonzero(old.any(1))
            row[moved] = where(self.vertices[moved] + old[moved]) - vertices[moved]
        mark_offsets = where((self.marks + self.mark_offsets).reshape(-1, 3)).reshape(self.mark_offsets.shape) - marks
        return replace(self, vertices=vertices, offsets=offsets, marks=marks, mark_offsets=mark_offsets).in_face_space()

    def in_face_space(self) -> LabelledFace:
        """The head back in face space after its landmarks have moved."""
        space = FaceSpace.of(self.marks)
        turn = (space.rotation.T / space.scale).astype(np.float32)
        return replace(
            self, vertices=space.to_face(self.vertices), offsets=self.offsets @ turn,
            marks=space.to_face(self.marks), mark_offsets=self.mark_offsets @ turn,
        )  # fmt: skip
