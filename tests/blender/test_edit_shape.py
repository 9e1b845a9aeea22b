"""A shape key edited by hand: smoothed, copied, reset by mask or selection, and discarded exactly or kept."""

import bpy
import numpy as np
import pytest
from helpers import deltas, fingerprint

from blendshape_addon.blender.io import files
from blendshape_addon.blender.io.mesh_io import basis, coordinates
from blendshape_addon.blender.jobs import one_avatar
from blendshape_addon.blender.keys import key_blocks
from blendshape_addon.blender.stored import editing

operators = bpy.ops.vrc_blendshape
NAME = "vrc.v_aa"


@pytest.fixture
def body(figure, planted):
    """A figure's body with visemes, blinks, and a pinned key of its creator's that is active."""
    operators.generate_visemes()
    operators.generate_blink()
    obj = figure["body"]
    obj.shape_key_add(name="own", from_mix=False)
    obj.active_shape_key_index, obj.show_only_shape_key = len(obj.data.shape_keys.key_blocks) - 1, True
    yield obj
    if bpy.context.object.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")


def view(obj):
    return fingerprint(obj), obj.show_only_shape_key, obj.active_shape_key_index, obj.data.use_mirror_x


def spike(obj, number=0):
    """Pull a vertex of the key as a brush does."""
    bpy.ops.object.mode_set(mode="OBJECT")
    obj.data.shape_keys.key_blocks[NAME].points[number].co.z += 0.05
    bpy.ops.object.mode_set(mode="SCULPT")


def mask(obj, values):
    attribute = obj.data.attributes.get(".sculpt_mask")
    if attribute is None:
        attribute = obj.data.attributes.new(".sculpt_mask", "FLOAT", "POINT")
    attribute.data.foreach_set("value", np.asarray(values, np.float32))


def test_discard_brings_everything_back_exactly(body, figure):
    before, teeth = view(body), fingerprint(figure["teeth"])
    assert operators.edit_shape(shape=NAME) == {"FINISHED"}
    assert body.mode == "SCULPT" and body.active_shape_key.name == NAME and body.show_only_shape_key
    assert editing.name_of(body) == NAME
    assert figure["teeth"].data.shape_keys.key_blocks[NAME].value == 1, "teeth are shown as they go with it"
    spike(body)
    for change in (operators.smooth_here, operators.copy_side, lambda: operators.reset_here(to="REST")):
        changed = deltas(body, NAME)
        assert change() == {"FINISHED"}
        assert (deltas(body, NAME) != changed).any() and body.mode == "SCULPT"
    operators.discard_edit()
    assert view(body) == before and body.mode == "OBJECT" and not editing.name_of(body)
    assert fingerprint(figure["teeth"]) == teeth
    assert NAME in key_blocks.made_by_us(body)


def test_what_is_kept_counts_as_the_creators(body):
    operators.edit_shape(shape=NAME)
    spike(body)
    spiky = deltas(body, NAME)
    operators.keep_edit()
    assert (deltas(body, NAME) == spiky).all() and not editing.name_of(body) and body.mode == "OBJECT"
    assert NAME not in key_blocks.made_by_us(body) and bpy.context.window_manager.vrc_blendshape.edited == NAME
    operators.generate_visemes()
    assert (deltas(body, NAME) == spiky).all()


def test_nothing_under_a_mask_and_nothing_hidden_is_changed(body):
    operators.edit_shape(shape=NAME)
    before = deltas(body, NAME)
    moved = np.flatnonzero(np.abs(before).max(1) > 1e-3)
    masked, hidden, free = moved[:5], moved[5:10], moved[10:]
    values = np.zeros(len(before))
    values[masked] = 1.0
    bpy.ops.object.mode_set(mode="OBJECT")
    mask(body, values)
    for number in hidden:
        body.data.vertices[int(number)].hide = True
    bpy.ops.object.mode_set(mode="SCULPT")
    operators.reset_here(to="REST")
    after = deltas(body, NAME)
    assert (after[masked] == before[masked]).all() and (after[hidden] == before[hidden]).all()
    assert not after[free].any()
    operators.reset_here(to="GENERATED")
    assert np.allclose(deltas(body, NAME), before, atol=1e-7)


