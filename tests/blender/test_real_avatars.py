"""The whole way with the shipped models on real rigs: nothing planted."""

import json

import bpy
import numpy as np
import pytest
from helpers import coordinates, deltas, key_names, load_face, present
from mathutils import Matrix

from blendshape_addon import cli
from blendshape_addon.blender.io import files
from blendshape_addon.blender.keys import shape_keys
from blendshape_addon.core.vocabulary import ALL_SHAPES, EMOTIONS, VISEMES
from tests import faces

HEADS = [
    *faces.NAMES,
    *present(
        "makehuman/base_hm08",
        "ict/generic_neutral",
        "rocketbox/Female_Adult_01",
        "rocketbox/Male_Adult_08",
        "plain/rocketbox_Female_Adult_03",
        "plain/rocketbox_Male_Adult_06",
    ),
]


def world_deltas(obj, name):
    return deltas(obj, name) @ np.array(obj.matrix_world)[:3, :3].T


def face_of(objects):
    return next(obj for obj in objects if "vrc.v_sil" in key_names(obj))


@pytest.mark.parametrize("rig", HEADS)
def test_visemes_on_every_rig(rig):
    objects = load_face(rig)
    assert bpy.ops.vrc_blendshape.generate_visemes() == {"FINISHED"}
    face = face_of(objects)
    assert key_names(face) == ["Basis", *VISEMES]
    size = {name: np.linalg.norm(world_deltas(face, name), axis=1) for name in VISEMES}
    assert all(size[name].max() > 0.0003 for name in VISEMES[1:])
    assert size["vrc.v_sil"].max() >= 50e-6
    # A jaw that drops moves what is low more than what is high: the lowest moved vertices go down, none goes far up.
    drop = world_deltas(face, "vrc.v_aa")[:, 2]
    assert drop.min() < -0.003
    assert drop.max() < 0.6 * -drop.min()


def test_body_below_the_neck_keeps_exact_zeros(person):
    bpy.ops.vrc_blendshape.generate_all()
    face = person["Body"]
    assert key_names(face) == ["Basis", *ALL_SHAPES]
    assert key_names(person["Suit"]) == []
    height = coordinates(face.data.vertices)[:, 2]
    body = height < height.max() - 0.35 * np.ptp(height)
    assert body.sum() > 1000
    for name in ALL_SHAPES:
        assert not deltas(face, name)[body].any(), name


def test_parts_in_the_mouth_follow_the_jaw(person):
    bpy.ops.vrc_blendshape.generate_visemes()
    assert world_deltas(person["Teeth_Lower"], "vrc.v_aa")[:, 2].max() < 0
    assert "vrc.v_aa" not in key_names(person["Teeth_Upper"])
    assert key_names(person["Eye_L"]) == key_names(person["Eye_R"]) == []


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_turned_avatar_in_other_units_gets_the_same_shapes(person, scale):
    """y up and facing +z, in metres and in centimetres, as other tools leave it."""
    bpy.ops.vrc_blendshape.generate_visemes()
    upright = {name: deltas(person["Body"], name) for name in VISEMES}
    person["Armature"].matrix_world = Matrix(np.array([(1.0, 0, 0), (0, 0, 1), (0, -1, 0)]) * scale).to_4x4()
    bpy.ops.vrc_blendshape.generate_visemes()
    for name in VISEMES[1:]:
        turned = deltas(person["Body"], name)
        assert np.linalg.norm(turned - upright[name]) < 0.1 * np.linalg.norm(upright[name]), name


def test_command_line_from_glb_to_fbx(person, tmp_path):
    source, target, report = tmp_path / "person.glb", tmp_path / "person.fbx", tmp_path / "report.json"
    files.save(source, list(person.values()))
    status = cli.main(["generate", str(source), "--output", str(target), "--report", str(report), "--provider", "cpu"])
    document = json.loads(report.read_text())
    assert status == (cli.OK if document["ok"] else cli.CHECK_FAILED)
    assert [shape["name"] for shape in document["avatars"][0]["shapes"]][:15] == list(VISEMES)
    files.load(target)
    face = face_of([obj for obj in bpy.data.objects if obj.type == "MESH"])
    shapes = [world_deltas(face, name) for name in VISEMES]
    assert all(np.linalg.norm(shape, axis=1).max() > 40e-6 for shape in shapes)
    assert len({shape.tobytes() for shape in shapes}) == 15
    assert len(bpy.data.armatures[0].bones) > 20


def test_style_is_changed_by_pressing_again(person):
    bpy.ops.vrc_blendshape.generate_emotions()
    natural = {name: deltas(person["Body"], name) for name in EMOTIONS}
    assert shape_keys.style_of(person["Body"]) == "Natural (auto)"
    bpy.ops.vrc_blendshape.generate_emotions(preset="ANIME")
    assert shape_keys.style_of(person["Body"]) == "Anime"
    assert key_names(person["Body"]) == ["Basis", *EMOTIONS]
    assert all(np.abs(deltas(person["Body"], name) - natural[name]).max() > 0.001 for name in EMOTIONS)


def test_second_run_is_the_same(person):
    """No chance in it, and the keys of the first run do not change what the second one sees."""
    bpy.ops.vrc_blendshape.generate_visemes()
    first = {name: deltas(person["Body"], name) for name in VISEMES}
    bpy.ops.vrc_blendshape.generate_visemes()
    for name in VISEMES:
        assert np.abs(deltas(person["Body"], name) - first[name]).max() < 1e-6, name  # metres: rounding, nothing more
