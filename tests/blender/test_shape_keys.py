"""What VRChat, Unity and the creator ask of the keys that are written."""

import bpy
import numpy as np
import pytest
from helpers import add_key, ball, deltas, fingerprint, key_names, planted_deltas, select
from mathutils import Matrix

from blendshape_addon.blender.keys import vrchat_check
from blendshape_addon.core.vocabulary import ALL_SHAPES, ARKIT, EMOTIONS, KNOWN_SHAPES, UNIFIED, VISEMES

pytestmark = pytest.mark.usefixtures("planted")
generate = bpy.ops.vrc_blendshape


@pytest.mark.parametrize(
    ("operator", "names"),
    [("generate_visemes", VISEMES), ("generate_emotions", EMOTIONS), ("generate_face_tracking", ARKIT),
     ("generate_unified", UNIFIED), ("generate_all", ALL_SHAPES)],
)  # fmt: skip
def test_names_and_order(figure, operator, names):
    assert getattr(generate, operator)() == {"FINISHED"}
    assert key_names(figure["body"]) == ["Basis", *names]
    assert not any(key.value for key in figure["body"].data.shape_keys.key_blocks[1:]), "the face stays neutral"


def test_unified_expressions_stand_after_all_others(figure):
    generate.generate_unified()
    generate.generate_all()
    assert key_names(figure["body"]) == ["Basis", *KNOWN_SHAPES]


def test_keys_have_the_wanted_shape(figure):
    generate.generate_visemes()
    body = figure["body"]
    wanted = planted_deltas("vrc.v_aa", np.array([v.co for v in body.data.vertices]))
    moved = wanted.any(1)
    assert np.allclose(deltas(body, "vrc.v_aa")[moved], wanted[moved], atol=1e-6)


def test_zeros_are_exact_and_hidden_marks_small(figure):
    generate.generate_all()
    body = figure["body"]
    still = ~planted_deltas("vrc.v_aa", np.array([v.co for v in body.data.vertices])).any(1)
    for name in ALL_SHAPES:
        shortest = np.linalg.norm(deltas(body, name)[still], axis=1)
        marks = shortest[shortest > 0]
        assert len(marks) == 1, name
        assert 50e-6 <= marks[0] <= 100e-6, name


def test_mark_is_inside_the_head(figure):
    generate.generate_visemes()
    body = figure["body"]
    vertex = np.linalg.norm(deltas(body, "vrc.v_sil"), axis=1).argmax()
    depth = 0.11 - np.linalg.norm(np.array(body.data.vertices[vertex].co) - (0, 0, 1.6))
    assert depth > 0.02


def test_all_visemes_differ(figure):
    generate.generate_visemes()
    seen = {deltas(figure["body"], name).tobytes() for name in VISEMES}
    assert len(seen) == 15


def test_other_objects_get_only_keys_that_move_them(figure):
    generate.generate_visemes()
    assert key_names(figure["hair"]) == []
    assert key_names(figure["teeth"]) == ["Basis", *VISEMES[1:]]
    assert all(deltas(figure["teeth"], name).any() for name in VISEMES[1:])


def test_creators_keys_and_basis_are_untouched(figure):
    body = figure["body"]
    body.vertex_groups.new(name="half")
    smile = add_key(body, "smile")
    smile.value, smile.mute, smile.slider_max, smile.vertex_group = (0.25, True, 2.0, "half")
    add_key(body, "wink").relative_key = smile
    own = add_key(body, "vrc.v_aa")
    own.value = 0.5
    driver = own.driver_add("value").driver
    driver.expression = "0.5"
    bpy.context.view_layer.update()
    body.active_shape_key_index = 2
    before = fingerprint(body)
    generate.generate_visemes()
    after = fingerprint(body)
    assert [entry for entry in after if entry in before] == before
    assert body.active_shape_key.name == "wink"
    assert len(key_names(body)) == 1 + 3 + 14
    assert body.data.shape_keys.animation_data.drivers[0].data_path == 'key_blocks["vrc.v_aa"].value'


def test_ours_are_in_order_around_the_creators(figure):
    body = figure["body"]
    for name in ("smile", "vrc.v_aa", "wink"):
        add_key(body, name)
    generate.generate_visemes()
    ranked = [name for name in key_names(body) if name in ALL_SHAPES]
    assert ranked == list(VISEMES)
    assert [name for name in key_names(body) if name not in VISEMES[:10] + VISEMES[11:]] == [
        "Basis",
        "smile",
        "vrc.v_aa",
        "wink",
    ]


