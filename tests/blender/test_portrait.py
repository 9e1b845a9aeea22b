"""Talking Portrait in Blender: shown where a network is offered, the face drawn, moved by the training tools."""

import subprocess
from itertools import islice

import bpy
import pytest
from helpers import ROOT

from blendshape_addon.blender import session, settings
from blendshape_addon.blender.io import clips
from blendshape_addon.blender.ui.operators import portrait
from blendshape_addon.blender.ui.panels.portrait import VRC_BLENDSHAPE_PT_portrait
from training.motion import blender_movies

operators = bpy.ops.vrc_blendshape
FILM = ROOT / "tests" / "faces" / "film.mp4"
NEW_BASE = """
import sys
from pathlib import Path
from training.learning import checkpoint
from training.portrait import settings, train_base, weights
told = settings.load("tiny64")
rows = {"average": train_base.Trained(told).state_dict()}
checkpoint.save(Path(sys.argv[1]), rows, {"settings": {"kind": weights.BASE, "tables": told.tables()}})
"""


@pytest.fixture
def models(monkeypatch, tmp_path):
    """An empty folder of extra models."""
    monkeypatch.setattr(settings, "learned_folder", lambda context: tmp_path / "models")
    return tmp_path / "models"


def test_it_is_shown_where_a_network_is_offered(models):
    assert not VRC_BLENDSHAPE_PT_portrait.poll(bpy.context)
    with pytest.raises(RuntimeError, match="No network that moves portraits"):
        operators.talking_portrait(clip=str(FILM))
    (models / "portrait").mkdir(parents=True)
    (models / "portrait" / "base.safetensors").write_bytes(b"")
    assert VRC_BLENDSHAPE_PT_portrait.poll(bpy.context)


def test_what_is_given_wrong_comes_as_a_sentence(models, training_python, monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "portrait_base", lambda context: tmp_path / "base.safetensors")
    with pytest.raises(RuntimeError, match="No clip is chosen"):
        operators.talking_portrait()
    with pytest.raises(RuntimeError, match="No file is named"):
        operators.talking_portrait(clip=str(FILM))
    with pytest.raises(RuntimeError, match="[Ss]elect"):  # no avatar and no picture
        operators.talking_portrait(clip=str(FILM), filepath=str(tmp_path / "a.gif"))
    with pytest.raises(RuntimeError, match="There is no portrait base"):
        operators.talking_portrait(picture="a.png", clip=str(FILM), filepath=str(tmp_path / "a.gif"))
    monkeypatch.setattr(settings, "training_python", lambda context: "")
    with pytest.raises(RuntimeError, match="training"):
        operators.talking_portrait(clip=str(FILM))
    assert session.current().training.run is None and not list(tmp_path.glob("*.gif"))


def test_the_avatars_face_moves_as_a_clip(person, training_python, models, tmp_path):
    """The whole way: the avatar's face drawn, the movie read in a Blender beside this one, and the result."""
    base = models / "portrait" / "base.safetensors"
    line = [settings.training_python(bpy.context), "-c", NEW_BASE, str(base)]
    subprocess.run(line, capture_output=True, check=True, cwd=ROOT)
    for obj in person.values():
        obj.select_set(True)
    bpy.context.view_layer.objects.active = person["Body"]
    picture = portrait._of_avatar(bpy.context, tmp_path)
    assert tuple(bpy.data.images.load(str(picture)).size) == (512, 512)
    film = clips.open_clip(FILM)
    blender_movies.encode(islice(film.pictures(), 4), tmp_path / "clip.mp4", 12)
    film.close()
    assert operators.talking_portrait(clip=str(tmp_path / "clip.mp4"), filepath=str(tmp_path / "a.gif")) == {"FINISHED"}
    assert "4 frames of 512 x 512 pixels" in session.current().training.messages["portrait"]
    assert (tmp_path / "a.gif").read_bytes()[:6] == b"GIF89a"
