"""Fit Proportions of This Avatar: other lengths of bones, with skin, keys, weights and what hangs on bones."""

from importlib.util import find_spec

import bpy
import numpy as np
import pytest
from helpers import BONES, ball, coordinates, key_names, mesh_object, select
from mathutils import Vector

from blendshape_addon.blender.io import vrm
from blendshape_addon.blender.keys import key_blocks, proportions
from blendshape_addon.blender.stored import landmarks
from blendshape_addon.core.vocabulary import LANDMARKS

BONE = {"head": "head", "left": "leftUpperArm", "right": "rightUpperArm", "right below": "rightLowerArm"}
fit = bpy.ops.vrc_blendshape.fit_proportions


def add_rig(bones=BONES):
    bpy.ops.object.armature_add()
    rig = bpy.context.object
    rig.name = "Armature"
    bpy.ops.object.mode_set(mode="EDIT")
    edit = rig.data.edit_bones
    for bone in list(edit):
        edit.remove(bone)
    for name, (parent, head) in bones.items():
        bone = edit.new(name)
        bone.head, bone.tail = head, np.add(head, (0, 0, 0.05))
        bone.parent = edit.get(parent) if parent else None
    bpy.ops.object.mode_set(mode="OBJECT")
    return rig


@pytest.fixture
def person():
    """Rig, and a body of balls about the joints, each weighed to its bone and the one above, with keys."""
    rig = add_rig()
    parts = [
        ball(bone.name, np.array(bone.head_local), 0.1 if bone.name == "head" else 0.03, segments=12)
        for bone in rig.data.bones
    ]
    counts = [len(part.data.vertices) for part in parts]
    with bpy.context.temp_override(active_object=parts[0], object=parts[0], selected_editable_objects=parts):
        bpy.ops.object.join()
    body = parts[0]
    body.name = "Body"
    body.parent = rig
    body.modifiers.new("Armature", "ARMATURE").object = rig
    start = 0
    for bone, count in zip(rig.data.bones, counts, strict=True):
        rows = list(range(start, start + count))
        above = bone.parent.name if bone.parent else bone.name
        for name, weight in ((above, 0.3), (bone.name, 0.7)):
            group = body.vertex_groups.get(name) or body.vertex_groups.new(name=name)
            group.add(rows, weight, "ADD")
        start += count
    body.shape_key_add(name="Basis")
    points = coordinates(body.data.vertices)
    near = np.linalg.norm(points - (0, 0, 1.5), axis=1) < 0.09
    for name in ("mine", "vrc.v_aa"):
        key = key_blocks.add(body, name)
        moved = points.copy()
        moved[near] += (0.004, 0.0, -0.01)
        key.points.foreach_set("co", moved.reshape(-1))
    key_blocks.mark(body, ["vrc.v_aa"])
    select(body)
    return rig, body


def lengths(rig):
    bpy.context.view_layer.update()
    return proportions.body_of(rig, proportions.skinned(rig)).lengths


def heads(rig):
    return {bone.name: np.array(rig.matrix_world @ bone.head_local) for bone in rig.data.bones}


def test_every_length_becomes_what_is_wanted(person):
    rig, _ = person
    wanted = {"arm": 60.0, "leg": 90.0, "shoulders": 46.0, "neck": 7.0, "torso": 62.0, "height": 190.0}
    assert fit(**wanted) == {"FINISHED"}
    found = lengths(rig)
    assert {name: 100 * found[name] for name in wanted} == pytest.approx(wanted, abs=1e-3)
    at = heads(rig)
    for name, place in at.items():
        if name.startswith("left"):
            mirrored = at[name.replace("left", "right")] * (-1, 1, 1)
            assert np.allclose(place, mirrored, atol=1e-6)


