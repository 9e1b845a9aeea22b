"""Body from Photo in Blender: the training tools beside it, the body imported with its table and its picture."""

import csv
import json
import subprocess
import sys

import bpy
import numpy as np
import pytest
from helpers import ROOT, ball, key_names, select

from blendshape_addon.blender import session, settings
from blendshape_addon.blender.io import body as body_io
from blendshape_addon.blender.keys import proportions
from blendshape_addon.blender.stored import measurements
from blendshape_addon.core.avatar import humanoid

operators = bpy.ops.vrc_blendshape
NETWORKS = ROOT / "out" / "body" / "networks"
NINE = ("height", "chest", "waist", "hip", "inseam", "shoulder_width", "arm_length", "thigh", "neck")
PHOTO = """
import sys
import numpy as np
from PIL import Image
from training.body.synthetic import CAMERAS, Studio
studio, camera, rng = Studio(), CAMERAS[0], np.random.default_rng(3)
subject = studio.subject(rng)
Image.fromarray(studio.draw(subject, camera, studio.stance(camera, rng), rng, 0.01)).save(sys.argv[1])
print(subject.centimetres["height"])
"""


WRITE = """
import sys
from pathlib import Path
from training.body import command, posable
from training.body.fit import Fit
command._write_avatar(Path(sys.argv[1]), lambda path: command.write_avatar(path, Fit(posable.usual(), 1.0, (), ())))
"""


@pytest.fixture
def made(source, tmp_path):
    """A body as the training tools leave it: avatar, table and picture."""
    avatar, table, picture = source("glb"), tmp_path / "body.json", tmp_path / "body.png"
    measured = {name: 170.0 - 10 * number for number, name in enumerate(NINE)}
    table.write_text(json.dumps({"unit": "cm", "relative": True, "measurements": measured}))
    image = bpy.data.images.new("made", 8, 16)
    image.filepath_raw, image.file_format = str(picture), "PNG"
    image.save()
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    return avatar, table, picture


def test_a_body_is_put_beside_what_is_there(made, tmp_path):
    before = ball("There", (0, 0, 1), 1)
    rig = body_io.take(*made)
    bpy.context.view_layer.update()
    low = min((obj.matrix_world @ vertex.co).x for obj in rig.children for vertex in obj.data.vertices)
    assert low == pytest.approx(1.2, abs=0.02) and before.location.x == 0
    assert rig.name == "Body from Photo" and bpy.context.object.type == "MESH" and not before.select_get()
    kept = measurements.read(rig)
    assert kept.relative and tuple(kept.centimetres) == NINE and kept.centimetres["chest"] == 160.0
    assert bpy.data.images[kept.picture].packed_file
    assert not any(bone.custom_shape for bone in rig.pose.bones)
    assert set(bpy.data.objects) == {before, rig, *rig.children}, "nothing else came"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    assert measurements.read(bpy.data.objects["Body from Photo"]) == kept and kept.picture in bpy.data.images


def test_the_table_is_copied_and_saved(made, tmp_path):
    assert not operators.save_measurements.poll()
    body_io.take(*made)
    assert operators.copy_measurements() == {"FINISHED"}
    assert operators.save_measurements(filepath=str(tmp_path / "m.csv")) == {"FINISHED"}
    rows = list(csv.reader((tmp_path / "m.csv").open()))
    assert rows[0] == ["measurement", "relative"] and rows[2] == ["chest", "160.0"] and len(rows) == 10
    assert operators.save_measurements(filepath=str(tmp_path / "m.json")) == {"FINISHED"}
    document = json.loads((tmp_path / "m.json").read_text())
    assert document["relative"] and list(document["measurements"]) == list(NINE)
    with pytest.raises(RuntimeError, match="m.txt has to end in .csv or .json"):
        operators.save_measurements(filepath=str(tmp_path / "m.txt"))


