"""Lengths of a humanoid's body, and the matrices that give it others: limbs stretch along themselves, the trunk along
itself, shoulders to the sides; head, hands and feet keep their shape.

Lengths are between joints, so that two skeletons compare whatever skin they have: arm from the shoulder over the elbow
to the wrist, leg from the hip over the knee to the ankle, shoulders between both shoulder joints, torso from the middle
of both hip joints to where the neck begins, neck from there to the head. Height is that of the skin.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import InputError
from ..messages import Message
from .humanoid import limb_bones, middle_bones
from .parameters import PROPORTIONS

LENGTHS: Mapping[str, Message] = {
    "height": Message("Height"), "torso": Message("Torso"), "neck": Message("Neck"),
    "shoulders": Message("Shoulder Width"), "arm": Message("Arm Length"), "leg": Message("Leg Length"),
}  # fmt: skip
_SIDES = ("left", "right")
_LIMBS = {"arm": ("upper arm", "lower arm", "hand"), "leg": ("upper leg", "lower leg", "foot")}
_CM = 100.0


@dataclass(frozen=True)
class SkinPoints:
    """places: (n, 3) of points of a skin. weights: (n, B) of its bones, of sum 1, or 0 where no bone holds a point."""

    places: np.ndarray
    weights: np.ndarray

    def moved(self, fitted: Fitted) -> np.ndarray:
        """(n, 3) where they go."""
        loose = 1 - self.weights.sum(1)
        matrices = np.tensordot(self.weights, fitted.bones, 1) + loose[:, None, None] * fitted.rest
        return np.einsum("nij,nj->ni", matrices[:, :3, :3], self.places) + matrices[:, :3, 3]


@dataclass(frozen=True)
class Body:
    """A humanoid at rest, in metres. names: of its bones, parents first. parents: (B,) their numbers, -1 for none.
    heads: (B, 3) where bones begin. origin: (3,) of its skeleton. soles, top: its lowest and its highest skin."""

    names: Sequence[str]
    parents: np.ndarray
    heads: np.ndarray
    origin: np.ndarray
    soles: SkinPoints
    top: SkinPoints

    @cached_property
    def bones(self) -> dict[tuple[str, str], int]:
        """Number of each bone that counts: (side, limb), or ("", "neck") and ("", "head").

        Raises InputError where bones are missing, or limbs are no chains.
        """
        found = limb_bones(self.names) | {("", name): bone for name, bone in middle_bones(self.names).items()}
        wanted = [
            ("", "neck"),
            ("", "head"),
            *((s, limb) for s in _SIDES for chain in _LIMBS.values() for limb in chain),
        ]
        lacking = [" ".join(filter(None, one)) for one in wanted if one not in found]
        if lacking:
            raise InputError(
                "This is no humanoid skeleton: of the bones that are needed, these are missing or named in a way that "
                "is not known: {names}.",
                names=", ".join(lacking),
            )
        numbers = {name: number for number, name in enumerate(self.names)}
        bones = {key: numbers[name] for key, name in found.items()}
        chains = [("", "neck"), ("", "head")], *([(s, limb) for limb in c] for s in _SIDES for c in _LIMBS.values())
        for chain in chains:
            for above, below in itertools.pairwise(chain):
                if bones[above] not in self.ancestors(bones[below]):
                    raise InputError(
                        "The bone {bone} does not hang on the bone {above}: proportions can be fitted where limbs are "
                        "chains of bones, as in the skeleton of a game avatar, not on a control rig.",
                        bone=self.names[bones[below]],
                        above=self.names[bones[above]],
                    )
        return bones

    def ancestors(self, bone: int) -> list[int]:
        """A bone and those above it, up to the first."""
        found = []
        while bone >= 0:
            found.append(bone)
            bone = int(self.parents[bone])
        return found

    def at(self, side: str, name: str) -> np.ndarray:
        """(3,) where a bone of `bones` begins."""
        return self.heads[self.bones[side, name]]

    @cached_property
    def hips(self) -> np.ndarray:
        """(3,) the middle of both hip joints."""
        return (self.at("left", "upper leg") + self.at("right", "upper leg")) / 2

    @cached_property
    def up(self) -> np.ndarray:
        """(3,) the axis that the torso is nearest to."""
        torso = self.at("", "neck") - self.hips
        axis = np.zeros(3)
        axis[np.abs(torso).argmax()] = np.sign(torso[np.abs(torso).argmax()])
        return axis

    @cached_property
    def lengths(self) -> dict[str, float]:
        """Metres of each of LENGTHS, of both sides their mean. Raises InputError as `bones` does."""
        found = {
            "height": float((self.top.places @ self.up).max() - (self.soles.places @ self.up).min()),
            "torso": float(np.linalg.norm(self.at("", "neck") - self.hips)),
            "neck": float(np.linalg.norm(self.at("", "head") - self.at("", "neck"))),
            "shoulders": float(np.linalg.norm(self.at("left", "upper arm") - self.at("right", "upper arm"))),
        }
        for name, chain in _LIMBS.items():
            sides = [np.array([self.at(side, limb) for limb in chain]) for side in _SIDES]
            found[name] = float(np.mean([np.linalg.norm(np.diff(side, axis=0), axis=1).sum() for side in sides]))
        if min(found.values()) < PROPORTIONS.least * found["height"] or found["height"] <= 0:
            raise InputError("The skeleton has bones of no length: proportions cannot be measured on it.")
        return found


@dataclass(frozen=True)
class Fitted:
    """bones: (B, 4, 4) what takes each bone, and what it carries, from its place at rest to the new one. rest: (4, 4)
    the same of what no bone carries. scale: by which everything grows that no length says."""

    bones: np.ndarray
    rest: np.ndarray
    scale: float

    @cached_property
    def thickness(self) -> np.ndarray:
        """(B,) by how much what each bone carries gets thicker: a limb that stretches along itself does not."""
        return np.linalg.svd(self.bones[:, :3, :3], compute_uv=False)[:, 1]


def fit(body: Body, wanted: Mapping[str, float]) -> Fitted:
    """What gives `body` the metres of those of LENGTHS that are `wanted`; the others grow with the height.

    Both sides change by the same factor. Raises InputError for lengths that are too far from what there is, or that
    do not make up the height together.
    """
    now = body.lengths
    for name, length in wanted.items():
        _require_near(LENGTHS[name], length, now[name])
    if "height" not in wanted:
        return _fitted(body, wanted, 1.0)
    # The height is nearly linear in the scale, since lengths that are wanted do not depend on it.
    scale, other = 1.0, 1.0 + PROPORTIONS.probe
    for _ in range(PROPORTIONS.rounds):
        tall, more = (_height(body, _fitted(body, wanted, one)) for one in (scale, other))
        if (more - tall) / (other - scale) < PROPORTIONS.least * now["height"]:
            break
        scale += (wanted["height"] - tall) * (other - scale) / (more - tall)
        scale = float(np.clip(scale, PROPORTIONS.smallest / 2, 2 * PROPORTIONS.largest))
        other = scale * (1 + PROPORTIONS.probe)
    if not PROPORTIONS.smallest <= scale <= PROPORTIONS.largest:
        raise InputError(
            "Leg, torso and neck of these lengths do not make up a height of {height:.1f} cm: leave one of them at 0, "
            "or the height.",
            height=_CM * wanted["height"],
        )
    return _fitted(body, wanted, scale)


def moved(matrix: np.ndarray, point: np.ndarray) -> np.ndarray:
    """(3,) a point under a (4, 4) matrix."""
    return matrix[:3, :3] @ point + matrix[:3, 3]


def _require_near(name: Message, length: float, now: float) -> None:
    if not PROPORTIONS.smallest <= length / now <= PROPORTIONS.largest:
        raise InputError(
            "{name}: {length:.1f} cm is too far from the {now:.1f} cm of this avatar: it can become {smallest:.1f} to "
            "{largest:.1f} cm.",
            name=name,
            length=_CM * length,
            now=_CM * now,
            smallest=_CM * now * PROPORTIONS.smallest,
            largest=_CM * now * PROPORTIONS.largest,
        )


def _height(body: Body, fitted: Fitted) -> float:
    """Metres from the ground to the top."""
    return float((body.top.moved(fitted) @ body.up).max() - (body.soles.moved(fitted) @ body.up).min())


def _fitted(body: Body, wanted: Mapping[str, float], scale: float) -> Fitted:
    now = body.lengths
    factor = {name: wanted[name] / (scale * now[name]) if name in wanted else 1.0 for name in now}
    linear, shift, first = _changes(body, factor, scale)
    ground = (body.soles.places @ body.up).min()
    standing = body.origin + body.up * (ground - body.origin @ body.up)
    rest = _affine(scale * np.eye(3), standing, standing)
    sunk = Fitted(_placed(body, linear, shift, rest), rest, scale)
    shift[first] = shift[first] + (ground - (body.soles.moved(sunk) @ body.up).min()) * body.up
    return Fitted(_placed(body, linear, shift, rest), rest, scale)


def _placed(body: Body, linear: np.ndarray, shift: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """(B, 4, 4) bones under (B, 3, 3) `linear`, each where the one above it takes it and (B, 3) `shift` further."""
    matrices = np.empty((len(body.names), 4, 4))
    for bone, parent in enumerate(body.parents):
        above = rest if parent < 0 else matrices[parent]
        matrices[bone] = _affine(linear[bone], body.heads[bone], moved(above, body.heads[bone]) + shift[bone])
    return matrices


def _changes(body: Body, factor: Mapping[str, float], scale: float) -> tuple[np.ndarray, np.ndarray, int]:
    """(B, 3, 3) how bones stretch, (B, 3) how far they are moved beside that, and the first bone of the trunk."""
    count = len(body.names)
    stretch: dict[int, np.ndarray] = {}
    shift = np.zeros((count, 3))
    neck, head = body.bones["", "neck"], body.bones["", "head"]
    legs = [body.ancestors(body.bones[side, "upper leg"])[1:] for side in _SIDES]
    first = next((bone for bone in body.ancestors(neck)[1:] if all(bone in leg for leg in legs)), -1)
    if first < 0:
        raise InputError("Neck and legs hang on no common bone: the skeleton needs hips that carry both.")
    torso = _along(body.at("", "neck") - body.hips, factor["torso"])
    for chain in (body.ancestors(neck)[1:], *legs):
        stretch |= dict.fromkeys(chain[: chain.index(first) + 1], torso)
    for bone in body.ancestors(head)[1:]:
        if bone in stretch:
            break
        stretch[bone] = _along(body.heads[head] - body.heads[neck], factor["neck"])
    across = _unit(body.at("left", "upper arm") - body.at("right", "upper arm"))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        _widen(body, side, sign * across, factor["shoulders"], scale, stretch, shift)
    limbs: set[int] = set()
    for name, joints in _LIMBS.items():
        for side in _SIDES:
            for limb, end in itertools.pairwise(joints):
                start, stop = body.bones[side, limb], body.bones[side, end]
                turned = _along(body.heads[stop] - body.heads[start], factor[name])
                between = body.ancestors(stop)[1:]
                own = between[: between.index(start) + 1]
                stretch |= dict.fromkeys(own, turned)
                limbs |= set(own)
    still = {head, *(body.bones[side, limb] for side in _SIDES for limb in ("hand", "foot"))}
    linear = np.tile(np.eye(3), (count, 1, 1))
    for bone, parent in enumerate(body.parents):
        if bone in stretch:
            linear[bone] = stretch[bone]
        elif parent in limbs and bone not in still:  # twists, muscles and sleeves of a limb stretch with it
            linear[bone] = linear[parent]
            limbs.add(bone)
    return scale * linear, shift, first


def _widen(
    body: Body, side: str, out: np.ndarray, factor: float, scale: float, stretch: dict[int, np.ndarray],
    shift: np.ndarray,
) -> None:  # fmt: skip
    """Put a shoulder joint further `out`: by the bones that lead to it, else by moving the arm."""
    arm = body.bones[side, "upper arm"]
    above = body.ancestors(arm)[1:]
    joined = next((number for number, bone in enumerate(above) if bone in stretch), len(above))
    collar = above[:joined]
    half = body.lengths["shoulders"] / 2
    more = (factor - 1) * half  # in metres before scaling
    reach = float((body.heads[arm] - body.heads[collar[-1]]) @ out) if collar else 0.0
    if reach >= PROPORTIONS.collar * half and reach + more > 0:
        stretch |= dict.fromkeys(collar, _along(out, 1 + more / reach))
    else:
        stretch |= dict.fromkeys(collar, np.eye(3))
        shift[arm] = scale * more * out


def _along(direction: np.ndarray, factor: float) -> np.ndarray:
    """(3, 3) what stretches by `factor` along a direction alone."""
    axis = _unit(direction)
    return np.eye(3) + (factor - 1) * np.outer(axis, axis)


def _unit(direction: np.ndarray) -> np.ndarray:
    return direction / np.linalg.norm(direction)


def _affine(linear: np.ndarray, at: np.ndarray, goes_to: np.ndarray) -> np.ndarray:
    """(4, 4) the linear (3, 3) about the place `at`, which goes to another."""
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    matrix[:3, 3] = goes_to - linear @ at
    return matrix
