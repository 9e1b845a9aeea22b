"""Corrective shapes in Blender: two bones and a tube, whose target is skinned by dual quaternions."""

import json
import sys

import bpy
import numpy as np
import pytest
from helpers import coordinates, error_line, fingerprint, key_names, mesh_object, select

from blendshape_addon import cli
from blendshape_addon.blender import session, settings
from blendshape_addon.blender.io import files, mesh_frames, point_cache, rig_motion
from blendshape_addon.blender.keys import corrective_keys
from blendshape_addon.blender.viewport import error_map
from blendshape_addon.core.corrective.frames import write_obj
from blendshape_addon.core.errors import InputError

FRAMES = 24
ALL = range(1, FRAMES + 1)
operators = bpy.ops.vrc_blendshape


@pytest.fixture
def arm():
    """Armature and tube along x, whose elbow bends by 130 degrees and comes back, with a key of the creator's."""
    bpy.ops.object.armature_add()
    rig = bpy.context.object
    rig.name = "Rig"
    bpy.ops.object.mode_set(mode="EDIT")
    bones = rig.data.edit_bones
    for bone in list(bones):
        bones.remove(bone)
    for name, start, parent in (("upper_arm.L", 0.0, None), ("lower_arm.L", 0.3, "upper_arm.L")):
        bone = bones.new(name)
        bone.head, bone.tail = (start, 0, 1), (start + 0.3, 0, 1)
        bone.parent = bones.get(parent) if parent else None
    bpy.ops.object.mode_set(mode="OBJECT")
    segments, rings = 12, 25
    turn = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    along = np.repeat(np.linspace(0, 0.6, rings), segments)
    points = np.column_stack([along, 0.05 * np.tile(np.cos(turn), rings), 1 + 0.05 * np.tile(np.sin(turn), rings)])
    faces = [
        (r * segments + s, r * segments + (s + 1) % segments, (r + 1) * segments + (s + 1) % segments,
         (r + 1) * segments + s)
        for r in range(rings - 1)
        for s in range(segments)
    ]  # fmt: skip
    obj = mesh_object("Arm", points, faces, rig)
    lower = np.clip((along - 0.22) / 0.16, 0, 1)
    for name, weights in (("upper_arm.L", 1 - lower), ("lower_arm.L", lower)):
        group = obj.vertex_groups.new(name=name)
        for vertex, weight in enumerate(weights.tolist()):
            group.add([vertex], weight, "REPLACE")
    obj.modifiers.new("Armature", "ARMATURE").object = rig
    obj.shape_key_add(name="Basis")
    obj.shape_key_add(name="mine").points[0].co.z += 0.01
    bone = rig.pose.bones["lower_arm.L"]
    bone.rotation_mode = "XYZ"
    for frame in ALL:
        bone.rotation_euler.x = np.radians(130) * np.sin(np.pi * (frame - 1) / (FRAMES - 1))
        bone.keyframe_insert("rotation_euler", frame=frame)
    bpy.context.scene.frame_end = FRAMES
    bpy.context.scene.frame_set(1)
    select(obj)
    return obj


@pytest.fixture
def target(arm):
    """The same mesh by dual quaternions."""
    other = arm.copy()
    other.data = arm.data.copy()
    other.name = "Target"
    bpy.context.scene.collection.objects.link(other)
    other.modifiers["Armature"].use_deform_preserve_volume = True
    return other


def off(obj, target: np.ndarray) -> float:
    """Millimetres that the mesh is off the target in the middle frames, on average."""
    found = mesh_frames.read_object(bpy.context.scene, obj, ALL).positions
    return float(np.linalg.norm(found - target, axis=2)[8:16].mean() * 1000)


def positions(obj) -> np.ndarray:
    return mesh_frames.read_object(bpy.context.scene, obj, ALL).positions


def saved(arm, path):
    """The avatar alone in a file."""
    bpy.data.objects.remove(bpy.data.objects["Target"])
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


def command(*arguments) -> int:
    return cli.main(["corrective", "bake", *map(str, arguments)])


def test_skinning_is_what_blender_does(arm):
    motion = rig_motion.read(bpy.context.scene, arm, ALL)
    assert np.abs(motion.mesh.skinned(motion.poses) - positions(arm)).max() < 1e-5
    assert bpy.context.scene.frame_current == 1


