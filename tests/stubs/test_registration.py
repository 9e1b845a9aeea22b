"""Importing and registering the add-on with no Blender there."""

import bpy
import pytest

from blendshape_addon.blender.jobs import command_line
from blendshape_addon.core.vocabulary import ALL_SHAPES, ARKIT, BLINKS, EMOTIONS, UNIFIED, VISEMES

SHAPES = {
    "generate_visemes": VISEMES,
    "generate_emotions": EMOTIONS,
    "generate_blink": BLINKS,
    "generate_face_tracking": ARKIT,
    "generate_unified": UNIFIED,
    "generate_all": ALL_SHAPES,
}


def operators() -> dict[str, type]:
    return {cls.bl_idname: cls for cls in bpy.registered if issubclass(cls, bpy.types.Operator)}


def test_operators_have_the_promised_names(addon):
    promised = {*SHAPES, "check", "export_fbx", "generate_dataset"}
    assert {f"vrc_blendshape.{name}" for name in promised} <= operators().keys()


@pytest.mark.parametrize("name", SHAPES)
def test_generating_is_one_undo_step_and_makes_its_shapes(addon, name):
    cls = operators()[f"vrc_blendshape.{name}"]
    assert "UNDO" in cls.bl_options
    assert cls.names == SHAPES[name]


def test_class_names_follow_blenders_convention(addon):
    kinds = {bpy.types.Operator: "_OT_", bpy.types.Panel: "_PT_"}
    for cls in bpy.registered:
        for base, infix in kinds.items():
            assert not issubclass(cls, base) or infix in cls.__name__, cls.__name__


def test_settings_default_to_full_strength_and_keep_the_creators_keys(addon):
    settings = bpy.properties_of(bpy.types.Scene.vrc_blendshape.options["type"])
    assert settings["intensity"].default == 1.0
    assert settings["existing"].default == "MINE"


def test_operators_default_to_what_the_panel_does(addon):
    settings = bpy.properties_of(bpy.types.Scene.vrc_blendshape.options["type"])
    for name in SHAPES:
        mine = bpy.properties_of(operators()[f"vrc_blendshape.{name}"])
        for shared in mine.keys() & settings.keys():
            assert mine[shared].options == settings[shared].options


def test_every_choice_names_one_of_its_items(addon):
    for cls in bpy.registered:
        for name, declared in bpy.properties_of(cls).items():
            if declared.kind == "EnumProperty":
                assert declared.default in [item[0] for item in declared.options["items"]], f"{cls.__name__}.{name}"


def test_command_line_is_blenders_too(addon):
    assert bpy.commands == {"vrc_blendshape": command_line.main}


def test_nothing_is_left_behind():
    import blendshape_addon

    blendshape_addon.register()
    blendshape_addon.unregister()
    assert bpy.registered == []
    assert bpy.commands == {}
    assert not hasattr(bpy.types.Scene, "vrc_blendshape")
    assert not hasattr(bpy.types.WindowManager, "vrc_blendshape")
    handlers = vars(bpy.app.handlers)
    assert [event for event, listening in handlers.items() if event != "persistent" and listening] == []
