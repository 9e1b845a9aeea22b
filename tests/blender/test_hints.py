"""Bones and existing keys in real Blender: they help to find a face and never make one."""

import bpy
import numpy as np
import pytest
from helpers import coordinates, key_names, load_face, mesh_object, present

from blendshape_addon.blender.io import mesh_io
from blendshape_addon.core.detection import detect
from blendshape_addon.core.errors import FaceNotFound
from blendshape_addon.core.face.face_space import eye_centres, point


def skeleton(joints):
    """An armature of bones 1 cm long at `joints`, name to world place; its object is shifted and scaled."""
    bpy.ops.object.armature_add(location=(0.3, 0, 0), enter_editmode=True)
    rig = bpy.context.object
    rig.scale = (0.5, 0.5, 0.5)
    bpy.context.view_layer.update()
    edit = rig.data.edit_bones
    edit.remove(edit[0])
    inverse = rig.matrix_world.inverted()
    for name, place in joints.items():
        bone = edit.new(name)
        bone.head = inverse @ bone.head.__class__(place)
        bone.tail = bone.head + bone.head.__class__((0, 0, 0.02))
    bpy.ops.object.mode_set(mode="OBJECT")
    return rig


BODY = {"Hips": (0, 0.02, 0.95), "J_Bip_L_Hand": (0.6, 0.02, 1.3), "J_Bip_R_Hand": (-0.6, 0.02, 1.3)}


def add_key(obj, name, centre, radius=0.012):
    """A key that pushes what is near `centre` down."""
    if not obj.data.shape_keys:
        obj.shape_key_add(name="Basis")
    key = obj.shape_key_add(name=name, from_mix=False)
    place = coordinates(obj.data.vertices)
    place[:, 2] -= 0.01 * np.exp(-((place - centre) ** 2).sum(1) / radius**2)
    key.points.foreach_set("co", place.reshape(-1))


@pytest.mark.parametrize("name", ["proxy", *present("rocketbox/Male_Adult_08")])
def test_bones_and_keys_are_read_in_world_space(name):
    head = load_face(name)
    plain = detect.find(mesh_io.read(head))
    eyes, mouth = eye_centres(plain.points), point(plain.points, "mouth_corner_l", "mouth_corner_r")
    rig = skeleton(BODY | {"Head": (0, 0.02, 1.58)})
    face = max(head, key=lambda obj: np.abs(coordinates(obj.data.vertices) - mouth).sum(1).min() < 0.02)
    for obj in head:
        obj.parent = rig
        obj.matrix_parent_inverse = rig.matrix_world.inverted()
    bpy.context.view_layer.update()
    for name, place in (("ウィンク", eyes[0]), ("ウィンク右", eyes[1]), ("あ", mouth)):
        add_key(face, name, place)
    hints = mesh_io.read(head).hints
    assert hints.sided and np.abs(hints.eyes - eyes).max() < 0.02
    assert np.abs(hints.mouth - mouth).max() < 0.02
    assert np.allclose(hints.head, (0, 0.02, 1.58), atol=1e-4)
    assert np.allclose(hints.left, (1, 0, 0), atol=1e-4) and np.allclose(hints.forward, (0, -1, 0), atol=0.1)
    hinted = detect.find(mesh_io.read(head))
    assert np.median(np.linalg.norm(hinted.points - plain.points, axis=1)) < 0.03 * plain.eye_distance


def test_keys_of_an_earlier_run_are_no_hints(person):
    meshes = [obj for obj in person.values() if obj.type == "MESH"]
    before = mesh_io.read(meshes).hints
    assert bpy.ops.vrc_blendshape.generate_visemes() == {"FINISHED"}
    assert "vrc.v_aa" in key_names(person["Body"])
    assert before.eyes is not None
    assert repr(before) == repr(mesh_io.read(meshes).hints)


def test_a_skeleton_with_a_head_bone_is_no_face():
    rig = skeleton(BODY | {"Head": (0, 0.02, 1.58), "LeftEye": (0.03, -0.06, 1.65), "RightEye": (-0.03, -0.06, 1.65)})
    stem = [(x, y, z) for z in (0.0, 1.5) for x, y in ((-0.2, -0.1), (0.2, -0.1), (0.2, 0.1), (-0.2, 0.1))]
    box = [(0, 1, 2, 3), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)]
    trunk = mesh_object("Body", stem, box, rig)
    knob = mesh_object("Head", (np.array(stem) * (0.4, 0.9, 0.15)) + (0, 0, 1.52), box, rig)
    hints = mesh_io.read([trunk, knob]).hints
    assert hints.head is not None and hints.eyes is not None
    with pytest.raises(FaceNotFound):
        detect.find(mesh_io.read([trunk, knob]))
