"""VRM in and out through the VRM add-on: what a creator has set stays, and generated keys are bound to expressions."""

import json
from importlib.util import find_spec

import bpy
import pytest
from helpers import add_human_bones, add_key, key_names, run, select

from blendshape_addon import cli
from blendshape_addon.blender.io import files, gltf, vrm
from blendshape_addon.blender.keys import join, vrm_expressions
from blendshape_addon.blender.stored import joined
from blendshape_addon.core.vocabulary import ARKIT

pytestmark = pytest.mark.skipif(find_spec("io_scene_vrm") is None, reason="bpy-vrm-format is not installed")


@pytest.fixture
def human(figure):
    """The figure with the bones of a human."""
    add_human_bones(figure["rig"])
    select(figure["body"])
    return figure


@pytest.fixture
def creators(human, tmp_path):
    """A function that gives the figure a creator's settings of VRM of a version and writes it as a .vrm file."""

    def make(version):
        body, rig = human["body"], human["rig"]
        add_key(body, "Fcl_MTH_A").value = 0
        add_key(body, "Fcl_ALL_Joy").value = 0
        with vrm.addon() as there:
            assert there
            settings = rig.data.vrm_addon_extension
            settings.spec_version = version
            spring = settings.spring_bone1.springs.add() if version == "1.0" else None
            if spring:
                spring.vrm_name = "Skirt"
                for name in ("skirt", "skirt_end"):
                    spring.joints.add().node.bone_name = name
                settings.vrm1.meta.vrm_name = "Her"
                settings.vrm1.meta.authors.add().value = "the creator"
                settings.vrm1.look_at.range_map_horizontal_inner.output_scale = 7.0
                bind = settings.vrm1.expressions.preset.aa.morph_target_binds.add()
                bind.node.mesh_object_name, bind.index, bind.weight = "Body", "Fcl_MTH_A", 0.5
                wink = settings.vrm1.expressions.custom.add()
                wink.custom_name = "Wink"
            else:
                settings.vrm0.meta.title, settings.vrm0.meta.author = "Her", "the creator"
                settings.vrm0.first_person.look_at_horizontal_inner.y_range = 7.0
                group = settings.vrm0.blend_shape_master.blend_shape_groups.add()
                group.name, group.preset_name = "A", "a"
                bind = group.binds.add()
                bind.mesh.mesh_object_name, bind.index, bind.weight = "Body", "Fcl_MTH_A", 0.5
                settings.vrm0.secondary_animation.bone_groups.add().comment = "Skirt"
                settings.vrm0.secondary_animation.bone_groups[0].bones.add().bone_name = "skirt"
            files.save(tmp_path / "in.vrm", [human["body"], human["teeth"], human["hair"]])
        return tmp_path / "in.vrm"

    return make


def targets(document, node):
    """Names of the morph targets of a node's mesh."""
    mesh = document["meshes"][document["nodes"][node]["mesh"]]
    return mesh.get("extras", {}).get("targetNames") or mesh["primitives"][0]["extras"]["targetNames"]


def test_vrm_1_keeps_its_settings_and_binds_what_is_made(planted, creators, tmp_path):
    path, out, report = creators("1.0"), tmp_path / "out.vrm", tmp_path / "report.json"
    assert run(path, "--output", out, "--shapes", "emotions,blink", "--report", report) == cli.OK
    document = gltf.document(out)
    found = document["extensions"]["VRMC_vrm"]
    assert found["meta"]["name"] == "Her" and found["meta"]["authors"] == ["the creator"]
    assert found["lookAt"]["rangeMapHorizontalInner"]["outputScale"] == 7
    (spring,) = document["extensions"]["VRMC_springBone"]["springs"]
    assert spring["name"] == "Skirt" and len(spring["joints"]) == 2
    expressions = found["expressions"]

    def bound(expression):
        return {(targets(document, one["node"])[one["index"]], one["weight"]) for one in expression["morphTargetBinds"]}

    preset, custom = expressions["preset"], expressions["custom"]
    assert bound(preset["aa"]) == {("Fcl_MTH_A", 0.5)}  # the creator's own
    for name, key in {"happy": "joy", "relaxed": "fun", "blinkLeft": "vrc.blink_left", "blink": "vrc.blink"}.items():
        assert bound(preset[name]) == {(key, 1)}, name
    assert set(custom) == {"Wink"}
    (entry,) = json.loads(report.read_text())["avatars"]
    assert {"happy", "blinkLeft"} <= set(entry["expressions"]) and "aa" not in entry["expressions"]
    files.load(out, settings=True)  # read again: the binds are those of the keys here
    body = bpy.data.objects["Body"]
    settings = vrm.armature_of([body]).data.vrm_addon_extension
    binds = settings.vrm1.expressions.preset.blink.morph_target_binds
    assert ("Body", "vrc.blink") in {(bind.node.mesh_object_name, bind.index) for bind in binds}
    assert {"joy", "vrc.blink", "Fcl_MTH_A"} <= set(key_names(body))


