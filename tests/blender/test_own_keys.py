"""Other names for keys, clean-up of this tool's own, and their order: what the creator made and tied to keys stays."""

import json

import bpy
import numpy as np
import pytest
from helpers import add_key, deltas, fingerprint, key_names, open_result, run, select

from blendshape_addon import cli
from blendshape_addon.blender.io import files
from blendshape_addon.blender.keys import key_blocks, own_keys
from blendshape_addon.core.avatar import key_names as conventions
from blendshape_addon.core.vocabulary import ALL_SHAPES, EMOTIONS, VISEMES

pytestmark = pytest.mark.usefixtures("planted")
buttons = bpy.ops.vrc_blendshape


def drive(body, name):
    driver = body.data.shape_keys.key_blocks[name].driver_add("value").driver
    driver.expression = "0.25 + 0.5"
    return driver


def animate(body, name):
    key = body.data.shape_keys.key_blocks[name]
    for frame, value in ((1, 0.0), (11, 1.0)):
        key.value = value
        key.keyframe_insert("value", frame=frame)


def value_at(body, name, frame):
    bpy.context.scene.frame_set(frame)
    evaluated = body.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return evaluated.data.shape_keys.key_blocks[name].value


def test_copies_under_other_names(figure):
    buttons.generate_all()
    for convention in ("MMD", "VRM1", "UNIFIED"):
        assert buttons.add_aliases(convention=convention) == {"FINISHED"}
    for obj in (figure["body"], figure["teeth"]):
        for convention in conventions.WRITABLE:
            for shape, alias in conventions.written(convention).items():
                if shape in key_names(obj):
                    assert (deltas(obj, alias) == deltas(obj, shape)).all()
    assert key_names(figure["body"])[: len(ALL_SHAPES) + 1] == ["Basis", *ALL_SHAPES]
    assert "あ" in key_names(figure["teeth"]) and key_names(figure["hair"]) == []


def test_copies_are_renewed_with_their_shapes_and_only_once(figure):
    body = figure["body"]
    buttons.generate_visemes()
    buttons.add_aliases(convention="MMD")
    buttons.add_aliases(convention="MMD")
    buttons.generate_visemes(intensity=0.5)
    assert (deltas(body, "あ") == deltas(body, "vrc.v_aa")).all()
    assert key_names(body) == ["Basis", *VISEMES, "あ", "え", "い", "お", "う"]


def test_renames_take_drivers_and_animation_along_and_spare_the_creators(figure):
    body = figure["body"]
    add_key(body, "vrc.v_e")
    add_key(body, "お")
    buttons.generate_visemes()
    before = fingerprint(body)[1:4]
    drive(body, "vrc.v_aa")
    animate(body, "vrc.v_ih")
    buttons.add_aliases(convention="MMD", rename=True)
    names = key_names(body)
    assert {"あ", "い", "う", "vrc.v_e", "vrc.v_oh"} <= set(names) and not {"vrc.v_aa", "え"} & set(names)
    assert value_at(body, "あ", 1) == 0.75 and value_at(body, "い", 11) == 1.0 and value_at(body, "い", 1) == 0.0
    assert fingerprint(body)[1:4] == before


def test_clean_up_leaves_the_avatar_as_it_was(figure):
    body = figure["body"]
    for name in ("smile", "vrc.v_aa", "wink"):
        add_key(body, name).value = 0.3
    drive(body, "smile")
    bpy.context.view_layer.update()
    before = fingerprint(body)
    buttons.generate_all()
    buttons.add_aliases(convention="VRM1")
    assert buttons.clean_up() == {"FINISHED"}
    assert fingerprint(body) == before
    assert figure["teeth"].data.shape_keys is None
    assert body.data.shape_keys.animation_data.drivers[0].data_path == 'key_blocks["smile"].value'


def test_clean_up_keeps_what_was_edited_driven_animated_or_built_upon(figure, tmp_path):
    body = figure["body"]
    buttons.generate_visemes()
    body.data.shape_keys.key_blocks["vrc.v_e"].data[3].co.x += 0.01
    drive(body, "vrc.v_aa")
    animate(body, "vrc.v_oh")
    late = add_key(body, "late", offset=0)
    late.relative_key = body.data.shape_keys.key_blocks["vrc.v_ou"]
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    body = bpy.data.objects["Body"]
    keys = body.data.shape_keys.key_blocks
    late = np.array([p.co for p in keys["late"].data]) - np.array([p.co for p in keys["vrc.v_ou"].data])
    buttons.clean_up()
    assert key_names(body) == ["Basis", "vrc.v_aa", "vrc.v_e", "vrc.v_oh", "late"]
    assert np.allclose(deltas(body, "late"), late, atol=1e-6)
    assert value_at(body, "vrc.v_aa", 1) == 0.75 and value_at(body, "vrc.v_oh", 11) == 1.0
    assert key_blocks.made_by_us(body) == {"vrc.v_aa", "vrc.v_oh"}