def test_keys_weights_and_zeros_stay(person):
    _, body = person
    keys = body.data.shape_keys.key_blocks
    keys["mine"].value = 0.25
    driver = keys["vrc.v_aa"].driver_add("value").driver
    driver.expression = "0.5"
    old = coordinates(keys["Basis"].points)
    offsets = {name: coordinates(keys[name].points) - old for name in ("mine", "vrc.v_aa")}
    groups = [[(g.group, g.weight) for g in vertex.groups] for vertex in body.data.vertices]
    assert fit(arm=60, height=200) == {"FINISHED"}
    keys = body.data.shape_keys.key_blocks
    assert key_names(body) == ["Basis", "mine", "vrc.v_aa"] and keys["mine"].value == 0.25
    assert len(body.data.shape_keys.animation_data.drivers) == 1
    assert groups == [[(g.group, g.weight) for g in vertex.groups] for vertex in body.data.vertices]
    assert key_blocks.made_by_us(body) == {"vrc.v_aa"}, "what the tool made does not count as edited"
    new = coordinates(keys["Basis"].points)
    assert np.array_equal(new, coordinates(body.data.vertices))
    scale = 200 / (100 * (old[:, 2].max() - old[:, 2].min()))
    for name, offset in offsets.items():
        pushed = coordinates(keys[name].points) - new
        assert not pushed[~offset.any(1)].any(), "what stood still still does"
        moved = offset.any(1)
        assert moved.sum() > 20 and np.allclose(pushed[moved], scale * offset[moved], atol=1e-6)


def test_skin_goes_where_blender_poses_it(person):
    """At rest the skin lies as the old rest pose would, were the bones moved by the same matrices."""
    rig, body = person
    group = body.vertex_groups["leftHand"].index
    rows = [v.index for v in body.data.vertices if any(g.group == group for g in v.groups)]
    before = coordinates(body.data.vertices)[rows].mean(0)
    joint = heads(rig)["leftHand"]
    assert fit(arm=60) == {"FINISHED"}
    after = coordinates(body.data.vertices)[rows].mean(0)
    moved = heads(rig)["leftHand"] - joint
    assert moved[0] == pytest.approx(0.1, abs=1e-5)
    assert after - before == pytest.approx(moved, abs=1e-4)
    bpy.context.view_layer.update()
    evaluated = body.evaluated_get(bpy.context.evaluated_depsgraph_get())
    assert np.allclose(coordinates(evaluated.data.vertices), coordinates(body.data.vertices), atol=1e-5)


def test_it_stands_on_the_same_ground(person):
    rig, body = person
    low = coordinates(body.data.vertices)[:, 2].min()
    fit(leg=95)
    assert coordinates(body.data.vertices)[:, 2].min() == pytest.approx(low, abs=1e-5)
    assert heads(rig)["head"][2] == pytest.approx(1.5 + 0.2, abs=0.005), "the soles hang on the lower legs in part"


def test_what_hangs_on_bones_goes_along_whatever_the_pose(person):
    rig, body = person
    hat = mesh_object("Hat", [(0, 0, 0), (0.1, 0, 0), (0, 0.1, 0)], [(0, 1, 2)])
    hat.parent, hat.parent_type, hat.parent_bone = rig, "BONE", "head"
    clothes = mesh_object("Shirt", coordinates(body.data.vertices), [(0, 1, 2)], rig)
    clothes.modifiers.new("Armature", "ARMATURE").object = rig
    for group in body.vertex_groups:
        clothes.vertex_groups.new(name=group.name)
    for vertex in body.data.vertices:
        for one in vertex.groups:
            clothes.vertex_groups[body.vertex_groups[one.group].name].add([vertex.index], one.weight, "REPLACE")
    rig.pose.bones["head"].rotation_mode = "XYZ"
    rig.pose.bones["head"].rotation_euler.x = 0.5
    rig.hide_set(True)
    select(body)
    bpy.context.view_layer.update()
    at = np.array(rig.matrix_world @ rig.pose.bones["head"].matrix.inverted() @ hat.matrix_world)
    assert fit(leg=95) == {"FINISHED"}
    bpy.context.view_layer.update()
    now = np.array(rig.matrix_world @ rig.pose.bones["head"].matrix.inverted() @ hat.matrix_world)
    assert np.allclose(now, at, atol=1e-5) and rig.hide_get()
    assert np.array_equal(coordinates(clothes.data.vertices), coordinates(body.data.vertices))
    assert rig.pose.bones["head"].rotation_euler.x == 0.5


