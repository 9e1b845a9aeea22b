"""The avatar is read as it is seen, at rest: the mix of its keys, through Mirror and Mask, without what is hidden."""

import bmesh
import bpy
import numpy as np
import pytest
from helpers import (
    HEAD_CENTRE,
    add_key,
    ball,
    coordinates,
    deltas,
    error_line,
    fingerprint,
    key_names,
    mesh_object,
    run,
    select,
)
from mathutils import Matrix

from blendshape_addon.blender import mesh_objects
from blendshape_addon.blender.io import avatar_objects, mesh_io, selection
from blendshape_addon.core.errors import FaceNotFound, InputError
from blendshape_addon.core.vocabulary import ALL_SHAPES, VISEMES, mirrored
from blendshape_addon.options import BAD_INPUT

generate = bpy.ops.vrc_blendshape.generate_visemes


def evaluated(obj):
    """World vertices (n, 3) and number of triangles of what Blender draws of `obj`."""
    bpy.context.view_layer.update()
    mesh = obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    mesh.calc_loop_triangles()
    matrix = np.array(obj.matrix_world)
    return coordinates(mesh.vertices) @ matrix[:3, :3].T + matrix[:3, 3], len(mesh.loop_triangles)


def seen(*objects):
    """Vertices of the avatar with triangles, as `evaluated`."""
    avatar = mesh_io.read(objects)
    return avatar.vertices[avatar.used], len(avatar.triangles)


def same_places(a, b, tolerance=1e-6):
    apart = np.linalg.norm(a[:, None] - b, axis=2)
    return apart.min(0).max() < tolerance and apart.min(1).max() < tolerance


def said(objects):
    return " ".join(map(str, mesh_io.remarks(objects)))


def add_identity(obj):
    """Keys as creators leave them: on, over another, in a vertex group, muted, and an expression."""
    count = len(obj.data.vertices)
    obj.shape_key_add(name="Basis", from_mix=False)
    keys = {}
    for number, name in enumerate(("Face_Round", "Cheeks", "Left_Half", "Muted", "Off", "まばたき")):
        keys[name] = obj.shape_key_add(name=name, from_mix=False)
        base = coordinates(obj.data.shape_keys.reference_key.points)
        keys[name].points.foreach_set("co", (base + (0.001 * (number + 1), 0, 0.002)).astype(np.float32).ravel())
        keys[name].value = 0.8 if name != "Off" else 0.0
    keys["Cheeks"].relative_key = keys["Face_Round"]
    group = obj.vertex_groups.new(name="left")
    group.add(list(range(0, count, 2)), 0.5, "REPLACE")
    keys["Left_Half"].vertex_group = "left"
    keys["Muted"].mute = True
    return keys


def test_the_face_is_the_mix_of_keys_that_blender_draws(figure):
    body = figure["body"]
    keys = add_identity(body)
    read = mesh_io.read([body]).vertices
    keys["まばたき"].value = 0  # an expression is played later
    assert np.abs(read - evaluated(body)[0]).max() < 1e-6
    assert np.abs(read - coordinates(body.data.vertices)).max() > 1e-3
    keys["まばたき"].value = 1
    remarks = said([body])
    assert "Face_Round 0.80, Cheeks 0.80, Left_Half 0.80: keep" in remarks and "まばたき of “Body” is on" in remarks
    assert "Muted" not in remarks and "Off" not in remarks


def test_keys_move_the_seen_face_as_vrchat_adds_them(planted, figure):
    """The same motion over the base as without the key that is on: Unity adds the two."""
    generate()
    plain = deltas(figure["body"], "vrc.v_aa")
    bpy.ops.vrc_blendshape.clean_up()
    key = add_key(figure["body"], "Nose", offset=0.004)
    key.value = 1.0
    generate()
    assert np.abs(deltas(figure["body"], "vrc.v_aa") - plain).max() < 1e-6
    assert figure["body"].data.shape_keys.key_blocks["vrc.v_aa"].relative_key.name == "Basis" and key.value == 1


