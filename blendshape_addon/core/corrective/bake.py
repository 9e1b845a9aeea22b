"""Corrective shape keys: which key poses, what moves in them, and how much of a correction they give back.

A correction of a posed mesh is taken to rest by the inverse of each vertex's blended skinning matrix, since shape keys
act before skinning (Lewis et al. 2000, "Pose space deformation"). Key poses are chosen one by one, each the one that
takes most from the error that is left (orthogonal matching pursuit, Pati et al. 1993), and the offsets of all keys are
then solved together, in least squares over all frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ..avatar.hints import plain_limb, side_of
from ..errors import InputError
from . import skinning
from .drivers import ACROSS, ALONG, AXES, Driver, angles, distances, rotate
from .parameters import BAKE
from .skinning import Skin

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Poses:
    """An armature in F frames. bones: B names. parents: (B,) int, -1 for none. matrices: (F, B, 4, 4) from rest to
    pose, in the world. rotations: (F, B, 4) unit quaternions w, x, y, z of each bone, relative to its parent and to
    rest. rests: (B, 4, 4) of the bones at rest in the world, y along the bone."""

    bones: tuple[str, ...]
    parents: np.ndarray
    matrices: np.ndarray
    rotations: np.ndarray
    rests: np.ndarray

    @property
    def count(self) -> int:
        """F."""
        return len(self.matrices)

    def some(self, frames: np.ndarray) -> Poses:
        """Those of some frames."""
        return replace(self, matrices=self.matrices[frames], rotations=self.rotations[frames])


@dataclass(frozen=True)
class Mesh:
    """rest: (V, 3) metres in the world. skin: see Skin, whose bones are those of Poses."""

    rest: np.ndarray
    skin: Skin

    def skinned(self, poses: Poses) -> np.ndarray:
        """(F, V, 3) float32 metres: the mesh in every frame."""
        out = np.empty((poses.count, *self.rest.shape), np.float32)
        for frame, matrices in enumerate(poses.matrices):
            out[frame] = skinning.apply(self.skin.blended(matrices), self.rest)
        return out


@dataclass(frozen=True)
class Key:
    """A corrective key. name: of the shape key. indices: (n,) vertices that move. offsets: (n, 3) metres at rest."""

    name: str
    driver: Driver
    indices: np.ndarray
    offsets: np.ndarray


@dataclass(frozen=True)
class Errors:
    """Distances to the true surface in mm. moving: mean where the true surface is farther than BAKE.moving from the
    skinned one; resting: mean of all else."""

    mean: float
    q95: float
    moving: float
    resting: float


@dataclass(frozen=True)
class Wanted:
    """Key poses that a user asks for: angles, in degrees, of a bone about an axis of its own (x, y or z), or about the
    one that it turns about most where that is empty."""

    bone: str
    axis: str
    angles: tuple[float, ...]


def parse_wanted(text: str) -> list[Wanted]:
    """The key poses of `BONE=60,120; BONE:x=45`. Raises InputError for anything else."""
    found = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        left, _, right = part.rpartition("=")
        bone, colon, axis = (
            left.rpartition(":") if left.rpartition(":")[2].strip() in ("x", "y", "z") else (left, "", "")
        )
        try:
            numbers = tuple(float(number) for number in right.split(","))
        except ValueError:
            numbers = ()
        if not bone.strip() or not numbers or not all(0 < abs(number) <= 180 for number in numbers):
            raise InputError(
                "“{text}” names no key poses: write BONE=60,120 with angles up to 180 degrees, and ; between bones.",
                text=part,
            )
        found.append(Wanted(bone.strip(), axis.strip() if colon else "", numbers))
    return found


def bake(
    mesh: Mesh,
    poses: Poses,
    corrected: np.ndarray,
    count: int,
    wanted: Sequence[Wanted] = (),
    progress: Progress | None = None,
    more: tuple[Poses, np.ndarray] | None = None,
) -> list[Key]:
    """Up to `count` keys that bring the skinned mesh near to `corrected`, (F, V, 3) metres.

    wanted: the key poses, else they are chosen. more: further poses of the same armature and the mesh in them, such
    as a range of motion beside an animation in which some joints always bend together. Raises InputError where a
    wanted bone is none of the armature, and where nothing is left to correct.
    """
    poses, corrected = _sampled(poses, corrected)
    if more is not None:
        others, beside = _sampled(*more)
        poses = replace(
            poses,
            matrices=np.concatenate([poses.matrices, others.matrices]),
            rotations=np.concatenate([poses.rotations, others.rotations]),
        )
        corrected = np.concatenate([corrected, beside])
    fit = _Fit(mesh, poses, corrected, progress or (lambda fraction: None))
    drivers = _listed(poses, wanted) if wanted else fit.choose(count)
    offsets = fit.solve(drivers)
    keys = []
    for driver, name, (indices, values) in zip(drivers, _names(drivers), offsets, strict=True):
        far = np.linalg.norm(values, axis=1) > BAKE.least
        if far.any():
            keys.append(Key(name, driver, indices[far], values[far].astype(np.float32)))
    if not keys:
        raise InputError(
            "There is nothing to correct: the target is where skinning takes the mesh, or moves only with bones that "
            "stand still."
        )
    return keys


def _sampled(poses: Poses, corrected: np.ndarray) -> tuple[Poses, np.ndarray]:
    """BAKE.frames of the frames, or all of fewer."""
    if poses.count <= BAKE.frames:
        return poses, corrected
    kept = np.linspace(0, poses.count - 1, BAKE.frames).round().astype(int)
    return poses.some(kept), corrected[kept]


def keyed(mesh: Mesh, poses: Poses, keys: Sequence[Key]) -> np.ndarray:
    """(F, V, 3) float32 metres: the mesh in every frame with its corrective keys driven."""
    values = np.array([_values(poses, key.driver) for key in keys]).reshape(len(keys), poses.count)
    out = np.empty((poses.count, *mesh.rest.shape), np.float32)
    for frame, matrices in enumerate(poses.matrices):
        points = mesh.rest.copy()
        for key, value in zip(keys, values[:, frame], strict=True):
            if value:
                points[key.indices] += value * key.offsets
        out[frame] = skinning.apply(mesh.skin.blended(matrices), points)
    return out


def errors(points: np.ndarray, true: np.ndarray, skinned: np.ndarray) -> Errors:
    """How far (F, V, 3) points are from the true ones; where these move is told by the `skinned` ones."""
    distance = np.linalg.norm(points - true, axis=2) * 1000
    moving = np.linalg.norm(skinned - true, axis=2) > BAKE.moving
    return Errors(
        float(distance.mean()),
        float(np.quantile(distance, 0.95)),
        float(distance[moving].mean()) if moving.any() else 0.0,
        float(distance[~moving].mean()) if not moving.all() else 0.0,
    )


def gain_kept(skinned: float, baked: float, model: float = 0.0) -> float:
    """Share, 1 at best, of what a model takes off an error that baked keys take off it, too."""
    return (skinned - baked) / max(skinned - model, 1e-9)


def _values(poses: Poses, driver: Driver) -> np.ndarray:
    return driver.values(poses.rotations[:, poses.bones.index(driver.bone)])


def _names(drivers: Sequence[Driver]) -> list[str]:
    """A name for each key: its bone and the angle of its key pose, with a letter where several have the same."""
    found: list[str] = []
    for driver in drivers:
        name = plain = f"corr.{driver.bone}.{driver.angle:.0f}"
        letters = iter("bcdefghijklmnopqrstuvwxyz")
        while name in found:
            name = f"{plain}{next(letters)}"
        found.append(name)
    return found


@dataclass(frozen=True)
class _Option:
    """Keys that are chosen together: one, or those of a left and a right bone. bones: whose they are. drivers, values:
    for each bone C drivers, and their (C, F) values."""

    bones: tuple[int, ...]
    drivers: list[list[Driver]]
    values: list[np.ndarray]


class _Chosen(NamedTuple):
    """A key that was chosen: number of its bone, driver and (F,) values."""

    bone: int
    driver: Driver
    values: np.ndarray


class _Fit:
    """What is left of the correction at rest, (F, V, 3), and which vertices each bone may correct."""

    def __init__(self, mesh: Mesh, poses: Poses, corrected: np.ndarray, progress: Progress) -> None:
        self._poses, self._progress = poses, progress
        self._offsets = np.zeros(corrected.shape, np.float32)
        for frame, (matrices, true) in enumerate(zip(poses.matrices, corrected, strict=True)):
            blended = mesh.skin.blended(matrices)
            missing = true - skinning.apply(blended, mesh.rest)
            rows = np.flatnonzero(np.abs(missing).max(1) > BAKE.least)
            inverse = skinning.inverses(blended[rows, :, :3], BAKE.condition)
            self._offsets[frame, rows] = np.einsum("vij,vj->vi", inverse, missing[rows])
            progress(0.5 * (frame + 1) / poses.count)
        moves = np.abs(self._offsets).max((0, 2)) > 0
        self._near = [near[moves[near]] for near in (_near(bone, poses, mesh) for bone in range(len(poses.bones)))]
        self._left = self._offsets.copy()
        self._grams: dict[int, np.ndarray] = {}

    def choose(self, count: int) -> list[Driver]:
        """Up to `count` drivers, by how much error their keys take."""
        options = self._options()
        groups: list[list[_Chosen]] = []
        total = float(np.einsum("fvi,fvi->", self._left, self._left))
        while (free := count - sum(map(len, groups))) > 0:
            gain, group = self._best(options, groups, free)
            if not group or gain < BAKE.least_gain * total * len(group):
                break
            groups.append(group)
            self._update(group, groups)
            self._progress(0.5 + 0.4 * sum(map(len, groups)) / count)
        for place in range(len(groups)):  # what was chosen first may be better placed beside what came later
            old = groups.pop(place)
            self._update(old, groups)
            _, group = self._best(options, groups, len(old))
            groups.insert(place, group or old)
            self._update(groups[place], groups)
            self._progress(0.9 + 0.1 * (place + 1) / len(groups))
        return sorted((key.driver for group in groups for key in group), key=lambda one: (one.bone, one.angle))

    def solve(self, drivers: Sequence[Driver], rows: np.ndarray | None = None) -> list[tuple[np.ndarray, np.ndarray]]:
        """Vertices (n,) and offsets (n, 3) at rest of the key of each driver; `rows`: only of these vertices."""
        rows = np.arange(self._offsets.shape[1]) if rows is None else rows
        values = np.array([_values(self._poses, driver) for driver in drivers], np.float64)  # (K, F)
        allowed = np.zeros((len(drivers), self._offsets.shape[1]), bool)
        for row, driver in zip(allowed, drivers, strict=True):
            row[self._near[self._poses.bones.index(driver.bone)]] = True
        allowed = allowed[:, rows]
        solved = np.zeros((len(drivers), len(rows), 3))
        patterns, groups = np.unique(allowed, axis=1, return_inverse=True)
        for group, pattern in enumerate(patterns.T):
            keys, some = np.flatnonzero(pattern), np.flatnonzero(groups.reshape(-1) == group)
            if len(keys) == 0:
                continue
            gram = values[keys] @ values[keys].T + BAKE.ridge * np.eye(len(keys))
            wanted = values[keys] @ self._offsets[:, rows[some]].reshape(values.shape[1], -1)
            solved[np.ix_(keys, some)] = np.linalg.solve(gram, wanted).reshape(len(keys), len(some), 3)
        return [(rows[row], offsets[row]) for row, offsets in zip(allowed, solved, strict=True)]

    def _update(self, changed: Sequence[_Chosen], groups: Sequence[Sequence[_Chosen]]) -> None:
        """Bring what is left up to date where `changed` were put to the chosen `groups` or taken off."""
        rows = np.unique(np.concatenate([self._near[key.bone] for key in changed]))
        self._left[:, rows] = self._offsets[:, rows]
        keys = [key for group in groups for key in group if np.isin(self._near[key.bone], rows).any()]
        solved = self.solve([key.driver for key in keys], rows) if keys else []
        for key, (indices, offsets) in zip(keys, solved, strict=True):
            on = np.flatnonzero(key.values)
            self._left[np.ix_(on, indices)] -= (key.values[on, None, None] * offsets).astype(np.float32)
        for other in list(self._grams):
            if np.isin(self._near[other], rows).any():
                del self._grams[other]

    def _best(
        self, options: Sequence[_Option], groups: Sequence[Sequence[_Chosen]], free: int
    ) -> tuple[float, list[_Chosen]]:
        """The keys, `free` at most, that take most error per key beside the chosen ones, and what all of them take."""
        best: tuple[float, list[_Chosen]] = (0.0, [])
        for option in options:
            gains = np.array(
                [self._gains(bone, values, groups) for bone, values in zip(option.bones, option.values, strict=True)]
            )
            place = int(gains.sum(0).argmax())
            keys = [
                _Chosen(bone, drivers[place], values[place])
                for bone, drivers, values, gain in zip(
                    option.bones, option.drivers, option.values, gains[:, place], strict=True
                )
                if gain > BAKE.one_sided * gains[:, place].sum()  # else the other side does not need it
            ]
            gain = float(gains[:, place].sum())
            if 0 < len(keys) <= free and gain / len(keys) > best[0] / max(len(best[1]), 1):
                best = gain, keys
        return best

    def _gains(self, bone: int, values: np.ndarray, groups: Sequence[Sequence[_Chosen]]) -> np.ndarray:
        """(C,) squared metres that a key of a bone with each of (C, F) values would take of what is left."""
        near = self._near[bone]
        beside = [key.values for group in groups for key in group if np.isin(self._near[key.bone], near).any()]
        free = values
        if beside:
            basis = np.linalg.qr(np.array(beside).T)[0]
            free = values - (values @ basis) @ basis.T
        size = np.einsum("cf,cf->c", free, free)
        return np.einsum("cf,cf->c", free @ self._gram(bone), free) / (size + BAKE.ridge)

    def _gram(self, bone: int) -> np.ndarray:
        """(F, F) products of what is left in two frames, summed over the vertices near a bone."""
        if bone not in self._grams:
            near = self._left[:, self._near[bone]].reshape(len(self._left), -1)
            self._grams[bone] = (near @ near.T).astype(np.float64)
        return self._grams[bone]

    def _options(self) -> list[_Option]:
        """The drivers that may be chosen, of each bone that turns and moves vertices."""
        poses = self._poses
        turning = [
            bone
            for bone in range(len(poses.bones))
            if len(self._near[bone]) and angles(poses.rotations[:, bone]).max() >= BAKE.turn
        ]
        placed = {bone: _placed(poses, bone) for bone in turning}
        found = []
        for bone in turning:
            other = partner(bone, poses.bones)
            bones: tuple[int, ...]
            if other is None or not len(self._near[other]):
                bones, drivers = (bone,), [placed[bone]]
            elif other in placed and other < bone:  # it was there with its partner
                continue
            else:
                bones, theirs = (bone, other), placed.get(other, [])
                there, back = mirror(bone, other, poses), mirror(other, bone, poses)
                drivers = [[*placed[bone], *map(back, theirs)], [*map(there, placed[bone]), *theirs]]
            if drivers[0]:
                values = [np.array([_values(poses, driver) for driver in one]) for one in drivers]
                found.append(_Option(bones, drivers, values))
        return found


def partner(bone: int, bones: Sequence[str]) -> int | None:
    """The bone of the other side, by its name; None where there is none or several might be meant."""
    side, stem = side_of(bones[bone]), plain_limb(bones[bone])
    others = [
        number
        for number, name in enumerate(bones)
        if side and number != bone and plain_limb(name) == stem and side_of(name) not in (side, None)
    ]
    return others[0] if len(others) == 1 else None


def mirror(bone: int, other: int, poses: Poses) -> Callable[[Driver], Driver]:
    """What makes a driver of a `bone` one of the `other`, the bone on the other side."""
    across = poses.rests[bone, :3, 3] - poses.rests[other, :3, 3]
    across = across / max(float(np.linalg.norm(across)), 1e-9)
    turn, turned = (_orthogonal(poses.rests[one, :3, :3]) for one in (bone, other))
    between = turned.T @ (np.eye(3) - 2 * np.outer(across, across)) @ turn

    def mirrored(driver: Driver) -> Driver:
        axis = between @ np.array(driver.axis)
        place = 1 if driver.axis == ALONG else int(np.abs(axis).argmax())
        sign = 1.0 if axis[place] > 0 else -1.0
        centre = sign * (between @ np.array(driver.centre))
        w, x, y, z = driver.rotation
        rotation = np.array([w, *(-between @ np.array([x, y, z]))])
        return _driver(poses.bones[other], AXES[place], centre, rotation, driver.inner / driver.outer, driver.outer)

    return mirrored


def _orthogonal(matrix: np.ndarray) -> np.ndarray:
    return matrix / np.maximum(np.linalg.norm(matrix, axis=0), 1e-12)


def _placed(poses: Poses, bone: int) -> list[Driver]:
    """Drivers of a bone whose key poses are spread over those that it takes, which are off at rest."""
    rotations, found = poses.rotations[:, bone], []
    for axis in (ALONG, ACROSS):
        points = rotate(rotations, axis)
        away = distances(points, np.array(axis))  # from rest
        nearest = away
        for _ in range(BAKE.poses):
            frame = int(nearest.argmax())  # the one that is farthest from rest and from those before
            if nearest[frame] < BAKE.apart:
                break
            nearest = np.minimum(nearest, distances(points, points[frame]))
            found += [
                _driver(poses.bones[bone], axis, points[frame], rotations[frame], inner, outer * float(away[frame]))
                for outer in BAKE.outer
                for inner in BAKE.inner
            ]
    return found


def _driver(
    bone: str, axis: tuple[float, float, float], centre: np.ndarray, rotation: np.ndarray, inner: float, outer: float
) -> Driver:
    """inner: share of outer."""
    a, b, c = (float(number) for number in centre / np.linalg.norm(centre))
    w, x, y, z = (float(number) for number in rotation)
    return Driver(bone, axis, (a, b, c), inner * outer, outer, (w, x, y, z))


def _listed(poses: Poses, wanted: Sequence[Wanted]) -> list[Driver]:
    """The drivers that a user asks for. Each key reaches to the nearest angle beside it, rest included."""
    found = []
    for one in wanted:
        if one.bone not in poses.bones:
            raise InputError("The armature has no bone “{bone}”: check the name.", bone=one.bone)
        turn = _axis(poses.rotations[:, poses.bones.index(one.bone)], one)
        for angle in one.angles:
            half = np.radians(angle) / 2
            rotation = np.array([np.cos(half), *(np.sin(half) * turn)])
            axis = ALONG if abs(turn[1]) < BAKE.twist else ACROSS
            centre = rotate(rotation[None], axis)[0]
            others = [other for other in (0.0, *one.angles) if other != angle]
            step = np.radians(min(abs(angle - other) for other in others))
            turned = np.array([np.cos(step / 2), *(np.sin(step / 2) * turn)])
            reach = float(distances(rotate(turned[None], axis), np.array(axis))[0])
            found.append(_driver(one.bone, axis, centre, rotation, 0.0, max(reach, BAKE.apart)))
    return found


def _axis(rotations: np.ndarray, wanted: Wanted) -> np.ndarray:
    """(3,) unit axis, in those of the bone, that the angles are about."""
    if wanted.axis:
        return np.eye(3)["xyz".index(wanted.axis)]
    upright = np.where(rotations[:, :1] < 0, -rotations, rotations)[:, 1:]
    _, sizes, axes = np.linalg.svd(upright, full_matrices=False)
    if sizes[0] < 1e-3:
        return np.array([1.0, 0.0, 0.0])
    return axes[0] * (1.0 if (upright @ axes[0]).sum() >= 0 else -1.0)  # towards where it turns more


def _near(bone: int, poses: Poses, mesh: Mesh) -> np.ndarray:
    """Vertices that a key of a bone may move: those that it holds and those of the bones before it that hold some of
    them as well, as far as its joint is not much farther away than another one of these bones.

    A hip and a knee often bend together; each key gets what is at its own joint. For a bone that holds none, such as
    one that others copy, it is the next ones after it that count.
    """
    weights, parents = mesh.skin.weights, poses.parents
    own, after = [], [bone]
    while after:
        one = after.pop()
        if (weights[:, one] > BAKE.weight).any():
            own.append(one)
        else:
            after += np.flatnonzero(parents == one).tolist()
    if not own:
        return np.empty(0, np.int64)
    held = weights[:, own].max(1) > BAKE.weight
    near, others, before = held.copy(), np.flatnonzero(np.isin(parents, own)).tolist(), int(parents[bone])
    while before >= 0:
        mine = weights[:, before] > BAKE.weight
        if (mine & held).any():
            near |= mine
            others.append(before)
        before = int(parents[before])
    rows = np.flatnonzero(near)
    if others:
        away = np.linalg.norm(mesh.rest[rows, None] - poses.rests[[bone, *others], :3, 3], axis=2)
        rows = rows[away[:, 0] <= BAKE.reach * away[:, 1:].min(1)]
    return rows
