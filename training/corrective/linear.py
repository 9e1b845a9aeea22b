"""What skinning misses as a linear map per vertex, fitted in closed form: the bar for every network, and their base.

The plain map takes a vertex's earlier places in its frame, how it strays from its bone, and the rotations of the bones
nearest to its own. The gated map also takes hinges along each of these rotations, so that its slope changes where
limbs meet or tissue is tight, and then what is left as a sum of bells around poses that were seen, which fades where
none was (pose space deformation, Lewis et al. 2000, per bone).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from .clip import Clip
from .parameters import LINEAR

BLOCK = 256  # vertices at a time: bounds the memory


class PoseMap(nn.Module):
    """The fitted map. own: (V, 3n, 3) of the input `local`; shared: (V, H, 3) of what the vertex's bone gives, H = 1 +
    9 + 9 knots + bells; bone: (V,) int64; knots: (K, 9, knots) radians; centres: (K, bells, 9) radians."""

    def __init__(self, own: Tensor, shared: Tensor, bone: Tensor, knots: Tensor, centres: Tensor) -> None:
        super().__init__()
        for name, value in (("own", own), ("shared", shared), ("bone", bone), ("knots", knots), ("centres", centres)):
            self.register_buffer(name, value)

    def forward(self, local: Tensor, pose: Tensor) -> Tensor:
        """(V, 3) metres in the vertices' frames of (V, 3n) `local` and (K, 9) present rotations."""
        shared = bone_columns(pose, self.knots, self.centres)[self.bone]
        return (local[:, None] @ self.own + shared[:, None] @ self.shared)[:, 0]


def bone_columns(pose: Tensor, knots: Tensor, centres: Tensor) -> Tensor:
    """(..., K, H) what bones give to their vertices' maps, of (..., K, 9) rotations."""
    parts = [torch.ones_like(pose[..., :1]), pose]
    if knots.shape[-1]:
        parts.append(torch.relu(pose[..., None] - knots).flatten(-2))
    if centres.shape[-2]:
        away = ((pose[..., None, :] - centres) ** 2).sum(-1)
        parts.append(torch.exp(-away / (2 * LINEAR.bell**2)))
    return torch.cat(parts, -1)


def fit(clip: Clip, gated: bool) -> PoseMap:
    """The map of all frames of a clip with a target, by ridge regression."""
    pose = clip.pose
    count = LINEAR.knots if gated else 0
    low, high = pose.min(0)[..., None], pose.max(0)[..., None]
    knots = torch.from_numpy((low + (high - low) * np.linspace(0, 1, count + 2, dtype=np.float32)[1:-1])[..., :count])
    centres = torch.from_numpy(_centres(pose, LINEAR.bells if gated else 0))
    with_bells = bone_columns(torch.from_numpy(pose), knots, centres).numpy()
    plain = with_bells.shape[-1] - centres.shape[1]
    bone = clip.bones.index[:, 0]
    vertices = len(bone)
    own = np.empty((vertices, 3 * clip.frames, 3), np.float32)
    shared = np.zeros((vertices, with_bells.shape[-1], 3), np.float32)
    penalty = np.concatenate([
        np.full(3 * clip.frames, LINEAR.ridge / LINEAR.scale**2),
        [1e-9], np.full(9, LINEAR.ridge), np.full(plain - 10, LINEAR.ridge_hinges),
    ]) * len(pose)  # fmt: skip
    frame = np.arange(len(pose))
    for start in range(0, vertices, BLOCK):
        rows = np.arange(start, min(start + BLOCK, vertices))
        local = clip.local(np.tile(frame, len(rows)), np.repeat(rows, len(frame))).reshape(len(rows), len(frame), -1)
        columns = np.concatenate([local, with_bells[:, bone[rows], :plain].transpose(1, 0, 2)], 2).astype(np.float64)
        wanted = clip.missing[:, rows].transpose(1, 0, 2)
        solved = _ridge(columns, wanted, penalty)
        own[rows], shared[rows, :plain] = solved[:, : local.shape[2]], solved[:, local.shape[2] :]
        if centres.shape[1]:
            left = wanted - columns @ solved
            for one in np.unique(bone[rows]):  # all vertices of a bone have the same bells
                some = bone[rows] == one
                bells = with_bells[:, one, plain:].astype(np.float64)
                right = left[some].transpose(1, 0, 2).reshape(len(frame), -1)
                added = _ridge(bells[None], right[None], np.full(bells.shape[1], LINEAR.ridge_bells * len(pose)))[0]
                shared[rows[some], plain:] = added.reshape(bells.shape[1], -1, 3).transpose(1, 0, 2)
    return PoseMap(
        torch.from_numpy(own), torch.from_numpy(shared), torch.from_numpy(bone.astype(np.int64)), knots, centres
    )


@torch.no_grad()
def predict(base: PoseMap, clip: Clip) -> np.ndarray:
    """(F, V, 3) float32 metres in the vertices' frames."""
    every = np.arange(clip.skinned.shape[1])
    out = np.empty(clip.skinned.shape, np.float32)
    for frame, pose in enumerate(torch.from_numpy(clip.pose)):
        out[frame] = base(torch.from_numpy(clip.local(np.full(len(every), frame), every)), pose).numpy()
    return out


def _ridge(columns: np.ndarray, wanted: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """(B, D, C) coefficients of (B, F, D) columns for (B, F, C), each squared one weighed by its (D,) penalty."""
    turned = np.swapaxes(columns, 1, 2)
    gram = turned @ columns
    diagonal = np.arange(len(penalty))
    gram[:, diagonal, diagonal] += penalty
    return np.linalg.solve(gram, turned @ wanted)


def _centres(pose: np.ndarray, count: int) -> np.ndarray:
    """(K, count, 9) of each bone's (F, K, 9) poses those that lie farthest apart, the first and then always the one
    farthest from those before it."""
    bones = np.arange(pose.shape[1])
    chosen, away = [pose[0]], np.full(pose.shape[:2], np.inf)
    while len(chosen) < count:
        away = np.minimum(away, ((pose - chosen[-1]) ** 2).sum(-1))
        chosen.append(pose[away.argmax(0), bones])
    return np.stack(chosen[:count], 1) if count else np.empty((len(bones), 0, pose.shape[2]), np.float32)
