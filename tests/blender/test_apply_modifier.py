"""Apply Modifier, Keep Keys: what is seen stays, with every key, and what Blender makes of the mesh without keys."""

import json

import bpy
import numpy as np
import pytest
from helpers import HEAD_CENTRE, add_key, ball, coordinates, deltas, fingerprint, key_names, open_result, run, select
from mathutils import Vector

from blendshape_addon import cli
from blendshape_addon.blender.io import files
from blendshape_addon.blender.keys import apply_modifier, key_blocks
from blendshape_addon.core import shape_markers
from blendshape_addon.core.errors import InputError
from blendshape_addon.core.vocabulary import VISEMES

buttons = bpy.ops.vrc_blendshape
# Settings, and modifiers before which the vertices of all keys are as many and joined alike.
ALIKE = {
    "MIRROR": {},
    "SUBSURF": {"levels": 2},
    "SOLIDIFY": {"thickness": 0.01},
    "SMOOTH": {"iterations": 3},
    "CORRECTIVE_SMOOTH": {},
    "DISPLACE": {"strength": 0.01},
    "TRIANGULATE": {"quad_method": "SHORTEST_DIAGONAL"},
    "WEIGHTED_NORMAL": {},
}


@pytest.fixture
def head():
    """A ball with all that a mesh of an avatar has, and keys that bend all of it, one over another."""
    head = ball("Head", (0.05, 0, 1.6), 0.1)
    mesh = head.data
    for name in ("UVMap", "Second"):
        layer = mesh.uv_layers.new(name=name)
        layer.data.foreach_set("uv", np.linspace(0, 1, 2 * len(mesh.loops), dtype=np.float32))
    mesh.uv_layers.active = mesh.uv_layers["Second"]
    mesh.color_attributes.new("Paint", "BYTE_COLOR", "CORNER")
    for name in ("skin", "lips"):
        mesh.materials.append(bpy.data.materials.new(name))
    for polygon in mesh.polygons:
        polygon.use_smooth, polygon.material_index = True, polygon.index % 2
    mesh.normals_split_custom_set_from_vertices(
        [(vertex.co - Vector((0, 0, 1))).normalized() for vertex in mesh.vertices]
    )
    head.vertex_groups.new(name="Head").add(range(len(mesh.vertices)), 0.75, "REPLACE")
    head.vertex_groups.new(name="Jaw").add(range(100), 1.0, "REPLACE")
    bend(head, "smile", 0.01)
    bend(head, "wide", 0.02)
    keys = head.data.shape_keys.key_blocks
    smile, wide = keys["smile"], keys["wide"]
    wide.relative_key, wide.mute, wide.lock_shape, wide.interpolation = smile, True, True, "KEY_LINEAR"
    smile.slider_max, smile.slider_min, smile.value = 3.0, 0.5, 0.75
    smile.driver_add("value").driver.expression = "2"
    head.data.shape_keys["note"] = "mine"
    head.active_shape_key_index = 1
    select(head)
    return head


def bend(obj, name, by):
    key = add_key(obj, name, offset=0)
    points = coordinates(key.points)
    points[:, 2] += by * np.sin(30 * points[:, 0])
    key.points.foreach_set("co", points.reshape(-1))
    return key


def seen(obj, name):
    """Evaluated coordinates with the key `name` alone, in full."""
    pinned, active = obj.show_only_shape_key, obj.active_shape_key_index
    key = obj.data.shape_keys.key_blocks[name]
    muted, key.mute = key.mute, False
    obj.show_only_shape_key, obj.active_shape_key_index = True, key_names(obj).index(name)
    evaluated = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
    found = coordinates(evaluated.to_mesh().vertices)
    evaluated.to_mesh_clear()
    obj.show_only_shape_key, obj.active_shape_key_index, key.mute = pinned, active, muted
    return found


def settings(obj):
    """All of the keys but their points."""
    return [(key.name, key_blocks.properties(key)) for key in obj.data.shape_keys.key_blocks]


