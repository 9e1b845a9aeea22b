"""The avatar alone leaves Blender, with every key as it is here and the scene as it was."""

import bpy
import numpy as np
import pytest
from helpers import EYE_DISTANCE, add_key, ball, deltas, fingerprint, key_names, mesh_object, select
from mathutils import Matrix

from blendshape_addon.blender.io import files
from blendshape_addon.blender.io.avatar_objects import avatars_of
from blendshape_addon.blender.keys import fbx_verify, vrchat_check
from blendshape_addon.core.errors import InputError
from blendshape_addon.core.vocabulary import ALL_SHAPES

EXPORTS = {"fbx": bpy.ops.vrc_blendshape.export_fbx, "glb": bpy.ops.vrc_blendshape.export_glb}


@pytest.fixture
def crowded(planted, figure):
    """The figure with keys, among things that do not belong to it."""
    bpy.ops.object.camera_add()
    bpy.ops.object.light_add()
    ball("Stranger", (5, 0, 1), 0.3)
    figure["body"].modifiers.new("Smoother", "SUBSURF").levels = 1
    ribbon = bpy.data.objects.new("Ribbon", bpy.data.curves.new("Ribbon", "CURVE"))
    bpy.context.scene.collection.objects.link(ribbon)
    ribbon.parent = figure["rig"]
    add_key(figure["body"], "あ い").value = 0.5
    select(figure["body"])
    bpy.ops.vrc_blendshape.generate_all()
    return figure


@pytest.mark.parametrize("suffix", EXPORTS)
def test_every_key_arrives_with_its_offsets(crowded, tmp_path, suffix):
    wanted = {}
    for name in ("body", "teeth"):
        obj = crowded[name]
        wanted[obj.name] = {key: world_offsets(obj, key) for key in key_names(obj)[1:]}
    assert EXPORTS[suffix](filepath=str(tmp_path / f"a.{suffix}")) == {"FINISHED"}
    files.load(tmp_path / f"a.{suffix}")
    (avatar,) = avatars_of(bpy.data.objects)
    assert sorted(obj.name for obj in avatar) == ["Body", "Hair", "Teeth"]
    assert {obj.type for obj in bpy.data.objects} == {"MESH", "ARMATURE"}
    for obj in (bpy.data.objects["Body"], bpy.data.objects["Teeth"]):
        assert key_names(obj)[1:] == list(wanted[obj.name])
        base, there = wanted[obj.name]["vrc.v_aa"][0], world_offsets(obj, "vrc.v_aa")[0]
        apart = np.linalg.norm(base[:, None] - there, axis=2)  # GLB splits vertices
        assert apart.min(1).max() < 1e-5 * EYE_DISTANCE and apart.min(0).max() < 1e-5 * EYE_DISTANCE
        for name, (_, offset) in wanted[obj.name].items():
            arrived = world_offsets(obj, name)[1]
            assert arrived.any(), name
            assert np.abs(offset[apart.argmin(0)] - arrived).max() < 1e-5 * EYE_DISTANCE, name
    assert set(ALL_SHAPES) < set(key_names(bpy.data.objects["Body"]))


def world_offsets(obj, name):
    matrix = np.array(obj.matrix_world)
    base = np.array([point.co for point in obj.data.shape_keys.reference_key.data])
    return base @ matrix[:3, :3].T + matrix[:3, 3], deltas(obj, name).astype(float) @ matrix[:3, :3].T


@pytest.mark.parametrize("suffix", EXPORTS)
def test_the_scene_stays_and_what_is_left_out_is_reported(crowded, tmp_path, suffix):
    objects = [crowded["body"], crowded["teeth"], crowded["hair"]]
    before = [fingerprint(obj) for obj in objects], sorted(obj.name for obj in bpy.data.objects)
    EXPORTS[suffix](filepath=str(tmp_path / "a"))
    assert ([fingerprint(obj) for obj in objects], sorted(obj.name for obj in bpy.data.objects)) == before
    assert [modifier.name for modifier in crowded["body"].modifiers] == ["Smoother"]
    assert bpy.data.collections.keys() == [] and [f.name for f in tmp_path.iterdir()] == [f"a.{suffix}"]
    modifiers, curves = files.left_out(objects)
    assert "Smoother of “Body”" in modifiers and "Ribbon" in curves
    assert files.left_out(objects[1:]) == [curves]


