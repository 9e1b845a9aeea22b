"""SMPL (Loper et al. 2015), from a file that its user has: the body of 10 numbers of shape and 72 of pose.

Nothing of SMPL comes with this project: its licence is between its makers and whoever downloads it. Files are read
without running what is in them.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.motion.pose import to_matrices

from ..data.skeleton import chain
from .measurements.extractor import MeasuredBody

VERTICES, JOINTS, BETAS = 6890, 24, 10
NAMES = (
    "pelvis", "hip_l", "hip_r", "spine_1", "knee_l", "knee_r", "spine_2", "ankle_l", "ankle_r", "spine_3", "foot_l",
    "foot_r", "neck", "collar_l", "collar_r", "head", "shoulder_l", "shoulder_r", "elbow_l", "elbow_r", "wrist_l",
    "wrist_r", "hand_l", "hand_r",
)  # fmt: skip
# Vertices that measurements are taken at, as SMPL-Anthropometry and others name them: both nipples, and the navel.
_BUST, _WAIST = (3042, 6489), (3501,)
_ARMS = tuple(NAMES.index(f"{name}_{side}") for name in ("shoulder", "elbow", "wrist", "hand") for side in "lr")


@dataclass(frozen=True)
class Smpl:
    """template: (V, 3) metres, y up, facing +z. shape: (V, 3, 10+) and pose: (V, 3, 207) directions. regressor:
    (24, V). weight: (V, 24). parent: (24,) -1 for the pelvis. triangles: (T, 3)."""

    template: np.ndarray
    shape: np.ndarray
    pose: np.ndarray
    regressor: np.ndarray
    weight: np.ndarray
    parent: np.ndarray
    triangles: np.ndarray

    def body(
        self, betas: np.ndarray, body_pose: np.ndarray | None = None, global_orient: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(V, 3) vertices and (24, 3) joints in metres. betas: (10,). body_pose: (69,) and global_orient: (3,) rotation
        vectors; the T-pose without them (equations 2 to 10 of the paper)."""
        pose = np.zeros((JOINTS, 3))
        if global_orient is not None:
            pose[0] = global_orient
        if body_pose is not None:
            pose[1:] = np.reshape(body_pose, (JOINTS - 1, 3))
        shaped = self.template + self.shape[:, :, : len(betas)] @ betas
        joints = self.regressor @ shaped
        turns = to_matrices(pose)
        # What a pose adds to the skin, linear in how far each rotation is from none.
        posed = shaped + self.pose @ (turns[1:] - np.eye(3)).reshape(-1)
        turn, place = chain(turns, joints, self.parent)
        moved = np.einsum("vj,jxy,vy->vx", self.weight, turn, posed, optimize=True) + self.weight @ place
        return moved, np.einsum("jxy,jy->jx", turn, joints) + place

    def measured(self, betas: np.ndarray) -> MeasuredBody:
        """The body in its rest pose, to be measured."""
        vertices, joints = self.body(betas)
        at = dict(zip(NAMES, joints, strict=True))
        arms = self.weight[:, _ARMS].sum(1) > 0.5
        places = {"bust": vertices[list(_BUST)].mean(0), "waist": vertices[list(_WAIST)].mean(0)}
        return MeasuredBody(vertices, self.triangles, arms, at, places)


def load(path: Path) -> Smpl:
    """The model in a file of SMPL, .npz or .pkl. Raises InputError for one that is missing or none."""
    if not path.is_file():
        raise InputError(
            "SMPL's file {path} is missing: download it from https://smpl.is.tue.mpg.de under its licence, and name it "
            "by ML_SMPL_MODEL.",
            path=path,
        )
    try:
        data = dict(np.load(path, allow_pickle=False)) if path.suffix == ".npz" else _unpickled(path.read_bytes())
        model = Smpl(
            *(
                _dense(data[key]).astype(float)
                for key in ("v_template", "shapedirs", "posedirs", "J_regressor", "weights")
            ),
            parent=np.where(np.arange(JOINTS) == 0, -1, _dense(data["kintree_table"])[0].astype(int)),
            triangles=_dense(data["f"]).astype(int),
        )
    except (KeyError, ValueError, OSError, EOFError, pickle.UnpicklingError, AttributeError) as error:
        raise InputError("{file} is no model of SMPL: {reason}.", file=path.name, reason=error) from error
    wanted = {
        "template": (VERTICES, 3), "pose": (VERTICES, 3, 207), "regressor": (JOINTS, VERTICES),
        "weight": (VERTICES, JOINTS),
    }  # fmt: skip
    for name, shape in wanted.items():
        if getattr(model, name).shape != shape:
            raise InputError("{file} is no model of SMPL: its {part} has another size.", file=path.name, part=name)
    if model.shape.ndim != 3 or model.shape.shape[2] < BETAS:
        raise InputError("{file} is no model of SMPL: its {part} has another size.", file=path.name, part="shape")
    return model


def _dense(array: Any) -> np.ndarray:
    if sparse.issparse(array):
        return array.toarray()
    return np.asarray(getattr(array, "value", array))


class _Chumpy:
    """Stands in for chumpy's arrays, of which only the values are read."""

    def __setstate__(self, state: dict) -> None:
        self.value = np.asarray(state["x"])


class _Reader(pickle.Unpickler):
    """Makes arrays and nothing else of a pickle."""

    _ALLOWED = {
        ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"), ("numpy", "ndarray"),
        ("numpy", "dtype"), ("scipy.sparse.csc", "csc_matrix"), ("scipy.sparse._csc", "csc_matrix"),
        ("_codecs", "encode"),
    }  # fmt: skip

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("chumpy"):
            return _Chumpy
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        if module.startswith("scipy"):
            return sparse.csc_matrix
        return super().find_class(module, name)


def _unpickled(data: bytes) -> dict:
    """What a pickle of arrays holds. Raises UnpicklingError for one that asks for anything else."""
    return _Reader(io.BytesIO(data), encoding="latin1").load()
