"""The zips that `make package` builds, and the extension as Blender installs it from one."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from helpers import ROOT

from blendshape_addon.core.inference import contract
from training.devtools import package

SCRIPT = """
import os, sys
from pathlib import Path
from training.devtools import installed
zip_file, work = map(Path, sys.argv[1:])
installed.install(work, zip_file)
import addon_utils, bpy, onnxruntime
print("enabled", addon_utils.check(installed.NAME)[1])
print("onnxruntime", os.path.relpath(onnxruntime.__file__, work).split(os.sep)[0])
addon = bpy.context.preferences.addons[installed.NAME].preferences
print("provider", addon.provider)
addon.provider = "cpu"
print("provider chosen", installed.module("blender.settings").provider(bpy.context))
registry = installed.module("core.inference.registry")
print("models", os.path.relpath(registry.models_folder(), os.path.dirname(sys.modules[installed.NAME].__file__)))
model = registry.load("landmarks")
print("session", installed.module("core.inference.session").open_session(model, "cpu").provider)
addon.provider = "auto"
bpy.ops.vrc_blendshape.test_provider()
print("tested", bpy.context.window_manager.vrc_blendshape.provider)
print("repository", any(module == "blendshape_addon" for module in sys.modules))
bpy.ops.mesh.primitive_cube_add()
try:
    bpy.ops.vrc_blendshape.generate_visemes()
except RuntimeError as error:
    print("report", str(error).strip())
try:
    installed.press("generate_visemes")
except SystemExit as refusal:
    print("refused", refusal)
import logging
def left():
    handlers = [getattr(bpy.app.handlers, event) for event in dir(bpy.app.handlers)]
    ours = [one for found in handlers if isinstance(found, list) for one in found
            if (one.__module__ or "").startswith(installed.NAME)]
    files = [one for one in logging.getLogger(installed.NAME).handlers if isinstance(one, logging.FileHandler)]
    owners = (bpy.types.Scene, bpy.types.Object, bpy.types.WindowManager)
    return ours + files + [one for one in owners if hasattr(one, "vrc_blendshape")]
addon.debug_log = True
log = installed.module("blender.debug_log").path()
print("log", os.path.relpath(log, work).split(os.sep)[0], "add-on 0" in log.read_text(), len(left()) > 3)
addon_utils.disable(installed.NAME)
print("gone", left() == [], installed.module("blender.session").exists())
addon_utils.enable(installed.NAME)
print("back", len(left()) > 3, installed.module("blender.session").exists())
addon_utils.disable(installed.NAME)
print("gone again", left() == [], installed.module("blender.session").exists())
sys.stdout.flush()
os._exit(0)
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    with zipfile.ZipFile(package.build(package.this_platform(), tmp_path_factory.mktemp("zip"))) as opened:
        yield opened


def test_holds_the_extension_and_nothing_of_its_workshop(archive):
    names = set(archive.namelist())
    assert {"__init__.py", "blender_manifest.toml", "LICENSE", "core/pipeline.py", "translations/ja_JP.toml"} <= names
    tops = {name.split("/")[0] for name in names}
    sources = {path.name for path in (ROOT / "blendshape_addon").iterdir()}
    assert tops <= sources | {"blender_manifest.toml", "LICENSE", "LICENSES", "models", "wheels"}
    assert {name.rpartition(".")[2] for name in names if "." in name and not name.startswith("LICENSES/")} == {
        "py", "toml", "json", "onnx", "whl", "ogg", "txt"
    }  # fmt: skip


def test_holds_every_model_with_its_card(archive):
    shipped = {f"models/{path.name}" for path in (ROOT / "models").iterdir() if path.suffix in (".onnx", ".toml")}
    assert shipped == {name for name in archive.namelist() if name.startswith("models/") and not name.endswith("/")}
    kinds = {tomllib.loads(archive.read(name).decode())["kind"] for name in shipped if name.endswith(".toml")}
    assert kinds == set(contract.KINDS)


def test_manifest_names_the_wheels_inside(archive):
    manifest = tomllib.loads(archive.read("blender_manifest.toml").decode())
    inside = [name for name in archive.namelist() if name.startswith("wheels/")]
    assert sorted(wheel.removeprefix("./") for wheel in manifest["wheels"]) == inside
    assert {name.split("-")[2] for name in inside} == {"cp311", "cp313", "py3"}
    assert manifest["platforms"] == [package.this_platform()]