def test_a_key_that_is_not_in_the_file_is_reported(crowded, tmp_path):
    objects = [crowded["body"], crowded["teeth"], crowded["hair"]]
    files.save(tmp_path / "a.fbx", objects)
    assert fbx_verify.count_keys(tmp_path / "a.fbx", objects) == len(ALL_SHAPES) + 1 + len(ALL_SHAPES) - 1
    add_key(crowded["body"], "nothing", offset=0)
    assert fbx_verify.count_keys(tmp_path / "a.fbx", objects) > 0
    crowded["body"].data.shape_keys.key_blocks["joy"].data[0].co.x += 1e-4
    with pytest.raises(InputError, match="joy of “Body”"):
        fbx_verify.count_keys(tmp_path / "a.fbx", objects)
    crowded["body"].data.shape_keys.key_blocks["joy"].data[0].co.x -= 1e-4
    add_key(crowded["teeth"], "later")
    with pytest.raises(InputError, match="later of “Teeth”"):
        fbx_verify.count_keys(tmp_path / "a.fbx", objects)


def test_materials_of_objects_and_shared_meshes_are_no_obstacle(planted, figure, tmp_path):
    """The exporter makes meshes of its own for the former; the latter have one set of shapes for two objects."""
    body = figure["body"]
    bpy.ops.vrc_blendshape.generate_visemes()
    body.data.materials.append(bpy.data.materials.new("skin"))
    body.material_slots[0].link = "OBJECT"
    twin = mesh_object("Earring", [(0, 0, 1.6), (0.01, 0, 1.6), (0, 0, 1.61)], [(0, 1, 2)], figure["rig"])
    add_key(twin, "swing")
    other = bpy.data.objects.new("Earring right", twin.data)
    bpy.context.scene.collection.objects.link(other)
    other.parent = figure["rig"]
    assert EXPORTS["fbx"](filepath=str(tmp_path / "a.fbx")) == {"FINISHED"}


def local_transforms(path):
    """Lcl Translation, Rotation and Scaling of each model of an FBX file by name, and its UnitScaleFactor."""
    from io_scene_fbx import parse_fbx

    top = {element.id: element.elems for element in parse_fbx.parse(str(path))[0].elems}
    settings = [row.props for part in top[b"GlobalSettings"] for row in part.elems]
    unit = next(row[4] for row in settings if row[0] == b"UnitScaleFactor")
    found = {}
    for model in (element for element in top[b"Objects"] if element.id == b"Model"):
        rows = [row for part in model.elems if part.id == b"Properties70" for row in part.elems]
        local = {b"Lcl Translation": [0, 0, 0], b"Lcl Rotation": [0, 0, 0], b"Lcl Scaling": [1, 1, 1]}
        local |= {row.props[0]: row.props[4:] for row in rows if row.props[0] in local}
        found[model.props[1].split(b"\x00\x01")[0].decode()] = np.concatenate(list(local.values()))
    return found, unit


def test_a_posed_avatar_leaves_at_rest_and_stays_posed(figure, tmp_path):
    rig, teeth = figure["rig"], figure["teeth"]
    world = teeth.matrix_world.copy()
    teeth.parent_type, teeth.parent_bone = "BONE", "Bone"
    teeth.matrix_world = world
    bpy.context.view_layer.update()
    EXPORTS["fbx"](filepath=str(tmp_path / "rest.fbx"))
    bone = rig.pose.bones["Bone"]
    bone.location, bone.rotation_quaternion = (0.1, 0.2, 0), (0.9, 0.1, 0.4, 0)
    bpy.context.view_layer.update()
    posed = teeth.matrix_world.copy()
    for suffix, export in EXPORTS.items():
        assert export(filepath=str(tmp_path / f"posed.{suffix}")) == {"FINISHED"}
        assert teeth.matrix_world == posed and rig.data.pose_position == "POSE"
    there, rest = (local_transforms(tmp_path / f"{name}.fbx")[0] for name in ("posed", "rest"))
    assert there.keys() == rest.keys() and "Teeth" in there
    assert all(np.abs(there[name] - rest[name]).max() < 1e-3 for name in rest)
    files.load(tmp_path / "posed.glb")
    assert np.abs(np.array(bpy.data.objects["Teeth"].matrix_world.translation - world.translation)).max() < 1e-5


