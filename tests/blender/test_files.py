"""Any file is read as it acts in Blender, what is written holds it, and an old file is never lost."""

import json
import struct

import bpy
import numpy as np
import pytest
from helpers import add_key, coordinates, deltas, edit_glb, error_line, fingerprint, key_names, run, select

from blendshape_addon import cli
from blendshape_addon.blender.io import files, gltf
from blendshape_addon.blender.io.mesh_io import basis, offsets
from blendshape_addon.blender.keys import glb_verify, read_back
from blendshape_addon.core.errors import InputError, OutputError

BUTTONS = bpy.ops.vrc_blendshape


def key(obj, name, move, relative=None):
    """A creator's key that moves every vertex by `move`, over another key or the base."""
    if obj.data.shape_keys is None:
        obj.shape_key_add(name="Basis", from_mix=False)
    made = obj.shape_key_add(name=name, from_mix=False)
    made.value = 0.0
    if relative:
        made.relative_key = obj.data.shape_keys.key_blocks[relative]
    start = coordinates(made.relative_key.data)
    made.data.foreach_set("co", (start + np.array(move, np.float32)).reshape(-1))
    return made


@pytest.mark.parametrize("mode", ["EDIT", "SCULPT", "WEIGHT_PAINT", "VERTEX_PAINT"])
def test_a_file_saved_in_another_mode_is_done(planted, figure, tmp_path, mode):
    bpy.ops.object.mode_set(mode=mode)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "in.blend"))
    assert run(tmp_path / "in.blend", "--output", tmp_path / "out.blend", "--shapes", "blink") == cli.OK
    files.load(tmp_path / "out.blend")
    assert "vrc.blink" in key_names(bpy.data.objects["Body"])


def test_edits_that_were_not_left_are_kept(figure, tmp_path):
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.transform.translate(value=(0, 0, 1))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "in.blend"))
    files.load(tmp_path / "in.blend")
    body = bpy.data.objects["Body"]
    assert body.mode == "OBJECT" and coordinates(body.data.vertices)[:, 2].max() > 2.5


def test_an_avatar_in_another_scene_is_found(planted, figure, tmp_path):
    bpy.context.window.scene = bpy.data.scenes.new("Render")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "in.blend"))
    report = tmp_path / "report.json"
    assert (
        run(tmp_path / "in.blend", "--output", tmp_path / "out.glb", "--shapes", "blink", "--report", report) == cli.OK
    )
    (entry,) = json.loads(report.read_text())["avatars"]
    assert "The scene “Render” shows no mesh; “Scene” was taken." in entry["notes"]
    files.load(tmp_path / "out.glb")
    assert "vrc.blink" in key_names(bpy.data.objects["Body"])


def test_meshes_that_objects_share_are_made_single_user(planted, figure, tmp_path):
    twin = bpy.data.objects.new("Backdrop", figure["body"].data)
    bpy.context.scene.collection.objects.link(twin)
    twin.location.x = 9
    figure["hair"].data.use_fake_user = True  # kept without users: no other object has it
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "in.blend"))
    report = tmp_path / "report.json"
    assert run(tmp_path / "in.blend", "--output", tmp_path / "out.blend", "--shapes", "blink", "--report", report) == 0
    assert any(
        "single-user" in note and "Body" in note for note in json.loads(report.read_text())["avatars"][0]["notes"]
    )
    files.load(tmp_path / "out.blend")
    assert bpy.data.objects["Body"].data != bpy.data.objects["Backdrop"].data
    assert "vrc.blink" in key_names(bpy.data.objects["Body"])


