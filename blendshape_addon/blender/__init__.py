"""Everything that knows Blender. :mod:`.jobs.one_avatar` is the whole work on one avatar; the rest leads to it."""

import bpy

from . import debug_log, session, settings, translations
from .jobs import command_line, thumbnails, training_process
from .stored import migration, tuning
from .ui import operators, panels, preferences, properties, state
from .ui.operators import background, landmarks, live_tuning
from .viewport import landmark_overlay, preview, speaking

_MODULES = (preferences, properties, operators, panels)


def register() -> None:
    """Begin the session. Where that fails, none is left: Blender does not unregister what could not be registered."""
    session.begin()
    try:
        _register()
    except Exception:
        session.end()
        raise


def _register() -> None:
    translations.register()
    for module in _MODULES:
        for cls in module.CLASSES:
            bpy.utils.register_class(cls)
    tuning.register()
    bpy.types.Scene.vrc_blendshape = bpy.props.PointerProperty(type=properties.Settings)
    bpy.types.WindowManager.vrc_blendshape = bpy.props.PointerProperty(type=properties.State)
    migration.register()
    state.register()
    live_tuning.register()
    thumbnails.register()
    landmark_overlay.register()
    preferences.switch_debug_log(settings.debug_log(bpy.context))
    session.current().commands.append(bpy.utils.register_cli_command("vrc_blendshape", command_line.main))


def unregister() -> None:
    background.leave()
    landmarks.leave()
    training_process.leave()
    for command in session.current().commands:
        bpy.utils.unregister_cli_command(command)
    speaking.stop()
    preview.stop()
    landmark_overlay.unregister()
    thumbnails.unregister()
    state.unregister()
    migration.unregister()
    del bpy.types.WindowManager.vrc_blendshape
    del bpy.types.Scene.vrc_blendshape
    tuning.unregister()
    for module in reversed(_MODULES):
        for cls in reversed(module.CLASSES):
            bpy.utils.unregister_class(cls)
    translations.unregister()
    debug_log.switch(False)
    session.end()
