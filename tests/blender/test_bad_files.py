"""What a user can get wrong on the command line: one line on stderr, status 2, and no file is written."""

import pytest
from helpers import error_line, run

from blendshape_addon import cli
from blendshape_addon.blender.io import files
from blendshape_addon.blender.jobs import one_avatar
from blendshape_addon.core.errors import FaceNotFound


@pytest.mark.parametrize(
    ("suffix", "damage"),
    [(suffix, damage) for suffix in ("blend", "glb", "gltf", "vrm", "fbx", "obj")
     for damage in ("empty", "text", "truncated") if (suffix, damage) != ("obj", "truncated")],  # still an OBJ file
)  # fmt: skip
def test_unreadable_input(planted, source, tmp_path, capsys, suffix, damage):
    path = tmp_path / f"bad.{suffix}"
    if damage == "truncated":
        data = source(suffix).read_bytes()
        path.write_bytes(data[: len(data) // 2])
    else:
        path.write_text("This is a shopping list.\n" if damage == "text" else "")
    capsys.readouterr()
    before = path.read_bytes()
    assert run(path, "--output", tmp_path / "out.blend") == cli.BAD_INPUT
    assert f"bad.{suffix}" in error_line(capsys)
    assert path.read_bytes() == before and not (tmp_path / "out.blend").exists()


def test_missing_input(tmp_path, capsys):
    assert run(tmp_path / "nowhere.glb", "--output", tmp_path / "a.glb") == cli.BAD_INPUT
    assert "nowhere.glb cannot be opened" in error_line(capsys)


def test_unknown_input_format(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("x")
    assert run(tmp_path / "a.txt", "--output", tmp_path / "a.glb") == cli.BAD_INPUT
    assert ".vrm" in error_line(capsys)


def test_scene_without_a_mesh(tmp_path, capsys):
    files.save(tmp_path / "a.blend", [])
    assert run(tmp_path / "a.blend", "--output", tmp_path / "b.blend") == cli.BAD_INPUT
    assert "no mesh with faces" in error_line(capsys)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--shapes", "vowels"], "vowels"),
        (["--intensity", "1.5"], "0 to 1"),
        (["--intensity", "strong"], "strong"),
        (["--provider", "abacus"], "abacus"),
        (["--colour", "red"], "red"),
    ],
)
def test_bad_arguments(planted, source, tmp_path, capsys, arguments, words):
    path = source("blend")
    capsys.readouterr()
    assert run(path, "--output", tmp_path / "a.glb", *arguments) == cli.BAD_INPUT
    assert words in error_line(capsys)
    assert not (tmp_path / "a.glb").exists()


def test_output_of_an_unknown_format(source, tmp_path, capsys):
    path = source("blend")
    capsys.readouterr()
    assert run(path, "--output", tmp_path / "a.obj") == cli.BAD_INPUT
    assert ".fbx" in error_line(capsys)


def test_several_inputs_into_one_file(source, tmp_path, capsys):
    path = source("blend")
    capsys.readouterr()
    assert run(path, path, "--output", tmp_path / "a.glb") == cli.BAD_INPUT
    assert "give a folder" in error_line(capsys)


def test_output_folder_that_cannot_be_written(planted, source, tmp_path, capsys):
    path = source("blend")
    capsys.readouterr()
    (tmp_path / "file").write_text("in the way")
    assert run(path, "--output", tmp_path / "file" / "a.glb") == cli.BAD_INPUT
    assert "cannot be written" in error_line(capsys)


@pytest.mark.parametrize("option", ["input", "--output", "--report", "--sheet"])
def test_a_name_that_no_system_takes(planted, source, tmp_path, capsys, option):
    paths = {"input": source("blend"), "--output": tmp_path / "a.glb"}
    paths[option] = tmp_path / f"{'x' * 300}.glb"
    assert run(paths.pop("input"), *(word for pair in paths.items() for word in pair)) == cli.BAD_INPUT
    assert "x.glb cannot be opened: File name too long." in error_line(capsys)
    assert not (tmp_path / "a.glb").exists()


@pytest.mark.parametrize("option", ["--report", "--sheet"])
def test_report_or_sheet_that_cannot_be_written(planted, source, tmp_path, capsys, option):
    path = source("blend")
    capsys.readouterr()
    (tmp_path / "file").write_text("in the way")
    assert run(path, "--output", tmp_path / "a.glb", option, tmp_path / "file" / "x") == cli.BAD_INPUT
    assert "cannot be written" in error_line(capsys)
    assert not (tmp_path / "a.glb").exists()


@pytest.mark.parametrize("option", ["--report", "--sheet", "--thumbnail"])
def test_a_folder_where_a_file_is_to_be_written(planted, source, tmp_path, capsys, option):
    path = source("blend")
    capsys.readouterr()
    assert run(path, "--output", tmp_path / "a.glb", option, tmp_path) == cli.BAD_INPUT
    assert "cannot be written" in capsys.readouterr().err
    assert not (tmp_path / "a.glb").exists()


def test_no_face_in_the_file(planted, source, tmp_path, capsys, monkeypatch):
    def none(*_, **__):
        raise FaceNotFound("No face was found: select the head.")

    monkeypatch.setattr(one_avatar, "generate", none)
    path = source("blend")
    capsys.readouterr()
    assert run(path, "--output", tmp_path / "a.glb") == cli.BAD_INPUT
    assert "No face was found" in error_line(capsys)
    assert not (tmp_path / "a.glb").exists()


def test_nobody_can_guess_the_name_of_an_unfinished_file(figure, tmp_path, monkeypatch):
    """Whoever can write into the folder could put a link there and have another file overwritten."""
    names = []
    monkeypatch.setattr(files, "_export", lambda path, *_: (names.append(path.name), path.write_bytes(b"")))
    for _ in range(2):
        files.save(tmp_path / "a.fbx", [figure["body"]])
    assert names[0] != names[1] and {path.name for path in tmp_path.iterdir()} == {"a.fbx"}
