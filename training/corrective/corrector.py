"""A whole corrective model: a linear map, a network or both, on what the runtime feeds; its weights file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from blendshape_addon.core.corrective.bones import Bones
from blendshape_addon.core.errors import InputError

from ..learning import arrays
from .clip import Clip
from .linear import PoseMap
from .networks import NETWORKS, Network, Shape

FORMAT = arrays.Format("corrective checkpoint", 1, "train again")


@dataclass(frozen=True)
class Kind:
    """model_type: of MODEL_TYPES. space: local or absolute. frames: n. vertices: V. topology: of the mesh. joints: J
    that are taken, 0 for none."""

    model_type: str
    space: str
    frames: int
    vertices: int
    topology: str
    joints: int

    @property
    def inputs(self) -> tuple[str, ...]:
        """Which of `corrective_format.INPUTS` it is fed."""
        with_joints = self.model_type == "with_joints"
        if self.space == "absolute":
            return ("positions", "joints") if with_joints else ("positions",)
        return ("local", "pose", "near") if with_joints else ("local", "pose")


class Corrector(nn.Module):
    """kind: what it is. bones: of the mesh. base: the linear map, None in absolute space. network: None for a map
    alone. scale: (V, 1) metres that the network's output is multiplied by."""

    def __init__(
        self, kind: Kind, bones: Bones, joint_near: np.ndarray | None, base: PoseMap | None, network: Network | None
    ) -> None:
        super().__init__()
        self.kind, self.bones, self.joint_near = kind, bones, joint_near
        self.base, self.network = base, network
        self.register_buffer("scale", torch.ones(kind.vertices, 1))

    def forward(self, *fed: Tensor) -> Tensor:
        """(V, 3) for one frame, of the inputs in the order of `Kind.inputs`."""
        given = dict(zip(self.kind.inputs, fed, strict=True))
        if self.kind.space == "absolute":
            columns = absolute_columns(given["positions"], given.get("joints"))
            return self.network(columns)[0]
        out = self.base(given["local"], given["pose"][-1])
        if self.network is not None:
            own = given["pose"][:, self.base.bone]
            out = out + self.scale * self.network(local_columns(given["local"], own, given.get("near")))[0]
        return out

    def columns(self, clip: Clip, frame: np.ndarray, vertex: np.ndarray) -> dict[str, Tensor]:
        """What the network is fed for S pairs of a frame and a vertex."""
        joints = self.kind.model_type == "with_joints"
        if self.kind.space == "absolute":
            own = clip.joints[clip.steps(frame)] if joints and clip.joints is not None else None  # (n, S, J, 3)
            flat = torch.from_numpy(np.swapaxes(own, 0, 1).reshape(len(frame), -1)) if own is not None else None
            return absolute_columns(torch.from_numpy(clip.positions(frame, vertex)), None, flat)
        near = torch.from_numpy(clip.near(frame, vertex)) if joints else None
        local, pose = clip.local(frame, vertex), clip.bone_poses(frame, vertex)
        return local_columns(torch.from_numpy(local), torch.from_numpy(pose), near)


def absolute_columns(positions: Tensor, joints: Tensor | None, flat: Tensor | None = None) -> dict[str, Tensor]:
    """Parts of the encoder's input of (S, 3n) places. joints: (n, J, 3) of the one frame that all samples are of; flat:
    (S, 3nJ) of as many frames."""
    parts = {"now": positions[:, -3:], "past": positions[:, :-3]}
    if joints is not None:
        flat = joints.reshape(1, -1)
    return parts if flat is None else parts | {"joints": flat}


def local_columns(local: Tensor, pose: Tensor, near: Tensor | None) -> dict[str, Tensor]:
    """Parts of the encoder's input of (S, 3n) `local`, (n, S, 9) rotations of their bones and (S, 9n) `near`."""
    earlier = (pose[:-1] - pose[-1]).permute(1, 0, 2).flatten(1)
    parts = {"now": torch.cat([local[:, -3:], pose[-1]], 1), "past": torch.cat([local[:, :-3], earlier], 1)}
    return parts if near is None else parts | {"joints": near}


def save(path: Path, corrector: Corrector, extra: dict[str, Tensor], notes: dict) -> None:
    """Keep a model with `extra` tensors and `notes`, which JSON must be able to say. Raises InputError."""
    bones = corrector.bones
    tensors = {f"model/{name}": value for name, value in corrector.state_dict().items()}
    tensors |= {f"extra/{name}": value for name, value in extra.items()}
    made = {name: value.detach().cpu().numpy() for name, value in tensors.items()}
    made |= {
        "bones/rest": bones.rest,
        "bones/index": bones.index,
        "bones/weight": bones.weight,
        "bones/near": bones.near,
    }
    if corrector.joint_near is not None:
        made["bones/joint_near"] = corrector.joint_near
    shape = asdict(corrector.network.shape) if corrector.network is not None else None
    arrays.save(path, FORMAT, made, notes | {"kind": asdict(corrector.kind), "shape": shape})


def load(path: Path) -> tuple[Corrector, dict[str, Tensor], dict]:
    """What `save` kept, bit by bit. Raises InputError for a file that is missing, damaged or of another version."""
    if not path.is_file():
        raise InputError(f"There is no model in {path}: give a file that `python -m training corrective train` wrote.")
    found, notes = arrays.load(path, FORMAT)
    try:
        kind = Kind(**notes["kind"])
        bones = Bones(*(found[f"bones/{name}"] for name in ("rest", "index", "weight", "near")))
        state = {key[6:]: torch.from_numpy(value) for key, value in found.items() if key.startswith("model/")}
        base = None
        if kind.space == "local":
            base = PoseMap(*(state[f"base.{name}"] for name in ("own", "shared", "bone", "knots", "centres")))
        network = Network(Shape(**notes["shape"])) if kind.model_type in NETWORKS else None
        corrector = Corrector(kind, bones, found.get("bones/joint_near"), base, network)
        corrector.load_state_dict(state)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path} is of another version of this program: train it again.") from error
    extra = {key[6:]: torch.from_numpy(value) for key, value in found.items() if key.startswith("extra/")}
    return corrector.eval(), extra, notes
