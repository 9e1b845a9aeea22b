"""Everything that knows Blender. :mod:`.jobs.one_avatar` is the whole work on one avatar; the rest leads to it."""

from pathlib import Path

import bpy

from .. import cli
from ..core.inference import probe
from . import translations
from .jobs import training_process
from .stored import tuning
from .ui import operators, panels, preferences, properties, state
from .viewport import landmark_overlay, preview

probe.folder = Path(bpy.utils.user_resource("CONFIG"))  # for the command line too, which registers nothing
_MODULES = (preferences, properties, operators, panels)
_commands = []


def register() -> None:
    translations.register()
    for module in _MODULES:
        for cls in module.CLASSES:
            bpy.utils.register_class(cls)
    tuning.register()
    bpy.types.Scene.vrc_blendshape = bpy.props.PointerProperty(type=properties.Settings)
    bpy.types.WindowManager.vrc_blendshape = bpy.props.PointerProperty(type=properties.State)
    state.register()
    landmark_overlay.register()
    _commands.append(bpy.utils.register_cli_command("vrc_blendshape", cli.main))


def unregister() -> None:
    training_process.leave()
    while _commands:
        bpy.utils.unregister_cli_command(_commands.pop())
    preview.stop()
    landmark_overlay.unregister()
    state.unregister()
    del bpy.types.WindowManager.vrc_blendshape
    del bpy.types.Scene.vrc_blendshape
    tuning.unregister()
    for module in reversed(_MODULES):
        for cls in reversed(module.CLASSES):
            bpy.utils.unregister_class(cls)
    translations.unregister()
