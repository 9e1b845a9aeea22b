"""Looking at shapes leaves nothing behind."""

import time
from dataclasses import replace
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from helpers import fingerprint, key_names, select

from blendshape_addon.blender import session
from blendshape_addon.blender.io import files, mesh_io
from blendshape_addon.blender.jobs import one_avatar
from blendshape_addon.blender.ui.operators.preview import present
from blendshape_addon.blender.viewport import colours, framing, preview, render
from blendshape_addon.blender.viewport.letters import Letters
from blendshape_addon.core.face.face_space import canonical_landmarks
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.shapes import Shape
from blendshape_addon.core.vocabulary import ALL_SHAPES, BLINKS, KNOWN_SHAPES, VISEMES

pytestmark = pytest.mark.usefixtures("planted")
operators = bpy.ops.vrc_blendshape
OPTIONS = GenerateOptions(VISEMES, provider="cpu")


@pytest.fixture
def made(figure):
    """The figure with all shapes, some set by its creator, one pinned."""
    operators.generate_all()
    body = figure["body"]
    keys = body.data.shape_keys.key_blocks
    keys["joy"].value, keys["vrc.v_oh"].mute = 0.3, True
    body.shape_key_add(name="own", from_mix=False).value = 0.7
    body.show_only_shape_key = True
    return figure


def values(obj):
    return {key.name: pytest.approx(key.value) for key in obj.data.shape_keys.key_blocks if key.value}


def state_of(figure):
    objects = [figure["body"], figure["teeth"]]
    return [(fingerprint(obj), obj.show_only_shape_key, list(obj.keys()), obj.data.shape_keys.animation_data)
            for obj in objects]  # fmt: skip


def test_a_shape_is_shown_alone_and_everything_comes_back(made):
    before = state_of(made)
    operators.show_shape(shape="vrc.v_aa")
    assert values(made["body"]) == {"vrc.v_aa": 1.0, "own": 0.7}
    assert values(made["teeth"]) == {"vrc.v_aa": 1.0}
    assert not made["body"].show_only_shape_key
    operators.show_shape(shape="vrc.v_oh")
    assert values(made["body"]) == {"vrc.v_oh": 1.0, "own": 0.7}
    assert not made["body"].data.shape_keys.key_blocks["vrc.v_oh"].mute
    operators.stop_preview()
    assert state_of(made) == before


def test_an_emotion_is_mixed_in_while_it_is_looked_at(made):
    settings = bpy.context.scene.vrc_blendshape
    before = state_of(made)
    settings.emotion = "joy"
    assert state_of(made) == before, "nothing is shown yet"
    operators.show_shape(shape="vrc.v_ou")
    settings.emotion_strength = 0.5
    assert values(made["body"]) == {"vrc.v_ou": 1.0, "joy": 0.5, "own": 0.7}
    settings.emotion = "angry"
    assert values(made["body"]) == {"vrc.v_ou": 1.0, "angry": 0.5, "own": 0.7}
    operators.stop_preview()
    assert state_of(made) == before


@pytest.mark.parametrize("way", ["blend", "fbx"])
def test_nothing_of_a_preview_goes_into_a_file(made, tmp_path, way):
    before = state_of(made)
    operators.show_shape(shape="vrc.v_aa")
    if way == "fbx":
        operators.export_fbx(filepath=str(tmp_path / "avatar.fbx"))
    else:
        files.save(tmp_path / "avatar.blend", [made["body"]])
    assert state_of(made) == before
    assert bpy.context.window_manager.vrc_blendshape.viseme == ""
    files.load(tmp_path / f"avatar.{way}")
    assert "vrc.v_aa" not in values(bpy.data.objects["Body"])


@pytest.mark.parametrize("press", [operators.show_shape, operators.contact_sheet])
def test_an_avatar_without_shapes_is_refused(figure, press):
    with pytest.raises(RuntimeError, match="no shapes to look at yet"):
        press()
    assert not preview.shown()


