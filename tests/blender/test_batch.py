"""A folder of avatars: each in a process of its own, gone on with after a stop, summed up for a person."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers import run

from blendshape_addon import cli
from blendshape_addon.blender.jobs import batch


class Page(HTMLParser):
    """What a browser makes of a page: its words, the kinds of tags and the pictures."""

    def __init__(self, text):
        super().__init__()
        self.words, self.tags, self.pictures = "", set(), []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.pictures += [dict(attributes)["src"]] if tag == "img" else []

    def handle_data(self, data):
        self.words += data


@pytest.fixture
def avatars(source, tmp_path):
    """avatars("a", "b") is a folder of the figure under these names."""

    def make(*names):
        path, folder = source("blend"), tmp_path / "in"
        folder.mkdir()
        for name in names:
            shutil.copy(path, folder / f"{name}.blend")
        return folder

    return make


@pytest.fixture
def started(monkeypatch):
    """Names of the avatars that a child was started for."""
    names, start = [], batch._start

    def counted(job):
        names.append(job.source.stem)
        return start(job)

    monkeypatch.setattr(batch, "_start", counted)
    return names


def states(out):
    with (out / "summary.csv").open(encoding="utf-8-sig", newline="") as file:
        return {Path(row["file"]).stem: row for row in csv.DictReader(file)}


def visible(out):
    return sorted(path.name for path in out.rglob("*") if path.is_file() and batch.RECORDS not in path.parts)


def test_what_becomes_of_one_does_not_touch_the_others(planted_children, avatars, started, tmp_path, capsys):
    folder, out = avatars("crashes", "dies", "fails", "good & <bold>"), tmp_path / "out"
    (folder / "empty.glb").write_bytes(b"")
    arguments = (folder, "--output", out, "--jobs", "2", "--shapes", "blink", "--report", tmp_path / "r.json")
    assert run(*arguments) == cli.BAD_INPUT
    assert visible(out) == ["fails.blend", "good & <bold>.blend", "summary.csv", "summary.html"]
    printed = capsys.readouterr()
    assert "empty.glb is empty" in printed.err and "Traceback" not in printed.err
    assert "5 of 5" in printed.out and "left" in printed.out
    rows = states(out)
    assert {name: row["state"] for name, row in rows.items()} == {
        "crashes": "crashed", "dies": "crashed", "empty": "refused", "fails": "look at it", "good & <bold>": "fine",
    }  # fmt: skip
    assert "SIGSEGV" in rows["crashes"]["reason"] and "memory" in rows["dies"]["reason"]
    assert (rows["fails"]["passed"], rows["fails"]["shapes"]) == ("2", "3")
    assert "the lips stay 3 mm apart" in rows["fails"]["failed"]
    assert [entry["ok"] for entry in json.loads((tmp_path / "r.json").read_text())["avatars"]].count(True) == 1

    page = Page((out / "summary.html").read_text(encoding="utf-8"))
    assert "good & <bold>.blend" in page.words and "bold" not in page.tags
    assert page.words.index("SIGSEGV") < page.words.index("good & <bold>")  # trouble first
    assert len(page.pictures) == 2
    assert all(src.startswith("data:image/jpeg;base64,/9j/") and len(src) > 3000 for src in page.pictures)

    started.clear()
    assert run(*arguments) == cli.BAD_INPUT
    assert sorted(started) == ["crashes", "dies"]
    assert {name: row["state"] for name, row in states(out).items()} == {n: r["state"] for n, r in rows.items()}


def test_hanging_one_is_given_up(planted_children, avatars, tmp_path):
    folder, out = avatars("hangs"), tmp_path / "out"
    (folder / "hang").touch()
    assert run(folder, "--output", out, "--time-limit", "0.05") == cli.BAD_INPUT
    assert "given up after 0.05 minutes" in states(out)["hangs"]["reason"]
    assert visible(out) == ["summary.csv", "summary.html"]


def test_stopped_run_is_gone_on_with(planted_children, avatars, started, tmp_path):
    folder, out = avatars("a", "hangs"), tmp_path / "out"
    (folder / "hang").touch()
    arguments = [folder, "--output", out, "--shapes", "blink"]
    process = subprocess.Popen(
        [sys.executable, planted_children, "generate", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert any("1 of 2" in line for line in process.stdout), "Blender 5 says something of its own before"
    while not list(out.glob(f"{batch.RECORDS}/*.log")):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == cli.STOPPED
    assert "Stopped" in error and "Traceback" not in error
    assert visible(out) == ["a.blend", "summary.csv", "summary.html"]
    assert states(out)["hangs"]["state"] == "not done yet"

    (folder / "hang").unlink()
    assert run(*arguments) == cli.OK
    assert started == ["hangs"]
    assert visible(out) == ["a.blend", "hangs.blend", "summary.csv", "summary.html"]


def test_parts_leave_the_summary_to_the_whole(planted_children, avatars, started, tmp_path):
    folder, out = avatars("a", "fails"), tmp_path / "out"
    arguments = [folder, "--output", out, "--shapes", "blink"]
    for part in ("1/3", "2/3", "3/3"):
        assert run(*arguments, "--part", part) == cli.OK
    assert visible(out) == ["a.blend", "fails.blend"]
    assert started == ["a", "fails"]
    assert run(*arguments) == cli.CHECK_FAILED
    assert started == ["a", "fails"]
    assert {row["state"] for row in states(out).values()} == {"fine", "look at it"}


def test_finished_is_what_nothing_changed_for(avatars, tmp_path):
    """Not the file's time, but its content, its place, the options, the tool and what was made of it."""
    source = avatars("a") / "a.blend"

    def job(settings="x", target="a.blend"):
        return batch.Job(source, tmp_path / "out" / target, tmp_path / "out", [], settings)

    first = job()
    first.record.parent.mkdir(parents=True)
    first.record.write_text(json.dumps({"avatars": [{"ok": True}]}))
    first.target.write_bytes(b"made")
    os.utime(source)

    def finished(one):
        one.read()
        return one.finished

    assert finished(job())
    assert not finished(job(settings="y")) and not finished(job(target="b.blend"))
    first.target.unlink()
    assert not finished(job())
    first.target.write_bytes(b"made")
    first.record.write_text('{"avatars": [')
    assert not finished(job())
    first.record.write_text(json.dumps({"avatars": [{"ok": False, "error": "The disk is full.", "passing": True}]}))
    assert not finished(job())
    source.write_bytes(source.read_bytes() + b"x")
    assert job().record != first.record


