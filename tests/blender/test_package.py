"""The zips that `make package` builds and what `make demo` does with one."""

import os
import subprocess
import sys
import tomllib
import zipfile

import pytest
from helpers import ROOT

from training.devtools import package

SCRIPT = """
import os, sys
from pathlib import Path
from training.devtools import installed
installed.install(Path(sys.argv[1]))
import bpy, onnxruntime
print("onnxruntime", os.path.relpath(onnxruntime.__file__, sys.argv[1]).split(os.sep)[0])
model = installed.module("core.registry").load("landmarks")
print("session", installed.module("core.providers").open_session(model, "cpu").provider)
bpy.ops.mesh.primitive_cube_add()
try:
    installed.press("generate_visemes")
except SystemExit as refusal:
    print("refused", refusal)
sys.stdout.flush()
os._exit(0)
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    (path,) = package.build([package.this_platform()], tmp_path_factory.mktemp("zip"))
    with zipfile.ZipFile(path) as opened:
        yield opened


def test_holds_the_extension_and_nothing_of_its_workshop(archive):
    names = archive.namelist()
    assert {"__init__.py", "blender_manifest.toml", "LICENSE", "core/pipeline.py", "blender/job.py"} <= set(names)
    tops = {name.split("/")[0] for name in names}
    sources = {path.name for path in (ROOT / "blendshape_addon").iterdir()}
    assert tops <= sources | {"blender_manifest.toml", "LICENSE", "models", "wheels"}
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".pt"))]


def test_holds_every_model_with_its_card(archive):
    shipped = {f"models/{path.name}" for path in (ROOT / "models").iterdir() if path.suffix in (".onnx", ".toml")}
    assert shipped == {name for name in archive.namelist() if name.startswith("models/") and not name.endswith("/")}
    kinds = {tomllib.loads(archive.read(name).decode())["kind"] for name in shipped if name.endswith(".toml")}
    assert kinds == {"deformer", "landmarks"}


def test_manifest_names_the_wheel_inside(archive):
    manifest = tomllib.loads(archive.read("blender_manifest.toml").decode())
    (wheel,) = manifest["wheels"]
    assert wheel.removeprefix("./") in archive.namelist()
    assert "/onnxruntime-" in wheel
    assert manifest["platforms"] == [package.this_platform()]


def test_installed_it_runs_on_its_own_onnxruntime(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert "onnxruntime blender_user" in told
    assert "session cpu" in told
    (refusal,) = [line for line in told if line.startswith("refused")]
    assert "face" in refusal
