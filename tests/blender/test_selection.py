"""Whatever of an avatar is selected, its face is found; where it is not clear which is meant, that is asked at once."""

import bpy
import numpy as np
import pytest
from helpers import ball, key_names, mesh_object, select

from blendshape_addon.blender.io import selection
from blendshape_addon.blender.ui import state
from blendshape_addon.core.avatar.face_names import face_rank
from blendshape_addon.core.detection import detect
from blendshape_addon.core.vocabulary import VISEMES

operators = bpy.ops.vrc_blendshape


def shown():
    state.refresh(bpy.context)
    return bpy.context.window_manager.vrc_blendshape


def add(name, data=None, parent=None, at=(0, 0, 0)):
    obj = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(obj)
    obj.location = at
    if parent is not None:
        obj.parent = parent
    return obj


def part_of(figure, what):
    """Something of the figure, or something that hangs on it or that it hangs on."""
    rig = figure["rig"]
    if what in figure:
        return figure[what]
    if what == "camera":
        return add("Camera", bpy.data.cameras.new("Camera"), rig, (0, -2, 1.6))
    if what == "light on the head bone":
        light = add("Light", bpy.data.lights.new("Light", "POINT"), rig)
        light.parent_type, light.parent_bone = "BONE", "Bone"
        return light
    if what == "light on a mesh":
        return add("Light", bpy.data.lights.new("Light", "POINT"), figure["hair"])
    if what == "empty above":
        rig.parent = add("Avatar")
        return rig.parent
    if what == "curve":
        return add("Strand", bpy.data.curves.new("Strand", "CURVE"), figure["body"])
    if what == "points":
        return mesh_object("Points", [(0, 0, 0), (0, 0, 1)], [], parent=rig)
    raise KeyError(what)


@pytest.mark.parametrize(
    "what",
    [
        "body",
        "teeth",
        "hair",
        "rig",
        "camera",
        "light on the head bone",
        "light on a mesh",
        "empty above",
        "curve",
        "points",
    ],
)
def test_any_part_of_an_avatar_means_it(planted, figure, other_avatar, what):
    chosen = part_of(figure, what)
    select(chosen)
    assert (shown().problem, shown().face) == ("", "Body")
    assert operators.generate_visemes() == {"FINISHED"}
    assert set(VISEMES) < set(key_names(figure["body"])) and not key_names(other_avatar)
    assert bpy.context.view_layer.objects.active == chosen and chosen.select_get()


@pytest.fixture
def other_avatar():
    """Another avatar, three metres beside the figure."""
    rig = add("Rig.001", bpy.data.armatures.new("Rig.001"), at=(3, 0, 0))
    body = ball("Body.001", (0, 0, 1.6), 0.11, rig)
    bpy.context.view_layer.update()
    return body


@pytest.mark.parametrize("what", ["nothing", "an empty"])
def test_the_only_avatar_is_meant_where_nothing_of_one_is_selected(planted, figure, what):
    if what == "nothing":
        select()
    else:
        select(add("Target", at=(5, 5, 5)))
    assert (shown().problem, shown().face) == ("", "Body")
    assert operators.generate_visemes() == {"FINISHED"} and key_names(figure["body"])


def test_the_only_head_is_meant_though_nothing_speaks_for_it(planted, figure):
    """A mesh of a name that says nothing, and props of few vertices."""
    figure["body"].name = "Mesh"
    mesh_object("Plane", [(4, 0, 0), (5, 0, 0), (4, 1, 0)], [(0, 1, 2)])
    select()
    assert (shown().problem, shown().face) == ("", "Mesh")


def cube(at=(6, 0, 0)):
    points = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], float) + at
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return mesh_object("Cube", points, faces)


@pytest.mark.parametrize("prop", [cube, lambda: ball("Orb", (6, 0, 0), 0.5, segments=64)])
def test_a_cube_among_avatars_is_asked_about_at_once(planted, figure, other_avatar, monkeypatch, prop):
    select(prop())
    monkeypatch.setattr(detect, "find", lambda *a, **k: pytest.fail("searched"))
    now = shown()
    assert "does not look like a face: select “Body” or “Body.001”" in now.problem and now.face == ""
    assert sorted(row.name for row in now.suggestions) == ["Body", "Body.001"]
    with pytest.raises(RuntimeError, match="does not look like a face"):
        operators.generate_visemes()
    assert operators.use_face(name="Body.001") == {"FINISHED"}
    assert (shown().face, shown().problem, len(shown().suggestions)) == ("Body.001", "", 0)
    assert [obj.name for obj in bpy.context.selected_objects] == ["Body.001"]


