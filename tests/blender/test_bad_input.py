"""What a user can get wrong on the way to a button: one sentence, and nothing changes."""

import shutil

import bpy
import numpy as np
import pytest
from helpers import ball, coordinates, fingerprint, key_names, load_rig, mesh_object, select
from mathutils import Matrix

from blendshape_addon.core.inference import registry

generate = bpy.ops.vrc_blendshape.generate_visemes


def refused(words: str) -> None:
    """The operator must report one sentence with `words` in it and change no mesh."""
    before = {obj.name: fingerprint(obj) for obj in bpy.data.objects if obj.type == "MESH" and obj.mode == "OBJECT"}
    with pytest.raises(RuntimeError, match=words) as failure:
        generate()
    report = str(failure.value).removeprefix("Error: ").strip()
    assert "\n" not in report and "Traceback" not in report and report.endswith(".")
    assert {name: fingerprint(bpy.data.objects[name]) for name in before} == before


def test_nothing_there():
    refused("Nothing is selected")


def test_an_empty_and_no_avatar():
    empty = bpy.data.objects.new("Target", None)
    bpy.context.scene.collection.objects.link(empty)
    select(empty)
    refused("“Target” is not a mesh")


def test_mesh_without_faces():
    points = mesh_object("Points", [(0, 0, 0), (0, 0, 1)], [])
    select(points)
    refused("“Points” has no faces")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_coordinates_that_are_not_numbers(figure, value):
    points = coordinates(figure["body"].data.vertices)
    points[5, 0] = value
    figure["body"].data.vertices.foreach_set("co", points.reshape(-1))
    refused("not numbers")


def test_linked_mesh(figure, tmp_path):
    path = tmp_path / "library.blend"
    bpy.data.libraries.write(str(path), {figure["body"]}, fake_user=True)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with bpy.data.libraries.load(str(path), link=True) as (_, linked):
        linked.objects = ["Body"]
    bpy.context.scene.collection.objects.link(linked.objects[0])
    select(linked.objects[0])
    refused("linked from another file")


def test_local_object_of_a_linked_mesh(figure, tmp_path):
    path = tmp_path / "library.blend"
    bpy.data.libraries.write(str(path), {figure["body"].data}, fake_user=True)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with bpy.data.libraries.load(str(path), link=True) as (source, linked):
        linked.meshes = source.meshes
    obj = bpy.data.objects.new("Body", linked.meshes[0])
    bpy.context.scene.collection.objects.link(obj)
    select(obj)
    refused("linked from another file")


def test_mesh_shared_by_several_objects(figure):
    twin = bpy.data.objects.new("Twin", figure["body"].data)
    bpy.context.scene.collection.objects.link(twin)
    refused("shared by several objects")


def test_absolute_keys(planted, figure):
    figure["body"].shape_key_add(name="Basis")
    figure["body"].data.shape_keys.use_relative = False
    refused("absolute")


def test_scaled_to_nothing(figure):
    figure["body"].scale = (1, 0, 1)
    bpy.context.view_layer.update()
    refused("scaled to nothing")


def test_far_from_its_own_origin(planted, figure):
    """Single precision has no tenths of a millimetre at ten kilometres; the keys would all be the base."""
    figure["body"].data.transform(Matrix.Translation((1e4, 1e4, 1e4)))
    figure["body"].matrix_parent_inverse = Matrix.Translation((-1e4, -1e4, -1e4))
    bpy.context.view_layer.update()
    refused("lost in rounding")


def test_base_shape_with_a_visemes_name(planted, figure):
    figure["body"].shape_key_add(name="vrc.v_aa")
    with pytest.raises(RuntimeError, match="rename it to Basis"):
        generate(existing="REPLACE")
    assert key_names(figure["body"]) == ["vrc.v_aa"]


def test_body_without_a_face():
    load_rig("plain/cryptovoxels")
    refused("face")


def test_ball_without_a_face():
    select(ball("Ball", (0, 0, 1), 0.5))
    refused("face")


@pytest.mark.parametrize(
    ("damage", "words"), [("missing", "missing"), ("truncated", "damaged"), ("changed", "damaged")]
)
def test_model_file(monkeypatch, tmp_path, person, damage, words):
    """A model folder with a damaged file, in the place of the bundled one."""
    folder = tmp_path / "models"
    shutil.copytree(registry.models_folder(), folder)
    for file in folder.glob("*.onnx"):
        data = file.read_bytes()
        if damage == "missing":
            file.unlink()
        elif damage == "truncated":
            file.write_bytes(data[:1000])
        else:
            file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    monkeypatch.setattr(registry, "models_folder", lambda: folder)
    refused(words)
