"""Join into Face Mesh: what is seen stays, whatever the meshes' keys, places, weights and layers are."""

import json

import bpy
import numpy as np
import pytest
from helpers import HEAD_CENTRE, ball, coordinates, fingerprint, key_names, run, select

from blendshape_addon.blender.io import files, mesh_io
from blendshape_addon.blender.keys import join, key_blocks
from blendshape_addon.blender.stored import joined, landmarks, parts, tuning
from blendshape_addon.core.vocabulary import ALL_SHAPES, LANDMARKS, VISEMES

buttons = bpy.ops.vrc_blendshape
RNG = np.random.default_rng(7)


def random_key(obj, name, relative=None, group="", value=0.0, **settings):
    """A key of random offsets over `relative`, masked by a vertex group of random weights."""
    if obj.data.shape_keys is None:
        obj.shape_key_add(name="Basis", from_mix=False)
    key = obj.shape_key_add(name=name, from_mix=False)
    blocks = obj.data.shape_keys.key_blocks
    over = blocks[relative] if relative else blocks[0]
    points = coordinates(over.points) + RNG.normal(0, 0.003, (len(obj.data.vertices), 3)).astype(np.float32)
    key.points.foreach_set("co", points.reshape(-1))
    key.relative_key = over
    if group:
        if group not in obj.vertex_groups:
            made = obj.vertex_groups.new(name=group)
            for vertex in range(0, len(obj.data.vertices), 2):
                made.add([vertex], float(RNG.random()), "REPLACE")
        key.vertex_group = group
    for setting, given in settings.items():
        setattr(key, setting, given)
    key.value = value
    return key


def seen(objects):
    """(V, 3) world coordinates of the vertices of all `objects` as Blender shows them."""
    bpy.context.view_layer.update()
    graph = bpy.context.evaluated_depsgraph_get()
    found = []
    for obj in objects:
        shown = obj.evaluated_get(graph)
        matrix = np.array(shown.matrix_world)
        found.append(coordinates(shown.data.vertices) @ matrix[:3, :3].T + matrix[:3, 3])
    return np.concatenate(found)


def played(objects, name):
    """What is seen with the key `name` alone at 1 on all `objects`."""
    blocks = [obj.data.shape_keys.key_blocks for obj in objects if obj.data.shape_keys]
    values = [(key, key.value) for keys in blocks for key in keys]
    for key, _ in values:
        key.value = float(key.name == name)
    points = seen(objects)
    for key, value in values:
        key.value = value
    return points


@pytest.fixture
def mouth(figure):
    """The figure's head, teeth that lie turned, mirrored and scaled in their own space, and a tongue, with keys that
    are relative, masked and named in every way."""
    body, teeth, rig = figure["body"], figure["teeth"], figure["rig"]
    tongue = ball("Tongue", HEAD_CENTRE + (0, -0.08, -0.04), 0.015, rig, segments=8)
    teeth.rotation_euler, teeth.scale, teeth.location = (0.3, 0.2, 1.0), (-0.5, 2.0, 1.0), (0.1, 0.2, 0.3)
    random_key(body, "vrc.v_aa")
    random_key(body, "vrc.v_ou", relative="vrc.v_aa")
    random_key(body, "vrc.v_e", group="Mask")
    random_key(body, "vrc.v_ih", group="Same")
    random_key(body, "fang", value=1.0)
    random_key(body, "mouthLeft", mute=True)
    teeth.shape_key_add(name="Rest", from_mix=False)
    random_key(teeth, "vrc.v_aa")
    random_key(teeth, "vrc.v_e")
    random_key(teeth, "Basis", relative="vrc.v_e")
    random_key(teeth, "long", relative="vrc.v_aa", slider_min=-1.0, slider_max=2.0, value=1.5)
    random_key(tongue, "vrc.v_ou", group="Tip")
    random_key(tongue, "vrc.v_ih", group="Same")
    select(body)
    return [body, teeth, tongue]