def test_what_this_tool_made_is_no_part_of_the_face(planted, figure):
    before = mesh_io.read([figure["body"]]).content
    generate()
    for key in figure["body"].data.shape_keys.key_blocks:
        key.value = 1.0
    assert mesh_io.read([figure["body"]]).content == before and mesh_io.remarks([figure["body"]]) == []


def test_a_key_that_the_pose_drives_is_off_at_rest(figure):
    body = figure["body"]
    key = add_key(body, "Corrective", offset=0.02)
    driver = key.driver_add("value").driver
    variable = driver.variables.new()
    variable.type = "TRANSFORMS"
    variable.targets[0].id, variable.targets[0].bone_target = figure["rig"], "Bone"
    variable.targets[0].transform_type = "LOC_X"
    driver.expression = f"1 + {variable.name}"
    bpy.context.view_layer.update()
    assert key.value == 1 and mesh_io.seen_keys(body) == []
    assert np.abs(mesh_io.read([body]).vertices - coordinates(body.data.vertices)).max() < 1e-6


def hide(obj, how):
    if how == "eye":
        obj.hide_set(True)
    elif how == "screen":
        obj.hide_viewport = True
    else:
        collection = bpy.data.collections.new("old")
        bpy.context.scene.collection.children.link(collection)
        bpy.context.scene.collection.objects.unlink(obj)
        collection.objects.link(obj)
        if how == "collection":
            collection.hide_viewport = True
        else:
            bpy.context.view_layer.layer_collection.children["old"].exclude = True


@pytest.fixture
def backup(figure):
    copy = figure["body"].copy()
    copy.data = figure["body"].data.copy()
    copy.name = "Body_old"
    bpy.context.scene.collection.objects.link(copy)
    return copy


@pytest.mark.parametrize("how", ["eye", "screen", "collection", "excluded"])
def test_a_hidden_copy_is_left_alone_left_out_and_named(planted, figure, backup, tmp_path, how):
    hide(backup, how)
    before = fingerprint(backup)
    select(figure["body"])
    assert generate() == {"FINISHED"}
    assert set(VISEMES) < set(key_names(figure["body"])) and fingerprint(backup) == before
    reason = "excluded collection" if how == "excluded" else "hidden"
    assert f"{reason}: Body_old." in said(selection.avatar_from_selection(bpy.context))
    bpy.ops.vrc_blendshape.export_fbx(filepath=str(tmp_path / "a.fbx"))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.ops.import_scene.fbx(filepath=str(tmp_path / "a.fbx"))
    assert "Body" in bpy.data.objects and "Body_old" not in bpy.data.objects


def test_the_most_detailed_of_visible_levels_is_the_face(figure, backup):
    figure["body"].name, backup.name = "Body_LOD0", "Body_LOD1"
    (avatar,) = avatar_objects.avatars_of(bpy.context.view_layer.objects)
    assert figure["body"] in avatar and backup not in avatar and figure["hair"] in avatar
    assert "with less detail: Body_LOD1." in said(avatar)
    select(backup)  # unless the other one is chosen
    avatar = selection.avatar_from_selection(bpy.context)
    assert backup in avatar and figure["body"] not in avatar


def test_all_meshes_hidden(figure, tmp_path, capsys):
    for name in ("body", "teeth", "hair"):
        figure[name].hide_set(True)
    with pytest.raises(RuntimeError, match="“Body” is hidden"):
        generate()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "in.blend"))
    assert run(tmp_path / "in.blend", "--output", tmp_path / "out.blend") == BAD_INPUT
    assert "Every mesh of in.blend is hidden" in error_line(capsys)


def test_the_face_may_be_among_what_is_hidden(figure):
    figure["body"].hide_set(True)
    select(figure["teeth"])
    guess = np.zeros((1, 4))
    told = avatar_objects.with_left_out(
        FaceNotFound("No face was found.", guess=guess), selection.avatar_from_selection(bpy.context)
    )
    assert str(told) == "No face was found. Left out, because hidden: Body." and told.guess is guess