def without_keys(obj):
    """The mesh that Blender's own Apply makes of `obj` where it has no keys."""
    copy = obj.copy()
    copy.data = bpy.data.meshes.new_from_object(obj)
    copy.shape_key_clear()
    bpy.context.scene.collection.objects.link(copy)
    with bpy.context.temp_override(object=copy, active_object=copy):
        for modifier in list(copy.modifiers):
            bpy.ops.object.modifier_apply(modifier=modifier.name)
    return copy


def contents(obj):
    """What a mesh holds beside keys."""
    mesh = obj.data
    normals = np.empty(3 * len(mesh.loops), np.float32)
    mesh.corner_normals.foreach_get("vector", normals)
    uv = np.empty(2 * len(mesh.loops), np.float32)
    mesh.uv_layers["Second"].data.foreach_get("uv", uv)
    weights = [sorted((group.group, group.weight) for group in vertex.groups) for vertex in mesh.vertices]
    slots = [polygon.material_index for polygon in mesh.polygons]
    faces = [tuple(polygon.vertices) for polygon in mesh.polygons]
    names = (mesh.uv_layers.keys(), mesh.uv_layers.active.name, mesh.color_attributes.keys(), mesh.materials.keys())
    return (names, weights, slots, faces, mesh.has_custom_normals), (coordinates(mesh.vertices), normals, uv)


@pytest.mark.parametrize("kind", ALIKE)
def test_every_key_is_seen_as_before_and_the_mesh_is_what_blender_makes_of_it(head, kind):
    modifier = head.modifiers.new("Mine", kind)
    for name, value in ALIKE[kind].items():
        setattr(modifier, name, value)
    bpy.context.view_layer.update()
    before, kept = {name: seen(head, name) for name in key_names(head)}, settings(head)
    same, close = contents(without_keys(head))
    select(head)
    assert buttons.apply_modifier(modifier="Mine") == {"FINISHED"}
    for name, points in before.items():
        assert np.allclose(seen(head, name), points, rtol=0, atol=1e-6), name
    assert settings(head) == kept
    assert contents(head)[0] == same
    assert all(np.allclose(a, b, rtol=0, atol=1e-5) for a, b in zip(contents(head)[1], close, strict=True))
    assert head.data.shape_keys.animation_data.drivers[0].data_path == 'key_blocks["smile"].value'
    assert (head.data.shape_keys["note"], head.active_shape_key_index) == ("mine", 1)
    assert len(bpy.data.shape_keys) == 1 and len(bpy.data.meshes) == len(bpy.data.objects) == 2
    assert not head.modifiers and np.array_equal(coordinates(head.data.vertices), seen(head, "Basis"))


@pytest.mark.parametrize(
    ("kind", "given"),
    [("DECIMATE", {"ratio": 0.4}), ("WELD", {"merge_threshold": 0.012}), ("MASK", {"vertex_group": "Jaw"})],
)
def test_modifiers_that_choose_vertices_by_the_shape_choose_by_the_base(head, kind, given):
    modifier = head.modifiers.new("Fewer", kind)
    for name, value in given.items():
        setattr(modifier, name, value)
    count = len(head.data.vertices)
    blender = without_keys(head)
    select(head)
    buttons.apply_modifier(modifier="Fewer")
    base = coordinates(head.data.shape_keys.reference_key.points)
    assert len(base) < count and np.allclose(base, coordinates(blender.data.vertices), atol=1e-6)
    for name, by in (("smile", 0.01), ("wide", 0.02)):
        wanted = by * np.sin(30 * base[:, 0])
        assert np.abs(deltas(head, name)[:, 2] - wanted).max() < 0.3 * by, name
        assert not deltas(head, name)[:, :2].any()


