"""The avatar of `make demo`, which needs no file from outside, all the way to what Unity is given."""

import bpy
import numpy as np
import pytest
from helpers import deltas, key_names

from blendshape_addon.blender.io import files
from blendshape_addon.core.vocabulary import VISEMES
from training.devtools import avatar


@pytest.fixture
def objects():
    return {obj.name: obj for obj in avatar.add()}


def test_is_a_neutral_person_in_parts_under_an_armature(objects):
    assert {"Body", "Eye_L", "Eye_R", "Teeth_Upper", "Teeth_Lower", "Tongue", "Lashes"} <= objects.keys()
    assert 1.55 < objects["Body"].dimensions.z < 1.85
    for obj in objects.values():
        assert obj.data.shape_keys is None
        assert obj.parent.type == "ARMATURE"
        weights = [sum(group.weight for group in vertex.groups) for vertex in obj.data.vertices]
        assert weights == pytest.approx(np.ones(len(weights)), abs=1e-3)
    nose = min((vertex.co for vertex in objects["Body"].data.vertices if vertex.co.z > 1.5), key=lambda co: co.y)
    assert abs(nose.x) < 0.01, "the face looks to -Y"


def test_turning_the_head_bone_turns_the_head_alone(objects):
    rig = objects["Body"].parent
    rig.pose.bones["head"].rotation_mode = "XYZ"
    rig.pose.bones["head"].rotation_euler.x = 0.3
    posed = objects["Body"].evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    moved = np.array([(a.co - b.co).length for a, b in zip(posed.vertices, objects["Body"].data.vertices, strict=True)])
    height = np.array([vertex.co.z for vertex in objects["Body"].data.vertices])
    assert moved[height > 1.6].max() > 0.01
    assert moved[height < 1.2].max() < 1e-5


def test_visemes_reach_the_fbx(objects, tmp_path):
    assert bpy.ops.vrc_blendshape.generate_visemes() == {"FINISHED"}
    assert key_names(objects["Body"]) == ["Basis", *VISEMES]
    assert key_names(objects["Suit"]) == []
    assert "vrc.v_aa" in key_names(objects["Teeth_Lower"])
    assert bpy.ops.vrc_blendshape.export_fbx(filepath=str(tmp_path / "avatar.fbx")) == {"FINISHED"}
    files.load(tmp_path / "avatar.fbx")
    body = bpy.data.objects["Body"]
    assert key_names(body) == ["Basis", *VISEMES]
    sizes = {name: np.linalg.norm(deltas(body, name), axis=1).max() for name in VISEMES}
    assert min(sizes.values()) > 0
    assert bpy.data.objects["Armature"].type == "ARMATURE"