def test_every_key_does_on_every_vertex_what_it_did(mouth):
    body, teeth, _ = mouth
    names = ["vrc.v_aa", "vrc.v_ou", "vrc.v_e", "vrc.v_ih", "fang", "mouthLeft", "long"]
    before = {name: played(mouth, name) for name in names} | {"": seen(mouth)}
    clash, count = played([teeth], "Basis"), len(body.data.vertices)
    lipsync = coordinates(body.data.shape_keys.key_blocks["vrc.v_aa"].points)
    done = join.join(mouth)
    assert done.parts == ["Teeth", "Tongue"] and done.objects == [body] and not done.left_out
    for name in names:
        assert np.abs(played([body], name) - before[name]).max() < 2e-6, name
    assert np.abs(seen([body]) - before[""]).max() < 2e-6
    same = coordinates(body.data.shape_keys.key_blocks["vrc.v_aa"].points)[:count] == lipsync
    assert same.mean() > 0.99  # baking a mask may cost the last bit
    assert np.abs(played([body], "Basis.Teeth")[count : count + len(clash)] - clash).max() < 2e-6
    assert key_names(body) == ["Basis", *names[:6], "Basis.Teeth", "long"]
    keys = body.data.shape_keys.key_blocks
    assert (keys["long"].slider_min, keys["long"].slider_max, keys["long"].value) == (-1.0, 2.0, 1.5)
    assert keys["long"].relative_key == keys["vrc.v_aa"] and keys["mouthLeft"].mute and keys["fang"].value == 1.0
    assert keys["vrc.v_ih"].vertex_group == "Same" and keys["vrc.v_e"].vertex_group == ""


def test_a_posed_avatar_looks_the_same_and_follows_the_same_bones(figure):
    """The head is weighted, the teeth hang on a bone, the tongue has weights of its own, the hair has none."""
    rig, body, teeth, hair = figure["rig"], figure["body"], figure["teeth"], figure["hair"]
    select(rig)
    bpy.ops.object.mode_set(mode="EDIT")
    for name, height in (("head", 1.5), ("jaw", 1.55)):
        bone = rig.data.edit_bones.new(name)
        bone.head, bone.tail = (0, 0, height), (0, -0.1, height)
    bpy.ops.object.mode_set(mode="OBJECT")
    tongue = ball("Tongue", HEAD_CENTRE + (0, -0.08, -0.04), 0.015, rig, segments=8)
    for obj, bone in ((body, "head"), (tongue, "jaw")):
        obj.vertex_groups.new(name=bone).add(list(range(len(obj.data.vertices))), 1.0, "REPLACE")
        obj.modifiers.new("Armature", "ARMATURE").object = rig
    matrix = teeth.matrix_world.copy()
    teeth.parent, teeth.parent_type, teeth.parent_bone = rig, "BONE", "jaw"
    teeth.matrix_world = matrix
    objects = [body, teeth, tongue, hair]
    for obj in objects:
        random_key(obj, "vrc.v_aa")
    rig.pose.bones["head"].rotation_mode = rig.pose.bones["jaw"].rotation_mode = "XYZ"
    rig.pose.bones["head"].rotation_euler, rig.pose.bones["jaw"].rotation_euler = (0.2, 0.1, 0.3), (0.4, 0, 0)
    before, count = played([body, teeth, tongue], "vrc.v_aa"), len(hair.data.vertices)
    done = join.join(objects)
    after = played([body], "vrc.v_aa")
    assert done.parts == ["Teeth", "Tongue", "Hair"] and rig.data.pose_position == "POSE"
    assert np.abs(after[:-count] - before).max() < 1e-5
    (note,) = done.notes
    assert "“Hair” had no weights: it follows the bone head now" in note
    group = body.vertex_groups["head"].index
    assert all([e.weight for e in v.groups if e.group == group] == [1.0] for v in body.data.vertices[-count:])


@pytest.fixture
def layered(figure):
    """The figure's head and teeth with UV maps, colours, materials and normals, under other names on each."""
    body, teeth = figure["body"], figure["teeth"]
    for obj, name in ((body, "UVMap"), (teeth, "TeethUV")):
        layer = obj.data.uv_layers.new(name=name)
        layer.data.foreach_set("uv", RNG.random(2 * len(obj.data.loops)).astype(np.float32))
        material = bpy.data.materials.new(f"{name} material")
        material.use_nodes = True
        material.node_tree.nodes.new("ShaderNodeUVMap").uv_map = name
        obj.data.materials.append(material)
        random_key(obj, "vrc.v_aa")
    teeth.data.uv_layers.new(name="UVMap")  # a second one, which does not show
    teeth.data.uv_layers["TeethUV"].active_render = True
    colours = teeth.data.color_attributes.new("Col", "BYTE_COLOR", "CORNER")
    colours.data.foreach_set("color", RNG.random(4 * len(teeth.data.loops)).astype(np.float32))
    teeth.data.polygons.foreach_set("use_smooth", [True] * len(teeth.data.polygons))
    normals = RNG.normal(size=(len(teeth.data.loops), 3))
    teeth.data.normals_split_custom_set((normals / np.linalg.norm(normals, axis=1)[:, None]).tolist())
    teeth.rotation_euler, teeth.scale = (0.3, 0.2, 1.0), (-0.5, 2.0, 1.0)
    select(body)
    return body, teeth


