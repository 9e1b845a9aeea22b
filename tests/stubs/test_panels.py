"""What the panels draw, on a layout that refuses buttons and properties that do not exist."""

import bpy
import pytest

from blendshape_addon.blender import panels, preferences


def buttons(drawn: list) -> dict[str, object]:
    return {entry[1]: entry[2] for entry in drawn if entry[0] == "operator"}


def test_sidebar_tab():
    assert panels.VRC_BLENDSHAPE_PT_main.bl_category == "VRChat"
    assert panels.VRC_BLENDSHAPE_PT_main.bl_space_type == "VIEW_3D"
    assert panels.VRC_BLENDSHAPE_PT_main.bl_region_type == "UI"


def test_first_button_generates_visemes(draw):
    drawn = draw(panels.VRC_BLENDSHAPE_PT_main)
    first = next(entry for entry in drawn if entry[0] == "operator")
    assert first[1] == "vrc_blendshape.generate_visemes"
    cls = next(cls for cls in bpy.registered if getattr(cls, "bl_idname", None) == first[1])
    assert cls.bl_label == "Generate Visemes"


@pytest.mark.parametrize("settings", [{}, {"intensity": 0.25, "existing": "REPLACE"}])
def test_every_generate_button_carries_the_panels_settings(draw, settings):
    expected = {"intensity": 1.0, "existing": "KEEP"} | settings
    found = [
        button for name, button in buttons(draw(panels.VRC_BLENDSHAPE_PT_main, settings)).items() if "generate" in name
    ]
    assert len(found) == 4
    for button in found:
        assert {name: getattr(button, name) for name in expected} == expected


def test_every_operator_has_its_button(draw):
    drawn = buttons(draw(panels.VRC_BLENDSHAPE_PT_main))
    assert drawn.keys() == {cls.bl_idname for cls in bpy.registered if issubclass(cls, bpy.types.Operator)}


def test_settings_can_be_changed(draw):
    drawn = draw(panels.VRC_BLENDSHAPE_PT_main)
    assert {entry[1] for entry in drawn if entry[0] == "prop"} >= {"intensity", "existing"}


def test_preferences_offer_where_to_run():
    drawn = []
    page = preferences.Preferences()
    page.provider = "auto"
    page.layout = type("Layout", (), {"prop": lambda self, data, name: drawn.append((data, name))})()
    page.draw(None)
    assert drawn == [(page, "provider")]
