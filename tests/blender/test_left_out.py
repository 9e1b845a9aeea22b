"""What the panel says of shapes that were left out, and what its buttons do about them; on a real person."""

from dataclasses import replace

import bpy
import numpy as np
import pytest
from helpers import coordinates, deltas, key_names, select

from blendshape_addon.blender import session
from blendshape_addon.blender.stored import landmarks
from blendshape_addon.core.quality import checks, gate
from blendshape_addon.core.vocabulary import LANDMARK_INDEX, VISEMES

buttons = bpy.ops.vrc_blendshape


def shown():
    return bpy.context.window_manager.vrc_blendshape


@pytest.fixture
def torn(person, monkeypatch):
    """A person whose lower lip is crumpled, where no triangle may turn over and nothing is repaired."""
    body = person["Body"]
    buttons.edit_landmarks()
    centre = landmarks.read([body])[LANDMARK_INDEX["lip_lower_outer_mid"], :3]
    points = coordinates(body.data.vertices)
    near = np.linalg.norm(points - centre, axis=1) < 0.03
    points[near] += np.random.default_rng(0).normal(0, 0.0012, (near.sum(), 3))
    body.data.vertices.foreach_set("co", points.reshape(-1))
    monkeypatch.setattr(checks, "LIMITS", replace(checks.LIMITS, flipped=0.0, flipped_count=0))
    monkeypatch.setattr(gate, "repair", lambda anatomy, name, offset, red, measures: offset)
    monkeypatch.setattr(gate, "REPAIRS", replace(gate.REPAIRS, weaker=()))
    buttons.generate_visemes()
    return body


def left_out():
    return {row.shape: (row.face, row.check) for row in shown().left_out}


def test_the_reason_stays_until_the_shape_is_made(torn):
    row = next(row for row in shown().left_out if row.shape == "vrc.v_aa")
    assert row.message.startswith(f"{row.shape} left out: ") and "inside out" in row.message
    assert left_out()["vrc.v_aa"] == ("Body", "flips") and "vrc.v_aa" not in key_names(torn)
    assert set(left_out()) | set(key_names(torn)) == {"Basis", *VISEMES}
    buttons.generate_blink()
    assert "vrc.v_aa" in left_out()


def test_show_me_selects_where_it_fails_and_back_brings_everything_back(torn, person):
    teeth = person["Teeth_Lower"]
    select(teeth, torn)
    teeth.data.vertices.foreach_set("select", np.arange(len(teeth.data.vertices)) % 3 == 0)
    before = [v.select for v in torn.data.vertices], [v.select for v in teeth.data.vertices]
    assert buttons.show_problem(shape="vrc.v_aa", check="flips") == {"FINISHED"}
    assert torn.mode == "EDIT" and (shown().problem_shape, shown().problem_check) == ("vrc.v_aa", "flips")
    bpy.ops.object.mode_set(mode="OBJECT")
    chosen = [v.index for v in torn.data.vertices if v.select]
    assert 3 <= len(chosen) < 40
    bpy.ops.object.mode_set(mode="EDIT")
    assert buttons.show_problem(shape="vrc.v_oh", check="flips") == {"FINISHED"}
    assert buttons.back() == {"FINISHED"}
    assert bpy.context.mode == "OBJECT" and bpy.context.view_layer.objects.active == teeth
    assert {obj.name for obj in bpy.context.selected_objects} == {"Teeth_Lower", torn.name}
    assert before == ([v.select for v in torn.data.vertices], [v.select for v in teeth.data.vertices])
    assert shown().problem_shape == "" and session.current().shown is None


def test_back_enters_the_mode_that_was_left(torn):
    bpy.ops.object.mode_set(mode="SCULPT")
    buttons.show_problem(shape="vrc.v_aa", check="flips")
    assert torn.mode == "EDIT"
    buttons.back()
    assert torn.mode == "SCULPT"


def test_make_weaker_makes_it_as_strong_as_passes_and_keeps_the_strength(torn):
    assert buttons.make_weaker(shape="vrc.v_aa") == {"FINISHED"}
    strength = torn.vrc_blendshape.strength_vrc_v_aa
    assert 0.1 < strength < 0.8 and deltas(torn, "vrc.v_aa").any() and "vrc.v_aa" not in left_out()
    assert f"{100 * strength:.0f} %" in shown().said
    others = set(left_out())
    buttons.generate_visemes()
    assert "vrc.v_aa" in key_names(torn) and set(left_out()) == others


def test_what_was_changed_since_cannot_be_shown(torn):
    torn.data.shape_keys.reference_key.points[0].co.x += 0.01
    with pytest.raises(RuntimeError, match="no key vrc.v_aa"):
        buttons.show_problem(shape="vrc.v_aa", check="flips")
    assert bpy.context.mode == "OBJECT"


def test_another_file_shows_none_of_it(torn):
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    assert not shown().left_out and not shown().said and not session.current().left_out