@pytest.mark.parametrize("linked", [False, True])
def test_an_instance_of_a_collection(figure, tmp_path, capsys, linked):
    collection = bpy.data.collections.new("Avatar")
    for obj in list(bpy.context.scene.collection.objects):
        collection.objects.link(obj)
        bpy.context.scene.collection.objects.unlink(obj)
    if linked:
        bpy.data.libraries.write(str(tmp_path / "library.blend"), {collection})
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
        with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, there):
            there.collections = ["Avatar"]
        collection = bpy.data.collections["Avatar"]
    shown = bpy.data.objects.new("Placed", None)
    shown.instance_type, shown.instance_collection = "COLLECTION", collection
    bpy.context.scene.collection.objects.link(shown)
    select(shown)
    words = "linked from library.blend" if linked else "instance of the collection “Avatar”"
    with pytest.raises(RuntimeError, match=f"“Placed” is an .*{words}"):
        generate()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "in.blend"))
    assert run(tmp_path / "in.blend", "--output", tmp_path / "out.blend") == BAD_INPUT
    assert words in error_line(capsys)


def test_a_loose_part_belongs_to_the_head_that_it_lies_on():
    """Both avatars' boxes hold the lashes, as they do where two avatars' arms cross."""
    heads = []
    for name, x in (("One", 0.0), ("Two", 0.5)):
        rig = bpy.data.objects.new(f"{name} rig", bpy.data.armatures.new(name))
        bpy.context.scene.collection.objects.link(rig)
        head = ball(name, (x, 0, 1.6), 0.11, rig)
        hands = ball(f"{name} hands", (x, 0, 1.0), 0.01, rig)
        hands.scale = (60, 1, 1)
        hands.location.x = -59 * x
        heads.append(head)
    lashes = [ball(f"Lashes {x}", (x, -0.11, 1.6), 0.02) for x in (0.0, 0.5)]
    bpy.context.view_layer.update()
    groups = avatar_objects.avatars_of(bpy.context.view_layer.objects)
    for head, lash in zip(heads, lashes, strict=True):
        assert [lash in group for group in groups] == [head in group for group in groups]


def halve(obj, matrix=None):
    """Take the half with negative x off `obj`, through the middle."""
    mesh = bmesh.new()
    mesh.from_mesh(obj.data)
    plane = {"plane_co": (0, 0, 0), "plane_no": (1, 0, 0), "clear_inner": True}
    bmesh.ops.bisect_plane(mesh, geom=mesh.verts[:] + mesh.edges[:] + mesh.faces[:], **plane)
    mesh.to_mesh(obj.data)
    mesh.free()


@pytest.mark.parametrize("case", ["plain", "two axes", "over another object", "bisect", "bisect flipped", "gap"])
def test_what_a_mirror_modifier_adds_is_read(case):
    obj = ball("Face", (0.03, 0.01, 0), 0.1, segments=12)
    if "bisect" not in case:
        halve(obj)
    modifier = obj.modifiers.new("Mirror", "MIRROR")
    if case == "two axes":
        modifier.use_axis = (True, True, False)
    elif case == "over another object":
        obj.matrix_world = Matrix.Translation((0.3, 0, 1)) @ Matrix.Rotation(0.4, 4, "Z")
        modifier.mirror_object = ball("Middle", (0, 0, 0), 0.01)
        modifier.mirror_object.rotation_euler.z = 0.2
    elif "bisect" in case:
        modifier.use_bisect_axis[0] = True
        modifier.use_bisect_flip_axis[0] = "flipped" in case
        obj.data.transform(Matrix.Translation((-0.03, 0, 0)))  # an edge loop in the plane, so that nothing is cut
    elif case == "gap":
        modifier.merge_threshold = 0.004
        for vertex in obj.data.vertices:
            vertex.co.x += 0.0015
    bpy.context.view_layer.update()
    points, triangles = evaluated(obj)
    read, count = seen(obj)
    assert count == triangles and same_places(points, read, 1e-5)
    assert mesh_io.read([obj]).components.max() == (case in ("two axes", "over another object"))