def test_shapes_are_read_as_they_were_written(made):
    objects = [made["body"], made["teeth"], made["hair"]]
    avatar = mesh_io.read(objects)
    wanted = {shape.name: shape for shape in one_avatar.compute(avatar, OPTIONS).shapes}
    found = {shape.name: shape for shape in preview.shapes(objects)}
    assert len(found) == 75
    for name in VISEMES[1:]:
        offsets = np.zeros((2, *avatar.vertices.shape))
        for row, shape in zip(offsets, (wanted[name], found[name]), strict=True):
            row[shape.indices] = shape.deltas
        assert np.abs(offsets[0] - offsets[1]).max() < 1e-4  # the hidden mark


@pytest.mark.parametrize("saved", [False, True])
def test_the_sheet_is_an_image_beside_the_file(figure, tmp_path, monkeypatch, saved):
    operators.generate_emotions()
    monkeypatch.setattr(one_avatar, "analysis_of", lambda avatar, *_: one_avatar.compute(avatar, OPTIONS).analysis)
    if saved:
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "girl.blend"), check_existing=False)
    counts = [len(blocks) for blocks in (bpy.data.scenes, bpy.data.meshes, bpy.data.curves, bpy.data.objects)]
    select(bpy.data.objects["Body"])
    assert operators.contact_sheet() == {"FINISHED"}
    image = bpy.data.images["girl_shapes.png" if saved else "avatar_shapes.png"]
    assert (tmp_path / "girl_shapes.png").exists() == saved and bool(image.packed_file) != saved
    assert counts == [len(blocks) for blocks in (bpy.data.scenes, bpy.data.meshes, bpy.data.curves, bpy.data.objects)]
    assert key_names(bpy.data.objects["Body"])
    width, height = image.size
    assert width % render.CELL == 0
    pixels = np.array(image.pixels[:]).reshape(height, width, 4)[::-1, :, :3]
    rows, columns = 2, width // render.CELL
    cells = pixels.reshape(rows, height // rows, columns, render.CELL, 3).swapaxes(1, 2)
    cells = cells.reshape(-1, height // rows, render.CELL, 3)
    label = cells[:, render.CELL :, 1:-1]
    assert all((one < 0.2).any() for one in label[:6]) and not (label[6:] < 0.2).any(), "six names are written"
    faces = cells[:6, : render.CELL]
    assert all(np.abs(one - faces[0]).max() > 0.1 for one in faces[1:]), "every shape differs from neutral"


def test_a_sheet_is_as_wide_for_its_height_as_the_window():
    shapes = [Shape(name, np.empty(0, int), np.empty((0, 3))) for name in ALL_SHAPES]
    for aspect in (0.8, 1.0, 1.8, 2.4):
        sheet = render.Sheet.of(shapes, aspect)
        rows = -(-(len(shapes) + 1) // sheet.columns)
        assert sheet.columns / rows / 1.3 == pytest.approx(aspect, rel=0.25)


def test_long_names_stand_on_two_lines_and_all_of_every_name_is_in_its_label():
    letters = Letters.of("".join(KNOWN_SHAPES))
    for name in KNOWN_SHAPES:
        ink = letters.draw(name, 180, 54)
        assert ink.shape == (54, 180) and ink.max() == 1
        assert not ink[:, [0, -1]].any() and not ink[[0, -1]].any(), f"{name} is cut off"
    assert letters.draw("mouthLowerDownRight", 180, 54)[30:].any(), "a second line"
    assert not letters.draw("joy", 180, 54)[36:].any()


def test_colours_are_those_of_the_materials(figure, tmp_path):
    plain, textured = bpy.data.materials.new("plain"), bpy.data.materials.new("textured")
    plain.use_nodes = textured.use_nodes = True
    plain.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (0, 0.2140411, 1, 1)
    image = bpy.data.images.new("half", 4, 4)
    image.pixels[:] = [value for row in range(4) for column in range(4) for value in (row >= 2, 0.25, 0, 1)]
    node = textured.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = image
    surface = textured.node_tree.nodes["Principled BSDF"]
    textured.node_tree.links.new(node.outputs["Color"], surface.inputs["Base Color"])
    body, teeth = figure["body"], figure["teeth"]
    body.data.materials.append(plain)
    teeth.data.materials.append(textured)
    layer = teeth.data.uv_layers.new()
    for loop, uv in zip(teeth.data.loops, layer.uv, strict=True):
        uv.vector = (0.5, 0.9 if teeth.data.vertices[loop.vertex_index].co.z > 0 else 0.1)
    objects = [body, teeth, figure["hair"]]
    avatar = mesh_io.read(objects)
    paint = colours.read(objects, avatar)
    owner = avatar.object_id[avatar.triangles[:, 0]]
    assert np.allclose(paint.colour[owner == 0], (0, 0.5, 1, 1), atol=0.01)
    assert (paint.texture[owner == 1] == 0).all() and (paint.texture[owner != 1] == -1).all()
    rows = np.flatnonzero(owner == 1)
    height = avatar.vertices[avatar.triangles[rows]][..., 2] - teeth.matrix_world.translation.z
    for corner in range(3):
        seen = paint.at(rows, np.tile(np.eye(3)[corner], (len(rows), 1)))
        clear = np.abs(height[:, corner]) > 1e-4
        assert np.allclose(seen[clear, 0], height[clear, corner] > 0)
    assert colours.read([figure["hair"]], mesh_io.read([figure["hair"]])) is None, "no material tells a colour"


def drawn(pictures):
    """All pictures, as the timer would have them drawn."""
    bpy.context.window_manager.vrc_blendshape.show_preview = True
    pictures.wake()
    deadline = time.monotonic() + 60
    while pictures.step():
        assert time.monotonic() < deadline
        time.sleep(0.002)
    return {name: found for name in KNOWN_SHAPES if (found := pictures.pixels(name)) is not None}


@pytest.fixture
def pictures(monkeypatch):
    monkeypatch.setattr(one_avatar, "analysis_of", lambda avatar, *_: one_avatar.compute(avatar, OPTIONS).analysis)
    found = session.current().thumbnails
    found.clear()
    yield found
    found.clear()


def test_every_shape_has_a_picture_that_follows_its_key_and_the_mesh(made, pictures):
    first = drawn(pictures)
    assert list(first) == list(ALL_SHAPES)
    assert all(picture[..., :3].std() > 0.02 for picture in first.values())
    assert np.abs(first["vrc.v_aa"] - first["vrc.v_ou"]).max() > 0.05
    key = made["body"].data.shape_keys.key_blocks["vrc.v_aa"]
    points = mesh_io.coordinates(key.points)
    base = mesh_io.basis(made["body"])
    key.points.foreach_set("co", (base + 3 * (points - base)).reshape(-1))
    second = drawn(pictures)
    changed = [name for name in first if not np.array_equal(first[name], second[name])]
    assert changed == ["vrc.v_aa"]
    for obj in (made["body"], made["teeth"]):
        obj.data.shape_keys.key_blocks["joy"].name = "mine"
    assert "joy" not in drawn(pictures)
    for block in made["body"].data.shape_keys.key_blocks:
        places = mesh_io.coordinates(block.points)
        places[:, 1] *= 0.9
        block.points.foreach_set("co", places.reshape(-1))
    third = drawn(pictures)
    assert not any(np.array_equal(second[name], third[name]) for name in third)


def test_pictures_are_drawn_only_where_they_are_looked_at_and_go_with_the_avatar(made, pictures):
    bpy.context.window_manager.vrc_blendshape.show_preview = False
    pictures.wake()
    assert not pictures.step() and pictures.pixels("vrc.v_aa") is None
    assert drawn(pictures)
    bpy.data.objects.remove(made["teeth"])
    assert drawn(pictures)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    assert pictures.pixels("vrc.v_aa") is None


def test_the_strength_and_before_act_on_what_is_shown_and_leave_nothing(made):
    state, before = bpy.context.window_manager.vrc_blendshape, state_of(made)
    operators.show_shape(shape="jawOpen")
    state.strength = 0.25
    assert values(made["body"]) == {"jawOpen": 0.25, "own": 0.7}
    state.before = True
    assert values(made["body"]) == {"own": 0.7}
    operators.show_shape(shape="mouthLeft")
    assert not state.before and values(made["body"]) == {"mouthLeft": 0.25, "own": 0.7}
    state.strength = 1.0
    operators.stop_preview()
    state.strength = 0.5
    assert state_of(made) == before
    state.strength = 1.0


def test_a_key_made_while_another_is_shown_is_off_afterwards(made):
    operators.show_shape(shape="joy")
    made["body"].shape_key_remove(made["body"].data.shape_keys.key_blocks["fun"])
    operators.generate_emotions()
    operators.show_shape(shape="fun")
    operators.stop_preview()
    assert "fun" not in values(made["body"])


def test_what_was_made_is_shown_and_said(made):
    state = bpy.context.window_manager.vrc_blendshape
    state.show_preview = False
    objects = [made["body"], made["teeth"]]
    done = SimpleNamespace(face_object=made["body"], objects=objects)
    present(bpy.context, done, VISEMES)
    assert state.show_preview and state.ready.startswith("15 visemes ready")
    assert values(made["body"]) == {"vrc.v_aa": 1.0, "own": 0.7}
    present(bpy.context, done, BLINKS)
    assert state.ready.startswith("3 shapes ready") and values(made["body"]) == {"vrc.blink": 1.0, "own": 0.7}
    operators.stop_preview()


FRONT = np.column_stack([(1, 0, 0), (0, 0, 1), (0, -1, 0)]).astype(float)
MARKS = canonical_landmarks()[:, [0, 2, 1]] * (1, -1, 1) * 0.063 + (0, -0.1, 1.6)


@pytest.mark.parametrize("perspective", [True, False])
@pytest.mark.parametrize("turn", [0, 60, 180])
def test_a_view_is_brought_before_the_face_and_left_alone_once_it_is(perspective, turn):
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    rotation = np.array([(cos, -sin, 0), (sin, cos, 0), (0, 0, 1)]) @ FRONT
    view = framing.View(np.zeros(3), rotation, 12.0, np.array([0.4, 0.3]), perspective, (0.0, 0.7))
    found = framing.onto(view, MARKS)
    assert framing.onto(found, MARKS) is None
    places = (MARKS - found.location) @ found.rotation
    depth = found.distance - places[:, 2] * perspective
    across, up = (places[:, :2] / (depth[:, None] * found.spread)).T
    assert across.min() > -1 and across.max() < 0.4 and np.ptp(up) == pytest.approx(0.8, rel=0.4)
    assert np.allclose(found.rotation, rotation) == (turn < 180)
    assert np.allclose(found.rotation.T @ found.rotation, np.eye(3)) and found.rotation[2, 1] > 0.99


@pytest.mark.parametrize("perspective", [True, False])
def test_a_fault_comes_into_view_with_some_of_the_avatar_around_it(perspective):
    view = framing.View(np.zeros(3), FRONT, 0.5, np.array([0.4, 0.3]), perspective, (0.0, 0.7))
    fault = np.array([(0.1, -0.1, 1.5), (0.11, -0.1, 1.51)])
    found = framing.around(view, fault, size=2.0)
    assert framing.around(found, fault, size=2.0) is None and (found.rotation == FRONT).all()
    assert framing.around(replace(found, distance=9 * found.distance), fault, size=2.0), "it is too small to see"
    at_half = found.spread[1] * found.distance * 0.4  # metres to either side of it, up and down
    assert at_half == pytest.approx(0.1, rel=0.2)


def test_views_look_again_from_where_they_did():
    before = framing.stand(bpy.context)
    views = [view for _, view in framing._views(bpy.context)]
    assert len(views) == len(before) >= 1
    distances = [view.view_distance for view in views]
    for view in views:
        view.view_distance, view.view_location = 99.0, (1, 2, 3)
    framing.stand_again(bpy.context, before)
    assert [view.view_distance for view in views] == distances and all(view.view_location.length == 0 for view in views)


def test_a_posed_face_is_framed_where_it_is_posed(person):
    body, rig = person["Body"], person["Armature"]
    marks = mesh_io.coordinates(body.data.vertices)[[100, 5000]].astype(float)
    assert np.allclose(framing.posed(body, marks), marks, atol=1e-5)
    rig.location.x = 2.0
    bpy.context.view_layer.update()
    assert np.allclose(framing.posed(body, marks + (2, 0, 0)), marks + (2, 0, 0), atol=1e-5)
