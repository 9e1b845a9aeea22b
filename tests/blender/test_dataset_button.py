"""The button Generate Dataset: the generator in a process of its own, watched and stopped from Blender."""

import os
import sys
import time

import bpy
import pytest
from helpers import ROOT

from blendshape_addon.blender import session, settings
from blendshape_addon.blender.io import files
from blendshape_addon.blender.jobs import training_process
from blendshape_addon.blender.ui.operators.dataset import STOPPED
from training.data import manifest

BAR = "from tqdm import tqdm\nfor step in tqdm([0.1, 0.5, 600], desc='making faces', unit='face', mininterval=0): "


@pytest.fixture
def training_python(monkeypatch):
    """The Python of the tests as the one in the preferences."""
    monkeypatch.setattr(settings, "training_python", lambda context: sys.executable)
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))


def press(**settings):
    return bpy.ops.vrc_blendshape.generate_dataset(**{name: str(value) for name, value in settings.items()}, faces=1)


def test_without_the_training_tools_it_says_how_to_install_them(tmp_path, monkeypatch):
    with pytest.raises(RuntimeError, match=r"pip install -e \.\[training\]"):
        press(avatars=tmp_path, out=tmp_path / "out", licence="CC0")
    monkeypatch.setattr(settings, "training_python", lambda context: str(tmp_path / "python"))
    with pytest.raises(RuntimeError, match=r"is not there.*pip install"):
        press(avatars=tmp_path, out=tmp_path / "out", licence="CC0")
    monkeypatch.setattr(settings, "training_python", lambda context: sys.executable)
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RuntimeError, match=r"pip install -e \.\[training\]"):
        press(avatars=tmp_path, out=tmp_path / "out", licence="CC0")
    assert session.current().training.run is None


def test_what_is_missing_or_wrong_is_reported(tmp_path, training_python):
    with pytest.raises(RuntimeError, match="Give a licence"):
        press(avatars=tmp_path, out=tmp_path / "out")
    with pytest.raises(RuntimeError, match="holds no avatar file"):
        press(avatars=tmp_path, out=tmp_path / "out", licence="CC0")
    assert (
        session.current().training.run is None
        and "holds no avatar file" in session.current().training.messages["generate"]
    )


def test_a_folder_of_avatars_becomes_a_dataset(person, tmp_path, training_python):
    files.save(tmp_path / "avatars" / "bare.fbx", list(person.values()))
    settings = {"avatars": str(tmp_path / "avatars"), "out": str(tmp_path / "out"), "licence": "CC0"}
    assert bpy.ops.vrc_blendshape.generate_dataset(**settings, faces=1, distil=True) == {"FINISHED"}
    (entry,) = manifest.read(tmp_path / "out").values()
    assert (entry.licence, entry.instances) == ("CC0", 1) and entry.distilled == entry.shapes
    assert "samples in 1 faces of 1 avatars" in session.current().training.messages["generate"]


def test_a_run_tells_how_far_it_is_and_can_be_stopped():
    running = training_process.start(
        "generate", [sys.executable, "-c", f"{BAR}__import__('time').sleep(step)"], STOPPED
    )
    end = time.monotonic() + 60
    while running.fraction < 0.5:
        assert time.monotonic() < end and training_process.watch() is not None
        time.sleep(0.05)
    assert (running.stage, running.fraction) == ("making faces", 0.67) and ":" in running.left
    with pytest.raises(training_process.InputError, match="at work already"):
        training_process.start("adapt", [sys.executable], "")
    bpy.ops.vrc_blendshape.generate_dataset(stop=True)
    while training_process.watch() is not None:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert session.current().training.run is None and session.current().training.messages["generate"].startswith(
        "Stopped"
    )