def spring_of_vrm_1(rig):
    """Skirt-like joints of 2 cm on the left arm, a ball at the head and a capsule along the right arm; their radii."""
    settings = rig.data.vrm_addon_extension
    settings.spec_version = "1.0"
    joint = settings.spring_bone1.springs.add().joints.add()
    joint.node.bone_name, joint.hit_radius = BONE["left"], 0.02
    ball, capsule = (settings.spring_bone1.colliders.add() for _ in range(2))
    for collider, bone in ((ball, BONE["head"]), (capsule, BONE["right"])):
        collider.reset_bpy_object(bpy.context, rig)
        collider.node.bone_name = bone
    ball.shape.sphere.radius, ball.shape.sphere.offset = 0.1, (0, 0.05, 0)
    capsule.shape_type = "Capsule"
    capsule.reset_bpy_object(bpy.context, rig)
    capsule.shape.capsule.radius, capsule.shape.capsule.offset = 0.04, (0, 0, 0)
    ends = rig.data.bones[BONE["right"]].matrix_local.inverted() @ rig.data.bones[BONE["right below"]].head_local
    capsule.shape.capsule.tail = ends
    bpy.context.view_layer.update()
    return lambda: (joint.hit_radius, ball.shape.sphere, capsule.shape.capsule)


def spring_of_vrm_0(rig):
    """The same with what VRM 0 has: joints, and a ball at the head."""
    settings = rig.data.vrm_addon_extension
    settings.spec_version = "0.0"
    found = settings.vrm0.secondary_animation
    joints = found.bone_groups.add()
    joints.bones.add().bone_name = BONE["left"]
    joints.hit_radius = 0.02
    group = found.collider_groups.add()
    group.node.bone_name = BONE["head"]
    empty = bpy.data.objects.new("Ball", None)
    bpy.context.scene.collection.objects.link(empty)
    empty.parent, empty.parent_type, empty.parent_bone = rig, "BONE", BONE["head"]
    empty.empty_display_type, empty.empty_display_size = "SPHERE", 0.1
    group.colliders.add().bpy_object = empty
    bpy.context.view_layer.update()
    return joints, empty


def bone_space(rig, bone, point):
    return np.array(rig.matrix_world @ rig.data.bones[bone].matrix_local @ Vector(point))


@pytest.mark.skipif(find_spec("io_scene_vrm") is None, reason="bpy-vrm-format is not installed")
def test_spring_bones_of_vrm_1_get_as_thick_as_what_carries_them(person):
    rig, body = person
    with vrm.addon() as there:
        assert there
        read = spring_of_vrm_1(rig)
        select(body)
        assert fit(height=220) == {"FINISHED"}
        bpy.context.view_layer.update()
        grown, ball, capsule = read()
        scale = grown / 0.02
        assert scale > 1.2
        assert ball.radius == pytest.approx(0.1 * scale, rel=1e-4)
        assert capsule.radius == pytest.approx(0.04 * scale, rel=1e-4)
        assert np.array(ball.offset) == pytest.approx([0, 0.05 * scale, 0], abs=1e-5)
        assert fit(arm=130 * lengths(rig)["arm"]) == {"FINISHED"}
        bpy.context.view_layer.update()
        longer, ball, capsule = read()
        assert longer == pytest.approx(grown, rel=1e-4), "an arm that stretches does not get thicker"
        assert capsule.radius == pytest.approx(0.04 * scale, rel=1e-4)
        below = np.array(rig.matrix_world @ rig.data.bones[BONE["right below"]].head_local)
        assert bone_space(rig, BONE["right"], capsule.tail) == pytest.approx(below, abs=1e-4)


