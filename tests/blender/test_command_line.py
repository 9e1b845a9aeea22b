"""Files in, files out, exit statuses and reports, with planted shapes."""

import json
import os
import subprocess
import sys

import bpy
import numpy as np
import pytest
from helpers import ROOT, coordinates, deltas, error_line, key_names, open_result, run, select

from blendshape_addon import cli
from blendshape_addon.blender.io import files
from blendshape_addon.blender.jobs import one_avatar
from blendshape_addon.blender.keys import shape_keys
from blendshape_addon.blender.viewport import render
from blendshape_addon.core.errors import FaceNotFound
from blendshape_addon.core.vocabulary import BLINKS, EMOTIONS, VISEMES


@pytest.mark.parametrize("suffix", ["blend", "glb", "gltf", "vrm", "fbx", "obj"])
@pytest.mark.parametrize("output", ["blend", "glb", "fbx"])
def test_every_format_in_and_out(planted, source, tmp_path, suffix, output):
    path, target = source(suffix), tmp_path / "out" / f"result.{output}"
    assert run(path, "--output", target) == cli.OK
    body = open_result(target)
    assert [name for name in key_names(body) if name != "Basis"] == [*VISEMES, *EMOTIONS]
    assert not [file for file in target.parent.iterdir() if file != target]


@pytest.mark.parametrize("output", ["fbx", "glb"])
def test_every_viseme_survives_export_and_import(planted, source, tmp_path, output):
    """At real height: none empty, all different, and `vrc.v_sil` as small as it was."""
    assert run(source("blend"), "--output", tmp_path / f"result.{output}", "--shapes", "visemes,blink") == cli.OK
    body = open_result(tmp_path / f"result.{output}")
    matrix = np.array(body.matrix_world)[:3, :3]
    shapes = {name: deltas(body, name) @ matrix.T for name in (*VISEMES, *BLINKS)}
    assert all(np.abs(shape).max() > 40e-6 for shape in shapes.values())
    assert np.linalg.norm(shapes["vrc.v_sil"], axis=1).max() < 100e-6
    assert len({np.round(shapes[name], 7).tobytes() for name in VISEMES}) == 15
    height = np.ptp(coordinates(body.data.vertices) @ matrix.T, axis=0).max()
    assert 1.5 < height < 1.8


def test_export_operator_takes_the_avatar_alone(planted, figure, tmp_path):
    bpy.ops.mesh.primitive_cube_add(location=(5, 0, 0))
    select(figure["body"])
    bpy.ops.vrc_blendshape.generate_visemes()
    bpy.ops.vrc_blendshape.export_fbx(filepath=str(tmp_path / "avatar.fbx"))
    assert figure["body"].select_get() and not figure["teeth"].select_get()
    files.load(tmp_path / "avatar.fbx")
    assert sorted(obj.name for obj in bpy.data.objects) == ["Armature", "Body", "Hair", "Teeth"]
    assert len(bpy.data.objects["Armature"].data.bones) == 1
    assert np.allclose(bpy.data.objects["Body"].dimensions.z, 1.66, atol=0.02)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", None])
def test_any_console_will_do(planted_children, source, tmp_path, encoding):
    """One of Western Windows or plain ASCII, and none: the command ends, with its file, its report and its status."""
    path = source("blend").rename(tmp_path / "アバター.blend")
    command = [sys.executable, str(planted_children), "generate", str(path), "--output", str(tmp_path / "a.glb")]
    command += ["--report", str(tmp_path / "report.json"), "--shapes", "blink"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding or "utf-8"}
    if encoding is None:
        command = ["sh", "-c", '"$@" >&- 2>&-', "sh", *command]  # both closed
    done = subprocess.run(command, env=environment, capture_output=True, timeout=300, check=False)
    assert done.returncode == cli.OK, done.stderr
    assert (tmp_path / "a.glb").exists() and json.loads((tmp_path / "report.json").read_text())["ok"]


