"""A mesh over time, prepared for learning: where each vertex is in its own frame, and what is missing there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from blendshape_addon.core.corrective import inputs
from blendshape_addon.core.corrective.bones import Bones, Motion


@dataclass
class Clip:
    """skinned: (F, V, 3) float32 metres. bones: of this mesh. target: (F, V, 3). joints: (F, J, 3). frames: n, how many
    are looked at together; before the first the mesh stood still. joint_near: (V, N) joints nearest to each vertex."""

    skinned: np.ndarray
    bones: Bones
    frames: int
    target: np.ndarray | None = None
    joints: np.ndarray | None = None
    joint_near: np.ndarray | None = None

    @cached_property
    def motion(self) -> Motion:
        """That of the bones in all frames."""
        return self.bones.fit(self.skinned)

    @cached_property
    def pose(self) -> np.ndarray:
        """(F, K, 9) float32, the input `pose` of one frame."""
        return self.bones.poses(self.motion.turn).astype(np.float32)

    @cached_property
    def turns(self) -> np.ndarray:
        """(F, V, 3, 3) float32 rotations of the vertices."""
        return np.stack([self.bones.vertex_turns(turn).astype(np.float32) for turn in self.motion.turn])

    @cached_property
    def strays(self) -> np.ndarray:
        """(F, V, 3) float32, see Bones.strays."""
        every = range(len(self.skinned))
        return np.stack([self.bones.strays(self.skinned[f], self.motion.some([f])).astype(np.float32) for f in every])

    @cached_property
    def missing(self) -> np.ndarray:
        """(F, V, 3) float32 metres: from skinned to target, in each vertex's frame."""
        if self.target is None:
            raise ValueError("no target")
        return np.einsum("fvab,fva->fvb", self.turns, self.target - self.skinned)

    def steps(self, frame: np.ndarray) -> np.ndarray:
        """(n, S) numbers of the frames that are looked at for (S,) frames, oldest first."""
        return np.maximum(frame - np.arange(self.frames - 1, -1, -1)[:, None], 0)

    def positions(self, frame: np.ndarray, vertex: np.ndarray) -> np.ndarray:
        """(S, 3n) float32, the input `positions` of S pairs of a frame and a vertex."""
        return np.swapaxes(self.skinned[self.steps(frame), vertex], 0, 1).reshape(len(frame), -1)

    def local(self, frame: np.ndarray, vertex: np.ndarray) -> np.ndarray:
        """(S, 3n) float32, the input `local` of S pairs."""
        window = self.skinned[self.steps(frame), vertex]
        return inputs.local(window, self.turns[frame, vertex], self.strays[frame, vertex])

    def bone_poses(self, frame: np.ndarray, vertex: np.ndarray) -> np.ndarray:
        """(n, S, 9) float32: the input `pose` of the bones that S vertices follow most."""
        return self.pose[self.steps(frame), self.bones.index[vertex, 0]]

    def near(self, frame: np.ndarray, vertex: np.ndarray) -> np.ndarray:
        """(S, 9n) float32, the input `near` of S pairs."""
        assert self.joints is not None and self.joint_near is not None
        own = self.joints[self.steps(frame)[..., None], self.joint_near[vertex]]
        return inputs.near(self.skinned[frame, vertex], self.turns[frame, vertex], own).astype(np.float32)


def nearest_joints(rest: np.ndarray, joints: np.ndarray, count: int) -> np.ndarray:
    """(V, count) int: the joints, of (J, 3), nearest to each of (V, 3) vertices at rest; the last again where there are
    fewer."""
    distance = np.linalg.norm(rest[:, None] - joints, axis=-1)
    found = np.argsort(distance, axis=1, kind="stable")[:, :count]
    return np.pad(found, ((0, 0), (0, count - found.shape[1])), mode="edge")