def test_in_edit_mode_the_selection_is_changed(body):
    operators.edit_shape(shape=NAME)
    before = deltas(body, NAME)
    moved = np.flatnonzero(np.abs(before).max(1) > 1e-3)
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="DESELECT")
    with pytest.raises(RuntimeError, match="No vertex is selected"):
        operators.smooth_here()
    assert body.mode == "EDIT"
    bpy.ops.object.mode_set(mode="OBJECT")
    body.data.vertices[int(moved[0])].select = True
    bpy.ops.object.mode_set(mode="EDIT")
    operators.reset_here(to="REST")
    assert body.mode == "EDIT"
    bpy.ops.object.mode_set(mode="OBJECT")
    after = deltas(body, NAME)
    assert not after[moved[0]].any() and (np.delete(after, moved[0], 0) == np.delete(before, moved[0], 0)).all()


def test_a_side_is_copied_to_the_other(body):
    operators.edit_shape(shape=NAME)
    assert body.data.use_mirror_x
    left = int(np.argmax(basis(body)[:, 0] * (np.abs(deltas(body, NAME)).max(1) > 1e-3)))
    spike(body, left)
    operators.copy_side(to="RIGHT")
    base, offsets = basis(body), deltas(body, NAME)
    twin = int(np.argmin(np.linalg.norm(base - base[left] * (-1, 1, 1), axis=1)))
    assert twin != left and np.allclose(offsets[twin], offsets[left] * (-1, 1, 1), atol=1e-6)
    spike(body, left)
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="DESELECT")
    bpy.ops.object.mode_set(mode="OBJECT")
    body.data.vertices[left].select = True
    bpy.ops.object.mode_set(mode="EDIT")
    operators.copy_side(to="RIGHT")
    bpy.ops.object.mode_set(mode="OBJECT")
    assert np.allclose(deltas(body, NAME)[twin], deltas(body, NAME)[left] * (-1, 1, 1), atol=1e-6)


def test_a_shape_of_one_side_is_sculpted_without_symmetry(body):
    operators.edit_shape(shape="vrc.blink_left")
    assert not body.data.use_mirror_x


def test_one_key_at_a_time_and_only_one_that_is_there(body):
    with pytest.raises(RuntimeError, match="joy is not on this avatar yet"):
        operators.edit_shape(shape="joy")
    operators.edit_shape(shape=NAME)
    with pytest.raises(RuntimeError, match="still being edited: press Keep or Discard"):
        operators.edit_shape(shape="vrc.v_oh")
    bpy.ops.object.mode_set(mode="OBJECT")
    assert operators.edit_shape(shape=NAME) == {"FINISHED"} and body.mode == "SCULPT", "go on with it"


def test_an_edited_key_is_reset_to_what_the_tool_makes(body):
    made = deltas(body, NAME)
    operators.edit_shape(shape=NAME)
    spike(body)
    operators.keep_edit()
    for forget in (lambda: None, one_avatar.forget):  # in this session, and in a file that was opened anew
        forget()
        operators.edit_shape(shape=NAME)
        operators.reset_here(to="GENERATED")
        assert np.allclose(deltas(body, NAME), made, atol=1e-4)
        operators.discard_edit()


def test_an_edit_outlives_the_file_and_other_vertices_are_a_sentence(body, tmp_path):
    before = coordinates(body.data.shape_keys.key_blocks[NAME].points)
    operators.edit_shape(shape=NAME)
    spike(body)
    bpy.ops.object.mode_set(mode="OBJECT")
    files.save(tmp_path / "a.blend", list(bpy.context.scene.objects))
    files.load(tmp_path / "a.blend")
    body = bpy.data.objects["Body"]
    bpy.context.view_layer.objects.active = body
    kept = editing.read(body)
    assert kept.key == NAME and (kept.points == before).all()
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.mesh.subdivide()
    bpy.ops.object.mode_set(mode="OBJECT")
    operators.edit_shape(shape=NAME)
    with pytest.raises(RuntimeError, match="has other vertices than before"):
        operators.discard_edit()
    assert editing.name_of(body) == NAME
    operators.keep_edit()