@pytest.mark.parametrize("suffix", ["glb", "fbx"])
def test_keys_come_out_as_they_act_here(figure, tmp_path, suffix):
    body = figure["body"]
    key(body, "にこり", (0, 0, 0.01))
    key(body, "にこり２", (0, -0.02, 0), relative="にこり")
    muted = key(body, "はぅ", (0.005, 0, 0))
    muted.mute, muted.value = True, 0.7
    half = body.vertex_groups.new(name="left")
    left = np.flatnonzero(coordinates(body.data.vertices)[:, 0] > 0)
    half.add(left.tolist(), 0.5, "REPLACE")
    key(body, "がーん", (0, 0, -0.01)).vertex_group = "left"
    wide = key(body, "目/上.up", (0, 0.003, 0))
    wide.slider_max, wide.value = 2.0, 0.25
    before = fingerprint(body)
    path = tmp_path / f"a.{suffix}"
    assert files.save(path, [body], lambda file: read_back.count_keys(file, [body])) == 5
    assert fingerprint(body) == before
    files.load(path)
    body = bpy.data.objects["Body"]
    keys = body.data.shape_keys.key_blocks
    linear = np.array(body.matrix_world)[:3, :3].T
    wanted = {"にこり": (0, 0, 0.01), "にこり２": (0, -0.02, 0), "はぅ": (0.005, 0, 0), "目/上.up": (0, 0.003, 0)}
    for name, move in wanted.items():
        assert np.abs(deltas(body, name) @ linear - move).max() < 1e-6, name
    there = basis(body) @ linear
    sides = there[:, 0] > 1e-6
    masked = deltas(body, "がーん") @ linear
    assert np.abs(masked[sides] - (0, 0, -0.005)).max() < 1e-6 and not masked[there[:, 0] < -1e-6].any()
    assert not keys["がーん"].vertex_group
    assert abs(keys["目/上.up"].value - 0.25) < 1e-6 and keys["はぅ"].value == 0


def test_a_glb_that_lost_something_is_seen(figure, tmp_path):
    body = figure["body"]
    key(body, "smile", (0, 0, 0.01))
    files.save(tmp_path / "a.glb", [body])
    assert glb_verify.count_keys(tmp_path / "a.glb", [body]) == 1
    body.data.shape_keys.key_blocks["smile"].data[0].co.x += 1e-3
    with pytest.raises(InputError, match="smile of “Body”"):
        glb_verify.count_keys(tmp_path / "a.glb", [body])
    body.data.shape_keys.key_blocks["smile"].data[0].co.x -= 1e-3
    add_key(body, "later")
    with pytest.raises(InputError, match="later of “Body”"):
        glb_verify.count_keys(tmp_path / "a.glb", [body])


def test_a_file_that_is_refused_leaves_the_old_one(figure, tmp_path):
    old = tmp_path / "a.fbx"
    old.write_text("the creator's older export")
    key(figure["body"], "smile", (0, 0, 0.01))
    select(figure["body"])

    def refuse(_):
        raise InputError("no")

    with pytest.raises(InputError):
        files.save(old, [figure["body"]], refuse)
    with pytest.raises(OutputError):
        files.save(old, [figure["body"]], lambda file: file.unlink())
    (tmp_path / "a.vrm").write_text("older")
    with pytest.raises(RuntimeError, match="cannot be written as VRM"):  # one bone is no human
        BUTTONS.export_vrm(filepath=str(tmp_path / "a.vrm"))
    assert old.read_text() == "the creator's older export" and (tmp_path / "a.vrm").read_text() == "older"
    assert {file.name for file in tmp_path.iterdir()} == {"a.fbx", "a.vrm"}


def test_a_name_with_a_dot_is_not_cut(planted, figure, tmp_path):
    BUTTONS.generate_visemes()
    (tmp_path / "avatar_v1.fbx").write_text("the creator's older export")
    BUTTONS.export_fbx(filepath=str(tmp_path / "avatar_v1.2"))
    BUTTONS.export_glb(filepath=str(tmp_path / "avatar.GLB"))
    assert {file.name for file in tmp_path.iterdir()} == {"avatar_v1.fbx", "avatar_v1.2.fbx", "avatar.GLB"}
    assert (tmp_path / "avatar_v1.fbx").read_text() == "the creator's older export"
    for name in ("export_fbx", "export_glb", "export_vrm"):  # Blender's file dialog asks before it overwrites
        assert getattr(BUTTONS, name).get_rna_type().properties["check_existing"].default