def test_report(planted, source, tmp_path):
    report = tmp_path / "made" / "report.json"
    assert run(source("blend"), "--output", tmp_path / "a.glb", "--shapes", "blink", "--report", report) == 0
    document = json.loads(report.read_text())
    assert document["ok"] is True
    (avatar,) = document["avatars"]
    assert avatar["made"] == list(BLINKS)
    assert avatar["avatar"] == "Body"
    assert sorted(avatar["objects"]) == ["Body", "Hair", "Teeth"]
    assert {"opening", "reading", "writing", "saving"} <= avatar["seconds"].keys()


def test_table_on_stdout(planted, source, tmp_path, capsys):
    run(source("blend"), "--output", tmp_path / "a.glb", "--shapes", "blink")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if "vrc." in line] == list(BLINKS)


def test_failed_check_is_status_1(planted, source, tmp_path, monkeypatch):
    generate = one_avatar.generate

    def failing(*arguments, **options):
        made = generate(*arguments, **options)
        made.report["ok"] = made.report["shapes"][0]["ok"] = False
        made.report["shapes"][0]["notes"] = ["the lips stay 3 mm apart"]
        return made

    monkeypatch.setattr(one_avatar, "generate", failing)
    assert run(source("blend"), "--output", tmp_path / "a.glb", "--report", tmp_path / "r.json") == cli.CHECK_FAILED
    assert "lips stay" in (tmp_path / "r.json").read_text()


def test_style_is_chosen_or_requested_and_reported(planted, source, tmp_path):
    path, report = source("blend"), tmp_path / "r.json"
    for arguments, expected in (
        ([], {"preset": "natural", "automatic": True}),
        (["--preset", "anime"], {"preset": "anime", "automatic": False}),
    ):
        assert run(path, "--output", tmp_path / "a.blend", "--report", report, *arguments) == cli.OK
        assert json.loads(report.read_text())["avatars"][0]["style"] == expected
    assert shape_keys.style_of(open_result(tmp_path / "a.blend")) == "Anime"


@pytest.mark.parametrize("text", ["", "[natural]\njoy = { smile = 1 }", "[natural"])
def test_bad_recipes_are_a_sentence_and_nothing_is_written(source, tmp_path, capsys, text):
    (tmp_path / "mine.toml").write_text(text)
    arguments = ["--output", tmp_path / "a.glb", "--recipes", tmp_path / "mine.toml"]
    assert run(source("blend"), *arguments) == cli.BAD_INPUT
    assert "recipes mine.toml" in error_line(capsys)
    assert not (tmp_path / "a.glb").exists()


def test_folder_in_folder_out(planted_children, source, tmp_path):
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    for suffix, place in (("blend", "a.blend"), ("vrm", "deep/b.vrm"), ("obj", "a.obj")):
        source(suffix).rename(folder / place)
    (folder / "readme.txt").write_text("no avatar")
    assert run(folder, "--output", folder / "out") == cli.OK
    assert run(folder, "--output", folder / "out") == cli.OK  # its own results are not taken for input
    made = sorted(str(p.relative_to(folder / "out")) for p in (folder / "out").rglob("*") if p.is_file())
    assert [path for path in made if not path.startswith(".")] == [
        "a.blend", "a.fbx", "deep/b.glb", "summary.csv", "summary.html",
    ]  # fmt: skip


def test_two_avatars_in_a_file(planted, figure, tmp_path, monkeypatch):
    """Each gets its own; what has no face is left alone."""
    select(*figure.values())
    bpy.ops.object.duplicate(linked=False)
    bpy.data.objects["Armature.001"].location.x = 3
    generate = one_avatar.generate
    seen = []

    def faceless_when_far(avatar, *arguments, **options):
        seen.append(avatar.object_names)
        if avatar.vertices[:, 0].mean() > 1:
            raise FaceNotFound("No face was found.")
        return generate(avatar, *arguments, **options)

    monkeypatch.setattr(one_avatar, "generate", faceless_when_far)
    files.save(tmp_path / "two.blend", [])
    assert run(tmp_path / "two.blend", "--output", tmp_path / "out.blend") == cli.OK
    assert len(seen) == 2 and all(len(names) == 3 for names in seen)
    files.load(tmp_path / "out.blend")
    assert key_names(bpy.data.objects["Body"]) and not key_names(bpy.data.objects["Body.001"])