def test_half_a_face_gets_the_shapes_of_both_sides_alone(planted, figure):
    body = figure["body"]
    halve(body)
    body.modifiers.new("Halves", "MIRROR")
    assert bpy.ops.vrc_blendshape.generate_all() == {"FINISHED"}
    both = {name for name in ALL_SHAPES if mirrored(name) == name}
    assert set(key_names(body)) == both | {"Basis"}
    assert set(ALL_SHAPES) - {"vrc.v_sil"} <= set(key_names(figure["teeth"]))
    assert "Halves that a Mirror modifier makes whole: Body." in said([body])
    moved = np.flatnonzero(deltas(body, "vrc.v_aa").any(1))
    assert len(moved) and len(mesh_io.read([body]).vertices) == 2 * len(body.data.vertices)


@pytest.mark.parametrize("inverted", [False, True])
def test_what_a_mask_modifier_hides_is_no_part_of_the_face(figure, inverted):
    body = figure["body"]
    low = [vertex.index for vertex in body.data.vertices if vertex.co.z < 1.3]
    body.vertex_groups.new(name="part").add(low, 0.8, "REPLACE")
    modifier = body.modifiers.new("Hide helpers", "MASK")
    modifier.vertex_group, modifier.invert_vertex_group = "part", inverted
    modifier.threshold = 0.5
    points, triangles = evaluated(body)
    read, count = seen(body)
    assert count == triangles and same_places(points, read)
    assert "Hide helpers hides of “Body”" in said([body])
    modifier.show_viewport = False
    assert len(seen(body)[0]) == len(body.data.vertices)


def test_the_back_of_a_doubled_face_is_left_aside_and_moves_with_it(figure):
    body = figure["body"]
    plain = mesh_io.read([body])
    mesh = bmesh.new()
    mesh.from_mesh(body.data)
    made = bmesh.ops.duplicate(mesh, geom=mesh.verts[:] + mesh.edges[:] + mesh.faces[:])["geom"]
    bmesh.ops.reverse_faces(mesh, faces=[face for face in made if isinstance(face, bmesh.types.BMFace)])
    mesh.to_mesh(body.data)
    mesh.free()
    doubled = mesh_io.read([body])
    assert len(doubled.triangles) == len(plain.triangles) and len(doubled.vertices) == 2 * len(plain.vertices)
    assert (doubled.weld[: len(plain.vertices)] == doubled.weld[len(plain.vertices) :]).all()


def hang(obj, rig, by):
    """Hang `obj` on the bone of `rig`."""
    world = obj.matrix_world.copy()
    if by == "parent":
        obj.parent, obj.parent_type, obj.parent_bone = rig, "BONE", "Bone"
    else:
        obj.parent = None
        hung = obj.constraints.new(by)
        if by == "CHILD_OF":
            hung.target, hung.subtarget = rig, "Bone"
            hung.inverse_matrix = (rig.matrix_world @ rig.pose.bones["Bone"].matrix).inverted()
        else:
            target = hung.targets.new()
            target.target, target.subtarget = rig, "Bone"
    obj.matrix_world = world
    bpy.context.view_layer.update()


@pytest.mark.parametrize("by", ["parent", "CHILD_OF", "ARMATURE"])
def test_what_hangs_on_a_posed_bone_is_read_and_written_at_rest(planted, figure, by):
    teeth, body = figure["teeth"], figure["body"]
    hang(teeth, figure["rig"], by)
    bone = figure["rig"].pose.bones["Bone"]
    rest = mesh_io.read([body, teeth])
    generate()
    wanted = deltas(teeth, "vrc.v_aa")
    bpy.ops.vrc_blendshape.clean_up()
    bone.rotation_mode = "XYZ"
    bone.rotation_euler, bone.location = (0.3, 0.2, 0.5), (0.1, 0, 0.2)
    bpy.context.view_layer.update()
    assert np.abs(np.array(teeth.matrix_world) - mesh_objects.rest_matrix(teeth)).max() > 0.1
    assert np.abs(mesh_io.read([body, teeth]).vertices - rest.vertices).max() < 1e-5
    assert generate() == {"FINISHED"}
    assert wanted.any() and np.abs(deltas(teeth, "vrc.v_aa") - wanted).max() < 1e-6