def test_other_vertices_for_a_key_are_refused_with_the_reason(head):
    head.modifiers.new("Mirror", "MIRROR").merge_threshold = 0.03
    head.location.x = 0
    for vertex in (point for key in head.data.shape_keys.key_blocks for point in key.points):
        vertex.co.x -= 0.05  # across the plane, where the vertices that lie on it merge
    for vertex, point in zip(head.data.vertices, head.data.shape_keys.reference_key.points, strict=True):
        vertex.co = point.co
    for point in head.data.shape_keys.key_blocks["wide"].points:
        point.co.x += 0.04
    before, meshes, keys = fingerprint(head), bpy.data.meshes.keys(), bpy.data.shape_keys.keys()
    with pytest.raises(RuntimeError, match="Mirror gives the shape key wide of “Head” .* vertices and the base "):
        buttons.apply_modifier(modifier="Mirror")
    assert fingerprint(head) == before and head.modifiers.keys() == ["Mirror"]
    assert (bpy.data.objects.keys(), bpy.data.meshes.keys(), bpy.data.shape_keys.keys()) == (["Head"], meshes, keys)


def test_other_faces_for_a_key_are_refused(head):
    modifier = head.modifiers.new("Bricks", "SKIN")
    head.modifiers.remove(modifier)
    cut = head.modifiers.new("Cut", "BOOLEAN")
    cut.object = ball("Tool", (0.1, 0, 1.6), 0.05)
    before = fingerprint(head)
    with pytest.raises(InputError, match=r"Cut gives the shape key smile of “Head”"):
        apply_modifier.apply(head, "Cut")
    assert fingerprint(head) == before and bpy.data.objects.keys() == ["Head", "Tool"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("ARMATURE", "is what the bones move “Head” by"),
        ("CLOTH", "another shape at every time"),
        ("SHRINKWRAP", "does nothing on “Head” as it is"),
        ("NODES", "does nothing on “Head” as it is"),
        ("VERTEX_WEIGHT_EDIT", "cannot be applied to “Head”. Blender says: Modifier is disabled"),
    ],
)
def test_what_cannot_be_applied_says_why(head, kind, words):
    head.modifiers.new("Odd", kind)
    before = fingerprint(head)
    with pytest.raises(RuntimeError, match=words):
        buttons.apply_modifier(modifier="Odd")
    assert fingerprint(head) == before and head.modifiers.keys() == ["Odd"]
    head.modifiers["Odd"].show_viewport = False
    with pytest.raises(RuntimeError):
        buttons.apply_modifier(modifier="Odd")
    with pytest.raises(RuntimeError, match="no modifier named None"):
        buttons.apply_modifier(modifier="None")


def test_a_mirrored_half_without_weights_keeps_the_motion_that_is_seen(head):
    """Mirror gives the other half the group of the other side, which the key does not go by."""
    head.vertex_groups["Jaw"].name = "Jaw.L"
    head.vertex_groups.new(name="Jaw.R")
    key = head.data.shape_keys.key_blocks["smile"]
    key.vertex_group = "Jaw.L"
    key.driver_remove("value")
    key.value = 1.0
    head.modifiers.new("Mirror", "MIRROR").use_mirror_merge = False
    bpy.context.view_layer.update()
    wanted = mixed(head)
    assert buttons.apply_modifier(modifier="Mirror") == {"FINISHED"}
    assert (
        np.allclose(mixed(head), wanted, atol=1e-6) and np.abs(wanted - coordinates(head.data.vertices)).max() > 0.009
    )
    assert key.vertex_group == "" and head.data.shape_keys.key_blocks["wide"].mute


def mixed(obj):
    evaluated = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
    found = coordinates(evaluated.to_mesh().vertices)
    evaluated.to_mesh_clear()
    return found


