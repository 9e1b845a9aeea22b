"""What panels show of the avatar, and how it is kept true."""

import bpy
import pytest
from helpers import key_names, select

from blendshape_addon.blender.keys import inventory
from blendshape_addon.blender.ui import state

pytestmark = pytest.mark.usefixtures("planted")
operators = bpy.ops.vrc_blendshape


@pytest.fixture
def shown(figure):
    def look():
        state.refresh(bpy.context)
        return bpy.context.window_manager.vrc_blendshape

    return look


def test_a_fresh_avatar_has_nothing(shown):
    now = shown()
    assert now.problem == "" and now.face == "Body"
    assert [row.name for row in now.objects] == ["Body", "Hair", "Teeth"]
    assert [(g.name, g.present, g.wanted) for g in now.groups] == [
        ("visemes", 0, 15), ("emotions", 0, 5), ("blink", 0, 3), ("arkit", 0, 52), ("unified", 0, 58)
    ]  # fmt: skip


def test_a_button_writes_down_what_it_made(shown, figure):
    shown()
    operators.generate_visemes()
    visemes = bpy.context.window_manager.vrc_blendshape.groups["visemes"]
    assert (visemes.present, visemes.ours, visemes.missing, visemes.empty) == (15, 15, "", "")


def test_missing_empty_same_and_own_are_distinguished(shown, figure):
    operators.generate_visemes()
    body = figure["body"]
    keys = body.data.shape_keys.key_blocks
    body.shape_key_remove(keys["vrc.v_ch"])
    keys["vrc.v_e"].points.foreach_set("co", [c for p in keys["Basis"].points for c in p.co])
    keys["vrc.v_oh"].points.foreach_set("co", [c for p in keys["vrc.v_aa"].points for c in p.co])
    visemes = shown().groups["visemes"]
    assert (visemes.present, visemes.missing, visemes.empty, visemes.duplicates) == (
        14,
        "vrc.v_ch",
        "vrc.v_e",
        "vrc.v_oh",
    )
    assert visemes.ours == 12
    assert inventory.take([body]).duplicates == {"vrc.v_oh": "vrc.v_aa"}


def test_the_reason_why_nothing_can_be_made_is_shown(shown, figure):
    for part in ("body", "hair", "teeth"):
        bpy.data.objects.remove(figure[part])
    now = shown()
    assert "Nothing is selected" in now.problem and now.face == "" and not now.objects and not now.groups


def test_what_changes_the_panel_changes_the_mark(shown, figure):
    body = figure["body"]
    shown()

    def marked():
        return bpy.context.window_manager.vrc_blendshape.fingerprint == state.selection_fingerprint(bpy.context)

    assert marked()
    body.shape_key_add(name="Basis")
    assert not marked()
    shown()
    body.data.shape_keys.key_blocks[0].name = "Base"
    assert not marked()
    shown()
    select(figure["teeth"])
    assert not marked()
    select(body)
    shown()
    bpy.ops.object.mode_set(mode="EDIT")
    assert not marked()
    bpy.ops.object.mode_set(mode="OBJECT")
    assert marked() and key_names(body) == ["Base"]