def test_two_inputs_that_differ_in_case_alone_stay_two(planted_children, source, tmp_path):
    path = source("glb")
    (tmp_path / "in").mkdir()
    for name in ("Figure.glb", "figure.vrm"):
        (tmp_path / "in" / name).write_bytes(path.read_bytes())
    assert run(tmp_path / "in", "--output", tmp_path / "out", "--shapes", "blink") == cli.OK
    assert {file.name for file in (tmp_path / "out").glob("*.glb")} == {"Figure.glb", "figure.vrm.glb"}


@pytest.mark.parametrize("extension", ["EXT_meshopt_compression", "KHR_texture_basisu"])
def test_what_blender_cannot_read_in_a_glb_is_named(planted, source, tmp_path, capsys, extension):
    path = source("glb")
    edit_glb(path, lambda document: document.update(extensionsUsed=[extension], extensionsRequired=[extension]))
    capsys.readouterr()
    assert run(path, "--output", tmp_path / "out.glb") == cli.BAD_INPUT
    said = error_line(capsys)
    assert extension in said and "gltf-transform" in said and "damaged" not in said


def test_a_buffer_that_is_missing_is_named(source, tmp_path):
    path = source("gltf")
    path.with_suffix(".bin").unlink()
    with pytest.raises(InputError, match=r"figure\.gltf needs figure\.bin, which is not beside it"):
        files.load(path)


@pytest.mark.parametrize("suffix", ["glb", "gltf"])
def test_names_of_targets_that_stand_at_primitives_are_read(figure, tmp_path, suffix):
    """As UniVRM wrote them before 2020."""

    def lower(document):
        for mesh in document["meshes"]:
            if names := mesh.get("extras", {}).pop("targetNames", None):
                for primitive in mesh["primitives"]:
                    primitive["extras"] = {"targetNames": names}

    key(figure["body"], "Fcl_MTH_A", (0, 0, 0.01))
    if suffix == "glb":
        files.save(tmp_path / "a.glb", [figure["body"]])
        edit_glb(tmp_path / "a.glb", lower)
    else:
        bpy.ops.export_scene.gltf(filepath=str(tmp_path / "a.gltf"), export_format="GLTF_SEPARATE")
        document = gltf.document(tmp_path / "a.gltf")
        lower(document)
        (tmp_path / "a.gltf").write_text(json.dumps(document))
    files.load(tmp_path / f"a.{suffix}")
    body = bpy.data.objects["Body"]
    assert key_names(body) == ["Basis", "Fcl_MTH_A"]
    assert np.abs(np.abs(offsets(body, body.data.shape_keys.key_blocks[1])).max() - 0.01) < 1e-6


def textured(body, picture):
    """Give `body` a texture in the file `picture`, which is written; returns its image."""
    picture.parent.mkdir(parents=True)
    made = bpy.data.images.new("顔", 4, 4)
    made.filepath_raw, made.file_format = str(picture), "PNG"
    made.save()
    bpy.data.images.remove(made)
    skin = bpy.data.materials.new("skin")
    skin.use_nodes = True
    nodes = skin.node_tree.nodes
    texture = nodes.new("ShaderNodeTexImage")
    texture.image = bpy.data.images.load(str(picture))
    skin.node_tree.links.new(texture.outputs[0], nodes["Principled BSDF"].inputs[0])
    body.data.materials.append(skin)
    body.data.uv_layers.new()
    return texture.image


@pytest.mark.parametrize("suffix", ["glb", "fbx"])
def test_textures_go_into_the_file_or_are_named(figure, tmp_path, suffix):
    body = figure["body"]
    image = textured(body, tmp_path / "tex" / "顔.png")
    assert files.left_out([body]) == []
    out = tmp_path / f"out.{suffix}"
    files.save(out, [body])
    (tmp_path / "tex").rename(tmp_path / "gone")
    image.reload()
    assert ["顔.png" in sentence and "not found" in sentence for sentence in files.left_out([body])] == [True]
    files.load(out)
    assert [image.packed_file is not None for image in bpy.data.images if image.users] == [True]