def test_keys_bring_the_mesh_to_the_target(arm, target):
    true, before = positions(target), fingerprint(arm)
    was = off(arm, true)
    assert operators.bake_corrective_keys(target="Target") == {"FINISHED"}
    assert off(arm, true) < 0.3 * was
    assert fingerprint(arm)[: len(before)] == before, "the creator's key and the base stay"
    names = key_names(arm)
    assert names[:2] == ["Basis", "mine"] and all(name.startswith("corr.lower_arm.L.") for name in names[2:])
    assert 1 <= len(names) - 2 <= 12
    drivers = arm.data.shape_keys.animation_data.drivers
    assert len(drivers) == len(names) - 2
    assert all(curve.driver.is_simple_expression for curve in drivers), "it runs where Python is not trusted"
    bpy.context.scene.frame_set(1)
    assert all(key.value == 0 for key in arm.data.shape_keys.key_blocks[2:])


def test_baking_again_replaces_the_keys_and_leaves_edited_ones(arm, target):
    operators.bake_corrective_keys(target="Target", poses="lower_arm.L=60,120")
    assert key_names(arm)[2:] == ["corr.lower_arm.L.60", "corr.lower_arm.L.120"]
    arm.data.shape_keys.key_blocks["corr.lower_arm.L.60"].points[3].co.z += 0.02
    operators.bake_corrective_keys(target="Target", poses="lower_arm.L=90")
    assert key_names(arm)[2:] == ["corr.lower_arm.L.60", "corr.lower_arm.L.90"]
    operators.bake_corrective_keys(target="Target", poses="lower_arm.L=60")
    names = key_names(arm)[2:]
    assert names == ["corr.lower_arm.L.60", "corr.lower_arm.L.60b"] and corrective_keys.present(arm) == names[1:]
    assert operators.remove_corrective_keys() == {"FINISHED"}
    assert key_names(arm) == ["Basis", "mine", "corr.lower_arm.L.60"]
    assert len(arm.data.shape_keys.animation_data.drivers) == 1


def test_a_mesh_without_keys_has_none_after_they_are_removed(arm, target):
    arm.shape_key_clear()
    operators.bake_corrective_keys(target="Target")
    assert len(key_names(arm)) > 1
    assert session.current().corrective["Arm"].kept > 0.7
    operators.remove_corrective_keys()
    assert arm.data.shape_keys is None and not session.current().corrective


def test_a_pose_that_is_on_and_a_scaled_object_change_nothing(arm, target):
    arm.parent.scale = (2, 2, 2)
    arm.parent.location = (0.3, 0.2, 0.1)
    target.parent = arm.parent
    bpy.context.scene.frame_set(12)
    true = positions(target)
    was = off(arm, true)
    operators.bake_corrective_keys(target="Target")
    assert off(arm, true) < 0.3 * was
    assert bpy.context.scene.frame_current == 12


def test_an_armature_that_moves_as_a_whole(arm, target, tmp_path):
    rig = arm.parent
    for frame, place, angle in ((1, 0.0, 0), (FRAMES, 2.0, 90)):
        rig.location.y, rig.rotation_euler.z = place, np.radians(angle)
        rig.keyframe_insert("location", frame=frame)
        rig.keyframe_insert("rotation_euler", frame=frame)
    bpy.context.scene.frame_set(7)
    true = positions(target)
    was = off(arm, true)
    operators.bake_corrective_keys(target="Target")
    assert was > 1 and off(arm, true) < 0.3 * was
    operators.remove_corrective_keys()
    operators.bake_corrective_animation(target="Target", filepath=str(tmp_path / "a.pc2"))
    assert off(arm, true) < 0.01
    arm.modifiers.remove(arm.modifiers[point_cache.MODIFIER])
    operators.bake_corrective_keys(path=str(tmp_path / "a.pc2"))
    assert off(arm, true) < 0.3 * was


def test_a_bone_that_a_constraint_bends_drives_its_keys(arm, target):
    rig = arm.parent
    rig.animation_data_clear()
    rig.pose.bones["lower_arm.L"].rotation_euler.x = 0
    handle = bpy.data.objects.new("Handle", None)
    bpy.context.scene.collection.objects.link(handle)
    for frame, angle in ((1, 0.0), (FRAMES, 130.0)):
        handle.rotation_euler.x = np.radians(angle)
        handle.keyframe_insert("rotation_euler", frame=frame)
    constraint = rig.pose.bones["lower_arm.L"].constraints.new("COPY_ROTATION")
    constraint.target, constraint.target_space, constraint.owner_space = handle, "WORLD", "LOCAL"
    true = positions(target)
    was = off(arm, true)
    operators.bake_corrective_keys(target="Target")
    assert was > 1 and off(arm, true) < 0.3 * was