def test_vrm_0_keeps_its_settings_and_binds_what_is_made(planted, creators, tmp_path):
    out = tmp_path / "out.vrm"
    assert run(creators("0.0"), "--output", out, "--shapes", "emotions,blink") == cli.OK
    document = gltf.document(out)
    found = document["extensions"]["VRM"]
    assert (found["meta"]["title"], found["meta"]["author"]) == ("Her", "the creator")
    assert found["firstPerson"]["lookAtHorizontalInner"]["yRange"] == 7
    assert [group["comment"] for group in found["secondaryAnimation"]["boneGroups"]] == ["Skirt"]
    clips = {group["name"]: group for group in found["blendShapeMaster"]["blendShapeGroups"]}
    meshes = document["meshes"]

    def bound(name):
        return {
            (meshes[one["mesh"]]["primitives"][0]["extras"]["targetNames"][one["index"]], one["weight"])
            for one in clips[name]["binds"]
        }

    assert bound("A") == {("Fcl_MTH_A", 50)}
    assert bound("Blink_L") == {("vrc.blink_left", 100)} and clips["Blink_L"]["presetName"] == "blink_l"
    assert bound("Surprised") == {("surprised", 100)} and clips["Surprised"]["presetName"] == "unknown"


def test_settings_go_on_in_a_blend_file_and_from_it(planted, creators, tmp_path):
    assert run(creators("1.0"), "--output", tmp_path / "a.blend", "--shapes", "emotions") == cli.OK
    assert run(tmp_path / "a.blend", "--output", tmp_path / "b.vrm", "--shapes", "blink") == cli.OK
    found = gltf.document(tmp_path / "b.vrm")["extensions"]["VRMC_vrm"]
    assert found["meta"]["name"] == "Her"
    assert found["expressions"]["preset"]["happy"]["morphTargetBinds"]
    assert found["expressions"]["preset"]["blink"]["morphTargetBinds"]


def test_other_formats_say_that_settings_are_lost(creators, tmp_path):
    notes = files.load(creators("1.0"))
    assert any("write a .vrm to keep them" in note for note in notes)
    assert any("nobody but its author" in note for note in notes)  # what a VRM says unless its creator says otherwise


@pytest.mark.parametrize("version", ["0.0", "1.0"])
def test_arkits_shapes_are_custom_expressions(human, version):
    """As programs for perfect sync play them: with a capital in VRM 0.x."""
    for name in (*ARKIT, "vrc.v_ih"):
        add_key(human["body"], name)
    with vrm.addon():
        settings = human["rig"].data.vrm_addon_extension
        settings.spec_version = version
        vrm_expressions.bind_all([human["body"]])
        if version == "1.0":
            custom = {one.custom_name: one.morph_target_binds for one in settings.vrm1.expressions.custom}
            binds = settings.vrm1.expressions.preset.ih.morph_target_binds
            assert {name: [bind.index for bind in found] for name, found in custom.items()} == {n: [n] for n in ARKIT}
        else:
            clips = {one.name: one for one in settings.vrm0.blend_shape_master.blend_shape_groups}
            binds = clips["I"].binds
            assert clips["I"].preset_name == "i"
            for name in ARKIT:
                clip = clips[name[0].upper() + name[1:]]
                assert clip.preset_name == "unknown" and [bind.index for bind in clip.binds] == [name]
        assert [bind.index for bind in binds] == ["vrc.v_ih"]
        assert vrm_expressions.bind_all([human["body"]]) == []  # again: what is bound stays


def test_the_button_writes_a_vrm_of_what_is_none(planted, human, tmp_path):
    bpy.ops.vrc_blendshape.generate_emotions()
    assert bpy.ops.vrc_blendshape.export_vrm(filepath=str(tmp_path / "a.b")) == {"FINISHED"}
    found = gltf.document(tmp_path / "a.b.vrm")["extensions"]["VRMC_vrm"]
    assert len(found["humanoid"]["humanBones"]) >= 15 and found["meta"]["name"] == "a.b"
    assert found["expressions"]["preset"]["sad"]["morphTargetBinds"]
    assert len([addon for addon in bpy.context.preferences.addons if "vrm" in addon.module]) == 1


@pytest.mark.parametrize("version", ["0.0", "1.0"])
def test_binds_follow_meshes_that_are_joined(human, version):
    """One of teeth to a key that the face's expression plays as well would play it twice."""
    for name in ("body", "teeth"):
        add_key(human[name], "vrc.v_aa")
    rig = human["rig"]
    with vrm.addon():
        settings = rig.data.vrm_addon_extension
        settings.spec_version = version
        if version == "1.0":
            preset = settings.vrm1.expressions.preset
            expressions, of = [one.morph_target_binds for one in (preset.ou, preset.happy)], "node"
        else:
            groups = settings.vrm0.blend_shape_master.blend_shape_groups
            for name in ("u", "joy"):
                groups.add().preset_name = name
            expressions, of = [one.binds for one in groups], "mesh"
        for binds, meshes in zip(expressions, (["Teeth"], ["Teeth", "Body", "Teeth"]), strict=True):
            for mesh in meshes:
                bind = binds.add()
                getattr(bind, of).mesh_object_name, bind.index = mesh, "vrc.v_aa"
        expressions[1][2].index = "long"  # a key of the teeth alone
        done = join.join([human["body"], human["teeth"], human["hair"]])
        assert done.parts == ["Teeth"]
        assert len(vrm_expressions.bind(rig, done.objects, joined.into(done.objects))) == 1  # aa
        found = [[(getattr(bind, of).mesh_object_name, bind.index) for bind in binds] for binds in expressions]
    assert found == [[("Body", "vrc.v_aa")], [("Body", "vrc.v_aa"), ("Body", "long")]]
