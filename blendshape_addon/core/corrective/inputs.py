"""What a corrective network is fed, from frames of a skinned mesh."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from .bones import Bones, Motion


def local(window: np.ndarray, turns: np.ndarray, strays: np.ndarray) -> np.ndarray:
    """(S, 3n) input `local` of S vertices: (n, S, 3) places, oldest first, (S, 3, 3) rotations and (S, 3) strays."""
    earlier = np.swapaxes(window[:-1] - window[-1], 0, 1)
    return np.concatenate([earlier @ turns, strays[:, None]], 1).reshape(len(turns), -1)


def near(place: np.ndarray, turns: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """(S, 3nN) input `near` of S vertices: (S, 3) present places, (S, 3, 3) rotations and (n, S, N, 3) their joints."""
    away = np.swapaxes(joints, 0, 1).reshape(len(turns), -1, 3) - place[:, None]
    return (away @ turns).reshape(len(turns), -1)


def assemble(
    names: Collection[str],
    bones: Bones,
    window: np.ndarray,
    motion: Motion,
    joints: np.ndarray | None,
    joint_near: np.ndarray | None,
) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """Those of `corrective_format.INPUTS` that are in `names`, float32, and the (V, 3, 3) rotations of the vertices in
    the last frame, None where only places as they come are asked for.

    window: (n, V, 3) metres, oldest first. motion: of the bones in these frames. joints: (n, J, 3) metres.
    """
    made: dict[str, np.ndarray] = {}
    count = window.shape[1]
    turns = bones.vertex_turns(motion.turn[-1]) if {"local", "pose", "near"} & set(names) else None
    if "positions" in names:
        made["positions"] = window.transpose(1, 0, 2).reshape(count, -1)
    if "local" in names and turns is not None:
        made["local"] = local(window, turns, bones.strays(window[-1], motion.some([-1])))
    if "pose" in names:
        made["pose"] = bones.poses(motion.turn)
    if "joints" in names and joints is not None:
        made["joints"] = joints
    if "near" in names and joints is not None and turns is not None:
        made["near"] = near(window[-1], turns, joints[:, joint_near])
    return {name: np.ascontiguousarray(value, np.float32) for name, value in made.items()}, turns