def test_own_recipes_belong_to_the_tool(tmp_path):
    recipes = tmp_path / "mine.toml"
    recipes.write_text("a = 1")
    before = batch.tool(None, recipes), batch.tool(None, None)
    recipes.write_text("a = 2")
    assert batch.tool(None, recipes) != before[0] and batch.tool(None, None) == before[1]


def test_buffers_of_gltf_belong_to_it(source):
    path = source("gltf")
    before = batch._digest(path)
    (buffer,) = path.parent.glob("*.bin")
    buffer.write_bytes(buffer.read_bytes()[::-1])
    assert batch._digest(path) != before


def test_children_in_blender_are_blender(monkeypatch):
    monkeypatch.setattr(batch, "bpy", SimpleNamespace(app=SimpleNamespace(binary_path="/opt/blender")))
    assert batch.command() == ["/opt/blender", "-b", "--command", "vrc_blendshape", "generate"]


def test_signals_that_blender_set_itself(monkeypatch):
    """Python does not know such a handler, and cannot put it back."""
    real = signal.signal
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(signal, "signal", lambda number, handler: real(number, handler) and None)
    try:
        batch.run([], at_once=1, minutes=1, again=False, on_done=print)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        real(signal.SIGTERM, before)
        real(signal.SIGINT, signal.default_int_handler)


def test_real_child(avatars, tmp_path):
    """`python -m blendshape_addon` with the network itself, which finds no face on a ball."""
    assert run(avatars("a"), "--output", tmp_path / "out") == cli.BAD_INPUT
    row = states(tmp_path / "out")["a"]
    assert row["state"] == "refused" and "face" in row["reason"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--jobs", "0"], "0 is not a whole number from 1 on"),
        (["--part", "3/2"], "3/2 is not K/N"),
        (["--time-limit", "-1"], "-1 is no number of minutes"),
        (["--models", "nowhere"], "No deformer model in nowhere"),
    ],
)
def test_bad_arguments_start_nothing(avatars, started, tmp_path, capsys, arguments, words):
    assert run(avatars("a"), "--output", tmp_path / "out", *arguments) == cli.BAD_INPUT
    assert words in capsys.readouterr().err
    assert not started