def by_corner(obj, values):
    """Rows of (C, k) `values` of corners by polygon and vertex, whichever corner of a polygon is its first."""
    vertex = np.array([loop.vertex_index for loop in obj.data.loops])
    polygon = np.repeat(np.arange(len(obj.data.polygons)), [len(p.vertices) for p in obj.data.polygons])
    return np.asarray(values)[np.lexsort((vertex, polygon))]


def shown_uvs(obj):
    layer = next(layer for layer in obj.data.uv_layers if layer.active_render)
    return by_corner(obj, [tuple(entry.uv) for entry in layer.data])


def world_normals(obj):
    matrix = np.linalg.inv(np.array(obj.matrix_world)[:3, :3])
    normals = by_corner(obj, [tuple(normal.vector) for normal in obj.data.corner_normals]) @ matrix
    return normals / np.linalg.norm(normals, axis=1)[:, None]


def materials(obj):
    return [obj.material_slots[p.material_index].material.name for p in obj.data.polygons]


def test_layers_materials_and_normals_arrive(layered):
    body, teeth = layered
    bpy.context.view_layer.update()
    uvs = np.concatenate([shown_uvs(body), shown_uvs(teeth)])
    normals = np.concatenate([world_normals(body), world_normals(teeth)])
    wanted, smooth = materials(body) + materials(teeth), [p.use_smooth for o in layered for p in o.data.polygons]
    colours = by_corner(teeth, [tuple(entry.color) for entry in teeth.data.color_attributes["Col"].data])
    assert join.join(layered).parts == ["Teeth"]
    assert np.abs(shown_uvs(body) - uvs).max() < 1e-6
    assert materials(body) == wanted and [p.use_smooth for p in body.data.polygons] == smooth
    assert np.abs(world_normals(body) - normals).max() < 0.02  # Blender stores them in 16 bits
    mixed = by_corner(body, [tuple(entry.color) for entry in body.data.color_attributes["Col"].data])
    assert np.abs(mixed[-len(colours) :] - colours).max() < 1e-6 and (mixed[: -len(colours)] == 1).all()
    nodes = bpy.data.materials["TeethUV material"].node_tree.nodes
    assert [node.uv_map for node in nodes if node.type == "UVMAP"] == ["UVMap"]


def test_shading_of_a_modifier_stays_as_normals(layered):
    body, teeth = layered
    teeth.data.normals_split_custom_set([(0.0, 0.0, 0.0)] * len(teeth.data.loops))
    teeth.modifiers.new("Weighted", "WEIGHTED_NORMAL").weight = 90
    bpy.context.view_layer.update()
    shown = teeth.evaluated_get(bpy.context.evaluated_depsgraph_get())
    normals = world_normals(shown)
    assert join.join(layered).parts == ["Teeth"]
    assert np.abs(world_normals(body)[-len(normals) :] - normals).max() < 0.02  # Blender stores them in 16 bits


def test_keys_stay_whose_they_are_and_the_next_run_renews_them(planted, figure):
    body, teeth = figure["body"], figure["teeth"]
    buttons.generate_all()
    key = teeth.data.shape_keys.key_blocks["vrc.v_oh"]
    key.points[0].co.x += 0.01  # the creator's from now on
    buttons.add_aliases(convention="MMD")
    assert buttons.join() == {"FINISHED"}
    assert "Teeth" not in bpy.data.objects and bpy.context.view_layer.objects.active == body
    ours = key_blocks.made_by_us(body)
    assert set(ALL_SHAPES) - ours == {"vrc.v_oh"} and "あ" in ours
    names = key_names(body)
    buttons.generate_all()
    assert key_names(body) == names and key_blocks.made_by_us(body) == ours
    assert not join.separate([body, figure["hair"]])


