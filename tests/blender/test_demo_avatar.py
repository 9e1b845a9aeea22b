"""The avatars of `make demo`, which need no file from outside, all the way to what Unity is given."""

import bpy
import numpy as np
import pytest
from helpers import deltas, key_names

from blendshape_addon.blender import session
from blendshape_addon.blender.io import files
from blendshape_addon.blender.jobs import one_avatar
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.vocabulary import ALL_SHAPES, VISEMES
from training.devtools import anime, avatar, person

ADD = {"realistic": person.add, "anime": anime.add}
FACE = {"realistic": "Body", "anime": "Face"}


@pytest.fixture
def objects():
    return {obj.name: obj for obj in avatar.add()}


@pytest.fixture(params=ADD)
def shown(request):
    """Each avatar as `make demo` shows it: its name, and its objects by name."""
    return request.param, {obj.name: obj for obj in ADD[request.param]()}


def points(obj):
    return np.array([vertex.co for vertex in obj.data.vertices])


def picture(material):
    """The (H, W, 4) pixels of the material's picture."""
    (image,) = (node.image for node in material.node_tree.nodes if node.type == "TEX_IMAGE")
    assert image.packed_file, "the .blend file needs no other"
    width, height = image.size
    return np.array(image.pixels[:]).reshape(height, width, 4)


def brightness_at(pixels, u, v):
    height, width = pixels.shape[:2]
    return pixels[int(v * height), int(u * width), :3].mean()


def test_is_a_neutral_person_in_parts_under_an_armature(objects):
    assert {"Body", "Eye_L", "Eye_R", "Teeth_Upper", "Teeth_Lower", "Tongue", "Lashes"} <= objects.keys()
    assert 1.55 < objects["Body"].dimensions.z < 1.85
    nose = min((vertex.co for vertex in objects["Body"].data.vertices if vertex.co.z > 1.5), key=lambda co: co.y)
    assert abs(nose.x) < 0.01, "the face looks to -Y"


def test_every_part_is_neutral_coloured_and_follows_the_armature(shown):
    name, objects = shown
    assert bpy.context.view_layer.objects.active.name == FACE[name]
    for obj in objects.values():
        assert obj.data.shape_keys is None
        assert obj.parent.type == "ARMATURE"
        weights = [sum(group.weight for group in vertex.groups) for vertex in obj.data.vertices]
        assert weights == pytest.approx(np.ones(len(weights)), abs=1e-3)
        assert all(obj.data.materials) and obj.data.materials, f"{obj.name} has a colour"


def test_the_person_looks_like_somebody(objects):
    plain = {name: points(obj) for name, obj in objects.items()}
    bpy.data.batch_remove(list(bpy.data.objects))
    dressed = {obj.name: obj for obj in person.add()}
    assert dressed.keys() - plain.keys() == {"Hair", "Brows"}
    for name, places in plain.items():
        assert np.array_equal(points(dressed[name]), places), "colours change no geometry"
    eye = picture(dressed["Eye_L"].data.materials[0])
    pupil, iris, white = (brightness_at(eye, u, 0.5) for u in (0.5, 0.68, 0.95))
    assert pupil < 0.1 < iris < 0.5 < 0.8 < white
    eyes = np.concatenate([points(dressed[name]) for name in ("Eye_L", "Eye_R")])
    brows = points(dressed["Brows"])
    assert eyes[:, 2].mean() < brows[:, 2].min() and brows[:, 2].max() < eyes[:, 2].mean() + 0.04
    assert abs(brows[:, 0].mean()) < 1e-3, "there are two of them"
    assert points(dressed["Hair"])[:, 2].max() > points(dressed["Body"])[:, 2].max()


def test_the_anime_avatar_has_irises_and_see_through_lashes():
    face = {obj.name: obj for obj in anime.add()}["Face"]
    materials = {material.name: material for material in face.data.materials}
    iris = picture(materials["EyeIris"])
    assert brightness_at(iris, 0.25, 0.507) < brightness_at(iris, 0.25, 0.27)
    for name in ("FaceBrow", "FaceEyelash", "FaceEyeline", "EyeHighlight"):
        assert set(np.unique(picture(materials[name])[..., 3])) == {0.0, 1.0}
    assert all(polygon.material_index < len(face.data.materials) for polygon in face.data.polygons)


def test_every_shape_passes_its_check(shown):
    name, objects = shown
    with session.opened():
        done = one_avatar.run(list(objects.values()), GenerateOptions(ALL_SHAPES))
    report = done.generated.report
    assert [row["name"] for row in report["shapes"] if not row["ok"]] == []
    assert (report["missing"], len(report["shapes"])) == ([], len(ALL_SHAPES))
    assert report["style"] == {"preset": {"realistic": "natural", "anime": "anime"}[name], "automatic": True}


def test_turning_the_head_bone_turns_the_head_alone(objects):
    rig = objects["Body"].parent
    rig.pose.bones["head"].rotation_mode = "XYZ"
    rig.pose.bones["head"].rotation_euler.x = 0.3
    posed = objects["Body"].evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    moved = np.array([(a.co - b.co).length for a, b in zip(posed.vertices, objects["Body"].data.vertices, strict=True)])
    height = np.array([vertex.co.z for vertex in objects["Body"].data.vertices])
    assert moved[height > 1.6].max() > 0.01
    assert moved[height < 1.2].max() < 1e-5


def test_visemes_reach_the_fbx(objects, tmp_path):
    assert bpy.ops.vrc_blendshape.generate_visemes() == {"FINISHED"}
    assert key_names(objects["Body"]) == ["Basis", *VISEMES]
    assert key_names(objects["Suit"]) == []
    assert "vrc.v_aa" in key_names(objects["Teeth_Lower"])
    assert bpy.ops.vrc_blendshape.export_fbx(filepath=str(tmp_path / "avatar.fbx")) == {"FINISHED"}
    files.load(tmp_path / "avatar.fbx")
    body = bpy.data.objects["Body"]
    assert key_names(body) == ["Basis", *VISEMES]
    sizes = {name: np.linalg.norm(deltas(body, name), axis=1).max() for name in VISEMES}
    assert min(sizes.values()) > 0
    assert bpy.data.objects["Armature"].type == "ARMATURE"