def test_later_runs_sort_in(figure):
    generate.generate_emotions()
    generate.generate_visemes()
    assert key_names(figure["body"]) == ["Basis", *VISEMES, *EMOTIONS]


def test_hidden_objects_keep_the_keys_that_they_have(figure):
    generate.generate_emotions()
    figure["teeth"].hide_viewport = True
    figure["teeth"].hide_set(True)
    generate.generate_visemes()
    assert key_names(figure["teeth"]) == ["Basis", *EMOTIONS]
    figure["teeth"].hide_viewport = False
    figure["teeth"].hide_set(False)
    generate.generate_visemes()
    assert key_names(figure["teeth"]) == ["Basis", *VISEMES[1:], *EMOTIONS]


def test_second_run_replaces_ours_in_place(figure):
    body = figure["body"]
    generate.generate_all()
    body.data.shape_keys.key_blocks["vrc.v_aa"].value = 0.75
    full = deltas(body, "vrc.v_aa")
    generate.generate_visemes(intensity=0.5)
    assert key_names(body) == ["Basis", *ALL_SHAPES]
    assert body.data.shape_keys.key_blocks["vrc.v_aa"].value == 0.75
    big = np.abs(full) > 1e-3
    assert np.allclose(deltas(body, "vrc.v_aa")[big], full[big] / 2, atol=1e-6)


def test_second_run_takes_back_keys_that_move_nothing_any_more(figure):
    generate.generate_visemes()
    teeth = figure["teeth"]
    teeth.location.z -= 1.0
    generate.generate_visemes()
    assert key_names(teeth) == []


def test_edited_key_counts_as_the_creators(figure):
    body = figure["body"]
    generate.generate_visemes()
    body.data.shape_keys.key_blocks["vrc.v_aa"].data[0].co.x += 0.01
    before = deltas(body, "vrc.v_aa")
    generate.generate_visemes(intensity=0.5)
    assert np.array_equal(deltas(body, "vrc.v_aa"), before)
    assert np.abs(deltas(body, "vrc.v_ou")).max() < 0.0015


def test_marks_survive_the_blend_file(figure, tmp_path):
    generate.generate_visemes()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    generate.generate_visemes(intensity=0.5)
    assert np.abs(deltas(bpy.data.objects["Body"], "vrc.v_ou")).max() < 0.0015


def test_replace_overwrites_the_creators_in_place_and_leaves_a_backup(figure):
    body = figure["body"]
    for name in ("smile", "vrc.v_aa", "wink", "wider"):
        add_key(body, name, offset=0.3)
    own = body.data.shape_keys.key_blocks["vrc.v_aa"]
    own.slider_max, own.value = 3.0, 0.5
    body.data.shape_keys.key_blocks["wink"].relative_key = own
    body.data.shape_keys.key_blocks["wink"].data[1].co.x += 0.2
    body.data.shape_keys.key_blocks["wider"].relative_key = body.data.shape_keys.key_blocks["wink"]
    generate.generate_visemes(existing="REPLACE")
    keys = body.data.shape_keys.key_blocks
    assert deltas(body, "vrc.v_aa").max() < 0.01
    assert np.isclose(deltas(body, "vrc.v_aa.backup").max(), 0.3)
    assert (keys["vrc.v_aa"].value, keys["vrc.v_aa.backup"].value) == (0.5, 0.0)
    assert keys["vrc.v_aa.backup"].slider_max == 3.0
    assert key_names(body)[-1] == "vrc.v_ou" and key_names(body).index("wink") < key_names(body).index("vrc.v_e")
    # What was relative to the replaced key still does what it did: nothing at vertex 0, 0.2 at vertex 1.
    effect = deltas(body, "wink") - (0 if keys["wink"].relative_key == keys["Basis"] else deltas(body, "vrc.v_aa"))
    assert np.allclose(effect[:3, 0], [0, 0.2, 0], atol=1e-6)
    # So does what was relative to that.
    assert keys["wider"].relative_key == keys["wink"]
    assert np.allclose((deltas(body, "wider") - deltas(body, "wink"))[:3, 0], [0, -0.2, 0], atol=1e-6)
    generate.generate_visemes(existing="REPLACE")
    assert sum("backup" in name for name in key_names(body)) == 1