def test_drivers_of_keys_arrive_and_read_from_the_face(figure):
    body, teeth = figure["body"], figure["teeth"]
    for obj in (body, teeth):
        random_key(obj, "vrc.v_aa")
        random_key(obj, "vrc.v_oh")
    random_key(teeth, "long")

    def drive(keys, name, source, path):
        driver = keys.key_blocks[name].driver_add("value").driver
        driver.type = "AVERAGE"
        target = driver.variables.new().targets[0]
        target.id_type, target.id, target.data_path = "KEY", source, path
        return driver

    mine, theirs = body.data.shape_keys, teeth.data.shape_keys
    drive(theirs, "vrc.v_aa", mine, 'key_blocks["vrc.v_aa"].value')  # what clothes do that follow a body
    drive(theirs, "long", mine, 'key_blocks["vrc.v_oh"].value')
    drive(mine, "vrc.v_oh", theirs, 'key_blocks["vrc.v_aa"].value')
    assert join.join([body, teeth]).parts == ["Teeth"]
    keys = body.data.shape_keys
    found = {curve.data_path: curve.driver.variables[0].targets[0] for curve in keys.animation_data.drivers}
    assert {path: (target.id, target.data_path) for path, target in found.items()} == {
        'key_blocks["long"].value': (keys, 'key_blocks["vrc.v_oh"].value'),
        'key_blocks["vrc.v_oh"].value': (keys, 'key_blocks["vrc.v_aa"].value'),
    }
    keys.key_blocks["vrc.v_aa"].value = 0.25
    bpy.context.view_layer.update()
    assert keys.key_blocks["long"].value == pytest.approx(0.25)


def test_what_is_stored_with_the_meshes_is_kept(figure):
    body, teeth = figure["body"], figure["teeth"]
    teeth.location.x = 0.5
    bpy.context.view_layer.update()
    for obj in (body, teeth):
        random_key(obj, "vrc.v_aa")
    points = np.column_stack([RNG.random((len(LANDMARKS), 3)), np.ones(len(LANDMARKS))])
    landmarks.keep([body, teeth], teeth, points)
    enamel = bpy.data.materials.new("Enamel")
    teeth.data.materials.append(enamel)
    parts.correct(teeth, parts.WHOLE, "TEETH_UPPER")
    teeth.vrc_blendshape.asymmetric = True
    teeth.vrc_blendshape.strength_visemes = 0.5
    teeth.vrc_blendshape.mask = "Mouth"
    own = teeth.vrc_blendshape.recipes.add()
    own.name, own.preset = "joy", "anime"
    own.parts.add().word = "mouthSmile"
    body.vertex_groups.new(name="Mouth")
    tag = bpy.data.objects.new("Tag", None)
    bpy.context.scene.collection.objects.link(tag)
    tag.parent, tag.location = teeth, (1, 0, 0)
    bpy.context.view_layer.update()
    count = len(teeth.data.vertices)
    join.join([body, teeth])
    assert {name: len(rows) for name, rows in joined.pieces(body)}["Teeth"] == count
    assert np.abs(landmarks.read([body]) - points).max() < 1e-5
    assert parts.corrections(body) == {"Enamel": "TEETH_UPPER"}
    kept = tuning.read([body])
    assert (kept.asymmetric, kept.strengths) == (True, {"visemes": 0.5})
    assert [(r.name, r.preset, r.parts[0].word) for r in body.vrc_blendshape.recipes] == [
        ("joy", "anime", "mouthSmile")
    ]
    assert (kept.masks[""][-count:] == 1).all() and not kept.masks[""][:-count].any()
    assert tag.parent == body and tag.matrix_world.translation.x == pytest.approx(1.5)


