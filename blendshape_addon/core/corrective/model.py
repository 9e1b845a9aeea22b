"""A corrective model: NAME.onnx and its card, which moves a skinned mesh to the surface that it learned."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..errors import InputError, ModelError
from ..inference import registry
from ..inference.corrective_format import CONSTANTS, INPUTS, NEIGHBOURS, OUTPUT, SPACES
from ..inference.session import Session, open_session
from . import inputs
from .bones import Bones, Motion

KIND = "corrective"


def topology(edges: np.ndarray, vertices: int) -> str:
    """16 hexadecimal digits that two meshes share whose vertices are as many and joined in the same order.

    edges: (E, 2) int, in any order and direction, which may be there twice.
    """
    pairs = np.unique(np.sort(np.asarray(edges, "<i8").reshape(-1, 2), axis=1), axis=0)
    return hashlib.sha256(f"{vertices}\n".encode() + pairs.astype("<i8").tobytes()).hexdigest()[:16]


class CorrectiveModel:
    """A loaded model.

    frames: n, the frames that it looks at, the present one last. vertices: V of the mesh that it learned on. topology:
    of that mesh, see `topology`. joints: J whose places it takes, 0 for none. rest: (V, 3) metres, the mesh in the
    first frame that it learned on.
    """

    def __init__(self, model: registry.Model, session: Session) -> None:
        """Raises ModelError where the graph is not one of a corrective model."""
        self.name = model.name
        card = model.card
        self._session = session
        try:
            self.frames, self.vertices = int(card["frames"]), int(card["vertices"])
            self.joints, self.topology = int(card["joints"]), str(card["topology"])
            self._space = str(card["space"])
            bones = int(card["bones"])
        except (KeyError, TypeError, ValueError) as error:
            raise self._unusable() from error
        fits = self.frames > 0 and self.vertices > 0 and self.joints >= 0 and self._space in SPACES
        if not fits or not set(session.inputs) <= INPUTS.keys() or not session.inputs:
            raise self._unusable()
        shapes = {
            "positions": (self.vertices, 3 * self.frames),
            "local": (self.vertices, 3 * self.frames),
            "pose": (self.frames, bones, 3 * NEIGHBOURS),
            "joints": (self.frames, self.joints, 3),
            "near": (self.vertices, 3 * NEIGHBOURS * self.frames),
        }
        empty = {name: np.zeros(shapes[name], np.float32) for name in session.inputs}
        names = [name for name in CONSTANTS if name != "joint_near" or "near" in session.inputs]
        found = dict(zip(names, session.run(names, empty), strict=True))
        self.rest = found["rest"]
        self._joint_near = found.get("joint_near")
        if not self._whole(found, bones):
            raise self._unusable()
        self._bones = Bones(
            self.rest.astype(np.float64), found["bone_index"], found["bone_weight"].astype(float), found["bone_near"]
        )

    def correct(self, skinned: np.ndarray, joints: np.ndarray | None = None) -> np.ndarray:
        """(V, 3) float32 metres: the last of (n, V, 3) skinned frames, corrected, where it stands.

        joints: (n, J, 3) metres in the same space, for a model whose `joints` is not 0. Raises InputError for frames of
        another count or mesh, for numbers that are none and for joints that are missing.
        """
        self._check(skinned, joints, exactly=self.frames)
        return self._one(skinned, joints, self._motion(skinned))

    def correct_all(
        self,
        skinned: np.ndarray,
        joints: np.ndarray | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> np.ndarray:
        """(F, V, 3) float32 metres: every one of (F, V, 3) skinned frames that follow each other, corrected.

        Before the first frame the mesh is taken to have stood still. joints: (F, J, 3). Raises as `correct` does.
        """
        self._check(skinned, joints)
        motion = self._motion(skinned)
        out = np.empty(skinned.shape, np.float32)
        for frame in range(len(skinned)):
            rows = [max(0, frame - back) for back in range(self.frames - 1, -1, -1)]
            own = joints[rows] if joints is not None else None
            out[frame] = self._one(skinned[rows], own, motion.some(rows) if motion else None)
            if progress:
                progress((frame + 1) / len(skinned))
        return out

    def check_mesh(self, edges: np.ndarray, vertices: int) -> None:
        """Raises InputError unless a mesh of (E, 2) edges is the one that the model learned on."""
        if vertices != self.vertices or topology(edges, vertices) != self.topology:
            raise InputError(
                "The model {name} learned on another mesh, of {wanted} vertices, and not on this one of {given}: "
                "choose that mesh, with its vertices in the same order, or learn again.",
                name=self.name,
                wanted=self.vertices,
                given=vertices,
            )

    def _motion(self, skinned: np.ndarray) -> Motion | None:
        return self._bones.fit(skinned) if set(self._session.inputs) - {"positions", "joints"} else None

    def _one(self, window: np.ndarray, joints: np.ndarray | None, motion: Motion | None) -> np.ndarray:
        still = motion or Motion(np.empty((0, 0, 3, 3)), np.empty((0, 0, 3)))
        fed, turns = inputs.assemble(self._session.inputs, self._bones, window, still, joints, self._joint_near)
        made = self._session.run([OUTPUT], fed)[0]
        if self._space == "absolute" or turns is None:
            return made
        return (window[-1] + np.einsum("vab,vb->va", turns, made)).astype(np.float32)

    def _check(self, skinned: np.ndarray, joints: np.ndarray | None, exactly: int | None = None) -> None:
        if skinned.ndim != 3 or skinned.shape[1:] != (self.vertices, 3):
            raise InputError(
                "The model {name} learned on a mesh of {wanted} vertices, and this one has {given}: choose that mesh, "
                "or learn again.",
                name=self.name,
                wanted=self.vertices,
                given=skinned.shape[1] if skinned.ndim == 3 else 0,
            )
        if exactly is not None and len(skinned) != exactly:
            raise InputError(
                "The model {name} looks at {wanted} frames, and {given} were given: give as many, the present one "
                "last.",
                name=self.name,
                wanted=exactly,
                given=len(skinned),
            )
        if self.joints and joints is None:
            raise InputError(
                "The model {name} takes the places of {count} joints, which are missing: give the joints of every "
                "frame.",
                name=self.name,
                count=self.joints,
            )
        if self.joints and joints is not None and joints.shape != (len(skinned), self.joints, 3):
            raise InputError(
                "The model {name} takes {count} joints in each of {frames} frames, and {given} frames of {other} "
                "joints were given: give the joints that it learned on, frame by frame.",
                name=self.name,
                count=self.joints,
                frames=len(skinned),
                given=len(joints),
                other=joints.shape[1] if joints.ndim == 3 else 0,
            )
        if not np.isfinite(skinned).all() or (self.joints and joints is not None and not np.isfinite(joints).all()):
            raise InputError("Some places in the frames are no numbers: export the frames again.")

    def _whole(self, found: dict[str, np.ndarray], bones: int) -> bool:
        """Whether the constants have the shapes that the card tells of and point at what there is."""
        rest, index, weight, near = (found[name] for name in ("rest", "bone_index", "bone_weight", "bone_near"))
        joint_near = found.get("joint_near")
        return bool(
            rest.shape == (self.vertices, 3)
            and index.ndim == 2
            and index.shape == weight.shape
            and len(index) == self.vertices
            and near.ndim == 2
            and len(near) == bones
            and index.min() >= 0
            and index.max() < bones
            and np.bincount(index[:, 0], minlength=bones).min() > 0
            and near.min() >= 0
            and near.max() < bones
            and (joint_near is None or (joint_near.min() >= 0 and joint_near.max() < self.joints))
        )

    def _unusable(self) -> ModelError:
        return ModelError(
            "The model {name} is no corrective model of this version: make one with `python -m training corrective`.",
            name=self.name,
        )


def load(path: Path, provider: str = "cpu") -> CorrectiveModel:
    """The model of one .onnx file with its card beside it.

    Raises ModelError, in a sentence, as `registry.load_file` does and for a model of another kind.
    """
    model = registry.load_file(path)
    if model.card.get("kind") != KIND:
        raise ModelError(
            "The model {name} is no corrective model: choose one that `python -m training corrective` made.",
            name=path.name,
        )
    return CorrectiveModel(model, open_session(model, provider))
