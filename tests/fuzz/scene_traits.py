"""What a creator's scene around an avatar may be like. None of it is damage, and no trait changes the neutral face.

Blender is imported where it is used, see object_faults.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from blendshape_addon.core.vocabulary import VISEMES

if TYPE_CHECKING:
    import bpy


@dataclass
class Stage:
    """A scene in the making. face: the skin. parts: what is beside it. rig: the armature of both. aside: meshes that
    are hidden or not in the scene, so that nothing may change them or put them into a file of another format."""

    face: bpy.types.Object
    parts: list[bpy.types.Object]
    rig: bpy.types.Object
    aside: list[bpy.types.Object] = field(default_factory=list)

    @property
    def size(self) -> float:
        return max(self.face.dimensions) or 1.0


Trait = Callable[[Stage, np.random.Generator, str], None]


def half_with_mirror(stage: Stage, rng: np.random.Generator, word: str) -> None:
    import bmesh

    work = bmesh.new()
    work.from_mesh(stage.face.data)
    slack = 1e-5 * stage.size
    bmesh.ops.delete(work, geom=[v for v in work.verts if v.co.x < -slack], context="VERTS")
    work.to_mesh(stage.face.data)
    work.free()
    mirror = stage.face.modifiers.new("Mirror", "MIRROR")
    mirror.merge_threshold = slack


def subdivision(stage: Stage, rng: np.random.Generator, word: str) -> None:
    stage.face.modifiers.new("Subdivision", "SUBSURF").levels = 1


def mask_modifier(stage: Stage, rng: np.random.Generator, word: str) -> None:
    """Helper geometry behind the face that is masked."""
    count = len(stage.face.data.vertices)
    stage.face.vertex_groups.new(name="helpers").add(rng.integers(0, count, 3).tolist(), 1.0, "REPLACE")
    mask = stage.face.modifiers.new("Mask", "MASK")
    mask.vertex_group, mask.invert_vertex_group = "helpers", True


def decimate(stage: Stage, rng: np.random.Generator, word: str) -> None:
    stage.face.modifiers.new("Decimate", "DECIMATE").ratio = float(rng.uniform(0.3, 0.95))


def broken_modifiers(stage: Stage, rng: np.random.Generator, word: str) -> None:
    """Modifiers that lack what they need."""
    kinds = np.array(["BOOLEAN", "SURFACE_DEFORM", "NODES", "SHRINKWRAP", "DATA_TRANSFER", "ARMATURE", "LATTICE"])
    for obj in (stage.face, *stage.parts):
        for kind in rng.choice(kinds, 2):
            obj.modifiers.new(word, str(kind))


def armature_pose(stage: Stage, rng: np.random.Generator, word: str) -> None:
    for bone in stage.rig.pose.bones:
        bone.rotation_mode, bone.rotation_euler = "XYZ", rng.normal(0, 0.3, 3)


def parts_on_bone(stage: Stage, rng: np.random.Generator, word: str) -> None:
    import bpy

    for obj in stage.parts:
        obj.modifiers.clear()
        matrix = obj.matrix_world.copy()
        obj.parent, obj.parent_type, obj.parent_bone = stage.rig, "BONE", "head"
        bpy.context.view_layer.update()
        rest = stage.rig.matrix_world @ stage.rig.data.bones["head"].matrix_local
        rest.translation += rest.to_3x3().col[1] * stage.rig.data.bones["head"].length
        obj.matrix_parent_inverse = rest.inverted() @ matrix
    bpy.context.view_layer.update()


def _key(obj: bpy.types.Object, name: str, rng: np.random.Generator, size: float) -> bpy.types.ShapeKey:
    """A key of the creator's: a part of the mesh moves."""
    from tests.blender.helpers import coordinates

    if obj.data.shape_keys is None:
        obj.shape_key_add(name="Basis", from_mix=False)
    key = obj.shape_key_add(name=name, from_mix=False)
    points = coordinates(key.data)
    middle = points[rng.integers(len(points))]
    near = np.exp(-(np.linalg.norm(points - middle, axis=1) ** 2) / (0.1 * size) ** 2)
    points += (near[:, None] * rng.normal(0, 0.01 * size, 3)).astype(np.float32)
    key.data.foreach_set("co", points.reshape(-1))
    return key


