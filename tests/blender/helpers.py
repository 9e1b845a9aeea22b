"""Small avatars for tests, and what a test wants to know of their shape keys."""

import json
import os
import struct
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest

from blendshape_addon import cli
from blendshape_addon.blender.io import files
from blendshape_addon.core import pipeline
from blendshape_addon.core.face.face_space import canonical_landmarks
from blendshape_addon.core.shapes import Shape
from blendshape_addon.core.vocabulary import KNOWN_SHAPES
from tests import faces
from training.devtools import avatar

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("VRC_BLENDSHAPE_DATA", ROOT.parent / "shared" / "data"))

HEAD_CENTRE = np.array([0.0, 0.0, 1.6])
HEAD_RADIUS = 0.11
EYE_DISTANCE = 0.063
# The anatomy of no vertex, for shapes that no network made.
NO_ANATOMY = SimpleNamespace(features=SimpleNamespace(index=np.empty(0, np.int64), part=np.empty(0, np.int8)))

# Bone: its parent and where it begins; the ones that VRM 0.x and 1.0 need, by their names in VRM 1.0.
BONES = {
    "hips": ("", (0, 0, 0.9)), "spine": ("hips", (0, 0, 1.0)), "chest": ("spine", (0, 0, 1.2)),
    "neck": ("chest", (0, 0, 1.45)), "head": ("neck", (0, 0, 1.5)), "leftEye": ("head", (0.03, -0.08, 1.6)),
    "rightEye": ("head", (-0.03, -0.08, 1.6)), "skirt": ("hips", (0, 0.1, 0.9)), "skirt_end": ("skirt", (0, 0.1, 0.7)),
} | {
    f"{side}{name}": (f"{side}{parent}" if parent[0].isupper() else parent, (x * sign, 0, z))
    for side, sign in (("left", 1), ("right", -1))
    for name, parent, x, z in (
        ("UpperLeg", "hips", 0.1, 0.85), ("LowerLeg", "UpperLeg", 0.1, 0.5), ("Foot", "LowerLeg", 0.1, 0.1),
        ("UpperArm", "chest", 0.2, 1.4), ("LowerArm", "UpperArm", 0.45, 1.4), ("Hand", "LowerArm", 0.7, 1.4),
    )
}  # fmt: skip


class PlantedFace:
    """Where the figure of `figure` would have its face, carried along by the world matrix it was given."""

    def __init__(self, matrix: np.ndarray) -> None:
        scale = float(np.cbrt(np.linalg.det(matrix)))
        upright = canonical_landmarks()[:, [0, 2, 1]] * (1, -1, 1) * EYE_DISTANCE
        local = upright + HEAD_CENTRE + (0, -HEAD_RADIUS - upright[:, 1].min(), 0.03)
        self.points = local @ matrix.T
        self.frame = np.array([(1.0, 0, 0), (0, 0, 1.0), (0, -1.0, 0)]) @ matrix.T / scale
        self.eye_distance = EYE_DISTANCE * scale


def planted_shape(name: str, local: np.ndarray, matrix: np.ndarray, intensity: float = 1.0) -> Shape:
    deltas = planted_deltas(name, local) * intensity
    moved = np.flatnonzero(deltas.any(1))
    return Shape(name, moved, (deltas[moved] @ matrix.T).astype(np.float32))


def planted_generate(avatar, options, *, matrix=None, **_):
    """In place of core.pipeline.generate: planted shapes on the figure, which `matrix` may have turned or scaled."""
    matrix = np.eye(3) if matrix is None else matrix
    local = avatar.vertices @ np.linalg.inv(matrix).T
    own = {one.shape.name: one.key for one in options.own}
    names = [name for name in options.expressions if name not in own]
    shapes = [planted_shape(name, local, matrix, options.intensity) for name in names]
    rows = [{"name": s.name, "peak_mm": 1.0, "lip_gap_mm": 0.0, "moved_vertices": len(s.indices), "ok": True,
             "checks": {}, "notes": []} for s in shapes]  # fmt: skip
    automatic = options.preset == "auto"
    style = {"preset": "natural" if automatic else options.preset, "automatic": automatic}
    report = {"ok": True, "face": {"confidence": 1.0}, "style": style, "shapes": rows, "notes": [], "missing": [],
              "provider": {"ran_on": "cpu", "fallback": ""}, "own": {"used": own, "notes": []}}  # fmt: skip
    analysis = pipeline.FaceAnalysis(PlantedFace(matrix), NO_ANATOMY)
    return pipeline.GenerationResult(shapes, analysis, report, {"network": 0.0})


def planted_deltas(name: str, local: np.ndarray) -> np.ndarray:
    """(V, 3) metres on the upright figure: around the mouth, by the shape's rank."""
    rank = KNOWN_SHAPES.index("vrc.v_dd" if name == "vrc.v_nn" else name)
    mouth = HEAD_CENTRE + (0.0, -HEAD_RADIUS, -0.03)
    near = np.linalg.norm(local - mouth, axis=1) < 0.039
    return near[:, None] * np.array([0.0001 * rank, 0.0, -0.002]) * (rank > 0)