def test_shared_mesh_that_no_shape_moves_is_no_obstacle(planted, figure, tmp_path):
    twin = bpy.data.objects.new("Second hat", figure["hair"].data)
    bpy.context.scene.collection.objects.link(twin)
    twin.parent = figure["rig"]
    files.save(tmp_path / "a.blend", [])
    assert run(tmp_path / "a.blend", "--output", tmp_path / "b.blend") == cli.OK


def test_sheet(planted, source, tmp_path):
    assert (
        run(source("blend"), "--output", tmp_path / "a.glb", "--sheet", tmp_path / "sheet.png", "--shapes", "blink")
        == 0
    )
    image = bpy.data.images.load(str(tmp_path / "sheet.png"))
    assert image.size[0] == 3 * render.CELL
    pixels = np.array(image.pixels[:]).reshape(image.size[1], image.size[0], 4)[::-1]
    rows = np.split(pixels[..., :3], 2)
    cells = [cell for row in rows for cell in np.split(row, 3, axis=1)][:4]
    assert all(cell[: render.CELL].std() > 0.08 for cell in cells), "one is blank"
    assert [scene.name for scene in bpy.data.scenes] == ["Scene"]


def test_pictures_have_the_names_that_were_asked_for(planted, source, tmp_path):
    pictures = {"--sheet": tmp_path / "sheet", "--thumbnail": tmp_path / "small.JPG"}
    words = [word for pair in pictures.items() for word in pair]
    assert run(source("blend"), "--output", tmp_path / "out" / "a.glb", "--shapes", "blink", *words) == 0
    assert pictures["--sheet"].read_bytes().startswith(b"\x89PNG")
    assert pictures["--thumbnail"].read_bytes().startswith(b"\xff\xd8")


@pytest.mark.skipif(bpy.app.version < (4, 5), reason="Blender reads text FBX from 4.5 on")
def test_text_fbx(tmp_path):
    """Unity's and Maya's other kind of FBX file."""
    (tmp_path / "text.fbx").write_text(TEXT_FBX)
    files.load(tmp_path / "text.fbx")
    (mesh,) = (obj for obj in bpy.data.objects if obj.type == "MESH")
    assert len(mesh.data.polygons) == 1


TEXT_FBX = """; FBX 7.3.0 project file
FBXHeaderExtension:  {
	FBXHeaderVersion: 1003
	FBXVersion: 7300
}
Objects:  {
	Geometry: 1000, "Geometry::Triangle", "Mesh" {
		Vertices: *9 {
			a: 0,0,0,1,0,0,0,1,0
		}
		PolygonVertexIndex: *3 {
			a: 0,1,-3
		}
	}
	Model: 2000, "Model::Triangle", "Mesh" {
		Version: 232
	}
}
Connections:  {
	C: "OO",2000,0
	C: "OO",1000,2000
}
"""


def test_process_ends_with_the_status(tmp_path):
    """`python -m blendshape_addon` from anywhere: no traceback, no hang at exit."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "blendshape_addon", "generate", "nowhere.glb", "--output", "a.glb"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 2
    assert done.stderr.strip() == "nowhere.glb cannot be opened: No such file or directory."


def test_python_without_blender(tmp_path):
    """The module imports, explains its options and says what is missing."""
    code = "import sys; sys.modules['bpy'] = None; from blendshape_addon import cli; sys.exit(cli.main(sys.argv[1:]))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    for arguments, status in ((["generate", "--help"], 0), (["generate", "a.glb", "--output", "b.glb"], 2)):
        command = [sys.executable, "-c", code, *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == status
        assert "Traceback" not in done.stderr
    assert done.stderr.startswith("Blender's Python module is not installed")