def test_other_modifiers_stay_and_are_left_aside(arm, target):
    true = positions(target)
    was = off(arm, true)
    arm.modifiers.new("Smooth", "SUBSURF")
    operators.bake_corrective_keys(target="Target")
    arm.modifiers["Smooth"].show_viewport = False
    assert off(arm, true) < 0.3 * was


def test_keys_are_refused_in_sentences(arm, target):
    with pytest.raises(RuntimeError, match="No target is chosen"):
        operators.bake_corrective_keys()
    with pytest.raises(RuntimeError, match="no bone “elbow”"):
        operators.bake_corrective_keys(target="Target", poses="elbow=60")
    target.hide_viewport = True
    with pytest.raises(RuntimeError, match="“Target” is hidden"):
        operators.bake_corrective_keys(target="Target")
    target.hide_viewport = False
    action, arm.parent.animation_data.action = arm.parent.animation_data.action, None
    with pytest.raises(RuntimeError, match="does not move"):
        operators.bake_corrective_keys(target="Target")
    arm.parent.animation_data.action = action
    target.scale = (30, 30, 30)
    with pytest.raises(RuntimeError, match="of another size"):
        operators.bake_corrective_keys(target="Target")
    other = arm.parent.copy()
    arm.modifiers.new("Other", "ARMATURE").object = other
    with pytest.raises(RuntimeError, match="several armatures"):
        operators.bake_corrective_keys(target="Target")
    arm.modifiers.clear()
    arm.parent = None
    with pytest.raises(RuntimeError, match="has no armature .* press Bake Animation"):
        operators.bake_corrective_keys(target="Target")
    assert key_names(arm) == ["Basis", "mine"]


def test_an_animation_is_baked_with_and_without_an_armature(arm, target, tmp_path):
    true = positions(target)
    with pytest.raises(RuntimeError, match="Save the .blend file first"):
        operators.bake_corrective_animation(target="Target")
    arm.modifiers.new("Subdivision", "SUBSURF").show_viewport = False
    assert operators.bake_corrective_animation(target="Target", filepath=str(tmp_path / "a.pc2")) == {"FINISHED"}
    assert [modifier.name for modifier in arm.modifiers] == ["Armature", point_cache.MODIFIER, "Subdivision"]
    assert off(arm, true) < 0.01
    assert np.allclose(mesh_frames.read_path(tmp_path / "a.pc2", arm).positions, true, atol=1e-5)
    arm.modifiers.clear()
    arm.parent = None
    assert operators.bake_corrective_animation(target="Target", filepath=str(tmp_path / "b.pc2")) == {"FINISHED"}
    assert off(arm, true) < 0.01


def test_the_error_is_shown_as_colours_and_taken_off(arm, target):
    own = arm.data.color_attributes.new("own", "BYTE_COLOR", "CORNER")
    arm.data.color_attributes.active_color = own
    with pytest.raises(RuntimeError, match="Nothing was baked"):
        operators.show_corrective_error()
    operators.bake_corrective_keys(target="Target")
    reds = []
    for after in (False, True):
        assert operators.show_corrective_error(after=after) == {"FINISHED"}
        colours = np.empty(len(arm.data.vertices) * 4, np.float32)
        arm.data.color_attributes[error_map.NAME].data.foreach_get("color", colours)
        reds.append(colours.reshape(-1, 4)[:, 0].max())
    assert reds[0] > 0.8 > reds[1]
    assert operators.hide_corrective_error() == {"FINISHED"}
    assert arm.data.color_attributes.keys() == ["own"] and arm.data.color_attributes.active_color.name == "own"


@pytest.mark.parametrize("kind", ["abc", "usdc", "obj"])
def test_caches_that_blender_writes_are_read_back(arm, target, tmp_path, kind):
    true, before = positions(target), {name: len(getattr(bpy.data, name)) for name in ("objects", "meshes", "scenes")}
    select(target)
    path = tmp_path / f"target.{kind}"
    if kind == "abc":
        bpy.ops.wm.alembic_export(
            filepath=str(path), start=1, end=FRAMES, selected=True, as_background_job=False, vcolors=False
        )
    elif kind == "usdc":
        bpy.ops.wm.usd_export(
            filepath=str(path),
            selected_objects_only=True,
            export_animation=True,
            export_armatures=False,
            export_shapekeys=False,
        )
    else:
        path.mkdir()
        frames = mesh_frames.read_object(bpy.context.scene, target, ALL)
        for number, points in enumerate(frames.positions):
            write_obj(path / f"frame_{number + 1}.obj", points[:, [0, 2, 1]] * (1, 1, -1), frames)
    found = mesh_frames.read_path(path, arm, true[0])
    assert np.allclose(found.positions, true, atol=1e-4)
    assert {name: len(getattr(bpy.data, name)) for name in before} == before, "nothing is left behind"
    select(arm)
    assert operators.bake_corrective_keys(path=str(path)) == {"FINISHED"}