@pytest.mark.parametrize(("kind", "given"), [("SUBSURF", {}), ("DECIMATE", {"ratio": 0.3}), ("MASK", {})])
def test_generated_keys_stay_this_tools_with_their_hidden_marks(planted, figure, kind, given):
    body = figure["body"]
    add_key(body, "smile")
    buttons.generate_visemes()
    before = shape_markers.find_markers(key_blocks.shape_offsets(body))
    group = body.vertex_groups.new(name="outside")
    inside = np.linalg.norm(coordinates(body.data.vertices) - HEAD_CENTRE, axis=1) < 0.1
    group.add(np.flatnonzero(~inside).tolist(), 1.0, "REPLACE")
    modifier = body.modifiers.new("Mine", kind)
    for name, value in (given or ({"vertex_group": "outside"} if kind == "MASK" else {})).items():
        setattr(modifier, name, value)
    count = len(body.data.vertices)
    assert buttons.apply_modifier(modifier="Mine") == {"FINISHED"}
    assert len(body.data.vertices) != count
    assert shape_markers.find_markers(key_blocks.shape_offsets(body)) == before != set()
    assert key_blocks.made_by_us(body) == set(VISEMES)
    assert not any(key_blocks.is_empty(key) for key in body.data.shape_keys.key_blocks[1:] if key.name in VISEMES)
    assert buttons.clean_up() == {"FINISHED"}
    assert key_names(body) == ["Basis", "smile"]


@pytest.mark.parametrize("suffix", ["fbx", "glb", "blend"])
def test_the_command_line_names_what_it_leaves_out_or_applies_it(planted, figure, tmp_path, suffix):
    body, report = figure["body"], tmp_path / "report.json"
    add_key(body, "smile")
    body.modifiers.new("Finer", "SUBSURF").levels = 1
    body.modifiers.new("Lost", "SHRINKWRAP")
    figure["hair"].modifiers.new("Other half", "MIRROR")
    count = len(body.data.vertices)
    files.save(tmp_path / "a.blend", [body])
    arguments = (tmp_path / "a.blend", "--output", tmp_path / f"b.{suffix}", "--shapes", "visemes", "--report", report)
    assert run(*arguments) == cli.OK
    notes = json.loads(report.read_text(encoding="utf-8"))["avatars"][0]["notes"]
    left_out = [note for note in notes if note.startswith("Not exported")]
    assert [("Finer of “Body”" in note, "Other half of “Hair”" in note) for note in left_out] == (
        [] if suffix == "blend" else [(True, False), (False, True)]
    )
    assert suffix == "blend" or any(note.startswith("Lost does nothing on “Body”") for note in notes)
    assert run(*arguments, "--apply") == cli.OK
    notes = json.loads(report.read_text(encoding="utf-8"))["avatars"][0]["notes"]
    assert "Applied to the meshes and their shape keys: Finer, Other half." in notes
    assert not [note for note in notes if note.startswith("Not exported")]
    body = open_result(tmp_path / f"b.{suffix}")
    assert "smile" in key_names(body) and len(body.data.vertices) > 3 * count


def test_one_undo_step(head):
    head.modifiers.new("Finer", "SUBSURF")
    bpy.ops.ed.undo_push(message="before")
    before = fingerprint(head)
    buttons.apply_modifier("EXEC_DEFAULT", True, modifier="Finer")
    assert fingerprint(bpy.data.objects["Head"]) != before
    bpy.ops.ed.undo()
    head = bpy.data.objects["Head"]
    assert fingerprint(head) == before and head.modifiers.keys() == ["Finer"]


def test_hidden_meshes_and_meshes_without_keys_are_done_as_well(head):
    plain = ball("Plain", (0, 0, 0), 1.0)
    plain.modifiers.new("Finer", "SUBSURF").levels = 1
    head.modifiers.new("Finer", "SUBSURF").levels = 1
    head.hide_viewport = True
    for obj in (plain, head):
        count = len(obj.data.vertices)
        done = apply_modifier.apply(obj, "Finer")
        assert done.vertices == len(obj.data.vertices) > 2 * count
    assert plain.data.shape_keys is None and len(head.data.shape_keys.key_blocks["wide"].points) == done.vertices