def test_names_the_licence_of_every_part(archive):
    text = archive.read("LICENSES/THIRD_PARTY.md").decode()
    cards = [tomllib.loads(archive.read(name).decode()) for name in archive.namelist() if name.startswith("models/")
             and name.endswith(".toml")]  # fmt: skip
    parts = [name for name in archive.namelist() if name.startswith(("wheels/", "models/")) and "." in name]
    assert not [part for part in parts if not part.endswith(".toml") and part not in text]
    rows = [row for card in cards for row in (*card.get("trained_on", ()), *card.get("made_from", ()))]
    assert not [row for row in rows if row["licence"] not in text]
    assert "Microsoft" in archive.read("LICENSES/onnxruntime-LICENSE").decode()
    assert archive.read("LICENSES/models-LICENSE") == (ROOT / "models" / "LICENSE").read_bytes()


def test_the_same_sources_make_the_same_zip(archive, tmp_path, monkeypatch):
    """Another time zone, other file times and another order of files change nothing."""
    models = tmp_path / "models"
    models.mkdir()
    for path in sorted((ROOT / "models").iterdir(), reverse=True):
        (models / path.name).write_bytes(path.read_bytes())
        os.utime(models / path.name, (10**9, 10**9))
    for name in ("LICENSE", "blender_manifest.toml", "blendshape_addon", "out"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.setattr(package, "ROOT", tmp_path)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    again = package.build(package.this_platform(), tmp_path / "again")
    assert again.read_bytes() == Path(archive.filename).read_bytes()


def test_a_wheel_that_changed_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(package, "ROOT", tmp_path)
    wheel, digest = next(iter(package.ZIPS[package.this_platform()]["wheels"].items()))
    (tmp_path / "out" / "wheels").mkdir(parents=True)
    (tmp_path / "out" / "wheels" / wheel).write_bytes(b"another build")
    with pytest.raises(SystemExit, match="not the file that was tested"):
        package._wheel(wheel, digest)


def test_what_cannot_be_had_is_reported_and_the_rest_is_built(tmp_path, monkeypatch, capsys):
    def build(name, output, website):
        if name == "macos-arm64":
            raise package.NotHere("x.whl is not to be had here.")
        output.mkdir(exist_ok=True)
        (output / name).write_bytes(b"zip")
        return output / name

    monkeypatch.setattr(package, "build", build)
    monkeypatch.setattr(sys, "argv", ["package", "--output", str(tmp_path)])
    assert package.main() == 1
    assert "macos-arm64 was not built: x.whl is not to be had here." in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(set(package.EDITIONS["small"]) - {"macos-arm64"})


def test_the_website_is_one_setting():
    """The repository names none; Blender shows the one that the zip was built with."""
    name = package.this_platform()
    assert "website" not in tomllib.loads(package._manifest(name))
    there = tomllib.loads(package._manifest(name, "https://example.org/a?b=“c”"))
    assert there.pop("website") == "https://example.org/a?b=“c”"
    assert there == tomllib.loads(package._manifest(name))


@pytest.mark.parametrize("address", ["example.org", "https://", "javascript:alert(1)"])
def test_what_is_no_address_is_refused(address, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["package", "--website", address])
    with pytest.raises(SystemExit):
        package.main()
    assert "it begins with https://" in capsys.readouterr().err


def test_every_zip_is_for_the_pythons_of_its_wheels():
    """Blender 5.1 went from Python 3.11 to 3.13."""
    for name in package.ZIPS:
        manifest = tomllib.loads(package._manifest(name))
        pythons = {Path(wheel).name.split("-")[2] for wheel in manifest["wheels"]}
        assert ("cp311" in pythons) == (manifest["blender_version_min"] == "4.2.0"), name
        assert ("cp313" in pythons) == ("blender_version_max" not in manifest), name
        assert manifest.get("blender_version_max", "5.1.0") == "5.1.0", name


@pytest.fixture(scope="module")
def printed(archive, tmp_path_factory):
    """What a fresh Blender with the zip installed, whose root is the package under another name, says of it."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", SCRIPT, archive.filename, str(tmp_path_factory.mktemp("installed"))]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "line",
    [
        "enabled True",
        "onnxruntime blender_user",
        "provider auto",
        "provider chosen cpu",
        "models models",
        "session cpu",
        "repository False",
        "log blender_user True True",
        "gone True False",
        "back True True",
        "gone again True False",
    ],
)
def test_installs_runs_on_what_it_brings_and_leaves(printed, line):
    assert line in printed


def test_installed_its_provider_can_be_tested(printed):
    (tested,) = [line for line in printed if line.startswith("tested")]
    assert "tested Runs on " in tested and " ms for " in tested


@pytest.mark.parametrize("answer", ["report", "refused"])
def test_installed_its_button_answers(printed, answer):
    """A cube has no face: the whole way from the button to the landmarks works, models and all."""
    (sentence,) = [line for line in printed if line.startswith(answer)]
    assert "face" in sentence