@pytest.mark.parametrize("suffix", ["blend", "fbx"])
@pytest.mark.parametrize(
    ("picture", "output", "packed"),
    [
        ("project/tex/顔.png", "elsewhere", True),
        ("project/tex/顔.png", "project", False),
        ("shared/顔.png", "project", False),  # as it was before
        ("elsewhere/tex/顔.png", "elsewhere", False),
    ],
)
def test_a_blend_file_that_is_written_elsewhere_brings_its_textures(
    planted, figure, tmp_path, suffix, picture, output, packed
):
    image = textured(figure["body"], tmp_path / picture)
    source, target, report = tmp_path / "project" / f"a.{suffix}", tmp_path / output / "b.blend", tmp_path / "r.json"
    source.parent.mkdir(exist_ok=True)
    if suffix == "fbx":
        bpy.ops.export_scene.fbx(filepath=str(source), path_mode="RELATIVE", add_leaf_bones=False)
    else:
        bpy.ops.wm.save_as_mainfile(filepath=str(source))
        image.filepath = bpy.path.relpath(image.filepath)
        bpy.ops.wm.save_mainfile()
    assert run(source, "--output", target, "--shapes", "blink", "--report", report) == 0
    notes = json.loads(report.read_text())["avatars"][0]["notes"]
    assert any("顔.png" in note for note in notes) == packed
    if packed:
        source.parent.rename(tmp_path / "gone")
    files.load(target)
    (image,) = (image for image in bpy.data.images if image.users and image.source == "FILE")
    assert (image.packed_file is not None) == packed
    assert image.filepath.startswith("//") and tuple(image.size) == (4, 4)


def old_fbx(path):
    """An FBX file of version 6.1, as programs wrote it until 2010: a quad with a shape."""

    def node(name, *values, inside=()):
        body = b""
        for value in values:
            if isinstance(value, int):
                body += b"I" + struct.pack("<i", value)
            elif isinstance(value, float):
                body += b"D" + struct.pack("<d", value)
            else:
                text = value.encode().replace(b"::", b"\x00\x01") if isinstance(value, str) else value
                body += b"S" + struct.pack("<I", len(text)) + text
        return name, len(values), body, list(inside)

    def pack(one, start):
        name, count, body, inside = one
        head = 13 + len(name)
        out = body
        for part in inside:
            out += pack(part, start + head + len(out))
        if inside:
            out += bytes(13)
        return struct.pack("<IIIB", start + head + len(out), count, len(body), len(name)) + name + out

    corners = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0]
    shape = node(
        b"Shape", "smile",
        inside=[node(b"Indexes", 0, 2), node(b"Vertices", 0.0, 0.0, 0.5, 0.0, 0.0, 0.5), node(b"Normals", *[0.0] * 6)],
    )  # fmt: skip
    model = node(
        b"Model", "Body\x00\x01Model", "Mesh",
        inside=[
            node(b"Version", 232), node(b"Vertices", *corners), node(b"PolygonVertexIndex", 0, 1, 2, -4), shape,
        ],
    )  # fmt: skip
    top = [
        node(b"FBXHeaderExtension", inside=[node(b"FBXHeaderVersion", 1003), node(b"FBXVersion", 6100)]),
        node(b"Objects", inside=[model]),
        node(b"Connections", inside=[node(b"Connect", "OO", "Body\x00\x01Model", "Scene\x00\x01Model")]),
    ]
    data = b"Kaydara FBX Binary  \x00\x1a\x00" + struct.pack("<I", 6100)
    for one in top:
        data += pack(one, len(data))
    path.write_bytes(data + bytes(13))


def test_an_fbx_file_from_before_2011_is_read_or_named(tmp_path):
    old_fbx(tmp_path / "old.fbx")
    if bpy.app.version < (4, 5):
        with pytest.raises(InputError, match=r"from before 2011.*Blender 4\.5"):
            files.load(tmp_path / "old.fbx")
        return
    files.load(tmp_path / "old.fbx")
    (body,) = (obj for obj in bpy.data.objects if obj.type == "MESH")
    assert len(body.data.polygons) == 1 and "smile" in key_names(body)