def mesh_object(name: str, vertices, faces, parent=None):
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([tuple(v) for v in np.asarray(vertices, float).tolist()], [], [tuple(f) for f in faces])
    obj = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(obj)
    obj.parent = parent
    return obj


def ball(name: str, centre, radius: float, parent=None, segments: int = 24):
    """A sphere of quads and poles as a mesh object whose local space is the figure's."""
    rings = segments // 2
    angle = np.linspace(0, np.pi, rings + 1)[1:-1]
    turn = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    ring = np.stack([np.outer(np.sin(angle), np.cos(turn)), np.outer(np.sin(angle), np.sin(turn)),
                     np.outer(np.cos(angle), np.ones(segments))], axis=-1).reshape(-1, 3)  # fmt: skip
    points = np.concatenate([ring, [(0, 0, 1), (0, 0, -1)]]) * radius + centre
    faces = []
    for r in range(rings - 2):
        for s in range(segments):
            a, b = r * segments + s, r * segments + (s + 1) % segments
            faces.append((a, a + segments, b + segments, b))
    last = (rings - 2) * segments
    for s in range(segments):
        faces.append((len(ring), s, (s + 1) % segments))
        faces.append((len(ring) + 1, last + (s + 1) % segments, last + s))
    return mesh_object(name, points, faces, parent)


def select(*objects):
    bpy.ops.object.select_all(action="DESELECT")
    for obj in objects:
        obj.select_set(True)
    bpy.context.view_layer.objects.active = objects[0] if objects else None


def add_human_bones(rig):
    """The bones of a human in place of those of `rig`, which is left selected."""
    select(rig)
    bpy.ops.object.mode_set(mode="EDIT")
    bones = rig.data.edit_bones
    for bone in list(bones):
        bones.remove(bone)
    for name, (parent, head) in BONES.items():
        bone = bones.new(name)
        bone.head, bone.tail = head, np.add(head, (0, 0, 0.05))
        bone.parent = bones.get(parent)
    bpy.ops.object.mode_set(mode="OBJECT")


def add_key(obj, name, offset=0.01):
    """A creator's key that moves the first vertex."""
    if obj.data.shape_keys is None:
        obj.shape_key_add(name="Basis", from_mix=False)
    key = obj.shape_key_add(name=name, from_mix=False)
    key.data[0].co.x += offset
    return key


def key_names(obj) -> list[str]:
    return [key.name for key in obj.data.shape_keys.key_blocks] if obj.data.shape_keys else []


def coordinates(points) -> np.ndarray:
    flat = np.empty(len(points) * 3, np.float32)
    points.foreach_get("co", flat)
    return flat.reshape(-1, 3)


def deltas(obj, name: str) -> np.ndarray:
    keys = obj.data.shape_keys
    return coordinates(keys.key_blocks[name].data) - coordinates(keys.reference_key.data)


def fingerprint(obj) -> list:
    """Everything about an object's base and shape keys that a creator would miss."""
    keys = obj.data.shape_keys
    blocks = keys.key_blocks if keys else []
    return [coordinates(obj.data.vertices).tobytes()] + [
        (
            k.name,
            k.value,
            k.mute,
            k.vertex_group,
            k.slider_min,
            k.slider_max,
            k.relative_key.name,
            coordinates(k.data).tobytes(),
        )
        for k in blocks
    ]


def load_rig(name: str):
    """A rig of the shared data as Blender objects, one a part, facing -Y, in metres, neutral only; all are selected."""
    path = DATA / name / "rig.npz"
    if not path.exists():
        pytest.skip(f"the rig {name} is not in {DATA}")
    rig = np.load(path)
    return avatar.add_parts(*(rig[name] for name in ("vertices", "triangles", "part_id", "part_names")))


def present(*rigs: str) -> list[str]:
    """Those of the rigs of the shared data, by folder, that are there."""
    return [name for name in rigs if (DATA / name / "rig.npz").exists()]


def load_face(name: str):
    """A rig of the shared data by its folder, or a face that ships with the tests by its name, as `load_rig`."""
    if name not in faces.NAMES:
        return load_rig(name)
    face = faces.load(name).avatar
    return avatar.add_parts(face.vertices, face.triangles, face.object_id, face.object_names)


def run(*arguments) -> int:
    return cli.main(["generate", *map(str, arguments)])


def open_result(path):
    files.load(path)
    return next(
        obj
        for obj in bpy.data.objects
        if obj.type == "MESH" and "vrc.v_aa" in key_names(obj) and "vrc.v_sil" in key_names(obj)
    )


def edit_glb(path, edit) -> None:
    """Let edit(document) change the JSON document of a GLB file."""
    data = path.read_bytes()
    length = int.from_bytes(data[12:16], "little")
    document = json.loads(data[20 : 20 + length])
    edit(document)
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    rest = data[20 + length :]
    path.write_bytes(b"glTF" + struct.pack("<IIII", 2, 20 + len(text) + len(rest), len(text), 0x4E4F534A) + text + rest)


def error_line(capsys) -> str:
    """What stood on stderr: one line, no traceback."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert len(lines) == 1, lines
    return lines[0]
