"""Tuning kept with the avatar: strengths, masks, recipes of its own, and one shape made anew."""

import bpy
import numpy as np
import pytest
from helpers import deltas, fingerprint, key_names, planted_generate, run, select

from blendshape_addon import cli
from blendshape_addon.blender.io import files, mesh_io
from blendshape_addon.blender.jobs import one_avatar
from blendshape_addon.blender.keys import shape_keys
from blendshape_addon.blender.stored import tuning
from blendshape_addon.core.style import recipe_file
from blendshape_addon.core.style.tuning import EVERY, Tuning
from blendshape_addon.core.vocabulary import VISEMES

operators = bpy.ops.vrc_blendshape


@pytest.fixture
def requested(monkeypatch):
    """What the core was called with, call by call."""
    calls = []

    def generate(avatar, options, **others):
        calls.append(options)
        return planted_generate(avatar, options, **others)

    monkeypatch.setattr(one_avatar, "generate", generate)
    return calls


def kept(obj):
    return obj.vrc_blendshape


def tune(figure):
    """Something of everything on the figure's body."""
    body = figure["body"]
    own = kept(body)
    own.strength_visemes, own.strength_vrc_v_aa, own.asymmetric = 0.5, 1.5, True
    group = body.vertex_groups.new(name="face")
    group.add([0, 1], 0.25, "REPLACE")
    own.mask, own.mask_joy = "face", "lips"
    figure["teeth"].vertex_groups.new(name="lips")
    recipe = tuning.put_recipe(own, "natural", "vrc.v_ff", {"learned": 0.4, "mouthPress": 0.2}, 0.1)
    recipe.parts.add().word = "mouthPress"
    recipe.parts[2].weight = 0.3
    return body


def tuning_of(figure) -> Tuning:
    return tuning.read([figure["teeth"], figure["body"], figure["hair"]])


def check_it_is_all_there(found: Tuning, objects):
    assert found.strengths == {"visemes": 0.5, "vrc.v_aa": 1.5} and found.asymmetric
    assert found.changes == {"natural": {"vrc.v_ff": {"learned": 0.4, "mouthPress": 0.5},
                                         "mouth_opens": {"vrc.v_ff": 0.1}}}  # fmt: skip
    counts = [len(obj.data.vertices) for obj in objects]
    teeth, body, hair = np.split(found.masks[EVERY], np.cumsum(counts)[:-1])
    assert body[:3] == pytest.approx([0.25, 0.25, 0]) and not body[2:].any()
    assert (teeth == 1).all() and (hair == 1).all()
    assert not np.split(found.masks["joy"], np.cumsum(counts)[:-1])[0].any()


def test_nothing_said_is_nothing_tuned(figure):
    found = tuning_of(figure)
    assert (found.strengths, found.masks, found.changes, found.asymmetric) == ({}, {}, {}, False)


def test_it_is_kept_through_saving_opening_and_appending(figure, tmp_path):
    tune(figure)
    check_it_is_all_there(tuning_of(figure), [figure[name] for name in ("teeth", "body", "hair")])
    files.save(tmp_path / "avatar.blend", [figure[name] for name in ("body", "teeth", "hair")])
    files.load(tmp_path / "avatar.blend")
    objects = [bpy.data.objects[name] for name in ("Teeth", "Body", "Hair")]
    check_it_is_all_there(tuning.read(objects), objects)


def test_the_core_gets_what_is_tuned(figure, requested):
    body = tune(figure)
    operators.generate_visemes()
    operators.regenerate_shape(shape="vrc.v_aa", preset="NATURAL", intensity=0.5)
    assert [options.expressions for options in requested] == [VISEMES, ("vrc.v_aa",)]
    for options in requested:
        assert options.tuning.strengths == {"visemes": 0.5, "vrc.v_aa": 1.5} and EVERY in options.tuning.masks
    assert requested[1].intensity == 0.5 and requested[1].preset == "natural"
    assert shape_keys.preset_of(body) == "natural"


def test_one_shape_is_made_anew_and_the_others_stay(figure, planted):
    body = figure["body"]
    operators.generate_visemes()
    body.data.shape_keys.key_blocks["vrc.v_aa"].value = 0.75
    before = {name: deltas(body, name) for name in VISEMES}
    bpy.ops.ed.undo_push(message="before")
    assert operators.regenerate_shape(shape="vrc.v_aa", intensity=0.5) == {"FINISHED"}
    changed = [name for name in VISEMES if (deltas(body, name) != before[name]).any()]
    assert changed == ["vrc.v_aa"] and key_names(body) == ["Basis", *VISEMES]
    assert body.data.shape_keys.key_blocks["vrc.v_aa"].value == 0.75
    bpy.ops.ed.undo_push(message="made anew")
    bpy.ops.ed.undo()
    assert (deltas(bpy.data.objects["Body"], "vrc.v_aa") == before["vrc.v_aa"]).all()


def test_a_vertex_group_that_is_nowhere_is_refused(figure, planted):
    kept(figure["body"]).mask_joy = "nose"
    before = fingerprint(figure["body"])
    with pytest.raises(RuntimeError, match="No object of this avatar has the vertex group “nose”"):
        operators.generate_visemes()
    assert fingerprint(figure["body"]) == before


def edited(body, shape="vrc.v_ff"):
    bpy.context.window_manager.vrc_blendshape.tuned = shape
    bpy.context.scene.vrc_blendshape.preset = "NATURAL"
    operators.edit_recipe()
    return tuning.recipe(kept(body), "natural", shape)


def parts(own) -> dict[str, float]:
    return {part.word: round(part.weight, 5) for part in own.parts}