def test_nothing_to_clean_up(figure):
    add_key(figure["body"], "vrc.v_aa")
    before = fingerprint(figure["body"])
    assert own_keys.clean_up([figure["body"], figure["hair"]]) == own_keys.Cleaned()
    assert fingerprint(figure["body"]) == before


@pytest.mark.parametrize("suffix", ["fbx", "glb"])
def test_keys_are_known_again_after_an_export(figure, tmp_path, suffix):
    add_key(figure["body"], "smile")
    add_key(figure["body"], "vrc.v_ch", offset=0.01)
    buttons.generate_visemes()
    files.save(tmp_path / f"a.{suffix}", [figure["body"], figure["teeth"], figure["hair"]])
    body = open_result(tmp_path / f"a.{suffix}")
    select(body)
    assert key_blocks.made_by_us(body) == set()
    buttons.adopt_keys()
    assert key_blocks.made_by_us(body) == set(VISEMES) - {"vrc.v_ch"}
    buttons.clean_up()
    assert key_names(body) == ["Basis", "smile", "vrc.v_ch"]


def test_a_copy_under_another_name_is_known_again_with_its_shape(figure, tmp_path):
    buttons.generate_visemes()
    buttons.add_aliases(convention="MMD")
    add_key(figure["body"], "aa", offset=0.01)
    files.save(tmp_path / "a.fbx", [figure["body"], figure["teeth"], figure["hair"]])
    body = open_result(tmp_path / "a.fbx")
    select(body)
    buttons.adopt_keys()
    assert key_blocks.made_by_us(body) == {*VISEMES, "あ", "え", "い", "お", "う"}
    buttons.clean_up()
    assert key_names(body) == ["Basis", "aa"]


@pytest.mark.parametrize("suffix", ["fbx", "glb"])
def test_a_second_run_on_an_export_replaces_generated_keys_without_backups(source, tmp_path, suffix):
    one, two, report = tmp_path / f"one.{suffix}", tmp_path / f"two.{suffix}", tmp_path / "report.json"
    assert run(source("blend"), "--output", one, "--shapes", "visemes", "--aliases", "mmd") == cli.OK
    body = open_result(one)
    for obj in (body, bpy.data.objects["Teeth"]):
        obj.shape_key_remove(obj.data.shape_keys.key_blocks["vrc.v_ch"])
    add_key(body, "smile")
    add_key(body, "vrc.v_ch", offset=0.01)
    files.save(one, [obj for obj in bpy.data.objects if obj.type == "MESH"])
    arguments = (one, "--output", two, "--shapes", "visemes", "--intensity", "0.5", "--report", report)
    assert run(*arguments) == cli.OK
    assert len(avatar_in(report)["kept"]) == 15 and avatar_in(report)["backups"] == []
    assert run(*arguments, "--existing", "replace") == cli.OK
    entry = avatar_in(report)
    assert len(entry["replaced"]) == 15 and entry["backups"] == ["vrc.v_ch.backup"]
    assert any("carry this tool's hidden mark" in note for note in entry["notes"])
    body = open_result(two)
    assert "smile" in key_names(body) and np.isclose(np.abs(deltas(body, "vrc.v_ch.backup")).max(), 0.01)
    assert np.allclose(deltas(body, "あ"), deltas(body, "vrc.v_aa"))


def test_keys_edited_in_a_blend_file_are_backed_up(source, tmp_path):
    one, report = tmp_path / "one.blend", tmp_path / "report.json"
    assert run(source("blend"), "--output", one, "--shapes", "visemes") == cli.OK
    body = open_result(one)
    body.data.shape_keys.key_blocks["vrc.v_e"].data[3].co.x += 0.01
    bpy.ops.wm.save_as_mainfile(filepath=str(one))
    arguments = (one, "--output", one, "--shapes", "visemes", "--existing", "replace", "--report", report)
    assert run(*arguments) == cli.OK
    assert avatar_in(report)["backups"] == ["vrc.v_e.backup"]


def avatar_in(report):
    return json.loads(report.read_text(encoding="utf-8"))["avatars"][0]


@pytest.mark.parametrize(
    ("name", "shape"),
    [("EyeBlinkLeft", "eyeBlinkLeft"), ("eyeBlink_L", "eyeBlinkLeft"), ("VRC.V_AA", "vrc.v_aa"),
     ("Body.viseme_aa", "vrc.v_aa"), ("MouthClosed", "mouthClose")],
)  # fmt: skip
def test_another_spelling_of_a_key_is_told(figure, capfd, name, shape):
    add_key(figure["body"], name)
    add_key(figure["body"], "あ")
    buttons.generate_all(existing="KEEP")
    assert f"both are there now: {name} = {shape}." in capfd.readouterr().out
    assert {name, shape, "あ"} <= set(key_names(figure["body"]))


