"""The package as Blender installs it: a zip whose root is the package, under another name."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from helpers import ROOT

SCRIPT = """
import os, sys
import bpy
import addon_utils
addon_utils.enable("bl_pkg")
from bl_pkg import bl_extension_cli
zip_file = sys.argv[1]
print("validate", bl_extension_cli.cli_extension_handler(["validate", zip_file]))
print("install", bl_extension_cli.cli_extension_handler(["install-file", "-r", "user_default", "-e", zip_file]))
name = "bl_ext.user_default.vrchat_blendshape_generator"
print("enabled", addon_utils.check(name)[1])
addon = bpy.context.preferences.addons[name].preferences
print("provider", addon.provider)
addon.provider = "cpu"
settings = sys.modules[name + ".blender.settings"]
print("provider chosen", settings.provider(bpy.context))
registry = sys.modules[name + ".core.inference.registry"]
print("models", os.path.relpath(registry.models_folder(), os.path.dirname(sys.modules[name].__file__)))
print("repository", any(module == "blendshape_addon" for module in sys.modules))
bpy.ops.mesh.primitive_cube_add()
try:
    bpy.ops.vrc_blendshape.generate_visemes()
except RuntimeError as error:
    print("report", str(error).strip())
addon_utils.disable(name)
print("gone", not hasattr(bpy.types.Scene, "vrc_blendshape"))
sys.stdout.flush()
os._exit(0)
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What a fresh Blender with the extension installed says of it."""
    folder = tmp_path_factory.mktemp("extension")
    path = folder / "extension.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(ROOT / "blender_manifest.toml", "blender_manifest.toml")
        package = ROOT / "blendshape_addon"
        for file in sorted(package.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                archive.write(file, file.relative_to(package))
        for file in sorted((ROOT / "models").iterdir()):
            archive.write(file, f"models/{file.name}")
    elsewhere = [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if Path(place) != ROOT]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(elsewhere),
        "BLENDER_USER_RESOURCES": str(folder / "user"),
    }
    command = [sys.executable, "-c", SCRIPT, str(path)]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "line",
    [
        "validate 0",
        "install 0",
        "enabled True",
        "provider auto",
        "provider chosen cpu",
        "models models",
        "repository False",
        "gone True",
    ],
)
def test_installs_and_leaves(told, line):
    assert line in told


def test_button_answers(told):
    """A cube has no face: the whole way from the button to the landmarks works, models and all."""
    (report,) = [line for line in told if line.startswith("report")]
    assert "face" in report