def test_what_cannot_be_joined_is_left_as_it_is_with_the_reason(figure):
    body, teeth, hair, rig = figure["body"], figure["teeth"], figure["hair"], figure["rig"]
    for obj in (body, teeth, hair):
        random_key(obj, "vrc.v_aa")
    teeth.modifiers.new("Thick", "SOLIDIFY")
    other = bpy.data.objects.new("Other", bpy.data.armatures.new("Other"))
    bpy.context.scene.collection.objects.link(other)
    hair.modifiers.new("Armature", "ARMATURE").object = other
    body.modifiers.new("Armature", "ARMATURE").object = rig
    before = [fingerprint(obj) for obj in (body, teeth, hair)]
    done = join.join([body, teeth, hair])
    assert not done.parts and [fingerprint(obj) for obj in (body, teeth, hair)] == before
    thick, moved = done.left_out
    assert "“Teeth” would lose its modifiers (Thick)" in thick and "“Hair” is moved by another armature" in moved
    teeth.modifiers.clear()
    body.modifiers.new("Half", "MIRROR")
    assert "Half of “Body” would act on “Teeth”" in join.join([body, teeth]).left_out[0]
    teeth.modifiers.new("Half", "MIRROR")  # the same on both
    teeth.hide_set(True)
    assert "hidden" in join.join([body, teeth]).left_out[0]
    teeth.hide_set(False)
    assert join.join([body, teeth]).parts == ["Teeth"]
    assert [m.type for m in body.modifiers] == ["ARMATURE", "MIRROR"]


def test_only_keys_of_the_face_make_a_mesh_one_to_join(figure):
    body, teeth, hair = figure["body"], figure["teeth"], figure["hair"]
    random_key(body, "vrc.v_aa")
    random_key(body, "wind")
    random_key(hair, "wind")  # a key that no lip sync plays
    hair.shape_key_add(name="vrc.v_aa", from_mix=False)  # an empty one
    random_key(teeth, "vrc.v_oh")  # the face has no such key
    assert join.separate([body, teeth, hair]) == []
    assert join.summary(join.join([body, teeth, hair])).startswith("There is nothing to join")


def test_keys_that_were_on_otherwise_are_named(figure):
    body, teeth = figure["body"], figure["teeth"]
    for obj in (body, teeth):
        for name in ("vrc.v_aa", "fang", "muted", "alike"):
            random_key(obj, name, value=0.5, mute=name == "muted" and obj == body)
    teeth.data.shape_keys.key_blocks["fang"].value = 0.0
    (note,) = join.join([body, teeth]).notes
    assert note == "Keys that were set otherwise on “Teeth” have the values of “Body” now: fang, muted."
    assert body.data.shape_keys.key_blocks["fang"].value == 0.5


def test_one_undo_step(figure):
    for obj in (figure["body"], figure["teeth"]):
        random_key(obj, "vrc.v_aa")
    before = [fingerprint(figure[name]) for name in ("body", "teeth")]
    bpy.ops.ed.undo_push(message="before")
    buttons.join()
    bpy.ops.ed.undo_push(message="joined")
    bpy.ops.ed.undo()
    assert [fingerprint(bpy.data.objects[name]) for name in ("Body", "Teeth")] == before


@pytest.mark.parametrize("join_too", [False, True])
def test_command_line(planted, source, tmp_path, join_too):
    arguments = ["--shapes", "visemes", *(["--join"] if join_too else [])]
    arguments += ["--report", str(tmp_path / "r.json"), "--output", str(tmp_path / "out.blend")]
    assert run(source("blend"), *arguments) == 0
    (entry,) = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["avatars"]
    ambers = [row["message"] for row in entry["vrchat"]["findings"] if row["grade"] == "amber"]
    apart = [said for said in ambers if "Join into Face Mesh" in said]
    assert entry["joined"] == (["Teeth"] if join_too else [])
    assert ("Teeth" in entry["objects"]) == (not join_too) == bool(apart) and apart == entry["notes"][-1:][: len(apart)]
    files.load(tmp_path / "out.blend")
    assert ("Teeth" in bpy.data.objects) == (not join_too)
    assert key_names(bpy.data.objects["Body"])[1:] == list(VISEMES)


def test_export_offers_it(planted, figure, tmp_path):
    buttons.generate_visemes()
    buttons.export_fbx(filepath=str(tmp_path / "a.fbx"))
    assert "Teeth" in bpy.data.objects and "Teeth" in bpy.context.window_manager.vrc_blendshape.apart
    mouth = mesh_io.read([figure["body"], figure["teeth"]]).hints.mouth
    assert buttons.export_fbx(filepath=str(tmp_path / "b.fbx"), join=True) == {"FINISHED"}
    assert "Teeth" not in bpy.data.objects
    assert np.allclose(mesh_io.read([figure["body"]]).hints.mouth, mouth, atol=1e-6)  # by the name that teeth had
    files.load(tmp_path / "b.fbx")
    assert {obj.name for obj in bpy.data.objects if obj.type == "MESH"} == {"Body", "Hair"}