def test_copies_of_this_tool_are_no_other_spelling(figure, capfd):
    buttons.generate_face_tracking()
    buttons.add_aliases(convention="UNIFIED")
    buttons.generate_face_tracking()
    assert "both are there" not in capfd.readouterr().out


def test_an_empty_viseme_that_was_kept_is_not_ok(figure, tmp_path, capfd):
    body, report = figure["body"], tmp_path / "report.json"
    add_key(body, "====顔====", offset=0)
    add_key(body, "vrc.v_aa", offset=0)
    add_key(body, "vrc.v_e")
    buttons.generate_visemes()
    assert "Kept your own vrc.v_aa, which move nothing" in capfd.readouterr().out
    buttons.clean_up()
    path = tmp_path / "a.blend"
    files.save(path, [body])
    arguments = (path, "--output", tmp_path / "b.fbx", "--shapes", "visemes", "--report", report)
    assert run(*arguments) == cli.CHECK_FAILED
    entry = avatar_in(report)
    assert entry["ok"] is False and entry["kept"] == ["vrc.v_aa", "vrc.v_e"]
    assert any("vrc.v_aa" in note and "--existing fill" in note for note in entry["notes"])
    assert run(*arguments, "--existing", "fill") == cli.OK
    assert not any("--existing fill" in note for note in avatar_in(report)["notes"])


def test_sorting_moves_no_driver_and_no_value(figure):
    body = figure["body"]
    body.vertex_groups.new(name="half")
    for name in ("wink", "vrc.v_ou", "joy", "hat", "vrc.v_aa"):
        add_key(body, name).value = 0.1 * len(name)
    keys = body.data.shape_keys.key_blocks
    keys["wink"].relative_key, keys["hat"].relative_key = keys["hat"], keys["vrc.v_ou"]
    joy = keys["joy"]
    joy.mute, joy.lock_shape, joy.vertex_group, joy.interpolation = True, True, "half", "KEY_LINEAR"
    joy.slider_max, joy.slider_min, joy.value = 3.0, 2.0, 2.5
    driver = drive(body, "vrc.v_aa")
    variable = driver.variables.new()
    variable.name, variable.targets[0].id, variable.targets[0].data_path = "body", body, '["open"]'
    driver.expression, body["open"] = "body", 0.75
    driver_of_a_limit = keys["hat"].driver_add("slider_max").driver
    driver_of_a_limit.expression = "2"
    animate(body, "wink")
    bpy.context.view_layer.update()
    body.active_shape_key_index, body.show_only_shape_key = 4, True
    before = fingerprint(body)
    more = {key.name: (key.lock_shape, key.interpolation) for key in keys}
    assert buttons.sort_keys() == {"FINISHED"}
    assert key_names(body) == ["Basis", "vrc.v_aa", "vrc.v_ou", "joy", "wink", "hat"]
    assert sorted(fingerprint(body)[1:]) == sorted(before[1:])
    assert {key.name: (key.lock_shape, key.interpolation) for key in keys} == more
    assert (body.active_shape_key.name, body.show_only_shape_key) == ("hat", True)
    body["open"] = 0.25
    body.update_tag()
    assert value_at(body, "vrc.v_aa", 1) == pytest.approx(0.25) and value_at(body, "wink", 11) == 1.0
    assert value_at(body, "wink", 1) == 0.0
    assert {curve.data_path for curve in body.data.shape_keys.animation_data.drivers} == {
        'key_blocks["vrc.v_aa"].value',
        'key_blocks["hat"].slider_max',
    }
    assert own_keys.sort([body]) == 0


def test_sorting_is_one_undo_step(figure):
    body = figure["body"]
    buttons.generate_emotions()
    for name in reversed(VISEMES):
        add_key(body, name)
    bpy.ops.ed.undo_push(message="before")
    before = fingerprint(body)
    buttons.sort_keys("EXEC_DEFAULT", True)
    assert key_names(bpy.data.objects["Body"]) == ["Basis", *VISEMES, *EMOTIONS]
    bpy.ops.ed.undo()
    assert fingerprint(bpy.data.objects["Body"]) == before


def test_command_line(source, tmp_path, capsys):
    path, out = source("blend"), tmp_path / "b.blend"
    assert run(path, "--output", out, "--shapes", "visemes", "--aliases", "mmd,vrm1") == cli.OK
    assert {"あ", "aa", "vrc.v_aa"} <= set(key_names(open_result(out)))
    capsys.readouterr()
    for wrong in (["--aliases", "maya"], ["--aliases", "mmd,vrm1", "--rename"], ["--rename"]):
        assert run(path, "--output", out, *wrong) == cli.BAD_INPUT
        assert len(capsys.readouterr().err.splitlines()) == 1
