"""The avatar alone leaves Blender, with every key as it is here and the scene as it was."""

import bpy
import numpy as np
import pytest
from helpers import EYE_DISTANCE, add_key, ball, deltas, fingerprint, key_names, mesh_object, select

from blendshape_addon.blender.io import files
from blendshape_addon.blender.io.mesh_io import avatars_of
from blendshape_addon.blender.keys import fbx_verify
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
    figure["teeth"].hide_set(True)
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