def test_files_that_are_no_motion_are_refused(arm, tmp_path):
    for name, data, said in (
        ("a.abc", b"no alembic", "damaged"), ("b.usdc", b"no usd", "damaged"), ("c.pc2", b"POINTCACHE2", "damaged"),
        ("d.abc", b"", "is empty"), ("e.txt", b"1", "is not a motion"),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=said):
            mesh_frames.read_path(tmp_path / name, arm)
    with pytest.raises(InputError, match="cannot be opened"):
        mesh_frames.read_path(tmp_path / "missing.abc", arm)


def test_the_command_line_writes_a_blend_and_its_table(arm, target, tmp_path, capsys):
    true = positions(target)
    select(target)
    bpy.ops.wm.alembic_export(
        filepath=str(tmp_path / "t.abc"), start=1, end=FRAMES, selected=True, as_background_job=False
    )
    avatar, out, table = saved(arm, tmp_path / "arm.blend"), tmp_path / "out.blend", tmp_path / "drivers.json"
    report, cache = tmp_path / "report.json", tmp_path / "arm.pc2"
    assert command(
        avatar, "--target", tmp_path / "t.abc", "--out", out, "--drivers", table, "--report", report, "--cache", cache
    ) == 0  # fmt: skip
    assert "where it moves" in capsys.readouterr().out
    said = json.loads(report.read_text(encoding="utf-8"))
    assert said["mesh"] == "Arm" and said["kept"] > 0.7
    rows = json.loads(table.read_text(encoding="utf-8"))["keys"]
    bpy.ops.wm.open_mainfile(filepath=str(out))
    obj = bpy.data.objects["Arm"]
    assert [row["key"] for row in rows] == key_names(obj)[2:] == said["keys"]
    assert off(obj, true) < 0.3 * said["before_mm"]["moving"]
    assert np.allclose(mesh_frames.read_path(cache, obj).positions, true, atol=1e-4)


def test_an_fbx_holds_the_keys_at_rest(arm, target, tmp_path, capsys):
    select(target)
    bpy.ops.wm.alembic_export(
        filepath=str(tmp_path / "t.abc"), start=1, end=FRAMES, selected=True, as_background_job=False
    )
    bpy.context.scene.frame_set(12)
    avatar = saved(arm, tmp_path / "arm.blend")
    listed = ("--target", tmp_path / "t.abc", "--poses", "lower_arm.L=60,120")
    assert command(avatar, *listed, "--out", tmp_path / "out.fbx") == 0
    assert "--drivers" in capsys.readouterr().out
    peak = np.abs(coordinates(bpy.data.objects["Arm"].data.shape_keys.key_blocks["corr.lower_arm.L.120"].points)).max()
    files.load(tmp_path / "out.fbx")
    obj = next(obj for obj in bpy.data.objects if obj.type == "MESH")
    keys = obj.data.shape_keys.key_blocks
    assert keys.keys() == ["Basis", "mine", "corr.lower_arm.L.60", "corr.lower_arm.L.120"]
    assert [key.value for key in keys] == [0, 0, 0, 0]
    assert np.abs(coordinates(keys["corr.lower_arm.L.120"].points)).max() == pytest.approx(peak, rel=1e-4)


def test_the_table_of_drivers_is_written_of_a_file_that_was_saved(arm, target, tmp_path):
    with pytest.raises(RuntimeError, match="has no corrective keys"):
        operators.save_corrective_drivers(filepath=str(tmp_path / "none.json"))
    operators.bake_corrective_keys(target="Target", poses="lower_arm.L=60,120")
    assert operators.save_corrective_drivers(filepath=str(tmp_path / "new.json")) == {"FINISHED"}
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "arm.blend"))
    session.current().corrective.clear()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "arm.blend"))
    select(bpy.data.objects["Arm"])
    assert operators.save_corrective_drivers(filepath=str(tmp_path / "later.json")) == {"FINISHED"}
    new, later = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("new", "later"))
    assert new.pop("error_mm")["after"]["moving"] < new["keys"][0]["largest_offset_mm"]
    assert new == later and [row["key"] for row in new["keys"]] == ["corr.lower_arm.L.60", "corr.lower_arm.L.120"]