def test_a_vertex_group_mask_covers_both_halves(figure):
    obj = mesh_object("Half", HEAD_CENTRE + np.array([(0, 0, 0), (1, 0, 0), (0, 0, 1)]), [(0, 1, 2)])
    obj.modifiers.new("Mirror", "MIRROR")
    assert mesh_objects.copies(obj) == 2 and len(mesh_io.read([obj]).triangles) == 2


def random_object(rng):
    """A ball with random keys, one Mirror and one Mask modifier, somewhere, hung on a bone in one of three ways."""
    bpy.ops.object.armature_add()
    rig = bpy.context.object
    rig.matrix_world = Matrix.Translation(rng.normal(0, 1, 3)) @ Matrix.Rotation(rng.normal(), 4, "X")
    obj = ball("Face", rng.normal(0, 0.05, 3), 0.1, segments=8)
    obj.matrix_world = Matrix.Translation(rng.normal(0, 1, 3)) @ Matrix.Diagonal((*rng.uniform(0.5, 2, 3), 1))
    bpy.context.view_layer.update()
    hang(obj, rig, str(rng.choice(["parent", "CHILD_OF", "ARMATURE"])))
    count, blocks = len(obj.data.vertices), [obj.shape_key_add(name="Basis")]
    for number in range(3):
        key = obj.shape_key_add(name=f"Slider {number}", from_mix=False)
        moved = coordinates(key.points) + rng.normal(0, 0.005, (count, 3))
        key.points.foreach_set("co", moved.astype(np.float32).ravel())
        key.relative_key = blocks[rng.integers(len(blocks))]
        key.slider_min, key.slider_max = -1, 2
        key.value, key.mute = rng.uniform(-1, 2), bool(rng.random() < 0.3)
        group = obj.vertex_groups.new(name=f"group {number}")
        group.add(rng.permutation(count)[: count // 2].tolist(), rng.random(), "REPLACE")
        key.vertex_group = str(rng.choice(["", group.name]))
        blocks.append(key)
    for kind in rng.permutation(["MIRROR", "MASK"]):
        modifier = obj.modifiers.new(kind, str(kind))
        modifier.show_viewport = bool(rng.random() < 0.8)
        if kind == "MIRROR":
            modifier.use_axis = (rng.random(3) < 0.5).tolist()
            modifier.use_mirror_merge, modifier.merge_threshold = bool(rng.random() < 0.7), 0.01
        else:
            modifier.vertex_group, modifier.invert_vertex_group = "group 0", bool(rng.random() < 0.5)
            modifier.threshold = rng.random() * 0.5
    return obj, rig


@pytest.mark.parametrize("seed", range(12))
def test_any_object_is_read_as_blender_draws_it_at_rest(seed):
    rng = np.random.default_rng(seed)
    obj, rig = random_object(rng)
    points, triangles = evaluated(obj)
    bone = rig.pose.bones["Bone"]
    bone.rotation_mode, bone.rotation_euler, bone.location = "XYZ", rng.normal(0, 1, 3), rng.normal(0, 0.3, 3)
    bpy.context.view_layer.update()
    if not triangles:
        with pytest.raises(InputError, match="no faces"):
            mesh_io.read([obj])
        return
    read, count = seen(obj)
    assert count == triangles
    assert np.linalg.norm(read[:, None] - points, axis=2).min(1).max() < 1e-4  # the mask may leave single vertices
