"""Everything that knows Blender. :mod:`.job` is the whole work on one avatar; the rest is how users reach it."""

from pathlib import Path

import bpy

from .. import cli
from ..core import trial
from . import (
    background,
    kept_tuning,
    landmark_view,
    operators,
    panels,
    preferences,
    preview,
    properties,
    state,
    translations,
)

trial.folder = Path(bpy.utils.user_resource("CONFIG"))  # for the command line too, which registers nothing
_MODULES = (preferences, properties, operators, panels)
_commands = []


def register() -> None:
    translations.register()
    for module in _MODULES:
        for cls in module.CLASSES:
            bpy.utils.register_class(cls)
    kept_tuning.register()
    bpy.types.Scene.vrc_blendshape = bpy.props.PointerProperty(type=properties.Settings)
    bpy.types.WindowManager.vrc_blendshape = bpy.props.PointerProperty(type=properties.State)
    state.register()
    landmark_view.register()
    _commands.append(bpy.utils.register_cli_command("vrc_blendshape", cli.main))


def unregister() -> None:
    background.leave()
    while _commands:
        bpy.utils.unregister_cli_command(_commands.pop())
    preview.stop()
    landmark_view.unregister()
    state.unregister()
    del bpy.types.WindowManager.vrc_blendshape
    del bpy.types.Scene.vrc_blendshape
    kept_tuning.unregister()
    for module in reversed(_MODULES):
        for cls in reversed(module.CLASSES):
            bpy.utils.unregister_class(cls)
    translations.unregister()