def test_nothing_selected_among_avatars_is_asked_about(figure, other_avatar):
    select()
    now = shown()
    assert now.problem == "Nothing is selected: select “Body” or “Body.001” and try again."
    assert len(now.suggestions) == 2
    select(add("Lamp", bpy.data.lights.new("Lamp", "POINT")))
    assert "“Lamp” belongs to no avatar" in shown().problem
    bpy.data.objects["Body.001"].hide_set(True)
    assert shown().face == "Body"


def test_an_active_mesh_that_is_hidden_is_named_unless_another_avatar_is_there(figure):
    figure["body"].hide_set(True)
    assert "“Body” is hidden" in shown().problem
    rig = add("Rig.001", bpy.data.armatures.new("Rig.001"), at=(3, 0, 0))
    ball("Face", (0, 0, 1.6), 0.11, rig)
    assert (shown().problem, shown().face) == ("", "Face")


def test_pose_mode_with_a_bone_selected_means_the_avatar(planted, figure):
    select(figure["rig"])
    bpy.ops.object.mode_set(mode="POSE")
    assert operators.generate_visemes() == {"FINISHED"}
    assert figure["rig"].mode == "POSE" and set(VISEMES) < set(key_names(figure["body"]))


def test_a_button_for_a_mesh_that_is_gone_says_so(figure):
    with pytest.raises(RuntimeError, match="no mesh named “Gone”"):
        operators.use_face(name="Gone")


def test_a_mesh_that_looks_like_no_face_is_taken_where_its_landmarks_are_placed(figure, other_avatar):
    orb = ball("Orb", (6, 0, 0), 0.5, segments=64)
    select(orb)
    assert selection.avatar_from_selection(bpy.context, any_mesh=True) == [orb]


@pytest.mark.parametrize("mode", ["EDIT", "SCULPT", "WEIGHT_PAINT"])
def test_a_mode_is_left_and_entered_again(planted, figure, mode, tmp_path):
    body = figure["body"]
    bpy.ops.object.mode_set(mode=mode)
    assert (shown().problem, shown().face) == ("", "Body")
    assert operators.generate_visemes() == {"FINISHED"}
    assert body.mode == mode and set(VISEMES) < set(key_names(body))
    assert operators.add_aliases(convention="VRM1") == {"FINISHED"} and body.mode == mode
    assert operators.export_fbx(filepath=str(tmp_path / "a.fbx")) == {"FINISHED"} and body.mode == mode
    with pytest.raises(RuntimeError, match="absolute"):
        body.data.shape_keys.use_relative = False
        operators.generate_visemes()
    assert body.mode == mode


def test_what_was_edited_is_read(planted, figure):
    """Coordinates that were moved in Edit Mode are in the mesh before it is looked at."""
    import bmesh

    bpy.ops.object.mode_set(mode="EDIT")
    mesh = bmesh.from_edit_mesh(figure["body"].data)
    mesh.verts.ensure_lookup_table()
    mesh.verts[7].co.x += 0.25
    before = mesh.verts[7].co.x
    assert operators.generate_visemes() == {"FINISHED"}
    bpy.ops.object.mode_set(mode="OBJECT")
    assert figure["body"].data.shape_keys.key_blocks["Basis"].points[7].co.x == pytest.approx(before)


@pytest.mark.parametrize(
    ("name", "rank"),
    [("Face", 2), ("M_Head.001", 2), ("顔", 2), ("KaoMesh", 2), ("Body", 1), ("body_LOD0", 1), ("からだ", 1),
     ("FaceMask", 0), ("Hair_Head", 0), ("Headset", 0), ("Headphones", 0), ("Cube", 0), ("surface", 0), ("髪", 0)],
)  # fmt: skip
def test_what_a_name_says(name, rank):
    assert face_rank(name) == rank
