"""The numbers of the corrective deformer's runtime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ANCHOR = 0.9  # weight from which a vertex moves as its bone does, and its motion is fitted; of 1
MIN_ANCHORS = 4  # vertices without which no rotation is fitted: the strongest are taken then


@dataclass(frozen=True)
class Bake:
    """Corrective keys, tuned on a body of 13,718 vertices with twists, bulges and contact.

    frames: that key poses are chosen on, as many for a minute as for an hour. turn: degrees that a bone has to turn
    to drive a key. poses: key poses per bone and axis that are tried. apart: distance between those, of a bone of
    length 1. outer: reach of a key, of the distance between its pose and rest, so that it is off at rest. inner:
    share of the reach in which it is fully on. twist: share of an axis along the bone from which angles about it are
    a twist. weight: from which a bone holds a vertex, of 1. reach: how much farther a vertex may be from a key's
    joint than from another. condition: ratio of stretch to squash from which blended skinning cannot be undone.
    ridge: frames of zero correction that stand against each key. one_sided: share of what a left and a right key take
    together below which the other is made alone. least_gain: share of the whole error that a key has to take. least:
    metres from which a vertex is moved: a tenth of what is seen. moving: metres that the target is off skinning where
    it counts as moving.
    """

    frames: int = 240
    turn: float = 10.0
    poses: int = 10
    apart: float = 0.25
    outer: tuple[float, ...] = (1.0, 0.75, 0.5)
    inner: tuple[float, ...] = (0.0, 0.4)
    twist: float = 0.8
    weight: float = 0.02
    reach: float = 1.5
    condition: float = 5.0
    ridge: float = 0.5
    one_sided: float = 0.1
    least_gain: float = 0.001
    least: float = 5e-5
    moving: float = 1e-3


BAKE = Bake()


@dataclass(frozen=True)
class Sweeps:
    """Poses for avatars without a motion. sweeps: limb to where it swings (up, down, forward, backward, outwards) or
    that it twists, and how far in degrees: what people reach without effort. frames: of each sweep, there and back.
    parallel: sine between a limb and where it goes below which it is there.
    """

    sweeps: tuple[Mapping[str, tuple[str, float]], ...] = field(
        default_factory=lambda: (
            {"lower arm": ("forward", 140.0), "lower leg": ("backward", 135.0)},
            {"upper arm": ("down", 75.0), "upper leg": ("forward", 100.0)},
            {"upper arm": ("up", 80.0), "upper leg": ("outwards", 45.0)},
            {"upper arm": ("forward", 100.0), "upper leg": ("backward", 25.0)},
            {"lower arm": ("twist", 80.0), "upper arm": ("down", 40.0)},
            {"hand": ("down", 60.0), "foot": ("down", 35.0)},
            {
                "upper arm": ("forward", 60.0),
                "lower arm": ("forward", 110.0),
                "upper leg": ("forward", 95.0),
                "lower leg": ("backward", 120.0),
            },
        )
    )
    frames: int = 24
    parallel: float = 0.3


SWEEPS = Sweeps()