def keys_that_are_on(stage: Stage, rng: np.random.Generator, word: str) -> None:
    for obj in (stage.face, *stage.parts):
        _key(obj, "Fcl_ALL_Fun", rng, stage.size).value = float(rng.uniform(0.2, 1))


def relative_keys(stage: Stage, rng: np.random.Generator, word: str) -> None:
    over = _key(stage.face, "Face wide", rng, stage.size)
    _key(stage.face, "Face wide smile", rng, stage.size).relative_key = over


def muted_keys(stage: Stage, rng: np.random.Generator, word: str) -> None:
    key = _key(stage.face, "browDown", rng, stage.size)
    key.value, key.mute = 1.0, True


def masked_keys(stage: Stage, rng: np.random.Generator, word: str) -> None:
    group = stage.face.vertex_groups.new(name="left half")
    for vertex in stage.face.data.vertices:
        if vertex.co.x >= 0:
            group.add([vertex.index], float(rng.random()), "REPLACE")
    _key(stage.face, "Smile left", rng, stage.size).vertex_group = group.name


def other_spellings(stage: Stage, rng: np.random.Generator, word: str) -> None:
    for obj in (stage.face, *stage.parts):
        for name in rng.choice(
            np.array(["VRC.V_AA", "eyeBlink_L", "EyeBlinkRight", "あ", "v_oh", "vrc.v_e"]), 2, False
        ):
            _key(obj, str(name), rng, stage.size)


def empty_visemes(stage: Stage, rng: np.random.Generator, word: str) -> None:
    if stage.face.data.shape_keys is None:
        stage.face.shape_key_add(name="Basis", from_mix=False)
    for name in rng.choice(np.array(VISEMES[1:]), 2, False):
        if name not in stage.face.data.shape_keys.key_blocks:
            stage.face.shape_key_add(name=str(name), from_mix=False)


def odd_name(stage: Stage, rng: np.random.Generator, word: str) -> None:
    stage.face.name = word
    _key(stage.face, word, rng, stage.size)


def _copy(stage: Stage, name: str) -> bpy.types.Object:
    import bpy

    copy = stage.face.copy()
    copy.data = stage.face.data.copy()
    copy.name = name
    bpy.context.scene.collection.objects.link(copy)
    return copy


def hidden_backup(stage: Stage, rng: np.random.Generator, word: str) -> None:
    copy = _copy(stage, "Body_backup")
    copy.hide_set(True)
    copy.hide_viewport = bool(rng.random() < 0.5)
    stage.aside.append(copy)


def lower_detail(stage: Stage, rng: np.random.Generator, word: str) -> None:
    _copy(stage, f"{stage.face.name}_LOD1").modifiers.new("Decimate", "DECIMATE").ratio = 0.3


def outline_shell(stage: Stage, rng: np.random.Generator, word: str) -> None:
    shell = _copy(stage, "Outline")
    shell.modifiers.new("Solidify", "SOLIDIFY").thickness = 0.002 * stage.size


def other_scene(stage: Stage, rng: np.random.Generator, word: str) -> None:
    import bpy

    copy = _copy(stage, "Body_old")
    bpy.context.scene.collection.objects.unlink(copy)
    bpy.data.scenes.new("Other").collection.objects.link(copy)
    stage.aside.append(copy)


def excluded_collection(stage: Stage, rng: np.random.Generator, word: str) -> None:
    import bpy

    copy = _copy(stage, "Body_archive")
    collection = bpy.data.collections.new("Archive")
    bpy.context.scene.collection.children.link(collection)
    collection.objects.link(copy)
    bpy.context.scene.collection.objects.unlink(copy)
    bpy.context.view_layer.layer_collection.children["Archive"].exclude = True
    stage.aside.append(copy)


# In the order in which they are made: keys go on the mesh that is there, copies are of all before them.
TRAITS: dict[str, Trait] = {
    trait.__name__.replace("_", " "): trait
    for trait in (
        half_with_mirror, keys_that_are_on, relative_keys, muted_keys, masked_keys, other_spellings, empty_visemes,
        odd_name, subdivision, mask_modifier, decimate, broken_modifiers, hidden_backup, lower_detail, outline_shell,
        other_scene, excluded_collection, parts_on_bone, armature_pose,
    )
}  # fmt: skip
# What is done with the scene: the button, or the command line and the kind of its output.
IN_PLACE = "in place"
WAYS = (IN_PLACE, "to .blend", "to .fbx", "to .glb", "to .vrm")
OPTIONS = ("join", "apply")