def test_what_is_given_wrong_comes_as_a_sentence(training_python, monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "body_networks", lambda context: tmp_path / "none")
    with pytest.raises(RuntimeError, match="No photo is chosen"):
        operators.measure_body()
    with pytest.raises(RuntimeError, match="100 to 250"):
        operators.measure_body(photo="me.jpg", height=20)
    with pytest.raises(RuntimeError, match="pose_detector.onnx is missing"):
        operators.measure_body(photo="me.jpg", height=170)
    said = session.current().training.messages["body"]
    assert "body prepare" in str(said) and not bpy.data.objects


def test_the_command_line_writes_blend_files(training_python, monkeypatch, tmp_path):
    program = (
        tmp_path / "blender"
    )  # Blender as a Python module in place of the program: its last argument is the script
    program.write_text(f'#!/bin/sh\nfor last; do :; done\nexec "{sys.executable}" -c "$last"\n')
    program.chmod(0o755)
    monkeypatch.setenv("VRC_BLENDER", str(program))
    python = settings.training_python(bpy.context)
    out = tmp_path / "me.blend"
    subprocess.run([python, "-c", WRITE, str(out)], check=True, cwd=ROOT)
    bpy.ops.wm.open_mainfile(filepath=str(out))
    rig = next(obj for obj in bpy.data.objects if obj.type == "ARMATURE")
    assert not humanoid.missing_bones(rig.data.bones.keys())
    assert not any(bone.custom_shape for bone in rig.pose.bones)
    assert {"Body", "Eye_L", "Teeth_Upper", "Tongue"} <= set(bpy.data.objects.keys())


def test_without_the_training_tools_it_says_where_they_come_from(monkeypatch):
    monkeypatch.setattr(settings, "training_python", lambda context: "")
    with pytest.raises(RuntimeError, match="training"):
        operators.measure_body(photo="me.jpg")
    with pytest.raises(RuntimeError, match="training"):
        operators.prepare_body()


def test_a_photo_becomes_a_body_with_a_face(training_python, monkeypatch, tmp_path):
    """The whole way: a person who is drawn, measured beside Blender, imported, and given all shapes."""
    if not (NETWORKS / "pose_landmarks.onnx").is_file():
        pytest.skip("The networks are not here: python -m training body prepare")
    monkeypatch.setattr(settings, "body_networks", lambda context: NETWORKS)
    photo, python = tmp_path / "photo.png", settings.training_python(bpy.context)
    drawn = subprocess.run([python, "-c", PHOTO, str(photo)], capture_output=True, text=True, check=True)
    height = float(drawn.stdout)
    assert operators.measure_body(photo=str(photo), height=height) == {"FINISHED"}
    rig = bpy.context.scene.vrc_blendshape.proportions_like
    assert rig.type == "ARMATURE" and not humanoid.missing_bones(rig.data.bones.keys())
    measured = measurements.of(bpy.context.object)
    assert tuple(measured.centimetres) == NINE and not measured.relative
    assert measured.centimetres["height"] == pytest.approx(height, abs=0.1)
    body = bpy.context.object
    points = np.array([body.matrix_world @ vertex.co for vertex in body.data.vertices])
    assert 100 * np.ptp(points[:, 2]) == pytest.approx(height, abs=0.5)
    assert bpy.data.images[measured.picture].size[1] > 500
    assert operators.generate_all() == {"FINISHED"}
    assert {"vrc.v_aa", "joy", "vrc.blink", "jawOpen"} <= set(key_names(body))
    before = {name: len(key.points) for name, key in body.data.shape_keys.key_blocks.items()}
    assert operators.fit_proportions(arm=50, height=150) == {"FINISHED"}
    assert {name: len(key.points) for name, key in body.data.shape_keys.key_blocks.items()} == before
    found = proportions.body_of(rig, proportions.skinned(rig)).lengths
    assert (found["arm"], found["height"]) == pytest.approx((0.5, 1.5), abs=1e-4)
    select(body)
    assert operators.check() == {"FINISHED"}