@pytest.mark.skipif(find_spec("io_scene_vrm") is None, reason="bpy-vrm-format is not installed")
def test_spring_bones_of_vrm_0_get_as_thick_as_what_carries_them(person):
    rig, body = person
    with vrm.addon() as there:
        assert there
        joints, empty = spring_of_vrm_0(rig)
        select(body)
        assert fit(height=220) == {"FINISHED"}
        bpy.context.view_layer.update()
        scale = joints.hit_radius / 0.02
        assert scale > 1.2 and empty.empty_display_size == pytest.approx(0.1 * scale, rel=1e-4)
        assert np.array(empty.matrix_world.to_scale()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("mode", ["POSE", "EDIT"])
def test_whatever_mode_the_armature_is_in(person, mode):
    rig, _ = person
    select(rig)
    bpy.ops.object.mode_set(mode=mode)
    assert fit(arm=60) == {"FINISHED"}
    assert rig.mode == mode and bpy.context.object == rig
    bpy.ops.object.mode_set(mode="OBJECT")
    assert lengths(rig)["arm"] == pytest.approx(0.6, abs=1e-5)


def test_connected_bones_stay_connected_and_keep_their_roll(person):
    rig, body = person
    select(rig)
    bpy.ops.object.mode_set(mode="EDIT")
    for side in ("left", "right"):
        upper, lower = (rig.data.edit_bones[f"{side}{name}Arm"] for name in ("Upper", "Lower"))
        upper.tail, upper.roll = lower.head, 0.7
        lower.use_connect = True
    bpy.ops.object.mode_set(mode="OBJECT")
    turned = np.array(rig.data.bones["leftUpperArm"].matrix_local)[:3, :3]
    select(body)
    assert fit(arm=60, shoulders=44) == {"FINISHED"}
    assert rig.data.bones["leftLowerArm"].use_connect
    assert np.allclose(np.array(rig.data.bones["leftUpperArm"].matrix_local)[:3, :3], turned, atol=1e-5)


def test_a_scaled_and_turned_avatar(person):
    rig, body = person
    rig.scale, rig.rotation_euler.z, rig.location = (0.5, 0.5, 0.5), 1.0, (1, 2, 0.3)
    bpy.context.view_layer.update()
    low = min((body.matrix_world @ vertex.co).z for vertex in body.data.vertices)
    assert fit(arm=30, shoulders=22, height=90) == {"FINISHED"}
    found = lengths(rig)
    assert (found["arm"], found["shoulders"], found["height"]) == pytest.approx((0.3, 0.22, 0.9), abs=1e-5)
    assert min((body.matrix_world @ vertex.co).z for vertex in body.data.vertices) == pytest.approx(low, abs=1e-5)


def test_lengths_of_another_avatar_and_placed_landmarks(person):
    rig, body = person
    points = np.column_stack([np.tile((0.0, -0.1, 1.55), (len(LANDMARKS), 1)), np.ones(len(LANDMARKS))])
    landmarks.keep([body], body, points)
    other = rig.copy()
    other.data, other.name = rig.data.copy(), "Person"
    skin = body.copy()
    skin.data = body.data.copy()
    skin.parent, skin.modifiers["Armature"].object = other, other
    for obj in (other, skin):
        bpy.context.scene.collection.objects.link(obj)
    select(skin)
    assert fit(arm=62, leg=70) == {"FINISHED"}
    person_lengths = lengths(other)
    select(body)
    assert fit(like="Person", neck=6) == {"FINISHED"}
    wanted = person_lengths | {"neck": 0.06}
    assert lengths(rig) == pytest.approx(wanted, abs=1e-5), "numbers that are given win"
    placed = landmarks.read([body])
    off = placed[0, :3] - heads(rig)["head"]
    assert off == pytest.approx(-off[1] / 0.1 * np.array((0.0, -0.1, 0.05)), abs=1e-5), (
        "they keep their place in the head"
    )
    assert 0.8 < -off[1] / 0.1 < 1.0


def test_it_is_one_step_to_undo(person):
    """Nothing but the operator's own step is pushed."""
    assert {"REGISTER", "UNDO"} <= bpy.types.VRC_BLENDSHAPE_OT_fit_proportions.bl_options


def refused(match, **wanted):
    with pytest.raises(RuntimeError, match=match):
        fit(**(wanted or {"arm": 60}))


def test_what_cannot_be_fitted_is_refused_in_sentences(person):
    rig, body = person
    before = coordinates(body.data.vertices)
    with pytest.raises(RuntimeError, match="No length is given"):
        fit()
    refused(r"Arm Length: 200.0 cm is too far from the 50.0 cm", arm=200)
    refused("do not make up a height", leg=40, torso=25, neck=3, height=300)
    refused("There is no armature named", like="Nobody")
    rig.pose.bones["leftLowerArm"].constraints.new("COPY_ROTATION").target = rig
    refused("follows other bones by constraints")
    rig.pose.bones["leftLowerArm"].constraints[0].enabled = False
    other = add_rig({"root": ("", (0, 0, 0))})
    body.modifiers.new("Other", "ARMATURE").object = other
    select(body)
    refused("several armatures")
    body.modifiers.remove(body.modifiers["Other"])
    rig.data.bones["leftHand"].name = "thing"
    refused("left hand")
    rig.data.bones["thing"].name = "leftHand"
    copy = rig.copy()
    refused("shared by several armatures")
    bpy.data.objects.remove(copy)
    twin = body.copy()
    bpy.context.scene.collection.objects.link(twin)
    select(body)
    refused("shared by several objects")
    bpy.data.objects.remove(twin)
    body.parent = None
    body.modifiers.clear()
    refused("no armature")
    assert np.array_equal(before, coordinates(body.data.vertices))
