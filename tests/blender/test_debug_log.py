"""The debug log: silent until it is asked for, and then enough for a bug report."""

import logging
from pathlib import Path

import bpy
import pytest
from helpers import run

from blendshape_addon import cli
from blendshape_addon.blender import debug_log, session
from blendshape_addon.blender.jobs import one_avatar
from blendshape_addon.blender.jobs.thread import Task
from blendshape_addon.blender.settings import PACKAGE
from blendshape_addon.core.errors import OutputError

LOGGER = logging.getLogger(PACKAGE)


def file_handlers() -> list[logging.Handler]:
    return [handler for handler in LOGGER.handlers if isinstance(handler, logging.FileHandler)]


def test_a_run_leaves_its_stages_and_files(source, planted, tmp_path):
    file, result = tmp_path / "new" / "trace.log", tmp_path / "a.blend"
    assert run(source("glb"), "--output", result, "--shapes", "visemes", "--log", file) == cli.OK
    text = file.read_text(encoding="utf-8")
    for said in (
        f"Blender {bpy.app.version_string}", "onnxruntime", "arguments: generate", "opening", "figure.glb", "Body (",
        "ran on cpu", "stage network:", "written to Body", "wrote", "a.blend", "exit status 0",
    ):  # fmt: skip
        assert said in text, said
    assert "Traceback" not in text and not file_handlers()


def test_a_planted_failure_leaves_its_traceback(source, planted, tmp_path, monkeypatch):
    def failing(*_, **__):
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(one_avatar, "generate", failing)
    file = tmp_path / "trace.log"
    with pytest.raises(ZeroDivisionError):
        run(source("blend"), "--output", tmp_path / "a.blend", "--log", file)
    text = file.read_text(encoding="utf-8")
    assert "Traceback" in text and "in failing" in text and "ZeroDivisionError: planted" in text
    assert not file_handlers()


def test_what_an_importer_stumbled_over_is_in_the_log_and_not_on_the_terminal(tmp_path, capsys):
    broken = tmp_path / "broken.glb"
    broken.write_bytes(b"glTF" + (2).to_bytes(4, "little") + (20).to_bytes(4, "little") + b"\xff" * 8)
    file = tmp_path / "trace.log"
    assert run(broken, "--output", tmp_path / "a.blend", "--log", file) == cli.BAD_INPUT
    text = file.read_text(encoding="utf-8")
    assert "Traceback" in text and "broken.glb cannot be read" in text
    assert "Traceback" not in capsys.readouterr().err


def test_without_it_nothing_is_written_anywhere(source, planted, tmp_path, capsys):
    source_file = source("blend")
    assert run(source_file, "--output", tmp_path / "out" / "a.blend", "--shapes", "visemes") == cli.OK
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"figure.blend", "a.blend"}
    assert capsys.readouterr().err == ""
    assert not LOGGER.isEnabledFor(logging.INFO)


def test_a_folder_has_the_logs_of_its_children_in_one_file(source, planted_children, tmp_path):
    avatar = source("blend")
    folder = tmp_path / "avatars"
    folder.mkdir()
    for name in ("fine", "crashes"):
        (folder / f"{name}.blend").write_bytes(avatar.read_bytes())
    file, out = tmp_path / "trace.log", tmp_path / "out"
    assert run(folder, "--output", out, "--shapes", "visemes", "--jobs", "2", "--log", file) == cli.BAD_INPUT
    text = file.read_text(encoding="utf-8")
    assert text.count("onnxruntime 1") == 3  # this process and both children
    assert "fine.blend, exit status 0" in text and "crashes.blend, exit status -11" in text
    assert "stage network:" in text
    assert not list(out.rglob("*.debug.log"))
    assert run(folder, "--output", out, "--shapes", "visemes") == cli.BAD_INPUT
    assert not list(out.rglob("*.debug.log"))


def test_asking_for_it_does_nothing_again(source, planted_children, tmp_path, capsys):
    folder = tmp_path / "avatars"
    folder.mkdir()
    (folder / "fine.blend").write_bytes(source("blend").read_bytes())
    arguments = [folder, "--output", tmp_path / "out", "--shapes", "visemes"]
    assert run(*arguments) == cli.OK
    assert run(*arguments, "--log", tmp_path / "trace.log") == cli.OK
    assert "done before" in capsys.readouterr().out


def test_a_file_that_cannot_be_written_is_refused(source, planted, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    log = tmp_path / "file" / "trace.log"
    assert run(source("blend"), "--output", tmp_path / "a.blend", "--log", log) == cli.BAD_INPUT
    assert "trace.log cannot be written" in capsys.readouterr().err and not (tmp_path / "a.blend").exists()
    assert not file_handlers()


@pytest.fixture
def user_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(debug_log, "path", lambda: tmp_path / "user" / "debug.log")
    yield tmp_path / "user"
    debug_log.switch(False)


def test_the_switch_adds_and_removes_its_handler(user_folder):
    level = LOGGER.level
    debug_log.switch(True)
    debug_log.switch(True)
    assert len(file_handlers()) == 1 and session.current().log is file_handlers()[0]
    with pytest.raises(RuntimeError):
        bpy.ops.vrc_blendshape.generate_visemes()  # nothing is selected
    debug_log.switch(False)
    debug_log.switch(False)
    assert file_handlers() == [] and session.current().log is None and LOGGER.level == level
    text = (user_folder / "debug.log").read_text(encoding="utf-8")
    assert "VRC_BLENDSHAPE_OT_generate_visemes was refused" in text and "avatar_from_selection" in text


def test_unregistering_lets_the_file_go(user_folder, addon):
    debug_log.switch(True)
    (handler,) = file_handlers()
    addon.unregister()
    try:
        assert file_handlers() == [] and handler.stream is None
    finally:
        addon.register()
    assert file_handlers() == []


def test_a_switch_that_cannot_write_says_so_and_stays_off(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(debug_log, "path", lambda: tmp_path / "file" / "debug.log")
    with pytest.raises(OutputError):
        debug_log.switch(True)
    assert session.current().log is None and not file_handlers()


def test_work_beside_the_window_leaves_its_traceback_too(tmp_path):
    def work(progress):
        raise KeyError("planted")

    with debug_log.written_to(tmp_path / "trace.log"), pytest.raises(KeyError):
        Task(work).result()
    assert "KeyError: 'planted'" in (tmp_path / "trace.log").read_text(encoding="utf-8")


def test_the_home_folder_is_not_named(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "someone")
    with debug_log.written_to(tmp_path / "trace.log"):
        LOGGER.info("opening %s", tmp_path / "someone" / "avatar.blend")
    text = (tmp_path / "trace.log").read_text(encoding="utf-8")
    assert "someone" not in text and "opening ~" in text


def test_a_large_file_begins_anew(tmp_path):
    file = tmp_path / "trace.log"
    file.write_bytes(b"old\n" * (debug_log.MAX_BYTES // 4 + 1))
    with debug_log.written_to(file):
        pass
    assert file.stat().st_size < 1000
    with debug_log.written_to(file):
        pass
    assert file.read_text(encoding="utf-8").count("onnxruntime") == 2
