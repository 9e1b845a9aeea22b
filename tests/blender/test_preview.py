"""Looking at shapes leaves nothing behind."""

import bpy
import numpy as np
import pytest
from helpers import fingerprint, key_names, select

from blendshape_addon.blender.io import files, mesh_io
from blendshape_addon.blender.jobs import one_avatar
from blendshape_addon.blender.viewport import preview
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.vocabulary import VISEMES

pytestmark = pytest.mark.usefixtures("planted")
operators = bpy.ops.vrc_blendshape
OPTIONS = GenerateOptions(VISEMES, provider="cpu")


@pytest.fixture
def made(figure):
    """The figure with all shapes, some set by its creator, one pinned."""
    operators.generate_all()
    body = figure["body"]
    keys = body.data.shape_keys.key_blocks
    keys["joy"].value, keys["vrc.v_oh"].mute = 0.3, True
    body.shape_key_add(name="own", from_mix=False).value = 0.7
    body.show_only_shape_key = True
    return figure


def values(obj):
    return {key.name: pytest.approx(key.value) for key in obj.data.shape_keys.key_blocks if key.value}


def state_of(figure):
    objects = [figure["body"], figure["teeth"]]
    return [(fingerprint(obj), obj.show_only_shape_key, list(obj.keys()), obj.data.shape_keys.animation_data)
            for obj in objects]  # fmt: skip


def test_a_shape_is_shown_alone_and_everything_comes_back(made):
    before = state_of(made)
    operators.show_shape(shape="vrc.v_aa")
    assert values(made["body"]) == {"vrc.v_aa": 1.0, "own": 0.7}
    assert values(made["teeth"]) == {"vrc.v_aa": 1.0}
    assert not made["body"].show_only_shape_key
    operators.show_shape(shape="vrc.v_oh")
    assert values(made["body"]) == {"vrc.v_oh": 1.0, "own": 0.7}
    assert not made["body"].data.shape_keys.key_blocks["vrc.v_oh"].mute
    operators.stop_preview()
    assert state_of(made) == before


def test_an_emotion_is_mixed_in_while_it_is_looked_at(made):
    settings = bpy.context.scene.vrc_blendshape
    before = state_of(made)
    settings.emotion = "joy"
    assert state_of(made) == before, "nothing is shown yet"
    operators.show_shape(shape="vrc.v_ou")
    settings.emotion_strength = 0.5
    assert values(made["body"]) == {"vrc.v_ou": 1.0, "joy": 0.5, "own": 0.7}
    settings.emotion = "angry"
    assert values(made["body"]) == {"vrc.v_ou": 1.0, "angry": 0.5, "own": 0.7}
    operators.stop_preview()
    assert state_of(made) == before


@pytest.mark.parametrize("way", ["blend", "fbx"])
def test_nothing_of_a_preview_goes_into_a_file(made, tmp_path, way):
    before = state_of(made)
    operators.show_shape(shape="vrc.v_aa")
    if way == "fbx":
        operators.export_fbx(filepath=str(tmp_path / "avatar.fbx"))
    else:
        files.save(tmp_path / "avatar.blend", [made["body"]])
    assert state_of(made) == before
    files.load(tmp_path / f"avatar.{way}")
    assert "vrc.v_aa" not in values(bpy.data.objects["Body"])


@pytest.mark.parametrize("press", [operators.show_shape, operators.contact_sheet])
def test_an_avatar_without_shapes_is_refused(figure, press):
    with pytest.raises(RuntimeError, match="no shapes to look at yet"):
        press()
    assert not preview.shown()


def test_shapes_are_read_as_they_were_written(made):
    objects = [made["body"], made["teeth"], made["hair"]]
    avatar = mesh_io.read(objects)
    wanted = {shape.name: shape for shape in one_avatar.compute(avatar, OPTIONS).shapes}
    found = {shape.name: shape for shape in preview.shapes(objects, avatar)}
    assert len(found) == 75
    for name in VISEMES[1:]:
        offsets = np.zeros((2, *avatar.vertices.shape))
        for row, shape in zip(offsets, (wanted[name], found[name]), strict=True):
            row[shape.indices] = shape.deltas
        assert np.abs(offsets[0] - offsets[1]).max() < 1e-4  # the hidden mark


@pytest.mark.parametrize("saved", [False, True])
def test_the_sheet_is_an_image_beside_the_file(figure, tmp_path, monkeypatch, saved):
    operators.generate_emotions()
    monkeypatch.setattr(one_avatar, "analysis_of", lambda avatar, *_: one_avatar.compute(avatar, OPTIONS).analysis)
    if saved:
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "girl.blend"), check_existing=False)
    scenes, meshes = len(bpy.data.scenes), len(bpy.data.meshes)
    select(bpy.data.objects["Body"])
    assert operators.contact_sheet() == {"FINISHED"}
    image = bpy.data.images["girl_shapes.png" if saved else "avatar_shapes.png"]
    assert tuple(image.size) == (6 * 320, round((3.7 + 0.3) / 2.9 * 320))
    pixels = np.array(image.pixels[:]).reshape(-1, 4)[:, :3]
    assert pixels.std() > 0.05
    assert (tmp_path / "girl_shapes.png").exists() == saved and bool(image.packed_file) != saved
    assert (len(bpy.data.scenes), len(bpy.data.meshes)) == (scenes, meshes)
    assert key_names(bpy.data.objects["Body"])