def test_animation_is_named_and_does_not_come_into_a_file_at_rest(planted, figure, tmp_path):
    """glTF's importer takes a mesh whose keys are animated apart from its object."""
    rig, body = figure["rig"], figure["body"]
    bone, key = rig.pose.bones["Bone"], add_key(body, "Face_wide")
    bone.rotation_quaternion = (0.9, 0.1, 0.4, 0)
    bone.keyframe_insert("rotation_quaternion", frame=1)
    for value, frame in ((0.0, 1), (1.0, 20)):
        key.value = value
        key.keyframe_insert("value", frame=frame)
    rig.animation_data.nla_tracks.new().strips.new("pose", 1, rig.animation_data.action)
    rig.animation_data.action = None
    (said,) = (words for words in files.left_out([body, figure["teeth"]]) if "animation" in words)
    assert "animation of Body, Armature," in said or "animation of Armature, Body," in said
    bpy.context.scene.frame_set(5)
    value = key.value
    for suffix, export in EXPORTS.items():
        assert export(filepath=str(tmp_path / f"a.{suffix}")) == {"FINISHED"}
        assert key.value == value and rig.data.pose_position == "POSE" and len(rig.animation_data.nla_tracks) == 1
    for suffix in EXPORTS:
        files.load(tmp_path / f"a.{suffix}")
        assert bpy.data.objects["Body"].type == "MESH"
        assert bpy.data.objects["Body"].data.shape_keys.key_blocks["Face_wide"].value == pytest.approx(value)
        assert not files.left_out([bpy.data.objects["Body"]])


@pytest.mark.parametrize("system", ["METRIC", "NONE"])
def test_an_avatar_in_centimetres_has_scale_1_in_the_file_and_its_own_unit(planted, figure, tmp_path, system):
    """As Blender imports a file of 3ds Max or Maya: everything in centimetres, scaled by 0.01."""
    for name in ("rig", "body", "teeth", "hair"):
        figure[name].data.transform(Matrix.Scale(100, 4))
    figure["rig"].scale = (0.01, 0.01, 0.01)
    units = bpy.context.scene.unit_settings
    units.system = system
    bpy.ops.vrc_blendshape.generate_visemes()
    size = figure["body"].dimensions.copy()
    assert EXPORTS["fbx"](filepath=str(tmp_path / "a.fbx")) == {"FINISHED"}
    assert (units.system, units.scale_length) == (system, 1.0) and figure["rig"].scale[0] == pytest.approx(0.01)
    transforms, unit = local_transforms(tmp_path / "a.fbx")
    assert unit == pytest.approx(1)
    assert all(np.abs(local[6:] - 1).max() < 1e-4 for local in transforms.values())
    files.load(tmp_path / "a.fbx")
    body = bpy.data.objects["Body"]
    assert np.allclose(body.dimensions, size, rtol=1e-4) and "vrc.v_aa" in key_names(body)
    assert files.left_out([body]) == []


def test_what_no_file_holds_of_a_transform_is_reported(figure):
    teeth, rig = figure["teeth"], figure["rig"]
    rig.scale = (1, 1, 2)
    teeth.rotation_euler = (0.5, 0, 0)
    bpy.context.view_layer.update()
    objects = [figure["body"], teeth]
    assert [str(message).partition(":")[0] for message in files.left_out(objects)] == [
        "The scale of Armature is not 1 in the file"
    ]
    assert files.left_out(objects)[0] in [finding.message for finding in vrchat_check.readiness(objects)]
    head = mesh_object("Head", [(0, 0, 0), (1, 0, 0), (0, 0, 1)], [(0, 1, 2)])
    head.scale = (1, 1, 3)
    eye = mesh_object("Eye", [(0, 0, 0), (1, 0, 0), (0, 0, 1)], [(0, 1, 2)], head)
    eye.matrix_parent_inverse = Matrix.Rotation(0.5, 4, "Y") @ Matrix.Diagonal((1, 1, 2, 1))
    eye.rotation_euler.y = 0.5
    bpy.context.view_layer.update()
    (message,) = files.left_out([head, eye])
    assert message.startswith("Not exported: the shear of Eye,")