def test_fill_writes_only_into_empty_keys(figure):
    body = figure["body"]
    add_key(body, "vrc.v_aa")
    add_key(body, "vrc.v_e", offset=0).slider_max = 2.0
    add_key(body, "late").relative_key = body.data.shape_keys.key_blocks["vrc.v_e"]
    before = fingerprint(body)
    generate.generate_visemes()
    assert [entry for entry in fingerprint(body) if entry in before] == before
    generate.generate_visemes(existing="FILL")
    assert np.isclose(deltas(body, "vrc.v_aa").max(), 0.01)
    assert np.abs(deltas(body, "vrc.v_e")).max() > 0.001
    assert body.data.shape_keys.key_blocks["vrc.v_e"].slider_max == 2.0
    assert np.isclose(deltas(body, "late").max(), 0.01)


def test_one_undo_step(figure):
    bpy.ops.ed.undo_push(message="before")
    before = fingerprint(figure["body"])
    generate.generate_visemes("EXEC_DEFAULT", True)
    assert key_names(bpy.data.objects["Body"]) == ["Basis", *VISEMES]
    bpy.ops.ed.undo()
    assert fingerprint(bpy.data.objects["Body"]) == before
    assert key_names(bpy.data.objects["Teeth"]) == []


def test_nothing_changes_when_one_object_cannot_be_written(figure):
    teeth = figure["teeth"]
    copy = bpy.data.objects.new("copy", teeth.data)
    bpy.context.scene.collection.objects.link(copy)
    with pytest.raises(RuntimeError, match="shared by several objects"):
        generate.generate_visemes()
    assert key_names(figure["body"]) == []


@pytest.mark.parametrize("scale", [1.0, 100.0, 0.05])
def test_turned_and_scaled_objects_get_the_same_shape_in_the_world(planted, figure, scale):
    turn = np.array([(0, 0, 1.0), (1.0, 0, 0), (0, 1.0, 0)])  # y up, as other tools have it
    planted.matrix = turn * scale
    figure["rig"].matrix_world = Matrix(planted.matrix).to_4x4()
    figure["teeth"].delta_scale = (2, 2, 2)
    for vertex in figure["teeth"].data.vertices:
        vertex.co /= 2
    bpy.context.view_layer.update()
    generate.generate_visemes()
    for name in ("body", "teeth"):
        obj = figure[name]
        matrix = np.array(obj.matrix_world)[:3, :3]
        local = np.array([v.co for v in obj.data.vertices]) * (2 if name == "teeth" else 1)
        wanted = planted_deltas("vrc.v_aa", local) @ planted.matrix.T
        moved = wanted.any(1)
        assert moved.any()
        assert np.allclose((deltas(obj, "vrc.v_aa") @ matrix.T)[moved], wanted[moved], atol=2e-6 * scale)


def test_loose_objects_of_one_head(figure):
    """No armature and no parents, as OBJ files come: what lies inside the head belongs to it."""
    for name in ("body", "teeth", "hair"):
        figure[name].parent = None
    bpy.data.objects.remove(figure["rig"])
    other = ball("Lamp", (3, 0, 1), 0.2)
    select(figure["body"])
    generate.generate_visemes()
    assert key_names(figure["teeth"])
    assert key_names(other) == []


def test_modifiers_stay_and_keys_go_on_the_base_mesh(figure):
    body = figure["body"]
    body.modifiers.new("Subdivision", "SUBSURF").levels = 1
    count = len(body.data.vertices)
    generate.generate_visemes()
    assert [m.type for m in body.modifiers] == ["SUBSURF"]
    assert len(body.data.shape_keys.key_blocks["vrc.v_aa"].data) == count


def test_check_says_what_is_wrong(figure):
    body = figure["body"]
    avatar = [figure["hair"], body, figure["teeth"]]
    assert ["no visemes yet" in sentence for sentence in vrchat_check.problems(avatar)] == [True]
    generate.generate_visemes()
    keys = body.data.shape_keys.key_blocks
    assert vrchat_check.problems(avatar) == []
    flat = np.array([v.co for v in body.data.vertices], np.float32).reshape(-1)
    keys["vrc.v_sil"].data.foreach_set("co", flat)
    twin = np.empty_like(flat)
    keys["vrc.v_aa"].data.foreach_get("co", twin)
    keys["vrc.v_e"].data.foreach_set("co", twin)
    body.shape_key_remove(keys["vrc.v_ou"])
    problems = vrchat_check.problems(avatar)
    assert len(problems) == 3
    assert "lacks vrc.v_ou" in problems[0]
    assert "vrc.v_sil would be lost" in problems[1]
    assert "vrc.v_e is the same shape as vrc.v_aa" in problems[2]
