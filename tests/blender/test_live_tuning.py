"""Sliders act: the shown shape follows them at once, what else they change waits for Apply, edited keys stay."""

import bpy
import numpy as np
import pytest
from helpers import deltas, fingerprint

from blendshape_addon.blender import session
from blendshape_addon.blender.jobs import one_avatar
from blendshape_addon.blender.keys import key_blocks
from blendshape_addon.blender.ui import state
from blendshape_addon.blender.ui.operators import live_tuning
from blendshape_addon.core.inference import deformer
from blendshape_addon.core.shape_markers import find_markers
from blendshape_addon.core.vocabulary import VISEMES

operators = bpy.ops.vrc_blendshape
HIDDEN = 1e-4  # metres: the hidden mark of a key does not follow its strength


@pytest.fixture
def body(person):
    """A person's body with visemes, made at 0.8 in the natural style, and an anime joy."""
    operators.generate_visemes(intensity=0.8, preset="NATURAL")
    operators.regenerate_shape(shape="joy", preset="ANIME")
    return person["Body"]


def shown():
    return bpy.context.window_manager.vrc_blendshape


def strength(body, name, value):
    """Move a slider as a hand does."""
    setattr(body.vrc_blendshape, f"strength_{name.replace('.', '_')}", value)
    live_tuning.follow(bpy.context, name)


def test_the_shown_shape_follows_its_slider_with_nothing_but_itself_computed(body, monkeypatch):
    full, other = deltas(body, "vrc.v_aa"), deltas(body, "vrc.v_oh")
    with monkeypatch.context() as patched:
        patched.setattr(deformer, "offsets", None)
        strength(body, "vrc.v_aa", 0.5)
    assert np.allclose(deltas(body, "vrc.v_aa"), full / 2, atol=HIDDEN)
    assert (deltas(body, "vrc.v_oh") == other).all()
    assert shown().viseme == "vrc.v_aa" and body.data.shape_keys.key_blocks["vrc.v_aa"].value == 1
    assert (shown().changes, shown().waiting) == (0, "")
    assert "vrc.v_aa" in key_blocks.made_by_us(body)
    strength(body, "vrc.v_aa", 1.4)
    assert np.abs(deltas(body, "vrc.v_aa")).max() > 1.2 * np.abs(full).max()
    strength(body, "vrc.v_aa", 1.0)
    assert np.allclose(deltas(body, "vrc.v_aa"), full, atol=HIDDEN)
    operators.stop_preview()


def test_a_group_changes_what_is_shown_and_the_rest_waits_for_apply(body):
    full = {name: deltas(body, name) for name in (*VISEMES, "joy")}
    operators.show_shape(shape="vrc.v_oh")
    strength(body, "visemes", 0.5)
    assert np.allclose(deltas(body, "vrc.v_oh"), full["vrc.v_oh"] / 2, atol=HIDDEN)
    assert (deltas(body, "vrc.v_aa") == full["vrc.v_aa"]).all()
    assert shown().changes == 1 and set(shown().waiting.split(", ")) == set(VISEMES) - {"vrc.v_oh"}
    strength(body, "emotions", 0.5)
    assert shown().changes == 2 and "joy" in shown().waiting, "a viseme is shown"
    assert operators.apply_tuning() == {"FINISHED"}
    assert shown().changes == 0
    assert find_markers(key_blocks.shape_offsets(body)) == full.keys(), "after a file of any kind they are known again"
    for name, before in full.items():
        if name != "vrc.v_sil":
            assert np.allclose(deltas(body, name), before / 2, atol=HIDDEN), name
    with pytest.raises(RuntimeError, match="Nothing waits"):
        operators.apply_tuning()


def test_an_edited_key_is_told_of_and_stays(body):
    key = body.data.shape_keys.key_blocks["vrc.v_aa"]
    key.points[0].co.z += 0.01
    state.refresh(bpy.context)
    assert shown().edited == "vrc.v_aa"
    before = deltas(body, "vrc.v_aa")
    strength(body, "vrc.v_aa", 0.5)
    assert (deltas(body, "vrc.v_aa") == before).all()
    assert "You have edited vrc.v_aa" in shown().tuning_said
    strength(body, "visemes", 0.5)
    operators.apply_tuning()
    assert (deltas(body, "vrc.v_aa") == before).all() and shown().changes == 0


def test_without_a_session_the_slider_waits_and_apply_makes_it(body):
    """As in a file that was opened anew."""
    full = deltas(body, "vrc.v_aa")
    bpy.context.scene.vrc_blendshape.intensity = 0.8
    one_avatar.forget()
    strength(body, "vrc.v_aa", 0.5)
    assert (deltas(body, "vrc.v_aa") == full).all()
    assert (shown().changes, shown().waiting) == (1, "vrc.v_aa")
    bpy.context.scene.vrc_blendshape.preset = "NATURAL"
    operators.apply_tuning()
    assert np.allclose(deltas(body, "vrc.v_aa"), full / 2, atol=HIDDEN)


def test_a_recipe_acts_at_once(body):
    told = []
    session.current().on_tuned = lambda context, name: told.append(name)
    try:
        bpy.context.scene.vrc_blendshape.preset = "ANIME"
        shown().tuned = "joy"
        operators.edit_recipe()
        assert told == ["joy"], "once, and not for each part"
        (recipe,) = body.vrc_blendshape.recipes
        recipe.parts[0].weight = 0.1
        assert told == ["joy", "joy"]
    finally:
        session.current().on_tuned = None
    before = deltas(body, "joy")
    live_tuning.follow(bpy.context, "joy")
    assert not np.allclose(deltas(body, "joy"), before, atol=1e-4) and shown().changes == 0


def test_a_mask_that_is_nowhere_is_a_sentence(body):
    before = fingerprint(body)
    body.vrc_blendshape.mask_vrc_v_aa = "nowhere"
    live_tuning.follow(bpy.context, "vrc.v_aa")
    assert "has the vertex group “nowhere”" in shown().tuning_said
    operators.stop_preview()
    assert fingerprint(body) == before


def test_a_shape_that_is_weak_on_purpose_is_at_no_fault_until_it_is_edited(body):
    def grade():
        operators.check()
        return {row.shape: row.grade for row in shown().check_results if row.shape}["vrc.v_aa"]

    operators.generate_visemes(intensity=0.1, preset="NATURAL")
    assert grade() != "red", "its mouth hardly opens, as it was made"
    operators.generate_visemes(intensity=1.0, preset="NATURAL")
    strength(body, "vrc.v_aa", 0.1)
    assert grade() != "red"
    one_avatar.forget()  # as in another session: the file knows how strong it was wanted
    assert grade() != "red"
    point = body.data.shape_keys.key_blocks["vrc.v_aa"].points[0]
    point.co.z += 1e-5
    assert grade() == "red"
    operators.stop_preview()