def test_the_command_line_refuses_in_one_sentence_and_writes_nothing(arm, target, tmp_path, capsys):
    frames = mesh_frames.read_object(bpy.context.scene, target, ALL)
    avatar, out = saved(arm, tmp_path / "arm.blend"), tmp_path / "out.blend"
    swapped = np.arange(len(frames.positions[0]))
    swapped[[0, 40]] = swapped[[40, 0]]
    broken = frames.positions.copy()
    broken[5, 7, 1] = np.nan
    for name, points, said in (
        ("short", frames.positions[:10], "24 skinned frames and 10 target frames"),
        ("nan", broken, "no numbers"),
        ("order", frames.positions, "in another order"),
        ("few", frames.positions[:, :100], "must be the same mesh"),
    ):
        (tmp_path / name).mkdir()
        corners = swapped[frames.corners] if name == "order" else frames.corners
        if name == "few":
            corners = np.minimum(corners, 99)
        for number, one in enumerate(points):
            write_obj(tmp_path / name / f"{number}.obj", one, type(frames)(points, corners, frames.sizes))
        assert command(avatar, "--target", tmp_path / name, "--out", out) == 2
        assert said in error_line(capsys)
    for arguments, said in (
        (("--model", tmp_path / "none.onnx"), "none"),
        (("--target", tmp_path / "order", "--frames", "9-2"), "is not A-B"),
        (("--target", tmp_path / "order", "--poses", "elbow"), "names no key poses"),
        (("--target", tmp_path / "order", "--mesh", "Body"), "no mesh named “Body”"),
    ):
        assert command(avatar, *arguments, "--out", out) == 2
        assert said in error_line(capsys)
    assert command(avatar, "--target", tmp_path / "order", "--out", tmp_path / "out.txt") == 2
    assert not out.exists()


def test_what_was_learned_is_baked(arm, target, tmp_path, training_python, monkeypatch, capfd):
    """The button learns of the target beside Blender; its model does for the target, and for this mesh alone."""
    monkeypatch.setattr(settings, "learned_folder", lambda context: tmp_path / "learned")
    true = positions(target)
    was = off(arm, true)
    select(arm)
    assert operators.learn_corrective(target="Target") == {"FINISHED"}
    model = bpy.context.scene.vrc_blendshape.corrective_model
    assert model == str(tmp_path / "learned" / "corrective" / "Arm.onnx")
    assert operators.bake_corrective_keys(model=model) == {"FINISHED"}
    assert off(arm, true) < 0.5 * was
    assert operators.bake_corrective_animation(model=model, filepath=str(tmp_path / "a.pc2")) == {"FINISHED"}
    assert np.linalg.norm(mesh_frames.read_path(tmp_path / "a.pc2", arm).positions - true, axis=2).mean() < 0.5 * was
    avatar, out = saved(arm, tmp_path / "arm.blend"), tmp_path / "out.fbx"
    assert command(avatar, "--model", model, "--out", out, "--drivers", tmp_path / "drivers.json") == 0
    assert out.is_file() and json.loads((tmp_path / "drivers.json").read_text())["keys"]
    capfd.readouterr()
    few = avatar.with_name("few.blend")
    assert command(avatar, "--model", model, "--out", few, "--frames", "1-2") == 2
    assert "2 frames" in error_line(capfd)
    mesh = bpy.data.objects["Arm"]
    mesh.parent.animation_data_clear()
    bpy.ops.wm.save_as_mainfile(filepath=str(few))
    capfd.readouterr()
    assert command(few, "--model", model, "--out", tmp_path / "none.blend") == 2
    assert "holds no motion" in error_line(capfd)
    mesh = bpy.data.objects["Arm"]
    mesh.shape_key_clear()
    mesh.data.vertices.add(1)
    bpy.ops.wm.save_as_mainfile(filepath=str(few))
    capfd.readouterr()
    assert command(few, "--model", model, "--out", tmp_path / "none.blend") == 2
    assert "learned on another mesh" in error_line(capfd) and not (tmp_path / "none.blend").exists()


def test_nothing_is_learned_without_the_tools_or_of_another_motion(arm, target, monkeypatch):
    select(arm)
    monkeypatch.setattr(settings, "training_python", lambda context: sys.executable)
    arm.parent.animation_data_clear()
    with pytest.raises(RuntimeError, match="does not move"):
        operators.learn_corrective(target="Target")
    arm.modifiers.clear()
    arm.parent = None
    target.location.x = 1
    with pytest.raises(RuntimeError, match="is 100 cm off"):
        operators.learn_corrective(target="Target")
    monkeypatch.undo()
    with pytest.raises(RuntimeError, match=r"pip install -e \.\[training\]"):
        operators.learn_corrective(target="Target")
