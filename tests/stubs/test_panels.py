"""What the panels draw, on a layout that refuses buttons and properties that do not exist."""

from types import SimpleNamespace

import bpy
import pytest

from blendshape_addon.blender import generator, panels, preferences, shape_keys
from blendshape_addon.blender.panels.dataset import VRC_BLENDSHAPE_PT_dataset
from blendshape_addon.blender.panels.main import VRC_BLENDSHAPE_PT_main


def buttons(drawn: list) -> dict[str, object]:
    return {entry[1]: entry[2] for entry in drawn if entry[0] == "operator"}


def test_sidebar_tab():
    assert panels.CLASSES[0] == VRC_BLENDSHAPE_PT_main
    for panel in panels.CLASSES:
        assert (panel.bl_space_type, panel.bl_region_type, panel.bl_category) == ("VIEW_3D", "UI", "VRChat")


def test_what_is_below_the_main_panel_is_collapsed():
    for panel in panels.CLASSES[1:]:
        assert panel.bl_parent_id == "VRC_BLENDSHAPE_PT_main"
        assert "DEFAULT_CLOSED" in panel.bl_options


def test_first_button_generates_visemes(draw):
    drawn = draw(VRC_BLENDSHAPE_PT_main)
    first = next(entry for entry in drawn if entry[0] == "operator")
    assert first[1] == "vrc_blendshape.generate_visemes"
    cls = next(cls for cls in bpy.registered if getattr(cls, "bl_idname", None) == first[1])
    assert cls.bl_label == "Generate Visemes"


@pytest.mark.parametrize("settings", [{}, {"intensity": 0.25, "existing": "REPLACE", "preset": "ANIME"}])
def test_every_generate_button_carries_the_panels_settings(draw, settings):
    expected = {"intensity": 1.0, "existing": "KEEP", "preset": "AUTO"} | settings
    found = [button for name, button in buttons(draw(VRC_BLENDSHAPE_PT_main, settings)).items() if "generate" in name]
    assert len(found) == 4
    for button in found:
        assert {name: getattr(button, name) for name in expected} == expected


def test_every_operator_has_its_button(draw):
    drawn = [name for panel in panels.CLASSES for name in buttons(draw(panel))]
    assert set(drawn) == {cls.bl_idname for cls in bpy.registered if issubclass(cls, bpy.types.Operator)}


def test_a_running_generator_shows_how_far_it_is_and_can_be_cancelled(draw, monkeypatch):
    run = SimpleNamespace(stage="making faces", fraction=0.42, left="00:14")
    monkeypatch.setattr(generator, "run", run)
    drawn = draw(VRC_BLENDSHAPE_PT_dataset)
    assert ("progress", 0.42, "Making faces, 00:14 left") in drawn
    assert buttons(drawn)["vrc_blendshape.generate_dataset"].stop
    monkeypatch.setattr(generator, "run", None)
    monkeypatch.setattr(generator, "message", "120 samples")
    drawn = draw(VRC_BLENDSHAPE_PT_dataset)
    assert not buttons(drawn)["vrc_blendshape.generate_dataset"].stop and "120 samples" in labels(drawn)


def test_settings_can_be_changed(draw):
    drawn = draw(VRC_BLENDSHAPE_PT_main)
    assert {entry[1] for entry in drawn if entry[0] == "prop"} >= {"intensity", "existing", "preset"}


def labels(drawn: list) -> list[str]:
    return [entry[1] for entry in drawn if entry[0] == "label"]


def test_the_style_of_the_active_avatar_is_told(draw):
    def avatar(keys):
        return SimpleNamespace(data=SimpleNamespace(shape_keys=keys))

    assert labels(draw(VRC_BLENDSHAPE_PT_main)) == []
    assert labels(draw(VRC_BLENDSHAPE_PT_main, active=avatar(None))) == []
    made = avatar({})
    shape_keys.remember_style(made, "anime", automatic=True)
    assert labels(draw(VRC_BLENDSHAPE_PT_main, active=made)) == ["Made in anime style (chosen automatically)"]
    shape_keys.remember_style(made, "natural", automatic=False)
    assert labels(draw(VRC_BLENDSHAPE_PT_main, active=made)) == ["Made in natural style"]


def test_preferences_offer_where_to_run_recipes_and_the_training_python():
    drawn = []
    page = preferences.Preferences()
    page.layout = type("Layout", (), {"prop": lambda self, data, name: drawn.append((data, name))})()
    page.draw(None)
    assert drawn == [(page, "provider"), (page, "recipes"), (page, "training_python")]