def test_a_recipe_begins_with_the_styles_and_is_changed_part_by_part(figure):
    body = figure["body"]
    own = edited(body)
    assert parts(own) == dict(recipe_file.load()["natural"].parts["vrc.v_ff"]) and own.opening == 0
    operators.remove_recipe_part(part=1)
    operators.add_recipe_part()
    own.parts[2].word, own.parts[2].weight = "cheekPuff", 0.1
    learned, _, third = recipe_file.load()["natural"].parts["vrc.v_ff"].items()
    assert tuning.changes(kept(body))["natural"]["vrc.v_ff"] == dict([learned, third, ("cheekPuff", 0.1)])
    bundled = recipe_file.load()["natural"].opens["vrc.v_aa"]
    assert edited(body, "vrc.v_aa").opening == pytest.approx(bundled) and bundled > 0.1
    operators.reset_recipe()
    assert tuning.recipe(kept(body), "natural", "vrc.v_aa") is None and len(kept(body).recipes) == 1
    with pytest.raises(RuntimeError, match="no part number 9"):
        bpy.context.window_manager.vrc_blendshape.tuned = "vrc.v_ff"
        operators.remove_recipe_part(part=8)


def test_a_recipe_of_no_style_or_of_a_unit_is_refused(figure):
    bpy.context.window_manager.vrc_blendshape.tuned = "vrc.v_ff"
    with pytest.raises(RuntimeError, match="generate a shape, or choose one"):
        operators.edit_recipe()
    bpy.context.window_manager.vrc_blendshape.tuned = "jawOpen"
    with pytest.raises(RuntimeError, match="only visemes and emotions have a recipe"):
        operators.edit_recipe()


def test_recipes_are_shared_by_a_file(figure, tmp_path):
    body, file = figure["body"], tmp_path / "studio.toml"
    with pytest.raises(RuntimeError, match="nothing to save"):
        operators.save_recipes(filepath=str(file))
    edited(body).parts[0].weight = 0.9
    edited(body, "joy")  # as in the style, so that there is nothing to save of it
    operators.save_recipes(filepath=str(file))
    assert "joy" not in file.read_text() and "0.9" in file.read_text()
    select(figure["hair"])
    kept(body).recipes.clear()
    operators.load_recipes(filepath=str(file))
    (own,) = kept(tuning.holder([body, figure["hair"]], body)).recipes
    assert (own.preset, own.name) == ("natural", "vrc.v_ff") and parts(own)["learned"] == 0.9


@pytest.mark.parametrize(
    ("text", "said"),
    [("[natural]\njoy = { jawOpne = 1 }", "“jawOpne”"), ("[natural]\njoy = { jawOpen = inf }", "is not a number"),
     ("joy", "cannot be read")],
)  # fmt: skip
def test_a_bad_file_is_refused_and_nothing_is_lost(figure, tmp_path, text, said):
    own = edited(figure["body"])
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(RuntimeError, match=said):
        operators.load_recipes(filepath=str(tmp_path / "bad.toml"))
    assert tuning.recipe(kept(figure["body"]), "natural", "vrc.v_ff") == own


def test_the_command_line_takes_what_is_kept_and_its_own_over_it(figure, requested, tmp_path, capsys):
    tune(figure)
    files.save(tmp_path / "a.blend", [figure[name] for name in ("body", "teeth", "hair")])
    done = run(tmp_path / "a.blend", "--output", tmp_path / "b.glb", "--strength", "visemes=0.8,joy=1.2")
    assert done == cli.OK
    assert requested[0].tuning.strengths == {"visemes": 0.8, "vrc.v_aa": 1.5, "joy": 1.2}
    assert requested[0].tuning.asymmetric
    capsys.readouterr()
    assert run(tmp_path / "a.blend", "--output", tmp_path / "b.glb", "--strength", "happy=1") == cli.BAD_INPUT
    assert "“happy” is neither a shape nor a group" in capsys.readouterr().err


def test_a_real_face_follows_its_tuning(person):
    """The network's own shapes: one anew by a recipe, a mask and a strength of its own, with the face found once."""
    body = person["Body"]
    bpy.context.scene.vrc_blendshape.preset = "NATURAL"
    operators.generate_emotions(preset="NATURAL")
    before = deltas(body, "joy")
    with pytest.raises(RuntimeError, match="own recipes.*“jawOpne”"):
        edited(body, "joy").parts[0].word = "jawOpne"
        operators.regenerate_shape(shape="joy", preset="NATURAL")
    assert (deltas(body, "joy") == before).all()
    own = edited(body, "joy")
    own.parts.clear()
    own.parts.add().word = "jawOpen"
    own.parts[0].weight = 1.0
    operators.regenerate_shape(shape="joy", preset="NATURAL")
    jaw = deltas(body, "joy")
    assert jaw[:, 2].min() < 2 * before[:, 2].min()
    left = body.vertex_groups.new(name="left")
    positions = mesh_io.basis(body)
    left.add([int(v) for v in np.flatnonzero(positions[:, 0] > 0)], 1.0, "REPLACE")
    kept(body).mask_joy, kept(body).strength_joy = "left", 0.5
    operators.regenerate_shape(shape="joy", preset="NATURAL")
    half = deltas(body, "joy")
    right = (positions[:, 0] < -0.001) & (np.abs(jaw).max(1) > 2e-4)
    assert right.any() and not half[right].any()
    kept_side = (positions[:, 0] > 0.001) & (np.abs(jaw).max(1) > 2e-4)
    assert np.allclose(half[kept_side], jaw[kept_side] / 2, atol=1e-6)
