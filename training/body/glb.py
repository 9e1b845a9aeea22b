"""A skinned body as a .glb file (glTF 2.0), which Blender and Unity's importers read."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from blendshape_addon.core.geometry.mesh import vertex_normals
from blendshape_addon.core.motion.pose import to_matrices

from ..data.sources.anny import Bone
from ..learning.atomic_files import atomic_write

FLOAT, USHORT, UINT = 5126, 5123, 5125  # component types
_TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
_INFLUENCES = 4  # bones that may move a vertex: one set of JOINTS and WEIGHTS


@dataclass
class _Buffer:
    data: bytearray = field(default_factory=bytearray)
    views: list[dict] = field(default_factory=list)
    accessors: list[dict] = field(default_factory=list)

    def add(self, array: np.ndarray, component: int, limits: bool = False) -> int:
        """The number of an accessor of (N, C) values."""
        array = np.ascontiguousarray(array)
        self.data.extend(b"\0" * (-len(self.data) % 4))
        self.views.append({"buffer": 0, "byteOffset": len(self.data), "byteLength": array.nbytes})
        self.data.extend(array.tobytes())
        flat = array.reshape(len(array), -1)
        accessor = {
            "bufferView": len(self.views) - 1, "componentType": component, "count": len(array),
            "type": _TYPES[flat.shape[1]],
        }  # fmt: skip
        if limits:
            accessor |= {"min": flat.min(0).tolist(), "max": flat.max(0).tolist()}
        self.accessors.append(accessor)
        return len(self.accessors) - 1


def write(
    path: Path,
    vertices: np.ndarray,
    triangles: np.ndarray,
    part_id: np.ndarray,
    parts: Mapping[str, tuple[float, float, float]],
    bones: Mapping[str, Bone],
) -> None:
    """Write a body: (V, 3) metres, y up, facing +z, (T, 3) triangles, (V,) which of `parts` a vertex is of; a mesh for
    each part, whose colour, 0 to 1 and linear, `parts` has by name; and the bones, parents among them.

    Raises InputError when the disk is full.
    """
    buffer = _Buffer()
    names = list(bones)
    nodes = [_bone(name, bones) for name in names]
    for number, name in enumerate(names):
        if children := [n for n, other in enumerate(names) if bones[other].parent == name]:
            nodes[number]["children"] = children
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(names), 1, 1))
    for number, name in enumerate(names):
        inverse[number, :3, :3] = turn = _turn(bones[name])  # transposed: column-major, as glTF has matrices
        inverse[number, 3, :3] = -bones[name].head @ turn
    skin = {"joints": list(range(len(names))), "inverseBindMatrices": buffer.add(inverse.reshape(-1, 16), FLOAT)}
    joints, weights = _influences(len(vertices), [bones[name] for name in names])
    normals = vertex_normals(vertices, triangles)
    meshes, materials = [], []
    for part, (name, colour) in enumerate(parts.items()):
        own = triangles[part_id[triangles[:, 0]] == part]
        used, local = np.unique(own, return_inverse=True)
        attributes = {
            "POSITION": buffer.add(vertices[used].astype(np.float32), FLOAT, limits=True),
            "NORMAL": buffer.add(normals[used].astype(np.float32), FLOAT),
            "JOINTS_0": buffer.add(joints[used], USHORT),
            "WEIGHTS_0": buffer.add(weights[used], FLOAT),
        }
        indices = buffer.add(local.reshape(-1, 1).astype(np.uint32), UINT)
        material = {"baseColorFactor": [*colour, 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.6}
        materials.append({"name": name, "pbrMetallicRoughness": material})
        primitive = {"attributes": attributes, "indices": indices, "material": part}
        meshes.append({"name": name, "primitives": [primitive]})
        nodes.append({"name": name, "mesh": part, "skin": 0})
    roots = [n for n, name in enumerate(names) if bones[name].parent is None]
    nodes.append({"name": "Armature", "children": [*roots, *range(len(names), len(nodes))]})
    document = {
        "asset": {"version": "2.0", "generator": "VRChat BlendShape Generator"},
        "scene": 0, "scenes": [{"nodes": [len(nodes) - 1]}], "nodes": nodes, "meshes": meshes, "materials": materials,
        "skins": [skin], "accessors": buffer.accessors, "bufferViews": buffer.views,
        "buffers": [{"byteLength": len(buffer.data)}],
    }  # fmt: skip
    atomic_write(path, _file(document, bytes(buffer.data)))


def _turn(bone: Bone) -> np.ndarray:
    """(3, 3) the shortest rotation of +y to where a bone points, which is how Blender's importer lays bones."""
    along = (bone.tail - bone.head) / np.linalg.norm(bone.tail - bone.head)
    axis = np.cross([0, 1, 0], along)
    if not axis.any():
        return np.diag([1.0, 1, 1] if along[1] > 0 else [1.0, -1, -1])
    angle = np.arctan2(np.linalg.norm(axis), along[1])
    return to_matrices((axis / np.linalg.norm(axis) * angle)[None])[0]


def _bone(name: str, bones: Mapping[str, Bone]) -> dict:
    bone = bones[name]
    parent = bones.get(bone.parent or "")
    start, over = (parent.head, _turn(parent)) if parent else (np.zeros(3), np.eye(3))
    turn = Rotation.from_matrix(over.T @ _turn(bone)).as_quat()  # x, y, z, w, as glTF has them
    return {"name": name, "translation": (over.T @ (bone.head - start)).tolist(), "rotation": turn.tolist()}


def _influences(count: int, bones: list[Bone]) -> tuple[np.ndarray, np.ndarray]:
    """(V, 4) uint16 numbers of bones and (V, 4) float32 weights, those that move each vertex most."""
    weight = np.zeros((count, len(bones)), np.float32)
    for number, bone in enumerate(bones):
        weight[bone.index, number] = bone.weight
    joints = np.argsort(-weight, axis=1, kind="stable")[:, :_INFLUENCES]
    strongest = np.take_along_axis(weight, joints, 1)
    joints = np.where(strongest > 0, joints, 0)
    return joints.astype(np.uint16), strongest / strongest.sum(1, keepdims=True)


def _file(document: dict, data: bytes) -> bytes:
    """The container: a header, the JSON and the numbers, each padded to whole words."""
    text = json.dumps(document, separators=(",", ":")).encode()
    chunks = ((text + b" " * (-len(text) % 4), b"JSON"), (data + b"\0" * (-len(data) % 4), b"BIN\0"))
    body = b"".join(struct.pack("<I4s", len(chunk), kind) + chunk for chunk, kind in chunks)
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body
