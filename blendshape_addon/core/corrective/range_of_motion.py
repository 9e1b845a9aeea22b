"""Poses of a humanoid whose file holds no motion: each joint bends as far as people's do, there and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..avatar.humanoid import limb_bones
from ..errors import InputError
from .bake import Poses
from .bones import matrices as rotation_matrices
from .parameters import SWEEPS

_HINGES = {"lower arm": "upper arm", "lower leg": "upper leg"}  # limbs that may be bent at rest, and the one before


@dataclass(frozen=True)
class Rest:
    """An armature at rest. bones: B names. parents: (B,) int, -1 for none. matrices: (B, 4, 4) of the bones in the
    world, y along the bone. holding: (B,) bool, which hold vertices."""

    bones: tuple[str, ...]
    parents: np.ndarray
    matrices: np.ndarray
    holding: np.ndarray


def poses(rest: Rest) -> Poses:
    """The poses of SWEEPS, left and right at once. Raises InputError where too few bones are known by their names."""
    limbs = limb_bones(name for name, holds in zip(rest.bones, rest.holding, strict=True) if holds)
    number = {name: place for place, name in enumerate(rest.bones)}
    found = {key: number[name] for key, name in limbs.items()}
    sides = [found.get((side, "upper leg"), found.get((side, "upper arm"))) for side in ("left", "right")]
    if None in sides:
        raise InputError(
            "The file holds no motion, and its bones are not known by their names, so that none can be made: give an "
            "avatar with an animation in which the joints bend."
        )
    left, right = (rest.matrices[place, :3, 3] for place in sides)
    outwards = (left - right) / max(float(np.linalg.norm(left - right)), 1e-9)
    up = np.array([0.0, 0.0, 1.0])
    forward = np.cross(outwards, up)
    towards = {"up": up, "down": -up, "forward": forward, "backward": -forward}
    frames = [_sweep(rest, found, sweep, towards, outwards) for sweep in SWEEPS.sweeps]
    rotations = np.concatenate(frames)
    return Poses(rest.bones, rest.parents, posed(rest, rotations), rotations, rest.matrices)


def _sweep(
    rest: Rest,
    found: Mapping[tuple[str, str], int],
    sweep: Mapping[str, tuple[str, float]],
    towards: Mapping[str, np.ndarray],
    outwards: np.ndarray,
) -> np.ndarray:
    """(F, B, 4) rotations: from rest to an end and back. sweep: limb to where it goes, and degrees from the straight
    limb."""
    share = np.sin(np.linspace(0, np.pi, SWEEPS.frames)) ** 2
    directions = rest.matrices[:, :3, 1] / np.linalg.norm(rest.matrices[:, :3, 1], axis=1, keepdims=True)
    rotations = np.zeros((SWEEPS.frames, len(rest.bones), 4))
    rotations[..., 0] = 1.0
    for (side, limb), bone in found.items():
        if limb not in sweep:
            continue
        where, degrees = sweep[limb]
        turn = rest.matrices[bone, :3, :3] / np.linalg.norm(rest.matrices[bone, :3, :3], axis=0)
        along = turn[:, 1]
        sign = 1.0 if side == "left" else -1.0
        axis = along * sign if where == "twist" else np.cross(along, towards.get(where, outwards * sign))
        if np.linalg.norm(axis) < SWEEPS.parallel:  # it points there already
            continue
        local = turn.T @ (axis / np.linalg.norm(axis))
        if limb in _HINGES and (before := found.get((side, _HINGES[limb]))) is not None:
            degrees -= float(np.degrees(np.arccos(np.clip(along @ directions[before], -1, 1))))
        half = np.radians(max(degrees, 0.0)) / 2 * share
        rotations[:, bone] = np.column_stack([np.cos(half), np.sin(half)[:, None] * local])
    return rotations


def posed(rest: Rest, rotations: np.ndarray) -> np.ndarray:
    """(F, B, 4, 4) from rest to pose, in the world, of (F, B, 4) rotations: each bone goes where its parent does."""
    frames, count = rotations.shape[:2]
    turned = np.tile(np.eye(4), (frames, count, 1, 1))
    turned[:, :, :3, :3] = rotation_matrices(rotations.reshape(-1, 4)).reshape(frames, count, 3, 3)
    inverse = np.linalg.inv(rest.matrices)
    own = rest.matrices @ turned @ inverse  # in the world, as if the parent stood still
    out = np.empty_like(own)
    done: set[int] = set()
    while len(done) < count:
        for bone, parent in enumerate(rest.parents.tolist()):
            if bone not in done and (parent < 0 or parent in done):
                out[:, bone] = own[:, bone] if parent < 0 else out[:, parent] @ own[:, bone]
                done.add(bone)
    return out
