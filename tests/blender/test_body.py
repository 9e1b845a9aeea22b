"""Body from Photo in Blender: the training tools beside it, the body imported with its table and its picture."""

import csv
import json

import bpy
import pytest
from helpers import ROOT, ball

from blendshape_addon.blender import session, settings
from blendshape_addon.blender.io import body as body_io
from blendshape_addon.blender.stored import measurements

operators = bpy.ops.vrc_blendshape
NETWORKS = ROOT / "out" / "body" / "networks"
NINE = ("height", "chest", "waist", "hip", "inseam", "shoulder_width", "arm_length", "thigh", "neck")


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


def test_without_the_training_tools_it_says_where_they_come_from(monkeypatch):
    monkeypatch.setattr(settings, "training_python", lambda context: "")
    with pytest.raises(RuntimeError, match="training"):
        operators.measure_body(photo="me.jpg")
    with pytest.raises(RuntimeError, match="training"):
        operators.prepare_body()
